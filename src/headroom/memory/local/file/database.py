"""The SQLite file: one read or write transaction at a call, and an end to what is erased."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import apsw

from ....errors import Closed, StoreUnavailable
from ....runtime.threads import waiting
from . import connections
from .connections import Connections, Prepare, errors_mapped, file_identity

ERASING_TIMEOUT_MS = 1000
"""How long an erasure waits for searches elsewhere that still read the write-ahead log."""


class Database:
    """One SQLite file. Reads run side by side, each on a connection of its own; writes take turns."""

    def __init__(self, path: Path, prepare: Prepare) -> None:
        """Open or create `path`; `prepare` brings it up to date.

        Raises StoreUnwritable, NotADatabase or whatever `prepare` raises.
        """
        self.path = path
        self._connections = Connections(path, prepare)
        self._closed = False
        self._log_emptied_at = self._log_tried_at = -1
        with self._connections.writing, errors_mapped(path):
            self._finish_erasing(self._connections.writer(), patience_ms=0)

    @contextmanager
    def read(self) -> Iterator[apsw.Cursor]:
        """Give a cursor within one read transaction: everything it sees is of one instant."""
        self._check()
        with errors_mapped(self.path), self._connections.reader() as connection:
            cursor = connection.cursor()
            cursor.execute("begin")
            try:
                yield cursor
            finally:
                cursor.execute("rollback")

    @contextmanager
    def write(self) -> Iterator[apsw.Cursor]:
        """Give a cursor within one write transaction: it commits at the end, or not at all."""
        with self._turn() as writer:
            cursor = writer.cursor()
            try:
                yield cursor
                cursor.execute("commit")
            except BaseException:
                if writer.in_transaction:
                    cursor.execute("rollback")
                raise
            self._finish_erasing(writer, patience_ms=ERASING_TIMEOUT_MS)

    @contextmanager
    def _turn(self) -> Iterator[apsw.Connection]:
        """Be the one who writes, within a transaction that has begun."""
        with ExitStack() as turn:
            with waiting():  # for another thread, and for another process
                turn.enter_context(self._connections.writing)
                turn.enter_context(errors_mapped(self.path))
                self._check()
                writer = self._connections.writer()
                writer.execute("begin immediate")
            yield writer

    def close(self) -> None:
        """Close every connection; a read that runs elsewhere may end. Closing twice is fine."""
        with self._connections.writing:
            writer = self._connections.opened
            if writer is not None and self.in_place():
                self._finish_erasing(writer, patience_ms=0)
            self._closed = True
            self._connections.close()

    def in_place(self) -> bool:
        """Tell whether the file that was opened is still the one at its path."""
        if file_identity(self.path) == self._connections.files[""]:
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
        with self._connections.writing:
            writer = self._connections.opened
            if writer is None:
                return
            with suppress(apsw.Error):
                writer.set_busy_timeout(0)
                busy, _, _ = writer.execute("pragma wal_checkpoint(truncate)").get
                for suffix in () if busy else ("-wal", "-shm"):
                    beside = Path(f"{self.path}{suffix}")
                    if file_identity(beside) == self._connections.files[suffix]:
                        beside.unlink(missing_ok=True)
            self._connections.close()

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
                writer.set_busy_timeout(connections.BUSY_TIMEOUT_MS)
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
