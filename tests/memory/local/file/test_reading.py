"""A file that is only read: one that others write, one on a read-only file system, and never one that is harmed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from headroom.errors import NotADatabase, OpenedReadOnly, StoreUnavailable, StoreUnwritable
from headroom.memory import Memory, MemoryConfig
from headroom.memory.engine import Engine
from headroom.memory.local.file import schema
from headroom.memory.local.file.database import Database
from headroom.memory.records import Reader
from headroom.testing import HashEmbedder

from ....asking import find, listed
from ...children import child
from ...conftest import make_engine
from ...mounts import read_only, read_only_view

ALICE = Reader(user_id="alice")


def texts(engine: Engine) -> set[str]:
    return {record.content for record in listed(engine, ALICE)}


def filled(path: Path) -> Path:
    engine = make_engine(path)
    engine.save(ALICE, ["likes tea", "lives in Rome"])
    engine.close()
    return path


@pytest.mark.quick
def test_it_searches_and_writes_nothing(path: Path) -> None:
    """All that reads works; all that writes raises StoreUnwritable, and the file keeps every byte and its time."""
    before = filled(path).read_bytes(), os.stat(path).st_mtime_ns
    engine = make_engine(path, read_only=True)
    assert texts(engine) == {"likes tea", "lives in Rome"}
    (best, *_) = find(engine, ALICE, "tea")
    assert best.content == "likes tea"
    assert engine.stats()["total"] == 2
    calls: list[Callable[[], object]] = [
        lambda: engine.save(ALICE, ["likes coffee"]),
        lambda: engine.update(best.id, "likes juice"),
        lambda: engine.delete(best.id),
        lambda: engine.forget(best.id),
        lambda: engine.clear(ALICE),
    ]
    for call in calls:
        with pytest.raises(StoreUnwritable, match="read only"):
            call()
    engine.close()
    assert (path.read_bytes(), os.stat(path).st_mtime_ns) == before
    assert os.listdir(path.parent) == ["memory.db"]


@pytest.mark.parametrize("key", [None, "raw:" + "7f" * 32])
def test_it_follows_what_another_process_writes(path: Path, key: str | None) -> None:
    """While another process has the file open and writes, each search knows what was committed before it."""
    engine = make_engine(path, encryption_key=key)
    engine.save(ALICE, ["likes tea"])
    engine.close()
    writing = """
engine = open_engine(encryption_key=arguments[0] or None)
tell("open")
while text := wait():
    engine.save(ALICE, [text])
    tell("saved")
engine.close()
"""
    reader = make_engine(path, read_only=True, encryption_key=key)
    assert texts(reader) == {"likes tea"}
    with child(writing, path, key or "") as other:
        assert other.hear() == "open"
        for n in range(3):
            other.tell(f"fact {n}")
            assert other.hear() == "saved"
            assert f"fact {n}" in texts(reader)
            assert find(reader, ALICE, f"fact {n}")[0].content == f"fact {n}"
        other.tell()
        other.end()
    assert len(texts(reader)) == 4
    reader.close()


def test_a_file_on_a_read_only_file_system(tmp_path: Path) -> None:
    """If no log and no index can be made, the file is searched without them."""
    (tmp_path / "locked").mkdir()
    path = filled(tmp_path / "locked" / "memory.db")
    with read_only(tmp_path / "locked"):
        with pytest.raises(StoreUnwritable):
            make_engine(path)
        engine = make_engine(path, read_only=True)
        assert texts(engine) == {"likes tea", "lives in Rome"}
        assert find(engine, ALICE, "Rome")[0].content == "lives in Rome"
        engine.close()
        assert os.listdir(path.parent) == ["memory.db"]


def test_a_read_only_view_of_a_file_that_others_write(tmp_path: Path) -> None:
    """If the file system may only be read from here, and others write the file elsewhere, each search knows it."""
    (tmp_path / "written").mkdir()
    path, view = filled(tmp_path / "written" / "memory.db"), tmp_path / "view"
    with read_only_view(tmp_path / "written", view):
        reader = make_engine(view / "memory.db", read_only=True)
        assert texts(reader) == {"likes tea", "lives in Rome"}
        for n in range(3):
            writer = make_engine(path)
            writer.save(ALICE, [f"fact {n}"])
            assert len(texts(reader)) == 3 + n  # while it stands in the log
            writer.close()
            assert len(texts(reader)) == 3 + n  # when there is no log any more
            assert find(reader, ALICE, f"fact {n}")[0].content == f"fact {n}"
        reader.close()


@pytest.mark.quick
def test_what_cannot_be_read_is_not_made(path: Path) -> None:
    """A missing file, an empty one and one of an older schema are refused and left alone."""
    with pytest.raises(StoreUnwritable):
        make_engine(path, read_only=True)
    assert os.listdir(path.parent) == []
    path.touch()
    with pytest.raises(NotADatabase):
        make_engine(path, read_only=True)
    path.unlink()
    Database(path, lambda connection, path: schema.prepare(connection, path, steps=schema.STEPS[:1])).close()
    before = path.read_bytes()
    with pytest.raises(StoreUnwritable, match="open it once to write"):
        make_engine(path, read_only=True)
    assert path.read_bytes() == before


async def test_a_memory_that_only_reads(path: Path) -> None:
    """The public class takes it by its configuration, and makes no folder."""
    filled(path)
    async with Memory(MemoryConfig(db_path=path, read_only=True), embedder=HashEmbedder()) as memory:
        assert [found.content for found in await memory.search("tea", "alice", top_k=1)] == ["likes tea"]
        with pytest.raises(OpenedReadOnly):
            await memory.save("likes coffee", "alice")
    with pytest.raises(StoreUnwritable):
        Memory(MemoryConfig(read_only=True), embedder=HashEmbedder())
    assert os.path.basename(os.environ["HEADROOM_HOME"]) not in os.listdir(path.parent)


def test_a_file_exchanged_under_a_reader_is_missed(path: Path, tmp_path: Path) -> None:
    """As with one that writes: the reader says that another file took the place of its own."""
    filled(path)
    reader = make_engine(path, read_only=True)
    os.replace(filled(tmp_path / "other.db"), path)
    with pytest.raises(StoreUnavailable, match="exchanged"):
        texts(reader)
    reader.close()
