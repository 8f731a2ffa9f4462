"""Backups, restoring and keys by the public calls: complete, checked, and never over a file that is in use."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import apsw
import pytest

from headroom.errors import InvalidInput, NotADatabase, StoreMissing, StoreUnavailable, StoreUnwritable, WrongKey
from headroom.memory import Memory, MemoryConfig
from headroom.testing import HashEmbedder

from ..children import child
from ..mounts import small_disk

KEYS = [None, *(["raw:" + "7f" * 32, "a passphrase"] if hasattr(apsw, "mc_version") else [])]

WRITING = """
engine = open_engine()
tell("writing")
n = 0
while True:
    engine.save(ALICE, [f"fact {n} {i}" for i in range(3)])
    tell(n)
    n += 1
"""


async def contents(config: MemoryConfig) -> set[str]:
    """Read all texts of alice."""
    async with Memory(config, embedder=HashEmbedder()) as memory:
        return {record.content for record in await memory.get_all("alice")}


def read(path: Path) -> bytes:
    return path.read_bytes()


def write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def mode(path: Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.mark.parametrize("key", KEYS)
async def test_a_backup_holds_everything_and_is_private(path: Path, tmp_path: Path, key: str | None) -> None:
    """While the memory is open, a copy is made with what was just saved, of mode 0600, under the same key."""
    config, copy = MemoryConfig(db_path=path, encryption_key=key), tmp_path / "copy.db"
    async with Memory(config, embedder=HashEmbedder()) as memory:
        await memory.save("likes tea", "alice", metadata={"kind": "drink"})
        first = await memory.save("lives in Rome", "alice")
        await memory.update(first, "lives in Oslo")
        await memory.backup(copy)
        await memory.save("likes coffee", "alice")
    assert sorted(os.listdir(tmp_path)) == ["copy.db", "memory.db"]
    assert mode(copy) == 0o600
    async with Memory(MemoryConfig(db_path=copy, encryption_key=key), embedder=HashEmbedder()) as memory:
        assert {record.content for record in await memory.get_all("alice")} == {"likes tea", "lives in Oslo"}
        assert [record.content for record in await memory.history(first)] == ["lives in Rome", "lives in Oslo"]
        assert [found.content for found in await memory.search("tea", "alice", top_k=1)] == ["likes tea"]


async def test_a_backup_while_another_process_writes_is_of_one_instant(path: Path, tmp_path: Path) -> None:
    """Each copy has whole writes only, and all that were acknowledged before it began."""
    with child(WRITING, path) as other:
        assert other.hear() == "writing"
        async with Memory(db_path=path, embedder=HashEmbedder()) as memory:
            for round in range(5):
                acknowledged = int(other.hear())
                copy = tmp_path / f"copy{round}.db"
                await memory.backup(copy)
                found = await contents(MemoryConfig(db_path=copy))
                assert {f"fact {n} {i}" for n in range(acknowledged + 1) for i in range(3)} <= found
                assert len(found) % 3 == 0
        other.kill()


async def test_a_backup_replaces_nothing_unasked(path: Path, tmp_path: Path) -> None:
    """A file of that name stays unless `overwrite` is given, and the memory itself always does."""
    copy = tmp_path / "copy.db"
    write(copy, b"something else")
    async with Memory(db_path=path, embedder=HashEmbedder()) as memory:
        await memory.save("likes tea", "alice")
        with pytest.raises(InvalidInput, match="overwrite"):
            await memory.backup(copy)
        assert read(copy) == b"something else"
        await memory.backup(copy, overwrite=True)
        with pytest.raises(InvalidInput):
            await memory.backup(path, overwrite=True)
        with pytest.raises(StoreUnwritable):
            await memory.backup(tmp_path / "missing" / "copy.db")
    assert await contents(MemoryConfig(db_path=copy)) == {"likes tea"}


async def test_a_backup_on_a_full_disk_leaves_nothing(path: Path, tmp_path: Path) -> None:
    """It says that the disk is full, and takes its half-written copy away."""
    with small_disk(tmp_path / "disk", "64k") as disk:
        async with Memory(db_path=path, embedder=HashEmbedder()) as memory:
            await memory.save_many([f"fact {n}: {'padding ' * 50}" for n in range(500)], "alice")
            with pytest.raises(StoreUnavailable, match="full"):
                await memory.backup(disk / "copy.db")
        assert os.listdir(disk) == []


@pytest.mark.parametrize("key", KEYS)
async def test_a_backup_is_put_back(path: Path, tmp_path: Path, key: str | None) -> None:
    """The file is what it was at the backup, whatever became of it since, and stays private."""
    config, copy = MemoryConfig(db_path=path, encryption_key=key), tmp_path / "copy.db"
    async with Memory(config, embedder=HashEmbedder()) as memory:
        await memory.save("likes tea", "alice")
        await memory.backup(copy)
        await memory.clear("alice")
        await memory.save("later", "alice")
    with pytest.raises(InvalidInput, match="overwrite"):
        await Memory.restore_backup(copy, config)
    await Memory.restore_backup(copy, config, overwrite=True)
    assert await contents(config) == {"likes tea"}
    os.unlink(path)
    await Memory.restore_backup(copy, config)
    assert await contents(config) == {"likes tea"}
    assert mode(path) == 0o600
    assert sorted(os.listdir(tmp_path)) == ["copy.db", "memory.db"]


@pytest.mark.parametrize("damage", ["noise", "middle", "log"])
async def test_a_damaged_file_is_replaced(path: Path, tmp_path: Path, damage: str) -> None:
    """A file that cannot be read any more is exchanged, with the log beside it, which belongs to the old one."""
    config, copy = MemoryConfig(db_path=path), tmp_path / "copy.db"
    async with Memory(config, embedder=HashEmbedder()) as memory:
        await memory.save_many([f"fact {n}" for n in range(200)], "alice")
        await memory.backup(copy)
    whole = bytearray(read(path))
    if damage == "noise":
        whole[:] = os.urandom(len(whole))
    else:
        whole[4096 : len(whole) // 2] = os.urandom(len(whole) // 2 - 4096)
    write(path, whole)
    if damage == "log":
        write(Path(f"{path}-wal"), os.urandom(5000))
    await Memory.restore_backup(copy, config, overwrite=True)
    assert len(await contents(config)) == 200
    assert sorted(os.listdir(tmp_path)) == ["copy.db", "memory.db"]


async def test_what_is_no_backup_replaces_nothing(path: Path, tmp_path: Path) -> None:
    """Noise, another program's database, a missing file and a damaged copy are refused before the file is touched."""
    config, copy = MemoryConfig(db_path=path), tmp_path / "copy.db"
    async with Memory(config, embedder=HashEmbedder()) as memory:
        await memory.save_many([f"fact {n}" for n in range(500)], "alice")
        await memory.backup(copy)
    before = read(path)
    with pytest.raises(InvalidInput, match="no such backup"):
        await Memory.restore_backup(tmp_path / "missing.db", config, overwrite=True)
    whole = bytearray(read(copy))
    for damaged in (os.urandom(9000), bytes(whole[: len(whole) // 2]), bytes(whole[:20_480]) + os.urandom(30_000)):
        write(copy, damaged)
        with pytest.raises(NotADatabase):
            await Memory.restore_backup(copy, config, overwrite=True)
        assert read(path) == before
    assert sorted(os.listdir(tmp_path)) == ["copy.db", "memory.db"]


async def test_a_file_in_use_is_not_replaced(path: Path, tmp_path: Path) -> None:
    """While a process has the file open, restoring says so; an engine that only lingers is closed."""
    config, copy = MemoryConfig(db_path=path), tmp_path / "copy.db"
    memory = Memory(config, embedder=HashEmbedder())
    await memory.save("likes tea", "alice")
    await memory.backup(copy)
    with pytest.raises(StoreUnavailable, match="open"):
        await Memory.restore_backup(copy, config, overwrite=True)
    await memory.close()
    with child("engine = open_engine()\ntell('open')\nwait()\nengine.close()", path) as other:
        assert other.hear() == "open"
        with pytest.raises(StoreUnavailable, match="open"):
            await Memory.restore_backup(copy, config, overwrite=True)
        other.tell()
        other.end()
    await Memory.restore_backup(copy, config, overwrite=True)
    assert await contents(config) == {"likes tea"}


@pytest.mark.skipif(len(KEYS) == 1, reason="the installed apsw cannot encrypt")
async def test_a_file_is_encrypted_and_decrypted_by_a_call(path: Path) -> None:
    """`rekey` takes the configuration of the file as it is, and the key it is to have."""
    plain = MemoryConfig(db_path=path)
    async with Memory(plain, embedder=HashEmbedder()) as memory:
        await memory.save("likes tea", "alice")
        with pytest.raises(StoreUnavailable, match="open"):
            await Memory.rekey(plain, "a passphrase")
    await Memory.rekey(plain, "a passphrase")
    locked = MemoryConfig(db_path=path, encryption_key="a passphrase")
    assert await contents(locked) == {"likes tea"}
    with pytest.raises(WrongKey):
        await Memory.rekey(plain, "another")
    with pytest.raises(InvalidInput):
        await Memory.rekey(locked, "raw:12")
    await Memory.rekey(locked, None)
    assert await contents(plain) == {"likes tea"}
    with pytest.raises(StoreMissing, match="there is no memory file"):
        await Memory.rekey(MemoryConfig(db_path=path.with_name("missing.db")), "a passphrase")
