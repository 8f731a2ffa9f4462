"""The file: its rights, its locks, and every fault it can have, each with the error that says what to do."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from headroom.errors import EmbedderMismatch, NewerSchema, NotADatabase, StoreError, StoreUnavailable, StoreUnwritable
from headroom.memory import Memory, MemoryConfig
from headroom.memory.embedders.cached import CachedEmbedder
from headroom.memory.engine import Engine
from headroom.memory.local.backend import LocalBackend
from headroom.memory.local.file import opening
from headroom.memory.records import Reader
from headroom.testing import HashEmbedder

from ....asking import find, listed
from ...children import bytes_of, child, in_child
from ...conftest import make_engine
from ...mounts import read_only, small_disk

ALICE = Reader(user_id="alice")


def filled(path: Path, count: int = 200) -> Path:
    """Make a memory file and let go of it."""
    engine = make_engine(path)
    engine.save(ALICE, [f"fact number {n}" for n in range(count)])
    engine.close()
    return path


def refused(path: Path, error: type[StoreError]) -> str:
    """Open a file that cannot be used; see that this changes nothing, and give the message."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(error) as caught:
        make_engine(path)
    assert (path.read_bytes() if path.is_file() else None) == before
    log = Path(f"{path}-wal")
    assert not log.is_file() or not log.stat().st_size  # SQLite leaves an empty one beside some damaged files
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.quick
def test_the_file_is_for_its_owner_alone(path: Path) -> None:
    """The file and both its side files have mode 0600, whatever the umask lets through."""
    before = os.umask(0)
    try:
        engine = make_engine(path)
        engine.save(ALICE, ["likes tea"])
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE(os.stat(path.parent / name).st_mode) for name in os.listdir(path.parent)}
    assert modes == dict.fromkeys(("memory.db", "memory.db-wal", "memory.db-shm"), 0o600)
    engine.close()


@pytest.mark.quick
def test_closing_leaves_one_file_and_no_handle(path: Path) -> None:
    """The last to close folds the log into the file; no descriptor stays open."""
    engine = make_engine(path)
    engine.save(ALICE, ["likes tea"])
    find(engine, ALICE, "tea")
    engine.close()
    assert os.listdir(path.parent) == ["memory.db"]
    if os.path.isdir("/proc/self/fd"):
        assert str(path) not in [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]


def test_closing_lets_a_running_read_end(path: Path) -> None:
    """A read that runs on another thread while the file is closed ends well, and its connection is closed after it."""
    filled(path)
    opened = LocalBackend(MemoryConfig(db_path=path), HashEmbedder())
    reading, closed = threading.Event(), threading.Event()
    counts: list[int] = []

    def read() -> None:
        with opened._database.read() as cursor:
            reading.set()
            closed.wait()
            counts.append(int(cursor.execute("select count(*) from memories").get))

    thread = threading.Thread(target=read)
    thread.start()
    reading.wait()
    opened.close()
    closed.set()
    thread.join()
    assert counts == [200]
    assert os.listdir(path.parent) == ["memory.db"]


@pytest.mark.quick
def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """A folder that was named must be there: the error says to create it."""
    assert "create the folder" in refused(tmp_path / "missing" / "memory.db", StoreUnwritable)


@pytest.mark.quick
def test_a_folder_that_cannot_be_one(tmp_path: Path) -> None:
    """A path below a file, or a folder given as the file, is refused."""
    (tmp_path / "file").write_text("text")
    refused(tmp_path / "file" / "memory.db", StoreUnwritable)
    (tmp_path / "folder").mkdir()
    assert "folder" in refused(tmp_path / "folder", StoreUnwritable)


def test_a_folder_that_refuses_writing(tmp_path: Path) -> None:
    """A new file cannot be made there, and an old one is refused at once, not at the first save."""
    (tmp_path / "locked").mkdir()
    filled(tmp_path / "locked" / "old.db")
    with read_only(tmp_path / "locked"):
        refused(tmp_path / "locked" / "memory.db", StoreUnwritable)
        refused(tmp_path / "locked" / "old.db", StoreUnwritable)


@pytest.mark.quick
@pytest.mark.parametrize("content", [b"x", b"To do: nothing.", b"\x00" * 5000, os.urandom(20_000)])
def test_a_file_that_is_no_database(path: Path, content: bytes) -> None:
    """Text, zeros and noise are refused as they stand."""
    path.write_bytes(content)
    refused(path, NotADatabase)


@pytest.mark.quick
@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_the_database_of_another_program(path: Path, mode: str) -> None:
    """Another program's SQLite file is not touched, not even its journal mode."""
    other = sqlite3.connect(path)
    other.execute(f"pragma journal_mode = {mode}")
    other.execute("create table songs (title)")
    other.commit()
    other.close()
    assert "another program" in refused(path, NotADatabase)


@pytest.mark.parametrize("left", [1, 15, 50, 100, 512, 4095, 4096, 4097, 0.5, -4096, -1])
def test_a_truncated_file(path: Path, left: float) -> None:
    """A file that was cut, wherever, is refused and not repaired into something smaller."""
    whole = filled(path).read_bytes()
    length = int(len(whole) * left) if 0 < left < 1 else int(left) % len(whole)
    path.write_bytes(whole[:length])
    refused(path, NotADatabase)


@pytest.mark.quick
def test_an_empty_file_is_a_new_one(path: Path) -> None:
    """A file of no bytes, as `tempfile` makes them, becomes a memory."""
    path.touch()
    engine = make_engine(path)
    assert engine.stats()["total"] == 0
    engine.close()


def test_a_damaged_page(path: Path) -> None:
    """Damage that opening cannot notice becomes our error at the read that meets it."""
    whole = bytearray(filled(path, 2000).read_bytes())
    for start in range(8 * 4096, len(whole), 4096):
        whole[start : start + 4096] = b"\xa5" * 4096
    path.write_bytes(whole)
    with pytest.raises(NotADatabase):
        listed(make_engine(path), ALICE)


@pytest.mark.quick
def test_a_file_that_was_emptied_in_place(path: Path) -> None:
    """Who overwrites an open file takes its tables away: every call says that it is no memory file any more."""
    filled(path)
    engine = make_engine(path)
    os.truncate(path, 0)
    for call in operations(engine):
        with pytest.raises(NotADatabase):
            call()
    engine.close()


@pytest.mark.quick
def test_a_file_of_a_newer_version(path: Path) -> None:
    """A schema step that this version does not know is named, with the command to upgrade."""
    other = sqlite3.connect(filled(path))
    other.execute("insert into steps values ('_from_the_future', 0)")
    other.commit()
    other.close()
    message = refused(path, NewerSchema)
    assert "_from_the_future" in message
    assert "pip install --upgrade headroom-memory" in message


class Unloaded(HashEmbedder):
    """An embedder whose model must not be needed to notice a mismatch."""

    id = "unloaded"

    def __init__(self) -> None:
        self.id = "unloaded"

    @property
    def width(self) -> int:  # type: ignore[override]
        raise AssertionError("the model was loaded")


@pytest.mark.quick
def test_a_file_of_another_embedder(path: Path) -> None:
    """It is refused on opening, by both names, before any model is loaded."""
    filled(path)
    with pytest.raises(EmbedderMismatch, match=r"hash-of-words@64.*unloaded") as caught:
        LocalBackend(MemoryConfig(db_path=path), Unloaded())
    assert (caught.value.stored, caught.value.configured) == ("hash-of-words@64", "unloaded")


def other_embedder(path: Path, embedder: HashEmbedder) -> Engine:
    return Engine(LocalBackend(MemoryConfig(db_path=path), embedder), CachedEmbedder(embedder, 100))


@pytest.mark.quick
def test_two_embedders_on_one_new_file(path: Path) -> None:
    """The first that stores owns the file; the other, already open, may neither search nor save."""
    engine, late = make_engine(path), other_embedder(path, HashEmbedder(32))
    engine.save(ALICE, ["likes tea"])
    with pytest.raises(EmbedderMismatch):
        find(late, ALICE, "tea")
    with pytest.raises(EmbedderMismatch):
        late.save(ALICE, ["likes coffee"])
    assert len(listed(engine, ALICE)) == 1
    engine.close()
    late.close()


@pytest.mark.quick
def test_an_embedder_that_changed_its_width(path: Path) -> None:
    """Vectors of one name and two widths are told apart before they are compared."""
    filled(path)
    wider = HashEmbedder(128)
    wider.id = "hash-of-words@64"
    engine = other_embedder(path, wider)
    for call in (lambda: find(engine, ALICE, "fact"), lambda: engine.save(ALICE, ["new"])):
        with pytest.raises(EmbedderMismatch, match=r"width 64.*width 128"):
            call()
    engine.close()


def operations(engine: Engine) -> list[Callable[[], object]]:
    return [
        lambda: engine.save(ALICE, ["more"]),
        lambda: find(engine, ALICE, "fact"),
        lambda: listed(engine, ALICE),
        lambda: engine.clear(ALICE),
        lambda: engine.stats(),
    ]


@pytest.mark.quick
def test_a_deleted_file(path: Path) -> None:
    """A file that was deleted under an open memory is missed by every call, and not made again behind its back."""
    engine = make_engine(path)
    engine.save(ALICE, ["likes tea"])
    path.unlink()
    for call in operations(engine):
        with pytest.raises(StoreUnavailable, match="deleted"):
            call()
    assert not path.exists()
    engine.close()


@pytest.mark.quick
async def test_a_file_that_another_took_the_place_of(path: Path, tmp_path: Path) -> None:
    """An open memory refuses the new file, whose caches it has not; a new Memory of equal settings reads it."""
    embedder = HashEmbedder()
    old = Memory(db_path=path, embedder=embedder)
    await old.save("from the old file", "alice")
    await old.search("file", "alice")
    other = Memory(db_path=tmp_path / "other.db", embedder=embedder)
    for text in ("from the new file", "and more"):
        await other.save(text, "alice")
    await other.close()
    os.replace(tmp_path / "other.db", path)
    with pytest.raises(StoreUnavailable, match="exchanged"):
        await old.search("file", "alice")
    with pytest.raises(StoreUnavailable):
        await old.save("into the void", "alice")
    new = Memory(db_path=path, embedder=embedder)
    assert {result.content for result in await new.search("file", "alice")} == {"from the new file", "and more"}
    await old.close()
    assert len(await new.get_all("alice")) == 2
    await new.close()


@pytest.mark.quick
async def test_starting_over_after_deleting_the_file(path: Path) -> None:
    """Who deletes the file, its side files left behind, and makes a new Memory in the same process starts empty."""
    embedder = HashEmbedder()
    old = Memory(db_path=path, embedder=embedder)
    await old.save("from the old file", "alice")
    os.unlink(path)
    new = Memory(db_path=path, embedder=embedder)
    assert await new.get_all("alice") == []
    await new.save("from the new file", "alice")
    await old.close()
    assert [record.content for record in await new.get_all("alice")] == ["from the new file"]
    assert in_child("tell(*[r.content for r in listed(open_engine(), ALICE)])", path) == "from the new file"
    await new.save("and more", "alice")
    await new.close()
    engine = make_engine(path)
    assert len(listed(engine, ALICE)) == 2
    engine.close()


def test_a_full_disk(tmp_path: Path) -> None:
    """A save that does not fit says so and leaves nothing; what was stored is found, and room makes it work again."""
    with small_disk(tmp_path / "disk") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(b"x" * 300_000)
        engine = make_engine(disk / "memory.db")

        def fill() -> None:
            for n in range(1000):
                engine.save(ALICE, [f"fact {n}: {'padding ' * 500}"])

        with pytest.raises(StoreUnavailable, match="full"):
            fill()
        stored = engine.stats()["total"]
        assert len(listed(engine, ALICE)) == stored > 0
        assert find(engine, ALICE, "fact")
        ballast.unlink()
        engine.save(ALICE, ["once there is room"])
        assert len(listed(engine, ALICE)) == stored + 1
        assert engine.clear(ALICE) == stored + 1
        engine.close()


HOLDING = """
import apsw
plain = apsw.Connection(path)
plain.execute("begin immediate")
tell("holding")
wait()
plain.execute("rollback")
tell("free")
"""


def test_another_process_that_writes_for_too_long(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that waited in vain says so and leaves nothing; reads go on meanwhile; later writes succeed."""
    monkeypatch.setattr(opening, "BUSY_TIMEOUT_MS", 100)
    engine = make_engine(path)
    (memory_id,) = engine.save(ALICE, ["likes tea"])
    with child(HOLDING, path) as other:
        assert other.hear() == "holding"
        for call in (
            lambda: engine.save(ALICE, ["likes coffee"]),
            lambda: engine.delete(memory_id),
            lambda: engine.clear(ALICE),
        ):
            with pytest.raises(StoreUnavailable, match="another process is writing"):
                call()
        assert [result.content for result in find(engine, ALICE, "likes")] == ["likes tea"]
        second = make_engine(path)
        assert len(listed(second, ALICE)) == 1
        second.close()
        other.tell()
        assert other.hear() == "free"
    engine.save(ALICE, ["likes coffee"])
    assert len(listed(engine, ALICE)) == 2
    engine.close()


OPENING = """
import os
for round in range(8):
    new = f"{path}-{round}"
    reading, writing = os.pipe()
    pids = []
    for n in range(4):
        pid = os.fork()
        if not pid:
            os.close(writing)
            os.read(reading, 1)  # all start when the pipe is closed
            path = new
            try:
                engine = open_engine()
                engine.save(ALICE, [f"from {n}"])
                engine.close()
                os._exit(0)
            except BaseException as exc:
                print(repr(exc), file=sys.stderr, flush=True)
                os._exit(1)
        pids.append(pid)
    os.close(writing)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * 4
    os.close(reading)
    kept, path = path, new
    engine = open_engine()
    assert len(listed(engine, ALICE)) == 4
    engine.close()
    path = kept
"""


def test_processes_that_open_a_new_file_at_once(path: Path) -> None:
    """Whoever comes first makes the tables; all others wait for it, and none fails."""
    assert in_child(OPENING, path) == ""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the locks are read from /proc")
def test_no_lock_is_lost_while_others_open_and_close(path: Path) -> None:
    """A process keeps its lock on the file while memories of other settings come and go in it.

    Without the lock another process would take itself for the last one, and delete the log under us.
    """
    filled(path)
    engine = make_engine(path)
    engine.save(ALICE, ["likes tea"])
    for _ in range(2):
        other = make_engine(path, cache_max_size=5)
        find(other, ALICE, "tea")
        other.close()
        with pytest.raises(EmbedderMismatch):
            other_embedder(path, HashEmbedder(32))
    inode, own = os.stat(path).st_ino, str(os.getpid())
    locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    held = [lock for lock in locks if lock[4] == own and lock[5].endswith(f":{inode}")]
    assert [lock[3] for lock in held] == ["READ"]
    assert b"likes tea" in bytes_of(path)
    engine.close()
