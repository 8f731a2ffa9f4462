"""Whose the file is, who may read it, and what happens to those who cut it short."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import apsw
import pytest

from headroom.errors import NotADatabase, StoreUnwritable
from headroom.memory.local.file import opening
from headroom.memory.records import Reader

from ....asking import listed
from ...children import child, in_child
from ...conftest import make_engine

ALICE = Reader(user_id="alice")


def modes(folder: Path) -> dict[str, int]:
    return {name: stat.S_IMODE(os.stat(folder / name).st_mode) for name in sorted(os.listdir(folder))}


@pytest.mark.quick
@pytest.mark.parametrize("empty", [True, False], ids=["touched", "restored"])
def test_an_existing_file_becomes_private(path: Path, empty: bool) -> None:
    """A file of `touch`, or a restored one that all may read, is for its owner alone once it was opened to write."""
    if empty:
        path.touch()
    else:
        make_engine(path).close()
    path.chmod(0o644)
    engine = make_engine(path)
    engine.save(ALICE, ["likes tea"])
    assert modes(path.parent) == dict.fromkeys(("memory.db", "memory.db-shm", "memory.db-wal"), 0o600)
    engine.close()


@pytest.mark.quick
def test_a_log_that_was_left_open_to_all_becomes_private(path: Path) -> None:
    """Side files that a killed process of other days left with another mode are for their owner alone too."""
    with child("engine = open_engine(); engine.save(ALICE, ['likes tea']); tell('saved'); wait()", path) as other:
        assert other.hear() == "saved"
        other.kill()
    for name in os.listdir(path.parent):
        (path.parent / name).chmod(0o644)
    engine = make_engine(path)
    assert [record.content for record in listed(engine, ALICE)] == ["likes tea"]
    assert set(modes(path.parent).values()) == {0o600}
    engine.close()


@pytest.mark.quick
def test_the_file_of_another_program_keeps_its_mode(path: Path) -> None:
    """What is refused is not touched, not even in its mode."""
    plain = apsw.Connection(str(path))
    plain.execute("create table songs (title)")
    plain.close()
    path.chmod(0o644)
    with pytest.raises(NotADatabase):
        make_engine(path)
    assert modes(path.parent) == {"memory.db": 0o644}


@pytest.mark.quick
def test_reading_alone_changes_no_mode(path: Path) -> None:
    """A file that is opened to be read only keeps the mode that it has."""
    make_engine(path).close()
    path.chmod(0o640)
    engine = make_engine(path, read_only=True)
    listed(engine, ALICE)
    assert modes(path.parent)["memory.db"] == 0o640
    engine.close()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("empty", [True, False])
def test_a_file_of_somebody_else_is_not_written(path: Path, empty: bool) -> None:
    """Not even root writes it: the log beside it would be root's. It may be read."""
    if empty:
        path.touch()
    else:
        make_engine(path).close()
    os.chown(path, 12345, 12345)
    with pytest.raises(StoreUnwritable, match="another user"):
        make_engine(path)
    assert os.listdir(path.parent) == ["memory.db"]
    if not empty:
        engine = make_engine(path, read_only=True)
        assert listed(engine, ALICE) == []
        engine.close()


@pytest.mark.quick
def test_a_symbolic_link_is_followed(path: Path, tmp_path: Path) -> None:
    """The log stands beside the file itself, is private there, and is emptied there."""
    (tmp_path / "elsewhere").mkdir()
    real = tmp_path / "elsewhere" / "real.db"
    path.symlink_to(real)
    engine = make_engine(path)
    (memory_id,) = engine.save(ALICE, ["likes tea"])
    assert sorted(modes(real.parent)) == ["real.db", "real.db-shm", "real.db-wal"]
    engine.delete(memory_id)
    assert engine.stats()["erasing"] == 0
    engine.close()
    assert os.listdir(real.parent) == ["real.db"]


CUT = """
import os
engine = open_engine()
tell(len(listed(engine, ALICE)))
wait()
for read in (lambda: listed(engine, ALICE), lambda: find(engine, ALICE, "fact"), engine.stats):
    try:
        read()
    except Exception as exc:
        tell(type(exc).__name__)
    else:
        tell("read")
"""


def test_a_file_that_is_cut_short_while_it_is_read_kills_nobody(path: Path) -> None:
    """It is not mapped: a process that reads it gets our error and goes on."""
    engine = make_engine(path)
    engine.save(ALICE, [f"fact number {n}: {'padding ' * 100}" for n in range(2000)])
    engine.close()
    with child(CUT, path) as other:
        assert other.hear() == "2000"
        os.truncate(path, 8192)
        other.tell()
        assert {other.hear() for _ in range(3)} <= {"NotADatabase", "StoreUnavailable", "read"}
        other.end()


def test_no_connection_maps_the_file(path: Path) -> None:
    """SQLite is told so on each connection, whatever its own default is."""
    make_engine(path).close()
    connection = opening.connect(path)
    assert connection.execute("pragma mmap_size").get == 0
    connection.close()
    mapped = "engine = open_engine(); listed(engine, ALICE); tell(path in open('/proc/self/maps').read().split())"
    if os.path.exists("/proc/self/maps"):
        assert in_child(mapped, path) == "False"


COPYING = """
from headroom.memory.local.file.opening import unfinished_copy
with unfinished_copy(Path(path).parent) as copy:
    copy.write_text("likes quokkas")
    Path(f"{copy}-journal").write_text("quokkas")
    tell("copies")
    wait()
"""


def test_what_a_killed_copy_left_goes_with_the_next_opening(path: Path) -> None:
    """Half a backup, with everybody's text, stays while it is being made, and not for ever after a kill."""
    make_engine(path).close()
    with child(COPYING, path) as other:
        assert other.hear() == "copies"
        make_engine(path).close()
        assert len(os.listdir(path.parent)) == 3
        other.kill()
    make_engine(path).close()
    assert os.listdir(path.parent) == ["memory.db"]
