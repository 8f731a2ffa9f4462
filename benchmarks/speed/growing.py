"""Searches of a user whose memories grow all the while: by a thread of this process, by another process."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, sleep

import numpy as np

from headroom.memory.engine import Engine
from headroom.memory.protocols import Vectors
from headroom.memory.query import Query
from headroom.memory.records import Reader

from ..figures import Aim, Figure, memories, number
from ..lab import Known, Lab, user_of
from ..measure import Spread, settle
from ..sentences import Sentences
from .starts import ROOT
from .writer import save, text_of

_BLOCKS = 10
"""Turns of searching with and without a writer: what slows the machine slows both."""
_PAUSE = 0.01
_SAVES = 400
_FOUND = 10

Save = Callable[[int], None]


class Writer:
    """Saves memories one after the other on a thread of its own, while it is let."""

    def __init__(self, save: Save, count: int) -> None:
        self._save, self._count = save, count
        self._may, self._stopped = threading.Event(), threading.Event()
        self.acknowledged: list[int] = []
        self.failed = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Let it write, and wait for the first that it has saved."""
        before = self._tried
        self._may.set()
        while self._tried == before and self._thread.is_alive():
            sleep(_PAUSE / 10)
        try:
            yield
        finally:
            self._may.clear()

    @property
    def _tried(self) -> int:
        return len(self.acknowledged) + self.failed

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._may.set()
        self._thread.join()

    def _run(self) -> None:
        for index in range(self._count):
            self._may.wait()
            if self._stopped.wait(_PAUSE):
                return
            try:
                self._save(index)
                self.acknowledged.append(index)
            except Exception:  # noqa: BLE001  # whatever it is, it is counted, and the count is to be 0
                self.failed += 1


def beside_writers(lab: Lab) -> Iterator[Figure]:
    """Search for the largest user of the corpus."""
    size = max(lab.scale.real)
    vectors = lab.embedder.embed(Sentences(seed=6).facts(min(size, _SAVES)))
    yield from growing(lab, lab.sizes, user_of(size), size, vectors)


def growing(lab: Lab, path: Path, user: str, size: int, vectors: Vectors) -> Iterator[Figure]:
    """Search copies of a file while memories with these `vectors` are added."""
    for way, saving in (("a thread", _in_a_thread), ("another process", _in_another_process)):
        copy = Path(shutil.copy(path, lab.folder / f"grown by {way}.db"))
        asked = lab.questions(max(_BLOCKS, 2 * lab.scale.rounds))
        known = dict(zip(asked, lab.embedder.embed(asked), strict=True))
        known |= {asking(index): row for index, row in enumerate(vectors)}
        with lab.engine(copy, Known(lab.embedder, known)) as engine, saving(engine, copy, user, vectors) as save:
            yield from _figures(
                f"{way} adds to {memories(size)}", Searches(engine, user, asked), Writer(save, len(vectors))
            )
        copy.unlink()


class Searches:
    """The same questions with a writer and without, in turns."""

    def __init__(self, engine: Engine, user: str, questions: list[str]) -> None:
        self._engine, self._reader, self._questions = engine, Reader(user_id=user), questions
        self.quiet: list[float] = []
        self.busy: list[float] = []
        self.looked_for = self.missing = self.failed = 0

    def run(self, writer: Writer) -> None:
        """Ask all questions, first to warm up."""
        self._ask(self._questions, [])
        settle()
        for block in np.array_split(np.array(self._questions), _BLOCKS):
            self._ask(block.tolist(), self.quiet)
            with writer.writing():
                self._ask(block.tolist(), self.busy, writer.acknowledged)

    def look_for(self, index: int) -> None:
        """Search for what was acknowledged before, by its vector alone."""
        self.looked_for += 1
        try:
            found = self._engine.search(Query(reader=self._reader, text=asking(index), top_k=_FOUND))
            self.missing += text_of(index) not in {result.content for result in found}
        except Exception:  # noqa: BLE001  # as above
            self.failed += 1

    def _ask(self, questions: list[str], times: list[float], acknowledged: list[int] | None = None) -> None:
        for question in questions:
            if acknowledged:
                self.look_for(acknowledged[-1])
            start = perf_counter()
            try:
                self._engine.search(Query(reader=self._reader, text=question, top_k=_FOUND))
                times.append(perf_counter() - start)
            except Exception:  # noqa: BLE001  # as above
                self.failed += 1


def _figures(name: str, searches: Searches, writer: Writer) -> Iterator[Figure]:
    try:
        start = perf_counter()
        searches.run(writer)
        seconds = perf_counter() - start
    finally:
        writer.stop()
    for saved in writer.acknowledged:
        searches.look_for(saved)
    busy, quiet = (Spread.of(1e3 * time for time in times) for times in (searches.busy, searches.quiet))
    added = len(writer.acknowledged)
    yield Figure(
        what=f"search without the embedder call, while {name} / with nobody writing",
        measured=Spread.exactly(busy.median / quiet.median),
        unit="x",
        detail=f"{number(busy.median)} ms against {number(quiet.median)} ms, p99 {busy.p99:.2f} ms against "
        f"{quiet.p99:.2f} ms; {added} added in {seconds:.1f} s",
    )
    yield Figure(
        what=f"acknowledged memories that the next search does not find, while {name}",
        measured=Spread.exactly(searches.missing),
        unit="",
        aim=Aim(at_most=0),
        detail=f"looked for {searches.looked_for:,} times, by vector alone",
    )
    yield Figure(
        what=f"searches and saves that failed, while {name}",
        measured=Spread.exactly(searches.failed + writer.failed),
        unit="",
        aim=Aim(at_most=0),
        detail=f"of {len(searches.busy) + len(searches.quiet) + searches.looked_for + added:,}",
    )


@contextmanager
def _in_a_thread(engine: Engine, path: Path, user: str, vectors: Vectors) -> Iterator[Save]:
    yield lambda index: save(engine, user, vectors, index)


@contextmanager
def _in_another_process(engine: Engine, path: Path, user: str, vectors: Vectors) -> Iterator[Save]:
    rows = path.with_suffix(".npy")
    np.save(rows, vectors)
    program = [sys.executable, "-m", "benchmarks.speed.writer", str(path), user, str(rows)]
    with subprocess.Popen(program, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asks, answers = process.stdin, process.stdout
        answers.readline()

        def ask_for(index: int) -> None:
            asks.write(f"{index}\n")
            asks.flush()
            if answers.readline() != f"{index}\n":
                raise RuntimeError("the other process did not save")

        yield ask_for
        asks.close()


def asking(index: int) -> str:
    """Make a question of a word that no memory holds."""
    return f"askedfor{index}"
