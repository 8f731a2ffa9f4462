"""Reading a file without being able to harm it: one that others write, or one on a read-only file system."""

from __future__ import annotations

import os
from pathlib import Path

import apsw

from ....errors import StoreUnavailable
from . import opening

_State = tuple[int, int, int, int]


class ReadOnly:
    """Opens connections that cannot write, to a file with a log beside it or without one.

    Without a log the file is whole by itself, and is opened as one that nobody changes: SQLite then takes no lock and
    makes nothing beside it, which works on a read-only file system too. Whether it was changed is seen from its time
    of change, and from the log that somebody who writes makes. With a log, SQLite reads both as it always does.
    """

    def __init__(self, path: Path, key: str | None) -> None:
        self._path, self._key = path, key
        self._unchanged: _State | None = None
        """What the file was when it was opened as one that nobody changes; None if it is opened with its log."""

    def connect(self) -> apsw.Connection:
        """Open the file. Raise what SQLite raises if it cannot be read."""
        self._unchanged = None if self._has_log() or not self._path.is_file() else self._state()
        return opening.connect(self._path, self._key, mode="ro", immutable=self._unchanged is not None)

    def is_stale(self) -> bool:
        """Return whether the connections see a file that was changed since: they must be opened anew."""
        return self._unchanged is not None and (self._has_log() or self._state() != self._unchanged)

    def require_unchanged(self) -> None:
        """Raise StoreUnavailable if the file was changed while it was read: what was read may be of two times."""
        if self.is_stale():
            raise StoreUnavailable(path=self._path, reason="another program changed it while it was read")

    def _has_log(self) -> bool:
        try:
            return os.stat(f"{self._path}-wal").st_size > 0
        except OSError:
            return False

    def _state(self) -> _State:
        status = os.stat(self._path)
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
