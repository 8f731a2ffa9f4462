"""The benchmark of searches beside a writer counts what it is there to count."""

from __future__ import annotations

from pathlib import Path

from benchmarks.lab import Known
from benchmarks.speed.growing import Searches, Writer, asking
from benchmarks.speed.writer import save
from headroom.memory import MemoryConfig
from headroom.memory.open import acquire, release
from headroom.testing import HashEmbedder


def test_what_is_not_found_or_fails_is_counted(tmp_path: Path) -> None:
    """A memory that was saved is found by its vector; one that was not is missing; a closed store fails."""
    embedder = HashEmbedder()
    vectors = embedder.embed([f"a text of its own, {n}" for n in range(20)])
    known = Known(embedder, {asking(n): row for n, row in enumerate(vectors)})
    engine = acquire(MemoryConfig(db_path=tmp_path / "memory.db"), known)
    writer = Writer(lambda index: save(engine, "alice", vectors, index), 19)
    searches = Searches(engine, "alice", ["some question", "another one"] * 10)
    searches.run(writer)
    writer.stop()
    assert len(writer.acknowledged) >= 10
    assert len(searches.busy) == len(searches.quiet) == 20
    assert (searches.missing, searches.failed, writer.failed) == (0, 0, 0)
    searches.look_for(19)
    assert searches.missing == 1
    release(engine)
    searches.look_for(0)
    assert searches.failed == 1


def test_a_save_that_fails_is_counted() -> None:
    """A writer goes on after a failure, and counts it."""

    def fails(index: int) -> None:
        if index % 2:
            raise OSError

    writer = Writer(fails, 4)
    with writer.writing():
        writer._thread.join()
    assert (writer.acknowledged, writer.failed) == ([0, 2], 2)
