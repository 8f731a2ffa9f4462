"""A second SQLite in the same process, or anybody else who opens the file: it must do no harm, and is warned of."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import sys
import threading
from pathlib import Path

import apsw
import pytest

from headroom.errors import StoreUnavailable
from headroom.memory.engine import Engine
from headroom.memory.local.file import guard, opening
from headroom.memory.records import Reader

from ....asking import find, listed
from ...children import child, in_child
from ...conftest import make_engine

pytestmark = pytest.mark.skipif(guard._SET is None, reason="this system has no locks of open file descriptions")

ALICE = Reader(user_id="alice")


def look_with_a_second_sqlite(path: Path) -> None:
    """Open the file with the standard library's copy of SQLite, read, and close it: all our POSIX locks are gone."""
    plain = sqlite3.connect(path)
    plain.execute("select count(*) from memories").fetchone()
    plain.close()


def look_at_the_bytes(path: Path) -> None:
    """Read the file as one reads any file."""
    path.read_bytes()


LOOKS = [look_with_a_second_sqlite, look_at_the_bytes]

MEDDLED = """
import sqlite3, threading, time
engine = open_engine()
ended = threading.Event()

def meddle():
    while not ended.wait(0.002):
        plain = sqlite3.connect(path)
        plain.execute("select count(*) from memories").fetchone()
        plain.close()

thread = threading.Thread(target=meddle)
if arguments[0] == "meddled":
    thread.start()
for n in range(int(arguments[1])):
    engine.save(ALICE, [f"{arguments[0]} says {n}"])
ended.set()
if arguments[0] == "meddled":
    thread.join()
engine.close()
"""


def test_a_second_sqlite_that_looks_all_the_time_loses_nothing(path: Path) -> None:
    """Two processes write while a second SQLite opens, reads and closes the file within one of them: all is there."""
    make_engine(path).close()
    with child(MEDDLED, path, "meddled", 400) as one, child(MEDDLED, path, "other", 400) as two:
        assert one.end() == two.end() == ""
    plain = apsw.Connection(str(path))
    assert plain.execute("pragma integrity_check").get == "ok"
    plain.close()
    engine = make_engine(path)
    assert len(listed(engine, ALICE)) == 800
    engine.close()


@pytest.mark.parametrize("look", LOOKS)
def test_whoever_looks_leaves_the_log_where_it_is(engine: Engine, path: Path, look: object) -> None:
    """Neither the second SQLite, nor another process that closes the file after it, takes itself for the last."""
    engine.save(ALICE, ["likes tea"])
    log = os.stat(f"{path}-wal").st_ino
    assert callable(look)
    look(path)
    assert in_child("engine = open_engine(); engine.save(ALICE, ['likes coffee']); engine.close()", path) == ""
    assert os.stat(f"{path}-wal").st_ino == log
    engine.save(ALICE, ["likes juice"])
    other = "tell(*sorted(r.content for r in listed(open_engine(), ALICE)), sep='|')"
    assert in_child(other, path) == "likes coffee|likes juice|likes tea"


def test_a_save_waits_for_a_second_sqlite_that_writes(
    engine: Engine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the standard library's SQLite is within a write in this process, a save says so, and loses nothing."""
    monkeypatch.setattr(opening, "BUSY_TIMEOUT_MS", 100)
    engine.save(ALICE, ["likes tea"])
    plain = sqlite3.connect(path, isolation_level=None)
    plain.execute("begin immediate")
    plain.execute("update memories set importance = 0.7")
    with pytest.raises(StoreUnavailable, match="another SQLite in this process"):
        engine.save(ALICE, ["likes coffee"])
    plain.execute("commit")
    engine.save(ALICE, ["likes coffee"])
    assert {(record.content, record.importance) for record in listed(engine, ALICE)} == {
        ("likes tea", 0.7),
        ("likes coffee", 0.5),
    }
    plain.close()


@pytest.mark.parametrize("look", LOOKS)
def test_a_second_opener_is_warned_of_once(
    path: Path, look: object, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says once which file is in danger, and what to use instead."""
    if not sys.platform.startswith("linux"):
        pytest.skip("it is read from /proc")
    monkeypatch.setattr(guard, "_LOOK_EVERY", 0.0)
    with caplog.at_level(logging.WARNING, "headroom"):
        engine = make_engine(path)
        engine.save(ALICE, ["likes tea"])
        assert caplog.records == []
        assert callable(look)
        look(path)
        for n in range(3):
            engine.save(ALICE, [f"likes {n}"])
        engine.close()
    (record,) = caplog.records
    assert str(path) in record.getMessage()
    assert "read_only" in record.getMessage()
    assert "backup" in record.getMessage()


def test_no_use_of_this_library_is_warned_of(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Several memories of one file, threads that read, reopening and forking pass without a word."""
    monkeypatch.setattr(guard, "_LOOK_EVERY", 0.0)
    with caplog.at_level(logging.WARNING, "headroom"):
        engines = [make_engine(path, cache_max_size=size) for size in (5, 6, 7)]
        for n, each in enumerate(engines):
            each.save(ALICE, [f"likes {n}"])
            threads = [threading.Thread(target=find, args=(each, ALICE, "likes")) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        engines[0].close()
        pid = os.fork()
        if not pid:
            os._exit(0)
        os.waitpid(pid, 0)
        for each in engines[1:]:
            each.save(ALICE, ["likes more"])
            each.close()
    assert caplog.records == []
    assert os.listdir(path.parent) == ["memory.db"]


def test_the_last_who_closes_leaves_no_log(path: Path) -> None:
    """The locks of the guard do not keep SQLite from folding the log into the file when the last one closes it."""
    first, second = make_engine(path), make_engine(path, cache_max_size=5)
    first.save(ALICE, ["likes tea"])
    first.close()
    assert os.path.exists(f"{path}-wal")
    second.close()
    assert os.listdir(path.parent) == ["memory.db"]


def test_without_such_locks_everything_goes_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a system that has none, SQLite's own locks do alone what they do."""
    monkeypatch.setattr(guard, "_SET", None)
    engine = make_engine(path)
    engine.save(ALICE, ["likes tea"])
    assert in_child("tell(len(listed(open_engine(), ALICE)))", path) == "1"
    engine.close()
    assert os.listdir(path.parent) == ["memory.db"]


def test_a_copy_made_in_this_process_harms_nothing(engine: Engine, path: Path) -> None:
    """`shutil.copy` of an open file drops SQLite's locks, and no more."""
    engine.save(ALICE, ["likes tea"])
    shutil.copy(path, f"{path}.copy")
    assert in_child("engine = open_engine(); engine.save(ALICE, ['likes coffee']); engine.close()", path) == ""
    engine.save(ALICE, ["likes juice"])
    assert len(listed(engine, ALICE)) == 3
