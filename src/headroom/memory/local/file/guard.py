"""Locks on an open memory file that no other descriptor of this process can drop.

SQLite's own locks are POSIX locks, and those have two faults (https://sqlite.org/howtocorrupt.html, section 2.2):
closing any descriptor of a file drops all locks that the process has on it, and two copies of SQLite in one process,
such as ours and the standard library's, do not see each other's. A program that merely looked at an open memory file
with `sqlite3` could destroy it so.

Locks of an open file description (F_OFD_SETLK in fcntl(2), Linux) have neither fault, and POSIX locks of every process
respect them. Therefore the process holds three more while the file is open:

- a shared one on the bytes of the file by which SQLite tells that it is in use, so that nobody who closes the file
  takes himself for the last and removes the log,
- a shared one on the same byte of the index of the log (`-shm`), so that nobody who opens the file takes the index for
  a dead one and empties it,
- and, around each write, an exclusive one on a byte that SQLite leaves alone: the turn of those who write.

Without such locks (macOS, some sandboxes) everything is as SQLite alone has it. Not covered: another SQLite in this
process that begins to write while a write of ours is under way.
"""

from __future__ import annotations

import logging
import os
import random
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw

from ....errors import StoreUnavailable
from ....runtime.ending import time_left

_log = logging.getLogger("headroom")

Identity = tuple[int, int]

# Offset and length; https://sqlite.org/src/file?name=src/os.h for the file, os_unix.c and wal.c for the index.
_FILE_IN_USE = 0x4000_0002, 510
_INDEX_IN_USE = 128, 1
_INDEX_WRITTEN = 120, 1
_OUR_TURN = 0x4000_0200, 1

_FLOCK = struct.Struct("hhqqi4x")
_GET: int | None = None
_SET: int | None = None
if sys.platform != "win32":
    import fcntl

    _GET, _SET = getattr(fcntl, "F_OFD_GETLK", None), getattr(fcntl, "F_OFD_SETLK", None)

_LOOK_EVERY = 2.0
"""Seconds between two looks for other descriptors of the file: one takes 0.1 ms."""

_registry = threading.RLock()
_guards: dict[Identity, Guard] = {}


def file_identity(path: Path) -> Identity | None:
    """Return what tells one file from another that takes its place; None if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def enter(path: Path) -> Guard:
    """Return the guard of a file that is about to be opened, one for all in this process who open it.

    Call `lock` once SQLite has opened it, and close SQLite's connections within `leaving`.
    """
    with _registry:
        identity = file_identity(path) or (0, 0)
        guard = _guards.setdefault(identity, Guard(path, identity))
        guard.holders += 1
        return guard


def is_open_here(path: Path) -> bool:
    """Return whether this process has the file open."""
    with _registry:
        return file_identity(path) in _guards


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Be the only one who has a file open that SQLite cannot read. Raise StoreUnavailable if somebody else has."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        if _SET is not None:
            fcntl.fcntl(descriptor, _SET, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, *_FILE_IN_USE, 0))
        yield
    except BlockingIOError as exc:
        raise StoreUnavailable(path=path, reason="another program has it open; close that first") from exc
    finally:
        os.close(descriptor)


class Guard:
    """What this process holds on one file."""

    def __init__(self, path: Path, identity: Identity) -> None:
        self.path, self.identity = path, identity
        self.holders = 0
        self._descriptors: list[int] = []  # of the file and of the index of its log; closed last of all
        self._locked = self._warned = False
        self._look_again = 0.0
        self._turn = threading.Lock()

    def lock(self) -> None:
        """Take the shared locks, if the file has a log and the system has such locks. Taking them twice is fine."""
        with _registry:
            if self._locked or self._descriptors or _SET is None:
                return
            index = Path(f"{self.path}-shm")
            if not index.exists():
                return
            with suppress(OSError):
                for path in (self.path, index):
                    self._descriptors.append(os.open(path, os.O_RDWR | os.O_CLOEXEC))
                self._locked = self._set(fcntl.F_RDLCK)

    @contextmanager
    def leaving(self) -> Iterator[None]:
        """Close SQLite's connections within this: the last who leaves lets go before, and closes the descriptors after.

        SQLite must be able to see that it is the last; and a descriptor that is closed too early drops its locks.
        """
        with _registry:
            self.holders -= 1
            last = not self.holders
            if last and self._locked:
                self._locked = False
                self._set(fcntl.F_UNLCK)
            try:
                yield
            finally:
                if last:
                    _guards.pop(self.identity, None)
                    self.close_descriptors()

    @contextmanager
    def writing(self, seconds: float) -> Iterator[None]:
        """Be the only one who writes or empties the log, among all processes that use this library.

        Raise BusyError after `seconds` of waiting, and StoreUnavailable if another SQLite in this process writes.
        """
        deadline = time.monotonic() + seconds
        if not self._turn.acquire(timeout=seconds):
            raise apsw.BusyError("another thread is writing")
        try:
            if not self._locked:
                yield
                return
            _wait(self._take_turn, deadline, apsw.BusyError("another process is writing"))
            try:
                reason = "another SQLite in this process is writing to it"
                _wait(self._alone_here, deadline, StoreUnavailable(path=self.path, reason=reason))
                yield
            finally:
                self._change(0, fcntl.F_UNLCK, _OUR_TURN)
        finally:
            self._turn.release()

    def warn_of_others(self) -> None:
        """Log once that this process has, or had, the file open in another way than through here."""
        if not self._locked or self._warned or time.monotonic() < self._look_again:
            return
        self._look_again = time.monotonic() + _LOOK_EVERY
        if self._others_here():
            self._warned = True
            _log.warning(
                "another part of this process opens %s by itself, with a second SQLite or as a plain file: this can "
                "destroy the file. To look at it use MemoryConfig(read_only=True), to copy it Memory.backup()",
                self.path,
            )

    def close_descriptors(self) -> None:
        """Close them; this drops what locks the process still has on the file."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    def _take_turn(self) -> bool:
        try:
            self._change(0, fcntl.F_WRLCK, _OUR_TURN)
        except OSError:
            return False
        return True

    def _alone_here(self) -> bool:
        """Return whether no other SQLite of this process writes: of ours none does in our turn."""
        assert _GET is not None
        asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, *_INDEX_WRITTEN, 0)
        kind, *_, owner = _FLOCK.unpack(fcntl.fcntl(self._descriptors[1], _GET, asked))
        return bool(kind == fcntl.F_UNLCK or owner != os.getpid())

    def _set(self, kind: int) -> bool:
        self._change(0, kind, _FILE_IN_USE)
        self._change(1, kind, _INDEX_IN_USE)
        return True

    def _change(self, which: int, kind: int, place: tuple[int, int]) -> None:
        assert _SET is not None
        fcntl.fcntl(self._descriptors[which], _SET, _FLOCK.pack(kind, os.SEEK_SET, *place, 0))

    def _others_here(self) -> bool:
        """Return whether there is a second index of the log, or a dropped lock of SQLite's (from /proc).

        One SQLite has one descriptor of the index, however many connections it has.
        """
        with suppress(OSError):
            if not all(_has_lock(own) for own in self._descriptors):
                return False  # this system does not tell
            of_file, of_index = (_descriptors_of(own) for own in self._descriptors)
            if not of_file or not of_index:
                return False  # SQLite has closed it meanwhile
            return len(of_index) > 1 or not any(map(_has_lock, of_index)) or not any(map(_has_lock, of_file))
        return False


def _descriptors_of(own: int) -> list[int]:
    """List the other descriptors of this process for the file that `own` is a descriptor of."""
    wanted, found = os.fstat(own), []
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # closed meanwhile
            if int(name) != own and os.path.samestat(os.stat(f"/proc/self/fd/{name}"), wanted):
                found.append(int(name))
    return found


def _has_lock(descriptor: int) -> bool:
    return "\nlock:" in Path(f"/proc/self/fdinfo/{descriptor}").read_text()


def _wait(done: Callable[[], bool], deadline: float, failure: Exception) -> None:
    while not done():
        if time_left(deadline - time.monotonic()) <= 0:
            raise failure
        time.sleep(random.uniform(0.0005, 0.003))


def _forget() -> None:
    """A forked child has no SQLite open: it was closed before the fork."""
    global _registry
    _registry = threading.RLock()
    while _guards:
        _guards.popitem()[1].close_descriptors()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
