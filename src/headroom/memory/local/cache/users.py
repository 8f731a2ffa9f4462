"""The users' columns that are kept in memory: lazy, bounded in bytes, fresh by the revision in the file."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import apsw

from ....runtime.forks import renew_in_child
from ....runtime.threads import submit
from ..tables.history import CHANGES_KEPT
from .user import Stamp, UserColumns


class Indexes:
    """A least-recently-used cache of UserColumns."""

    def __init__(self, make: Callable[[apsw.Cursor, int, Stamp], UserColumns], limit_bytes: int) -> None:
        self._make, self._limit = make, limit_bytes
        self._start_over()
        renew_in_child(self._start_over)

    def _start_over(self) -> None:
        self._lock = threading.Lock()
        self._columns: OrderedDict[int, UserColumns] = OrderedDict()
        self._sizes: dict[int, int] = {}
        self.nbytes = 0

    @contextmanager
    def fresh(self, cursor: apsw.Cursor, user: int, revision: int, stamp: Stamp) -> Iterator[UserColumns]:
        """Lend the columns of `user` as of `revision` or later, locked for the caller alone.

        Those made under another `stamp` hold vectors that the file does not have any more, and are made anew.
        """
        columns = self._get(cursor, user, revision, stamp)
        with columns.lock:
            if revision < columns.revision:
                revision = _look_again(cursor, user)
            if revision > columns.revision:
                columns.catch_up(cursor, revision)
            try:
                yield columns
            finally:
                self._account(user, columns)

    def close(self) -> None:
        """Forget the columns of everybody, once what is worth keeping of them is kept."""
        with self._lock:
            closed = [self._remove(user) for user in list(self._columns)]
        for columns in closed:
            columns.vectors.close()

    def _get(self, cursor: apsw.Cursor, user: int, revision: int, stamp: Stamp) -> UserColumns:
        with self._lock:
            columns = self._columns.get(user)
        if columns is None or columns.stamp != stamp or (revision > columns.revision and _log_was_cut(cursor, columns)):
            columns = self._make(cursor, user, stamp)
        with self._lock:
            before = self._columns.get(user, columns)
            self._columns[user] = columns
            self._columns.move_to_end(user)
        if before is not columns:
            _let_go(before)
        return columns

    def _account(self, user: int, columns: UserColumns) -> None:
        size = columns.nbytes
        with self._lock:
            if self._columns.get(user) is not columns:
                return
            self.nbytes += size - self._sizes.get(user, 0)
            self._sizes[user] = size
            while self.nbytes > self._limit and len(self._columns) > 1:
                _let_go(self._remove(next(iter(self._columns))))

    def _remove(self, user: int) -> UserColumns:
        self.nbytes -= self._sizes.pop(user, 0)
        return self._columns.pop(user)


def _let_go(columns: UserColumns) -> None:
    """Close columns while a search waits for others: not here, and not at all if there is nothing to do."""
    if columns.vectors.keeps_work:
        with suppress(RuntimeError):  # the interpreter ends
            submit(columns.vectors.close)


def _look_again(cursor: apsw.Cursor, user: int) -> int:
    """Begin a new read transaction, because another search brought the columns further than this one sees."""
    cursor.execute("rollback")
    cursor.execute("begin")
    return int(cursor.execute("select revision from users where key = ?", (user,)).get)


def _log_was_cut(cursor: apsw.Cursor, columns: UserColumns) -> bool:
    """The log of changes keeps its newest entries: columns that last read it before those cannot catch up."""
    newest = cursor.execute("select max(seq) from changes").get
    return columns.revision >= 0 and newest is not None and newest - columns.last_change > CHANGES_KEPT
