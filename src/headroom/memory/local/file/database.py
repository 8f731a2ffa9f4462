"""The SQLite file: one read or write transaction a call, and an end to what is erased."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path

import apsw

from ....errors import Closed, HeadroomError, StoreMissing, StoreUnavailable, StoreUnwritable
from ....runtime.threads import waiting
from . import opening
from .connections import Connections, Prepare
from .faults import errors_mapped
from .guard import file_identity
from .log import LogEmptier

_PATIENCE_MS = 20
"""How long emptying the log may hold up those who write, for the sake of those who read."""
_TURN_S = 0.5
"""How long emptying the log waits for its turn, in the background."""
_LEAVING_MS = 2000
"""How long a file that was moved away is waited for, until nobody reads from its log."""


class Database:
    """One SQLite file. Reads run side by side, each on a connection of its own; writes take turns."""

    def __init__(self, path: Path, prepare: Prepare, *, key: str | None = None, read_only: bool = False) -> None:
        """Open or create `path`; `prepare` brings it up to date, or checks it if `read_only`.

        Raise StoreUnwritable, NotADatabase, WrongKey or whatever `prepare` raises.
        """
        self.path = path
        self.read_only = read_only
        self._connections = Connections(path, prepare, key=key, read_only=read_only)
        self._emptier = LogEmptier(self._try_to_empty)
        self._closed = False
        self._emptied_at = -1
        """How many erasures the file had seen when the log was last empty."""
        try:
            with errors_mapped(path):
                self._open()
        except BaseException:
            self._connections.close()
            raise

    @contextmanager
    def read(self) -> Iterator[apsw.Cursor]:
        """Lend a cursor within one read transaction: everything it sees is of one instant."""
        self._check()
        with errors_mapped(self.path), self._connections.reader() as connection:
            cursor = connection.cursor()
            cursor.execute("begin")
            try:
                yield cursor
            finally:
                cursor.execute("rollback")

    @contextmanager
    def aside(self) -> Iterator[apsw.Connection]:
        """Lend a connection that is within no transaction, for what begins its own."""
        self._check()
        with errors_mapped(self.path), self._connections.reader() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[apsw.Cursor]:
        """Lend a cursor within one write transaction: it commits at the end, or not at all."""
        with self._turn() as writer:
            cursor = writer.cursor()
            try:
                yield cursor
                cursor.execute("commit")
            except BaseException:
                if writer.in_transaction:
                    cursor.execute("rollback")
                raise
            self._after_write(writer)
            if self._connections.guard is not None:
                self._connections.guard.warn_of_others()

    def close(self) -> None:
        """Close every connection; a read that runs elsewhere may end. Closing twice is fine."""
        self._emptier.close()
        with self._connections.writing:
            writer = self._connections.opened
            if writer is not None and self.in_place():
                self._empty_at_last(writer)
            self._closed = True
            self._connections.close()

    def in_place(self) -> bool:
        """Return whether the file that was opened is still the one at its path."""
        if file_identity(self.path) == self._connections.files[""]:
            return True
        self._take_leave()
        return False

    def is_erasing(self, cursor: apsw.Cursor) -> bool:
        """Return whether erased text may still stand in the log, and see to it that somebody empties that."""
        if _erasures(cursor) == self._emptied_at or not self._log_size() or self.read_only:
            return False
        self._emptier.now()
        return True

    def empty_log(self) -> bool:
        """Try to empty the log; return whether it is empty now: not while somebody reads from it."""
        return self._try_to_empty()

    def _open(self) -> None:
        if self.read_only:
            if not self.path.exists():
                raise StoreMissing(path=self.path)
            self._connections.check()
            return
        with self._connections.writing:
            self._connections.writer()
        if self._log_size() and not self._try_to_empty():
            self._emptier.now()  # a process that was killed may have left there what it had erased

    @contextmanager
    def _turn(self) -> Iterator[apsw.Connection]:
        """Be the one who writes, within a transaction that has begun."""
        if self.read_only:
            raise StoreUnwritable(path=self.path, reason="it was opened to be read only")
        with ExitStack() as turn:
            with waiting():  # for another thread, and for another process
                turn.enter_context(self._connections.writing)
                turn.enter_context(errors_mapped(self.path))
                self._check()
                writer = self._connections.writer()
                assert self._connections.guard is not None
                turn.enter_context(self._connections.guard.writing(opening.BUSY_TIMEOUT_MS / 1000))
                writer.execute("begin immediate")
            yield writer

    def _check(self) -> None:
        """Refuse a file that was closed, deleted or exchanged: SQLite would go on writing into the void."""
        if self._closed:
            raise Closed
        if not self.in_place():
            raise StoreUnavailable(path=self.path, reason="it was moved, deleted or exchanged; make a new Memory")

    def _take_leave(self) -> None:
        """Fold the log into the file that was moved away, and remove it: SQLite would play it into a new file here."""
        with self._connections.writing:
            writer = self._connections.opened
            if writer is None:
                return
            guard = self._connections.guard
            with suppress(apsw.Error, HeadroomError), nullcontext() if guard is None else guard.writing(_TURN_S):
                writer.set_busy_timeout(_LEAVING_MS)  # a search that is under way ends first
                busy, _, _ = writer.execute("pragma wal_checkpoint(truncate)").get
                for suffix in () if busy else ("-wal", "-shm"):
                    beside = Path(f"{self._connections.real}{suffix}")
                    if file_identity(beside) == self._connections.files[suffix]:
                        beside.unlink(missing_ok=True)
            self._connections.close()

    def _after_write(self, writer: apsw.Connection) -> None:
        """Empty the log if something was erased since the last time, by any process; if not, when writing pauses.

        In the turn of the one who writes, nobody else does: only those who read may be in the way. Then it is tried
        again in the background until it is done, and erasures meanwhile leave it at that.
        """
        if self._emptier.erasing:
            return
        with suppress(apsw.Error):  # what was to be written is committed
            if _erasures(writer) == self._emptied_at:
                self._emptier.soon()
            elif self._empty(writer):
                self._emptier.done()
            else:
                self._emptier.now()

    def _empty_at_last(self, writer: apsw.Connection) -> None:
        """Empty the log before the file is closed, if anything was erased."""
        guard = self._connections.guard
        with suppress(apsw.Error, HeadroomError):
            if guard is not None and _erasures(writer) != self._emptied_at:
                with guard.writing(_TURN_S):
                    self._empty(writer)

    def _try_to_empty(self) -> bool:
        """Try once, in the background, on a connection of its own."""
        try:
            with self._connections.reader() as connection:
                guard = self._connections.guard
                if guard is None:
                    return False
                guard.warn_of_others()
                with guard.writing(_TURN_S):
                    return self._empty(connection)
        except (apsw.Error, HeadroomError, OSError):
            return self._closed or not self._log_size()

    def _empty(self, connection: apsw.Connection) -> bool:
        """Empty the log, in the turn of one who writes; return False if that cannot be while somebody reads from it."""
        erasures = _erasures(connection)
        connection.set_busy_timeout(_PATIENCE_MS)
        try:
            busy, _, _ = connection.execute("pragma wal_checkpoint(truncate)").get
        except apsw.BusyError:
            return False
        finally:
            opening.wait_for_others(connection)
        if not busy:
            self._emptied_at = erasures
        return not busy

    def _log_size(self) -> int:
        try:
            return os.stat(f"{self._connections.real}-wal").st_size
        except OSError:
            return 0


def count_erasure(cursor: apsw.Cursor) -> None:
    """Leave a mark in the file that its write-ahead log must be emptied: the erased text still stands in there."""
    cursor.execute(f"pragma user_version = {(_erasures(cursor) + 1) % 2**31}")


def integers(cursor: apsw.Cursor) -> list[int]:
    """Read the first column of all rows that `cursor` still has."""
    return [row[0] for row in cursor]


def _erasures(connection: apsw.Connection | apsw.Cursor) -> int:
    return int(connection.execute("pragma user_version").get)
