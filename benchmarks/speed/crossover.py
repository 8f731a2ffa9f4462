"""Ways to find the nearest vectors of one user, by size: what each costs to have, and to ask."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter, sleep
from typing import TypeVar

import numpy as np

from headroom.memory import MemoryConfig
from headroom.memory.local.file import schema
from headroom.memory.local.file.database import Database, integers
from headroom.memory.local.nearest.hnsw import Hnsw
from headroom.memory.local.nearest.in_file import InFile
from headroom.memory.local.nearest.matrix import Matrix, VectorIndex
from headroom.memory.local.nearest.projection import Projection
from headroom.memory.local.tables.vector_codec import decode
from headroom.memory.protocols import Vectors

from ..figures import Figure, memories, number
from ..lab import Lab, user_of
from ..measure import milliseconds, settle, take_turns
from ..sentences import Sentences
from .accuracy import share_of_nearest

_SEED = 11
_QUESTIONS = 100
_ASKED_FOR = 50
"""Candidates that a search of ten memories asks its index for."""
_SLACK = 1e-5
_BATCH = 8192
_PROJECTED = 1_000
"""Rows from which on a projection could leave any out: it picks at least 200."""

AMatrix = TypeVar("AMatrix", bound=Matrix)


class Exact(Matrix):
    """A matrix that no projection stands before."""

    LARGE = sys.maxsize


class Projected(Matrix):
    """A matrix with a projection at any size, if one proves good enough."""

    LARGE = 0


class Graph(Hnsw):
    """A matrix with a graph at any size."""

    WORTH = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One index, ready to be asked."""

    name: str
    index: VectorIndex
    work: dict[str, float] = field(default_factory=dict)
    """Seconds of what must be done before it can be asked."""


def crossover(lab: Lab) -> Iterator[Figure]:
    """Hold the ways against each other, over files whose users have more and more memories."""
    path = lab.folder / "crossover.db"
    for size in lab.scale.crossover:
        made = lab.made.rows(size + _QUESTIONS, _SEED)
        with lab.engine(path) as engine:
            lab.fill(engine, user_of(size), Sentences(seed=_SEED).facts(size), made[:size])
        database = Database(path, schema.prepare)
        try:
            yield from _figures(list(_ways(lab, database, user_of(size), size)), made[size:], size, lab.scale.rounds)
        finally:
            database.close()


def _ways(lab: Lab, database: Database, user_id: str, size: int) -> Iterator[Way]:
    with database.read() as cursor:
        (user,) = integers(cursor.execute("select key from users where user_id = ?", (user_id,)))
        seqs = np.array(integers(cursor.execute("select seq from memories where user = ?", (user,))), np.int64)
    width = lab.embedder.width
    in_file = InFile(database, user, width, lambda wanted: np.searchsorted(seqs, wanted), lambda: seqs)
    yield Way(name="sqlite-vec, in the file", index=in_file)
    exact, reading = _read(database, user, Exact(width))
    yield Way(name="exact, in a matrix", index=exact, work={"reading": reading})
    if size >= _PROJECTED:
        yield _projected(database, user, size, width)
    if importlib.util.find_spec("hnswlib"):
        yield _graph(lab, database, user, size)


def _projected(database: Database, user: int, size: int, width: int) -> Way:
    index, reading = _read(database, user, Projected(width))
    rows = index.rows(np.arange(size))
    fitting = _seconds(lambda: Projection.fit(rows))
    index.search(rows[0], np.ones(size, np.bool_), _ASKED_FOR)  # this begins to fit its own
    settle()
    return Way(name="matrix and projection", index=index, work={"reading": reading, "fitting": fitting})


def _graph(lab: Lab, database: Database, user: int, size: int) -> Way:
    """Build a graph, as each process does behind its searches."""
    index, reading = _read(database, user, Graph(lab.embedder.width, MemoryConfig()))

    def build() -> None:
        index.search(index.rows(np.arange(1))[0], np.ones(size, np.bool_), _ASKED_FOR)  # this begins it
        while index.busy:
            lab.progress.part(index.linked, size, "linked by hnswlib:")
            sleep(0.001)

    building = _seconds(build)
    settle()
    return Way(name="matrix and HNSW", index=index, work={"reading": reading, "building": building})


def _read(database: Database, user: int, index: AMatrix) -> tuple[AMatrix, float]:
    """Read a user's vectors into `index`; give it with the seconds that took."""
    start = perf_counter()
    with database.read() as cursor:
        found = cursor.execute(
            "select vector from vectors join memories on seq = memory where user = ? order by seq", (user,)
        )
        while blobs := [blob for (blob,) in islice(found, _BATCH)]:
            index.add(decode(blobs, len(blobs[0]) // 2))
    return index, perf_counter() - start


def _figures(ways: list[Way], questions: Vectors, size: int, rounds: int) -> Iterator[Figure]:
    everything = np.ones(size, np.bool_)
    truth = next(way.index for way in ways if isinstance(way.index, Exact)).rows(np.arange(size))

    def asking(way: Way) -> Callable[[int], object]:
        return lambda turn: way.index.search(questions[turn % _QUESTIONS], everything, _ASKED_FOR)

    times = take_turns(min(rounds, _QUESTIONS), *map(asking, ways))
    for way, timed in zip(ways, times, strict=True):
        measured = milliseconds(timed)
        detail = [
            f"p99 {number(measured.p99)} ms",
            f"recall@10 {_recall(way.index, truth, questions):.3f}",
            f"{number(way.index.nbytes / size)} bytes a row",
            *(f"{name} {number(seconds)} s" for name, seconds in way.work.items()),
        ]
        what = f"{memories(size)}: {way.name}"
        yield Figure(what=what, measured=measured, unit="ms", detail=", ".join(detail), part="crossover")


def _recall(index: VectorIndex, rows: Vectors, questions: Vectors) -> float:
    """Return the share of the true ten nearest of `rows` that are among the candidates."""
    everything = np.ones(len(rows), np.bool_)
    found = [index.search(question, everything, _ASKED_FOR)[0] for question in questions]
    return float(np.mean([share_of_nearest(rows @ q, near, _SLACK) for q, near in zip(questions, found, strict=True)]))


def _seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start
