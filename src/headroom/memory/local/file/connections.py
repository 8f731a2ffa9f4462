"""The connections of this process to one SQLite file."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from ....runtime.forks import pause_for_fork, renew_in_child
from . import guard, keys, opening
from .guard import Guard, Identity, file_identity
from .reading import ReadOnly

Prepare = Callable[[apsw.Connection, Path], None]


class Connections:
    """A writer, and as many readers as run at once; made when needed, kept for the next.

    The file itself is never opened but by SQLite and the guard: closing any other descriptor would drop this process's
    locks on it. All are closed before a fork: SQLite in the child would believe that it holds the locks of its parent,
    and take none.
    """

    def __init__(self, path: Path, prepare: Prepare, *, key: str | None = None, read_only: bool = False) -> None:
        """`prepare` brings the file up to date on the writer's connection, or checks it if it is only read."""
        self.path = path
        self.real = Path(os.path.realpath(path))
        """The file behind a symbolic link: SQLite puts its log beside that."""
        self._prepare, self._key = prepare, key
        self._read_only = ReadOnly(self.real, key) if read_only else None
        self.files: dict[str, Identity | None] = {}
        """What the file and its side files were when they were opened."""
        self._closed = False
        self._start_over()
        renew_in_child(self._start_over)
        pause_for_fork(self._pause, self._resume)

    def _start_over(self) -> None:
        self.writing = threading.RLock()
        self.opened: apsw.Connection | None = None
        """The writer, if there is one."""
        self.guard: Guard | None = None
        self._change = threading.Condition()
        self._idle: list[apsw.Connection] = []
        self._reads: Counter[int] = Counter()  # those that run now, by thread
        self._forking = False

    def writer(self) -> apsw.Connection:
        """Return the one connection to write with. Hold `writing` as long as you use it."""
        if self.opened is None:
            opening.create(self.real)
            opening.require_owner(self.real)
            self._enter()
            self.opened = self._prepared()
            opening.tidy(self.real)
            self.files = {suffix: file_identity(Path(f"{self.real}{suffix}")) for suffix in ("", "-wal", "-shm")}
        assert self.guard is not None
        self.guard.lock()
        return self.opened

    @contextmanager
    def reader(self) -> Iterator[apsw.Connection]:
        """Lend a connection to read with; one that fails is not lent again."""
        with self._running():
            connection = self._kept() or self._connect()
            try:
                yield connection
                if self._read_only is not None:
                    self._read_only.require_unchanged()
            except BaseException:
                connection.close(True)
                raise
            with self._change:
                if not self._closed:
                    self._idle.append(connection)
                    return
            connection.close(True)

    def check(self) -> None:
        """Look at a file that is only read: raise what `prepare` finds wrong with it."""
        try:
            with self.reader() as connection:
                self._prepare(connection, self.path)
        except apsw.NotADBError as exc:
            raise keys.refusal(self.path, self._key) from exc
        self.files = {"": file_identity(self.real)}

    def close(self) -> None:
        """Close all, the writer last; a reader that is lent goes when it comes back. Hold `writing`."""
        self._closed = True
        self._close_idle()

    def _kept(self) -> apsw.Connection | None:
        """Take a connection that is kept; none that has read what others have changed since."""
        with self._change:
            if self._read_only is not None and self._read_only.is_stale():
                _close(self._idle)
                self._idle = []
            return self._idle.pop() if self._idle else None

    def _connect(self) -> apsw.Connection:
        if self._read_only is not None:
            return self._read_only.connect()
        self._enter()
        connection = opening.connect(self.real, self._key)
        connection.execute("pragma user_version").fetchall()  # opens the index of the log, which the guard needs
        assert self.guard is not None
        self.guard.lock()
        return connection

    def _enter(self) -> None:
        with self._change:
            if self.guard is None:
                self.guard = guard.enter(self.real)

    def _close_idle(self) -> None:
        with self._change:
            idle, self._idle = self._idle, []
            held, self.guard = self.guard, None
        if held is None:
            _close(idle)
            return
        with held.leaving():
            _close(idle)
            if self.opened is not None:
                self.opened.close(True)
                self.opened = None

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Count a read; a new one waits while the process is about to fork."""
        me = threading.get_ident()
        with self._change:
            self._change.wait_for(lambda: self._reads[me] or not self._forking)
            self._reads[me] += 1
        try:
            yield
        finally:
            with self._change:
                self._reads[me] -= 1
                if not self._reads[me]:
                    del self._reads[me]
                self._change.notify_all()

    def _pause(self) -> None:
        """Wait for what runs, then close everything, until `_resume`."""
        self.writing.acquire()
        with self._change:
            self._forking = True
            self._change.wait_for(lambda: not self._reads, opening.BUSY_TIMEOUT_MS / 1000)
        self._close_idle()

    def _resume(self) -> None:
        with self._change:
            paused, self._forking = self._forking, False
            self._change.notify_all()
        if paused:
            self.writing.release()

    def _prepared(self) -> apsw.Connection:
        """Open a connection to write with, and bring the file up to date.

        Wait for others that open the same new file: the switch to a write-ahead log does not wait by itself, and an
        encrypted file has the salt of whoever came first.
        """
        deadline = time.monotonic() + opening.BUSY_TIMEOUT_MS / 1000
        while True:
            header = keys.header_of(self.real)
            try:
                return self._connected_to_write()
            except apsw.NotADBError as exc:
                if keys.header_of(self.real) == header:
                    raise keys.refusal(self.path, self._key) from exc
            except apsw.BusyError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.005)

    def _connected_to_write(self) -> apsw.Connection:
        writer = opening.connect(self.real, self._key)
        try:
            self._prepare(writer, self.path)
        except BaseException:
            writer.close(True)
            raise
        return writer


def _close(connections: list[apsw.Connection]) -> None:
    for connection in connections:
        connection.close(True)
