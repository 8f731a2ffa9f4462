"""The SQLite file: creating it, its connections, one writer at a time, and foreign errors made ours."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw
import sqlite_vec  # type: ignore[import-untyped]  # it ships no types

from ...errors import Closed, NotADatabase, StoreUnavailable, StoreUnwritable
from ..forks import renew_in_child

BUSY_TIMEOUT_MS = 5000
"""How long a write waits for another process that is writing."""
ERASING_TIMEOUT_MS = 1000
"""How long an erasure waits for searches elsewhere that still read the write-ahead log."""

_PRAGMAS = (
    "pragma synchronous = full",  # what was acknowledged survives a power cut; 0.3 ms a commit
    "pragma secure_delete = on",
    "pragma foreign_keys = on",
    "pragma temp_store = memory",  # nobody's text in a file of the temporary folder
    "pragma mmap_size = 268435456",
)


class Database:
    """One SQLite file. Reads run side by side, each on a connection of its own; writes take turns.

    The file itself is never opened but by SQLite: closing any other handle would drop this process's locks on it
    (https://sqlite.org/howtocorrupt.html, section 2.2).
    """

    def __init__(self, path: Path, prepare: Callable[[apsw.Connection, Path], None]) -> None:
        """Open or create `path`; `prepare` brings it up to date.

        Raises StoreUnwritable, NotADatabase or whatever `prepare` raises.
        """
        self.path = path
        self._prepare = prepare
        self._closed = False
        self._files: dict[str, tuple[int, int] | None] = {}
        self._hold_nothing()
        renew_in_child(self._abandon)
        with self._writing, errors_mapped(path):
            self._finish_erasing(self._connect_writer(), patience_ms=0)

    def _hold_nothing(self) -> None:
        self._writing = threading.RLock()
        self._pooling = threading.Lock()
        self._writer: apsw.Connection | None = None
        self._readers: list[apsw.Connection] = []
        self._log_emptied_at = self._log_tried_at = -1

    def _abandon(self) -> None:
        """Start over in a forked child. Connections of its parent may be neither used nor closed there."""
        _abandoned.append((self._writer, self._readers))
        self._hold_nothing()

    @contextmanager
    def read(self) -> Iterator[apsw.Cursor]:
        """Give a cursor within one read transaction: everything it sees is of one instant."""
        self._check()
        with errors_mapped(self.path):
            connection = self._borrow()
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
            self._give_back(connection)

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
            self._finish_erasing(writer, patience_ms=ERASING_TIMEOUT_MS)

    def close(self) -> None:
        """Close every connection; reads that run elsewhere end first. Closing twice is fine."""
        with self._writing:
            with self._pooling:
                self._closed = True
                readers, self._readers = self._readers, []
            for reader in readers:
                reader.close(True)
            if self._writer is not None:
                self._finish_erasing(self._writer, patience_ms=0)
                self._writer.close(True)
                self._writer = None

    def in_place(self) -> bool:
        """Tell whether the file that was opened is still the one at its path."""
        if not self._files or _identity(self.path) == self._files[""]:
            return True
        self._take_leave()
        return False

    def _check(self) -> None:
        """Refuse a file that was closed, deleted or exchanged: SQLite would go on writing into the void."""
        if self._closed:
            raise Closed
        if not self.in_place():
            raise StoreUnavailable(path=self.path, reason="it was moved, deleted or exchanged; make a new Memory")

    def _take_leave(self) -> None:
        """Fold the log into the file that was moved away, and remove it: SQLite would play it into a new file here."""
        with self._writing:
            writer, self._writer = self._writer, None
            if writer is None:
                return
            with suppress(apsw.Error):
                writer.set_busy_timeout(0)
                busy, _, _ = writer.execute("pragma wal_checkpoint(truncate)").get
                for suffix in () if busy else ("-wal", "-shm"):
                    beside = Path(f"{self.path}{suffix}")
                    if _identity(beside) == self._files[suffix]:
                        beside.unlink(missing_ok=True)
            writer.close(True)

    def _borrow(self) -> apsw.Connection:
        with self._pooling:
            if self._readers:
                return self._readers.pop()
        return self._connect()

    def _give_back(self, connection: apsw.Connection) -> None:
        with self._pooling:
            if not self._closed:
                self._readers.append(connection)
                return
        connection.close(True)

    def _connect_writer(self) -> apsw.Connection:
        _create(self.path)
        writer = self._connect()
        try:
            self._prepare_patiently(writer)
        except BaseException:
            writer.close(True)
            raise
        self._files = {suffix: _identity(Path(f"{self.path}{suffix}")) for suffix in ("", "-wal", "-shm")}
        self._writer = writer
        return writer

    def _prepare_patiently(self, writer: apsw.Connection) -> None:
        """Wait for others that open the same new file: the switch to a write-ahead log does not wait by itself."""
        deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
        while True:
            try:
                self._prepare(writer, self.path)
                return
            except apsw.BusyError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.005)

    def _connect(self) -> apsw.Connection:
        connection = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READWRITE)
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        for pragma in _PRAGMAS:
            connection.execute(pragma).fetchall()
        connection.enable_load_extension(True)
        connection.load_extension(sqlite_vec.loadable_path())
        connection.enable_load_extension(False)
        return connection

    def _finish_erasing(self, writer: apsw.Connection, *, patience_ms: int) -> None:
        """Empty the write-ahead log where something was erased since the last time, by any process.

        A search elsewhere may need the log for longer than this waits. Then the next write finishes it without
        waiting, or closing the file does, or the next who opens it.
        """
        try:
            erased = writer.execute("pragma user_version").get
            if erased == self._log_emptied_at:
                return
            writer.set_busy_timeout(0 if erased == self._log_tried_at else patience_ms)
            self._log_tried_at = erased
            try:
                busy, _, _ = writer.execute("pragma wal_checkpoint(truncate)").get
            finally:
                writer.set_busy_timeout(BUSY_TIMEOUT_MS)
            if not busy:
                self._log_emptied_at = erased
        except apsw.Error:
            return  # what was to be written is committed; the log is emptied another time


def count_erasure(cursor: apsw.Cursor) -> None:
    """Leave a mark in the file that its write-ahead log must be emptied: the erased text still stands in there."""
    erased = int(cursor.execute("pragma user_version").get)
    cursor.execute(f"pragma user_version = {(erased + 1) % 2**31}")


def integers(cursor: apsw.Cursor) -> list[int]:
    """Read the first column of all rows that `cursor` still has."""
    return [row[0] for row in cursor]


def _identity(path: Path) -> tuple[int, int] | None:
    """Tell one file from another that takes its place; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


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


_abandoned: list[object] = []
