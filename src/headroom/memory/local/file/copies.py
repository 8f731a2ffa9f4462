"""Whole copies of a memory file: a backup, a restored one, and one under another key.

Each is written by SQLite itself (VACUUM INTO), beside its destination, checked, flushed to the disk, and only then
renamed: a kill at any instant leaves what was there before, or the whole copy.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import apsw

from ....errors import InvalidInput, NotADatabase, StoreUnavailable, StoreUnwritable, WrongKey
from . import guard, keys, opening, schema
from .database import Database
from .faults import errors_mapped
from .reading import ReadOnly


def backup(database: Database, target: Path, key: str | None, *, overwrite: bool = False) -> None:
    """Copy an open file to `target` while programs write: all that was committed when it began.

    Raise InvalidInput if there is such a file already, unless `overwrite`, and StoreUnwritable if it cannot be written.
    """
    _require_free(target, overwrite)
    with database.aside() as connection, errors_mapped(target), _new_file(target) as new:
        _write(connection, new, key)
        _check(new, key)
        _put_in_place(new, target)


def restore(source: Path, target: Path, key: str | None, *, overwrite: bool = False) -> None:
    """Put a copy of the memory file `source`, such as a backup, in the place of `target`.

    Raise NotADatabase or WrongKey if `source` is none, and StoreUnavailable if anybody has `target` open.
    """
    _require_free(target, overwrite)
    reader: apsw.Connection | None = None
    with errors_mapped(source):
        try:
            reader = ReadOnly(source.resolve(), key).connect()
            schema.known(reader.cursor(), source, schema.STEPS)
            with _new_file(target) as new:
                _write(reader, new, key)
                _check(new, key)
                if not target.exists():
                    _put_in_place(new, target)
                    return
                with errors_mapped(target), _alone_or_damaged(target, key):
                    _put_in_place(new, target)
        except apsw.NotADBError as exc:
            raise keys.refusal(source, key) from exc
        finally:
            if reader is not None:
                reader.close(True)


def rekey(path: Path, old: str | None, new: str | None) -> None:
    """Encrypt a file, change its key, or decrypt it (`new` is None), as the only one who has it open.

    Raise WrongKey if `old` is not its key, and StoreUnavailable if anybody has it open.
    """
    path = path.resolve()
    if new is not None:
        keys.require_ciphers()
    with errors_mapped(path), _alone(path, old) as connection:
        schema.known(connection.cursor(), path, schema.STEPS)
        with _new_file(path) as copy:
            _write(connection, copy, new)
            _check(copy, new)
            _put_in_place(copy, path)


def _require_free(target: Path, overwrite: bool) -> None:
    if target.exists() and not overwrite:
        raise InvalidInput(f"{target} is there already; choose another name, or pass overwrite=True (--overwrite)")


@contextmanager
def _new_file(target: Path) -> Iterator[Path]:
    """Make an empty file in the folder of `target`. Raise StoreUnwritable if that cannot be."""
    with ExitStack() as made:
        try:
            path = made.enter_context(opening.unfinished_copy(target.parent))
        except OSError as exc:
            raise StoreUnwritable(path=target, reason=exc.strerror or str(exc)) from exc
        yield path


def _write(connection: apsw.Connection, new: Path, key: str | None) -> None:
    """Write what `connection` reads into the empty file `new`, with another key or none."""
    given = "" if key is None else keys.new_key_for(key)
    connection.execute("vacuum into ?", (opening.uri(new, key=given),)).fetchall()


def _check(path: Path, key: str | None) -> None:
    """Raise NotADatabase unless a copy is sound in all its pages, indexes and words."""
    connection = opening.connect(path, key, mode="ro")
    try:
        found = connection.execute("pragma integrity_check").get
        schema.known(connection.cursor(), path, schema.STEPS)
    finally:
        connection.close(True)
    if found != "ok":
        raise NotADatabase(path=path, reason=str(found).splitlines()[0])


def _put_in_place(new: Path, target: Path) -> None:
    """Flush a copy to the disk and rename it."""
    _flush(new, os.O_RDONLY)
    os.replace(new, target)
    with suppress(OSError):  # folders cannot be flushed everywhere
        _flush(target.parent, os.O_RDONLY)


def _flush(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _alone(path: Path, key: str | None) -> Iterator[apsw.Connection]:
    """Open a file as the only one who has it, with its log folded into it; nobody can open it meanwhile."""
    if guard.is_open_here(path):
        raise StoreUnavailable(path=path, reason="this process has it open; close it first")
    opening.require_file(path)
    opening.require_owner(path)
    connection: apsw.Connection | None = None
    try:
        connection = opening.connect(path, key)
        connection.execute("pragma locking_mode = exclusive").fetchall()
        connection.execute("pragma journal_mode = delete").fetchall()
        connection.execute("begin exclusive")
        connection.execute("commit")
        yield connection
    except apsw.NotADBError as exc:
        raise keys.refusal(path, key) from exc
    except (apsw.BusyError, apsw.LockedError) as exc:
        raise StoreUnavailable(path=path, reason="another program has it open; close that first") from exc
    finally:
        if connection is not None:
            connection.close(True)


@contextmanager
def _alone_or_damaged(path: Path, key: str | None) -> Iterator[None]:
    """Hold a file that is to be replaced, whatever state it is in; what stands beside it belongs to it and goes."""
    with ExitStack() as held:
        try:
            held.enter_context(_alone(path, key))
        except (NotADatabase, WrongKey, apsw.CorruptError):
            held.enter_context(guard.alone(path))
            for suffix in ("-wal", "-shm"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
        yield
