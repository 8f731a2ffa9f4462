"""The key of an encrypted file, and what the header of a file says about one.

Encryption is that of SQLite3 Multiple Ciphers (https://utelle.github.io/SQLite3MultipleCiphers) with its default
cipher, ChaCha20-Poly1305, one nonce and tag a page. A passphrase becomes a key by PBKDF2-HMAC-SHA256 with the salt in
the first 16 bytes of the file, as SQLite3 Multiple Ciphers does it: any program with that library opens the file with
the passphrase. We derive it ourselves, because SQLite would for each connection, at 25 to 150 ms.
"""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

import apsw

from ....errors import EncryptionUnavailable, NotADatabase, StoreError, WrongKey

_ROUNDS = 64_007
_SALT = 16
_PLAIN = b"SQLite format 3\x00"
# Three bytes of the header that SQLite never changes and that stay readable, so that the page size can be read.
_FRACTIONS = slice(21, 24), b"\x40\x20\x20"


def new_key_for(key: str) -> str:
    """Return `key` as SQLite takes it for a new file."""
    return _given(key, os.urandom(_SALT))


def unlock(connection: apsw.Connection, path: Path, key: str | None) -> None:
    """Let `connection` read the file with `key`. Do this before anything else with it."""
    if key is None:
        return
    require_ciphers()
    header = header_of(path)
    connection.pragma("key", _given(key, header[:_SALT]) if header else new_key_for(key))


def require_ciphers() -> None:
    """Raise EncryptionUnavailable if the installed SQLite cannot encrypt."""
    if not hasattr(apsw, "mc_version"):
        raise EncryptionUnavailable


def refusal(path: Path, key: str | None) -> StoreError:
    """Return the error for a file that SQLite calls no database."""
    header = header_of(path)
    if header.startswith(_PLAIN) and key is not None:
        return WrongKey(path=path, reason="it is not encrypted, and a key was given; leave out the key, or encrypt it")
    if not header.startswith(_PLAIN) and header[_FRACTIONS[0]] == _FRACTIONS[1]:
        if key is None:
            return WrongKey(path=path, reason="it is encrypted; pass its encryption_key, or set HEADROOM_KEY")
        return WrongKey(path=path, reason="this key does not open it, or the file is damaged; pass the key it has")
    return NotADatabase(path=path, reason="file is not a database")


def header_of(path: Path) -> bytes:
    """Read the first 100 bytes; fewer of a shorter file, none if there is none.

    Through SQLite's own file system layer, which closes no descriptor while the process has locks on the file.
    """
    flags = [apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_MAIN_DB, 0]
    try:
        file = apsw.VFSFile("unix" if "unix" in apsw.vfs_names() else "", str(path), flags)
    except apsw.Error:
        return b""
    try:
        return file.xRead(min(100, file.xFileSize()), 0)
    finally:
        file.xClose()


def _given(key: str, salt: bytes) -> str:
    """Return `key` as SQLite takes it for a file of this salt."""
    return key if key.startswith("raw:") else f"raw:{_derived(key, salt).hex()}{salt.hex()}"


@lru_cache(maxsize=8)
def _derived(passphrase: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, _ROUNDS, 32)
