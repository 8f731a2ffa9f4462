"""`headroom backup`, `restore` and `rekey`: whole copies of the file, and its key."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from headroom.cli import main
from headroom.errors import HeadroomError
from headroom.memory import MemoryConfig, UserMemory


@pytest.fixture
def db(tmp_path: Path) -> str:
    """A file with one memory."""
    with UserMemory("alice", db_path=tmp_path / "memory.db") as memory:
        memory.add("User drinks tea")
    return str(tmp_path / "memory.db")


def contents(config: MemoryConfig) -> list[str]:
    with UserMemory("alice", config=config) as memory:
        return [record.content for record in memory.get_all()]


def test_a_back_up_is_made_and_restored(
    db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy is whole; an existing file is replaced only if asked, or after a question."""
    copy = str(tmp_path / "copy.db")
    assert main(["backup", "--db", db, copy]) == 0
    assert contents(MemoryConfig(db_path=copy)) == ["User drinks tea"]
    assert main(["backup", "--db", db, copy]) == 2
    assert main(["backup", "--db", db, "--overwrite", copy]) == 0
    with UserMemory("alice", db_path=db) as memory:
        memory.add("User drinks coffee")
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert main(["restore", "--db", db, str(tmp_path / "none.db")]) == 2  # nothing is asked
    assert main(["restore", "--db", db, copy]) == 2  # a question needs a terminal
    assert len(contents(MemoryConfig(db_path=db))) == 2
    assert main(["restore", "--db", db, "--yes", copy]) == 0
    assert contents(MemoryConfig(db_path=db)) == ["User drinks tea"]
    assert main(["restore", "--db", str(tmp_path / "new.db"), copy]) == 0
    assert "is restored from" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_a_file_is_encrypted_and_decrypted(db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The key comes from files alone, is printed nowhere, and no other opens the file."""
    key = tmp_path / "key"
    assert main(["rekey", "--db", db, "--make-key-file", str(key)]) == 0
    assert key.stat().st_mode & 0o777 == 0o600
    secret = key.read_text("utf-8").strip()
    assert b"User drinks tea" not in Path(db).read_bytes()
    with pytest.raises(HeadroomError):
        contents(MemoryConfig(db_path=db))
    assert main(["list", "--db", db, "--user", "alice", "--key-file", str(key)]) == 0
    second = tmp_path / "second"
    second.write_text("a passphrase of my own\n", "utf-8")
    second.chmod(0o600)
    assert main(["rekey", "--db", db, "--key-file", str(key), "--new-key-file", str(second)]) == 0
    assert main(["list", "--db", db, "--user", "alice", "--key-file", str(key)]) == 1
    assert main(["doctor", "--db", db, "--key-file", str(second)]) == 0
    assert main(["reembed", "--db", db, "--key-file", str(second)]) == 0
    assert main(["rekey", "--db", db, "--key-file", str(second), "--decrypt"]) == 0
    assert contents(MemoryConfig(db_path=db)) == ["User drinks tea"]
    printed = capsys.readouterr()
    assert secret not in printed.out + printed.err
    assert "passphrase of my own" not in printed.out + printed.err


def test_a_key_that_could_not_be_used_leaves_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is made if the file cannot be encrypted; and one way must be named."""
    key = tmp_path / "key"
    assert main(["rekey", "--db", str(tmp_path / "none.db"), "--make-key-file", str(key)]) == 1
    assert not key.exists()
    assert main(["rekey", "--db", str(tmp_path / "none.db")]) == 2
    assert "pass one of" in capsys.readouterr().err
