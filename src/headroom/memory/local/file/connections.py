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
import sqlite_vec  # type: ignore[import-untyped]  # it ships no types

from ....errors import NotADatabase, StoreUnavailable, StoreUnwritable
from ....runtime.forks import pause_for_fork, renew_in_child


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
    except apsw.SQLError as exc:
        if "no such table" not in str(exc):
            raise
        raise NotADatabase(path=path, reason="its tables are gone") from exc


def _reason(exc: Exception) -> str:
    return str(exc).removeprefix("SQLITE_") or type(exc).__name__


BUSY_TIMEOUT_MS = 5000
"""How long a write waits for another process that is writing."""

_PRAGMAS = (
    "pragma synchronous = full",  # what was acknowledged survives a power cut; 0.3 ms a commit
    "pragma secure_delete = on",
    "pragma foreign_keys = on",
    "pragma temp_store = memory",  # nobody's text in a file of the temporary folder
    "pragma mmap_size = 268435456",
)

Prepare = Callable[[apsw.Connection, Path], None]


class Connections:
    """A writer, and as many readers as run at once; made when needed, kept for the next.

    The file itself is never opened but by SQLite: closing any other handle would drop this process's locks on it
    (https://sqlite.org/howtocorrupt.html, section 2.2). For the same reason all are closed before a fork: SQLite in
    the child would believe that it holds the locks of its parent, and take none.
    """

    def __init__(self, path: Path, prepare: Prepare) -> None:
        """`prepare` brings the file up to date on the writer's connection."""
        self.path = path
        self._prepare = prepare
        self.files: dict[str, tuple[int, int] | None] = {}
        """What the file and its side files were when they were opened."""
        self._closed = False
        self._start_over()
        renew_in_child(self._start_over)
        pause_for_fork(self._pause, self._resume)

    def _start_over(self) -> None:
        self.writing = threading.RLock()
        self.opened: apsw.Connection | None = None
        """The writer, where there is one."""
        self._change = threading.Condition()
        self._idle: list[apsw.Connection] = []
        self._reads: Counter[int] = Counter()  # those that run now, by thread
        self._forking = False

    def writer(self) -> apsw.Connection:
        """Give the one connection to write with. Hold `writing` as long as you use it."""
        if self.opened is None:
            _create(self.path)
            writer = connect(self.path)
            try:
                self._prepare_patiently(writer)
            except BaseException:
                writer.close(True)
                raise
            self.files = {suffix: file_identity(Path(f"{self.path}{suffix}")) for suffix in ("", "-wal", "-shm")}
            self.opened = writer
        return self.opened

    @contextmanager
    def reader(self) -> Iterator[apsw.Connection]:
        """Lend a connection to read with; one that fails is not lent again."""
        with self._running():
            with self._change:
                connection = self._idle.pop() if self._idle else None
            connection = connection or connect(self.path)
            try:
                yield connection
            except BaseException:
                connection.close(True)
                raise
            with self._change:
                if not self._closed:
                    self._idle.append(connection)
                    return
            connection.close(True)

    def close(self) -> None:
        """Close all, the writer last; a reader that is lent goes when it comes back. Hold `writing`."""
        self._closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        with self._change:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close(True)
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
            self._change.wait_for(lambda: not self._reads, BUSY_TIMEOUT_MS / 1000)
        self._close_idle()

    def _resume(self) -> None:
        with self._change:
            paused, self._forking = self._forking, False
            self._change.notify_all()
        if paused:
            self.writing.release()

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


def connect(path: Path) -> apsw.Connection:
    """Open the file, which must be there, with our settings and sqlite-vec. Writes nothing to it."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    for pragma in _PRAGMAS:
        connection.execute(pragma).fetchall()
    connection.enable_load_extension(True)
    connection.load_extension(sqlite_vec.loadable_path())
    connection.enable_load_extension(False)
    return connection


def file_identity(path: Path) -> tuple[int, int] | None:
    """Tell one file from another that takes its place; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _create(path: Path) -> None:
    """Create the file for its owner alone, before SQLite does: `-wal` and `-shm` take its mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        if path.is_dir():
            raise StoreUnwritable(path=path, reason="it is a folder") from None
    except OSError as exc:
        raise StoreUnwritable(path=path, reason=exc.strerror or str(exc)) from exc
