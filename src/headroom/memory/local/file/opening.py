"""Opening the file once: its settings, its key, and whose it is."""

from __future__ import annotations

import logging
import os
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import apsw
import sqlite_vec  # type: ignore[import-untyped]  # it ships no types

from ....errors import StoreMissing, StoreUnwritable
from ....runtime.ending import time_left
from . import keys

if sys.platform == "win32":
    fcntl = None
else:
    import fcntl

_log = logging.getLogger("headroom")

_COPY = ".headroom-copy-"

BUSY_TIMEOUT_MS = 5000
"""How long a write waits for another process that is writing."""

_PAUSES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.025, 0.05)
"""Seconds between two tries, as SQLite itself waits."""

_PRAGMAS = (
    "pragma synchronous = full",  # what was acknowledged survives a power cut; 0.3 ms a commit
    "pragma secure_delete = on",
    "pragma foreign_keys = on",
    "pragma cell_size_check = on",  # notices more damaged pages; costs nothing measurable
    "pragma temp_store = memory",  # nobody's text in a file of the temporary folder
    # Not mapped: if another program cuts the file short meanwhile, a process that reads its mapping is killed.
    "pragma mmap_size = 0",
)


def connect(path: Path, key: str | None = None, *, mode: str = "rw", immutable: bool = False) -> apsw.Connection:
    """Open the file, which must be there, with our settings and sqlite-vec. Writes nothing to it.

    `mode` is `rw` or `ro`. `immutable` promises SQLite that nobody changes the file, so that it takes no lock and
    needs no log.
    """
    flags = apsw.SQLITE_OPEN_URI | (apsw.SQLITE_OPEN_READWRITE if mode == "rw" else apsw.SQLITE_OPEN_READONLY)
    connection = apsw.Connection(uri(path, mode=mode, **({"immutable": "1"} if immutable else {})), flags=flags)
    try:
        keys.unlock(connection, path, key)
        _set_up(connection)
    except BaseException:
        connection.close(True)
        raise
    return connection


def _set_up(connection: apsw.Connection) -> None:
    wait_for_others(connection)
    for pragma in _PRAGMAS:
        connection.execute(pragma).fetchall()
    # What is bound to a statement chooses no plan: else each with a scope is prepared anew each time, 0.1 ms a save.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.enable_load_extension(True)
    connection.load_extension(sqlite_vec.loadable_path())
    connection.enable_load_extension(False)


def wait_for_others(connection: apsw.Connection) -> None:
    """Let a connection wait for another process that writes, but not longer than the end of the program may take."""
    began = 0.0

    def go_on(tries: int) -> bool:
        nonlocal began
        began = began if tries else time.monotonic()
        left = time_left(began + BUSY_TIMEOUT_MS / 1000 - time.monotonic())
        time.sleep(max(0.0, min(left, _PAUSES[min(tries, len(_PAUSES) - 1)])))
        return left > 0

    connection.set_busy_handler(go_on)


def uri(path: Path, **options: str) -> str:
    """Write a path as SQLite takes it with options (https://sqlite.org/uri.html)."""
    return f"file:{quote(str(path))}?" + "&".join(f"{name}={quote(value)}" for name, value in options.items())


def create(path: Path) -> None:
    """Create the file for its owner alone, before SQLite does: `-wal` and `-shm` take its mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        if path.is_dir():
            raise StoreUnwritable(path=path, reason="it is a folder") from None
    except OSError as exc:
        raise StoreUnwritable(path=path, reason=exc.strerror or str(exc)) from exc


def require_file(path: Path) -> None:
    """Raise StoreMissing unless there is a file."""
    if not path.is_file():
        raise StoreMissing(path=path)


def require_owner(path: Path) -> None:
    """Raise StoreUnwritable if the file belongs to another user: what we wrote beside it would lock that user out."""
    owner = os.stat(path).st_uid
    if hasattr(os, "geteuid") and owner != os.geteuid():
        reason = (
            f"it belongs to another user (uid {owner}, and this is uid {os.geteuid()}); open it with read_only=True"
        )
        raise StoreUnwritable(path=path, reason=reason)


@contextmanager
def unfinished_copy(folder: Path) -> Iterator[Path]:
    """Make an empty file of the owner's alone in `folder`; it goes at the end unless it was renamed."""
    remove_dead_copies(folder)
    with _held(folder, shared=True):
        descriptor, name = tempfile.mkstemp(prefix=_COPY, dir=folder)
        os.close(descriptor)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)


def remove_dead_copies(folder: Path) -> None:
    """Remove what a killed backup, restore or change of key has left in `folder`, unless a copy is being made there."""
    with _held(folder, shared=False) as alone:
        for path in folder.glob(f"{_COPY}*") if alone else ():
            with suppress(OSError):
                path.unlink()


@contextmanager
def _held(folder: Path, *, shared: bool) -> Iterator[bool]:
    """Lock a folder among those who make copies in it, and say whether that was possible, without waiting.

    The folder and not the copy, because closing a descriptor of a file drops the locks that SQLite has on it.
    """
    with ExitStack() as opened:
        locked = False
        if fcntl is not None:
            with suppress(OSError):
                descriptor = os.open(folder, os.O_RDONLY)
                opened.callback(os.close, descriptor)
                fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                locked = True
        yield locked


def tidy(path: Path) -> None:
    """Let only the owner read an open file and those beside it, which may have come from a backup with another mode.

    Remove what a killed restore or change of key has left.
    """
    remove_dead_copies(path.parent)
    for suffix in ("", "-wal", "-shm"):
        beside = f"{path}{suffix}"
        try:
            if stat.S_IMODE(os.stat(beside).st_mode) & 0o077:
                os.chmod(beside, 0o600)
        except FileNotFoundError:
            continue
        except OSError as exc:
            _log.warning("others may read %s: its mode cannot be changed (%s)", beside, exc.strerror)
