"""Encrypted at rest: no byte in clear, one clear error for a wrong key, and a change of key that survives a kill."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import sqlite3
import time
from pathlib import Path

import apsw
import numpy as np
import pytest

from headroom.errors import EncryptionUnavailable, InvalidInput, NotADatabase, StoreUnavailable, WrongKey
from headroom.memory import Memory, MemoryConfig
from headroom.memory.local.file import copies, keys
from headroom.memory.records import Draft, Reader
from headroom.testing import HashEmbedder

from ....asking import find, listed
from ...children import bytes_of, child, in_child
from ...conftest import make_engine

pytestmark = pytest.mark.skipif(not hasattr(apsw, "mc_version"), reason="the installed apsw cannot encrypt")

ALICE = Reader(user_id="alice")
RAW = "raw:" + "0123456789abcdef" * 4
PASSPHRASE = "correct horse battery staple"
KEYS = [RAW, PASSPHRASE]
MARKS = [f"zq{random.Random(n).randrange(16**12):012x}" for n in range(40)]
"""Words that stand nowhere by chance."""


def fill(path: Path, key: str | None) -> None:
    """Make a file with texts, metadata, entities and edges, over several writes."""
    engine = make_engine(path, encryption_key=key)
    for mark in MARKS:
        engine.save(ALICE, [Draft(f"{mark} is a mark", metadata={"m": mark}, entities=[mark])])
    engine.delete(engine.save(ALICE, ["gone"])[0])
    find(engine, ALICE, MARKS[0])
    engine.close()


def in_clear(path: Path) -> list[str]:
    """List the marks that can be read in the file or beside it."""
    raw = bytes_of(path)
    return [mark for mark in MARKS if mark.encode() in raw]


@pytest.mark.parametrize("key", KEYS)
def test_no_byte_is_in_clear(path: Path, key: str) -> None:
    """While the file is open and after it was closed, no text, word, vector or id stands in it or beside it."""
    engine = make_engine(path, encryption_key=key)
    vector = HashEmbedder().embed([f"{MARKS[0]} is a mark"])[0]
    for mark in MARKS:
        engine.save(ALICE, [Draft(f"{mark} is a mark", metadata={"m": mark}, entities=[mark])])
    planes = np.rint(vector / np.abs(vector).max() * 127).astype(np.int8).tobytes()
    assert b"SQLite" not in bytes_of(path)
    for opened in (True, False):
        assert in_clear(path) == []
        assert planes not in bytes_of(path)
        assert b"alice" not in bytes_of(path)
        assert sorted(os.listdir(path.parent))[0] == "memory.db"
        if opened:
            engine.close()


@pytest.mark.parametrize("key", KEYS)
def test_the_key_opens_it_again(path: Path, key: str) -> None:
    """This process and another one read and write the file with the same key."""
    fill(path, key)
    engine = make_engine(path, encryption_key=key)
    assert len(listed(engine, ALICE)) == len(MARKS)
    other = "tell(len(listed(open_engine(encryption_key=arguments[0]), ALICE)))"
    assert in_child(other, path, key) == str(len(MARKS))
    engine.close()


def test_a_file_of_a_passphrase_is_one_of_the_cipher_library(path: Path) -> None:
    """Any program with SQLite3 Multiple Ciphers opens it by the passphrase; the derivation is the library's own."""
    fill(path, PASSPHRASE)
    plain = apsw.Connection(str(path))
    plain.pragma("key", PASSPHRASE)
    assert plain.execute("select count(*) from memories").get == len(MARKS)
    plain.close()


def test_a_passphrase_is_derived_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many connections are opened, the slow derivation runs once for a file."""
    fill(path, PASSPHRASE)
    keys._derived.cache_clear()
    calls: list[bytes] = []
    derive = hashlib.pbkdf2_hmac

    def counted(name: str, password: bytes, salt: bytes, rounds: int, length: int) -> bytes:
        calls.append(salt)
        return derive(name, password, salt, rounds, length)

    monkeypatch.setattr(keys.hashlib, "pbkdf2_hmac", counted)
    for _ in range(3):
        engine = make_engine(path, encryption_key=PASSPHRASE)
        find(engine, ALICE, MARKS[0])
        engine.close()
    assert len(calls) == 1


@pytest.mark.parametrize("given", [None, "another passphrase", "raw:" + "00" * 32])
@pytest.mark.parametrize("key", KEYS)
def test_a_wrong_or_missing_key_is_one_clear_error(path: Path, key: str, given: str | None) -> None:
    """It says what to do, holds no key, and changes no byte."""
    fill(path, key)
    before = path.read_bytes()
    with pytest.raises(WrongKey) as caught:
        make_engine(path, encryption_key=given)
    assert str(path) in str(caught.value)
    assert "encryption_key" in str(caught.value) or "key it has" in str(caught.value)
    assert key not in str(caught.value)
    assert given is None or given not in str(caught.value)
    assert path.read_bytes() == before


def test_a_key_on_a_plain_file_is_the_same_error(path: Path) -> None:
    """It says that the file is not encrypted."""
    fill(path, None)
    before = path.read_bytes()
    with pytest.raises(WrongKey, match="not encrypted"):
        make_engine(path, encryption_key=RAW)
    assert path.read_bytes() == before


def test_noise_is_no_encrypted_file(path: Path) -> None:
    """A file of random bytes is no memory file, with a key and without."""
    path.write_bytes(random.Random(3).randbytes(20_000))
    for key in (None, RAW):
        with pytest.raises(NotADatabase):
            make_engine(path, encryption_key=key)


@pytest.mark.parametrize(
    "key",
    [
        "raw:",
        "raw:00",
        "raw:" + "0" * 63,
        "raw:" + "g" * 64,
        "RAW:" + "0" * 64,
        "raw:" + "0" * 65,
        "",
        " ",
        "a\0b",
        "\ud800",
        5,
    ],
)
def test_what_cannot_be_a_key_is_refused(key: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A malformed raw key is never taken for a passphrase; the error does not repeat it."""
    with pytest.raises(InvalidInput) as caught:
        MemoryConfig(encryption_key=key)  # type: ignore[arg-type]
    assert not isinstance(key, str) or len(key) < 10 or key not in str(caught.value)


async def test_the_key_comes_from_the_environment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HEADROOM_KEY is the key if none is given; one that is given goes before it."""
    monkeypatch.setenv("HEADROOM_KEY", RAW)
    async with Memory(db_path=path, embedder=HashEmbedder()) as memory:
        await memory.save("likes tea", "alice")
    assert b"SQLite" not in bytes_of(path)
    with pytest.raises(WrongKey):
        Memory(MemoryConfig(encryption_key=PASSPHRASE), db_path=path, embedder=HashEmbedder())
    monkeypatch.setenv("HEADROOM_KEY", "raw:12")
    with pytest.raises(InvalidInput):
        Memory(db_path=path, embedder=HashEmbedder())


def test_no_repr_shows_the_key(path: Path) -> None:
    """Neither the configuration, nor what is made of it, shows the key when it is printed."""
    config = MemoryConfig(db_path=path, encryption_key=PASSPHRASE)
    assert PASSPHRASE not in repr(config)
    assert PASSPHRASE not in repr(config.settled())
    assert config != MemoryConfig(db_path=path)


def test_plain_apsw_says_that_it_cannot_encrypt(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a program in which plain apsw lies on top, a key is refused with the command that mends it."""
    monkeypatch.delattr(apsw, "mc_version")
    with pytest.raises(EncryptionUnavailable, match="apsw-sqlite3mc"):
        make_engine(path, encryption_key=RAW)
    engine = make_engine(path)
    engine.save(ALICE, ["likes tea"])
    engine.close()


OPENING = """
engine = open_engine(encryption_key=arguments[0])
engine.save(ALICE, [f"from {arguments[1]}"])
engine.close()
"""


def test_processes_that_make_an_encrypted_file_at_once(path: Path) -> None:
    """Each comes with a salt of its own; the first one's counts, and nobody fails."""
    with child(OPENING, path, PASSPHRASE, 1) as one, child(OPENING, path, PASSPHRASE, 2) as two:
        assert one.end() == two.end() == ""
    engine = make_engine(path, encryption_key=PASSPHRASE)
    assert len(listed(engine, ALICE)) == 2
    engine.close()


@pytest.mark.parametrize(("old", "new"), [(None, RAW), (None, PASSPHRASE), (RAW, PASSPHRASE), (PASSPHRASE, None)])
def test_the_key_of_a_file_is_changed(path: Path, old: str | None, new: str | None) -> None:
    """A plain file is encrypted, an encrypted one gets another key or none; nothing else lies there afterwards."""
    fill(path, old)
    copies.rekey(path, old, new)
    assert os.listdir(path.parent) == ["memory.db"]
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert (in_clear(path) == []) is (new is not None)
    if new != old:
        with pytest.raises(WrongKey):
            make_engine(path, encryption_key=old)
    engine = make_engine(path, encryption_key=new)
    assert {record.content for record in listed(engine, ALICE)} == {f"{mark} is a mark" for mark in MARKS}
    assert find(engine, ALICE, MARKS[7])[0].content == f"{MARKS[7]} is a mark"
    engine.close()


def test_the_key_is_changed_by_the_only_holder(path: Path) -> None:
    """While this process or another one has the file open, it is refused, and the file stays as it is."""
    fill(path, None)
    with child("engine = open_engine()\ntell('open')\nwait()\nengine.close()", path) as other:
        assert other.hear() == "open"
        with pytest.raises(StoreUnavailable, match="open"):
            copies.rekey(path, None, RAW)
        other.tell()
        other.end()
    engine = make_engine(path)
    with pytest.raises(StoreUnavailable, match="open"):
        copies.rekey(path, None, RAW)
    engine.close()
    copies.rekey(path, None, RAW)


REKEYING = """
from headroom.memory.local.file import copies
tell("begins")
copies.rekey(Path(path), None, arguments[0])
tell("done")
"""


def test_a_kill_while_the_key_is_changed_leaves_one_whole_file(path: Path) -> None:
    """Killed at any instant, the file opens with the old key or with the new one, and holds everything."""
    chance = random.Random(11)
    for _ in range(12):
        for beside in path.parent.glob("memory.db*"):
            beside.unlink()
        fill(path, None)
        with child(REKEYING, path, RAW) as other:
            assert other.hear() == "begins"
            time.sleep(chance.uniform(0, 0.05))
            os.kill(other.process.pid, signal.SIGKILL)
            other.process.wait()
        plain = path.read_bytes().startswith(b"SQLite format 3\0")
        engine = make_engine(path, encryption_key=None if plain else RAW)
        assert len(listed(engine, ALICE)) == len(MARKS)
        engine.close()
        copies.rekey(path, None if plain else RAW, PASSPHRASE)
        assert os.listdir(path.parent) == ["memory.db"]
        assert in_clear(path) == []


def test_the_standard_library_sees_no_database(path: Path) -> None:
    """A SQLite without ciphers finds an encrypted file to be no database."""
    fill(path, RAW)
    plain = sqlite3.connect(path)
    with pytest.raises(sqlite3.DatabaseError):
        plain.execute("select count(*) from memories")
    plain.close()
