"""What runs in a peer's environment, one phase a process: `python -m benchmarks.peers.child JOB`.

JOB is a JSON file with the phase, the script, the folder and the texts; the findings go to the file it names.
"""

from __future__ import annotations

from time import perf_counter

_STARTED = perf_counter()

import importlib.util  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

DEPTH, BATCH = 10, 100
Job = dict[str, Any]
Found = dict[str, Any]


def main(path: str) -> None:
    """Run one phase."""
    _load_extensions()
    job: Job = json.loads(Path(path).read_text(encoding="utf-8"))
    found = _PHASES[job["phase"]](job)
    Path(job["out"]).write_text(json.dumps(found), encoding="utf-8")


def write(job: Job) -> Found:
    """Store everything; time batches and single texts, each beside the bare embedder."""
    embedder, store = _opened(job)
    embedder.embed(["warm up"])
    store.add("warm-up", ["User warms up before a run"])
    texts = job["texts"]
    batches = [texts["facts"][start : start + BATCH] for start in range(0, len(texts["facts"]), BATCH)]
    timed = _beside(embedder.embed, lambda batch: store.add("main", batch), batches)
    single = _beside(embedder.embed, lambda one: store.add("main", one), [[text] for text in texts["single"]])
    _fill_others(store, texts)
    vectors = embedder.embed(texts["few"]).tolist()
    store.close()
    each = [[seconds / len(batch) for seconds in pair] for pair, batch in zip(timed, batches, strict=True)]
    return {"batch": each, "single": single, "vectors": vectors}


def first(job: Job) -> Found:
    """Time from before the peer's import to its first answer, and count the resident memory."""
    _, store = _opened(job)
    opened = perf_counter()
    store.search("main", job["texts"]["questions"][0], DEPTH)
    answered, resident = perf_counter(), _resident()
    store.close()
    return {"opening": opened - _STARTED, "answered": answered - _STARTED, "resident": resident}


def ask(job: Job) -> Found:
    """Time the questions beside the bare embedder; ask for the user with few memories among nearer foreign ones."""
    embedder, store = _opened(job)
    texts = job["texts"]
    if job["refill"]:
        store.add("main", texts["facts"] + texts["single"])
        _fill_others(store, texts)
    embedder.embed(["warm up"])
    store.search("main", "What is a warm up?", DEPTH)
    answers: list[list[str]] = []
    questions = texts["questions"]
    timed = _beside(
        lambda question: embedder.embed([question]),
        lambda question: answers.append(store.search("main", question, DEPTH)),
        questions,
    )
    apart = [store.search("few", text, DEPTH) for text in texts["facts"][:20]]
    resident = _resident()
    store.close()
    return {"search": timed, "answers": answers, "apart": apart, "resident": resident}


def recall(job: Job) -> Found:
    """Fill a folder of its own with each of several stores and ask it; no time is taken here."""
    import numpy as np

    from .embedder import Known

    with np.load(job["known"]) as known:
        embedder = Known(_embedder(), known["texts"].tolist(), known["vectors"])
    answers = []
    for index, told in enumerate(job["told"]):
        folder = Path(job["folder"]) / f"recall-{index}"
        folder.mkdir()
        store = _script(job)(folder, embedder)
        for start in range(0, len(told["texts"]), BATCH):
            store.add("main", told["texts"][start : start + BATCH])
        answers.append([store.search("main", question, DEPTH) for question in told["questions"]])
        store.close()
    return {"answers": answers}


def _load_extensions() -> None:
    """Replace a sqlite3 that was built without loadable extensions, if the peer's environment has another."""
    import sqlite3

    if not hasattr(sqlite3.Connection, "enable_load_extension") and importlib.util.find_spec("pysqlite3"):
        sys.modules["sqlite3"] = importlib.import_module("pysqlite3")


def _fill_others(store: Any, texts: dict[str, Any]) -> None:
    for number, other in enumerate(texts["others"]):
        store.add(f"other-{number}", other)
    store.add("few", texts["few"])


def _beside(base: Callable[[Any], Any], way: Callable[[Any], Any], items: list[Any]) -> list[list[float]]:
    """Time both for each item, in alternating order; give (base, way) in seconds."""
    found = []
    for index, item in enumerate(items):
        seconds = [0.0, 0.0]
        for side in (0, 1) if index % 2 else (1, 0):
            start = perf_counter()
            (base, way)[side](item)
            seconds[side] = perf_counter() - start
        found.append(seconds)
    return found


def _opened(job: Job) -> tuple[Any, Any]:
    """Import the peer and open its folder."""
    embedder = _embedder()
    return embedder, _script(job)(Path(job["folder"]), embedder)


def _embedder() -> Any:
    from .embedder import BundledModel

    return BundledModel()


def _script(job: Job) -> Any:
    return importlib.import_module(f"benchmarks.peers.stores.{job['script']}").Store


def _resident() -> float:
    from ..speed.probe import resident

    return resident()


_PHASES: dict[str, Callable[[Job], Found]] = {"write": write, "first": first, "ask": ask, "recall": recall}

if __name__ == "__main__":
    main(sys.argv[1])
