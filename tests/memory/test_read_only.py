"""A memory that was opened to be read alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from headroom.errors import OpenedReadOnly, StoreMissing
from headroom.memory import MemoryConfig
from headroom.memory.open import acquire, release
from headroom.memory.protocols import Backend
from headroom.memory.query import Listing
from headroom.memory.read_only import CHANGES
from headroom.memory.records import Reader
from headroom.testing import HashEmbedder

ALICE = Reader(user_id="alice")

READS = {
    *("lifetime", "search", "get_many", "history", "page", "count", "events", "users", "vectors", "turns", "growth"),
    *("stored", "owners", "unembedded", "stats", "usable", "close"),
}


def test_every_call_of_a_backend_is_known_to_read_or_to_write() -> None:
    """A call that is added to the protocol must be said to write, or it would be let through."""
    calls = {name for name in vars(Backend) if not name.startswith("_")}
    assert calls == READS | (CHANGES & calls)
    assert not READS & CHANGES


def test_a_missing_file_is_said_with_its_path(tmp_path: Path) -> None:
    """Nothing is made, and the error says where the file was looked for; later it may be there."""
    config = MemoryConfig(db_path=tmp_path / "memory.db", read_only=True)
    with pytest.raises(StoreMissing, match=r"there is no memory file .*/memory\.db yet"):
        acquire(config, HashEmbedder())
    assert list(tmp_path.iterdir()) == []


def test_what_is_read_only_is_found_and_not_changed(tmp_path: Path) -> None:
    """Saving, forgetting and erasing raise OpenedReadOnly; searches and lists answer."""
    embedder = HashEmbedder()
    config = MemoryConfig(db_path=tmp_path / "memory.db")
    writing = acquire(config, embedder)
    (memory_id,) = writing.save(ALICE, ["likes tea"])
    release(writing)
    reading = acquire(MemoryConfig(db_path=tmp_path / "memory.db", read_only=True), embedder)
    for change in (
        lambda: reading.save(ALICE, ["likes coffee"]),
        lambda: reading.forget([memory_id], ALICE),
        lambda: reading.delete(memory_id, ALICE),
        lambda: reading.clear(ALICE),
    ):
        with pytest.raises(OpenedReadOnly):
            change()
    assert [record.content for record in reading.get_all(Listing(reader=ALICE))] == ["likes tea"]
    release(reading)
