"""The SQLite file: creating it, its connections, one writer at a time, and foreign errors made ours."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import sqlite_vec  # type: ignore[import-untyped]  # it ships no types

from ...errors import Closed, NotADatabase, StoreUnavailable, StoreUnwritable

BUSY_TIMEOUT_MS = 5000
"""How long a write waits for another process that is writing."""

_PRAGMAS = (
    f"pragma busy_timeout = {BUSY_TIMEOUT_MS}",
    "pragma journal_mode = wal",
    "pragma synchronous = full",  # what was acknowledged survives a power cut; 0.3 ms a commit
    "pragma secure_delete = on",
    "pragma foreign_keys = on",
    "pragma mmap_size = 268435456",
)


class Database:
    """One SQLite file. Reads run side by side, each on a connection of its own; writes take turns."""

    def __init__(self, path: Path, prepare: Callable[[apsw.Connection, Path], None]) -> None:
        """Open or create `path`; `prepare` brings the schema up to date.

        Raises StoreUnwritable, NotADatabase or whatever `prepare` raises.
        """
        self.path = path
        self._prepare = prepare
        self._closed = False
        self._reset()
        _open_databases.add(self)
        with self._writing:
            self._connect_writer()

    def _reset(self) -> None:
        self._writing = threading.RLock()
        self._writer: apsw.Connection | None = None
        self._readers: list[apsw.Connection] = []
        self._file: tuple[int, int] | None = None

    @contextmanager
    def read(self) -> Iterator[apsw.Cursor]:
        """Give a cursor within one read transaction: everything it sees is of one instant."""
        self._check()
        with errors_mapped(self.path):
            try:
                connection = self._readers.pop()
            except IndexError:
                connection = self._connect()
            try:
                cursor = connection.cursor()
                cursor.execute("begin")
                try:
                    yield cursor
                finally:
                    cursor.execute("rollback")
            except BaseException:
                connection.close(True)
                raise
            self._readers.append(connection)

    @contextmanager
    def write(self) -> Iterator[apsw.Cursor]:
        """Give a cursor within one write transaction: it commits at the end, or not at all."""
        with self._writing, errors_mapped(self.path):
            self._check()
            writer = self._writer or self._connect_writer()
            cursor = writer.cursor()
            cursor.execute("begin immediate")
            try:
                yield cursor
                cursor.execute("commit")
            except BaseException:
                if writer.in_transaction:
                    cursor.execute("rollback")
                raise

    def truncate_log(self) -> bool:
        """Move the write-ahead log into the file and empty it; False where a reader elsewhere still needs it."""
        with self._writing, errors_mapped(self.path):
            self._check()
            writer = self._writer or self._connect_writer()
            busy, _, _ = writer.execute("pragma wal_checkpoint(truncate)").get
            return not busy

    def close(self) -> None:
        """Close every connection. Closing twice is fine."""
        with self._writing:
            self._closed = True
            while self._readers:
                self._readers.pop().close(True)
            if self._writer is not None:
                self._writer.close(True)
                self._writer = None

    def _check(self) -> None:
        """Refuse a file that was closed, deleted or exchanged: SQLite would go on writing into the void."""
        if self._closed:
            raise Closed
        if self._file is None:
            return
        try:
            status = os.stat(self.path)
        except OSError as exc:
            raise StoreUnavailable(path=self.path, reason="it was moved or deleted") from exc
        if (status.st_dev, status.st_ino) != self._file:
            with self._writing:
                _abandoned.extend((self._writer, self._readers))
                self._writer, self._readers, self._file = None, [], None

    def _connect_writer(self) -> apsw.Connection:
        _create(self.path)
        with errors_mapped(self.path):
            writer = self._connect()
            self._prepare(writer, self.path)
        status = os.stat(self.path)
        self._file = (status.st_dev, status.st_ino)
        self._writer = writer
        return writer

    def _connect(self) -> apsw.Connection:
        connection = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READWRITE)
        for pragma in _PRAGMAS:
            connection.execute(pragma).fetchall()
        connection.enable_load_extension(True)
        connection.load_extension(sqlite_vec.loadable_path())
        connection.enable_load_extension(False)
        return connection


def integers(cursor: apsw.Cursor) -> list[int]:
    """Read the first column of all rows that `cursor` still has."""
    return [row[0] for row in cursor]


@contextmanager
def errors_mapped(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, each with what to do next."""
    try:
        yield
    except (apsw.NotADBError, apsw.CorruptError) as exc:
        raise NotADatabase(path=path, reason=_reason(exc)) from exc
    except (apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError, apsw.AuthError) as exc:
        raise StoreUnwritable(path=path, reason=_reason(exc)) from exc
    except (apsw.BusyError, apsw.LockedError) as exc:
        raise StoreUnavailable(path=path, reason="another process is writing to it") from exc
    except apsw.FullError as exc:
        raise StoreUnavailable(path=path, reason="the disk is full") from exc
    except apsw.IOError as exc:
        raise StoreUnavailable(path=path, reason=_reason(exc)) from exc


def _reason(exc: Exception) -> str:
    return str(exc).removeprefix("SQLITE_") or type(exc).__name__


def _create(path: Path) -> None:
    """Create the file for its owner alone, before SQLite does: `-wal` and `-shm` take its mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        if path.is_dir():
            raise StoreUnwritable(path=path, reason="it is a folder") from None
    except OSError as exc:
        raise StoreUnwritable(path=path, reason=exc.strerror or str(exc)) from exc


# Connections of a parent process, or to a file that is no longer there. Closing them would
# drop locks or touch files that are not ours any more, so they are kept and never used.
_abandoned: list[object] = []
_open_databases: weakref.WeakSet[Database] = weakref.WeakSet()


def _after_fork() -> None:
    for database in _open_databases:
        _abandoned.append((database._writer, database._readers))
        database._reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
