"""Emptying the write-ahead log in the background: at once after an erasure, and soon after the last write.

What was erased stands in the log until that is emptied, which needs a moment in which nobody reads from it and nobody
writes. A copy of the file alone is as old as what its log does not hold: so the log is emptied at rest as well.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from ....runtime.forks import renew_in_child

AT_REST = 1.0
"""Seconds after the last write at which the log is emptied."""
_FIRST, _LONGEST_ERASING, _LONGEST_AT_REST = 0.01, 0.25, 30.0
"""Seconds until the next try: doubled each time, up to the second while something is to be erased, else the third."""


class LogEmptier:
    """One thread while there is something to do, and none else."""

    def __init__(self, empty: Callable[[], bool]) -> None:
        """`empty` tries once, without waiting long, and returns whether the log is empty. It must not raise."""
        self._empty = empty
        self._start_over()
        renew_in_child(self._start_over)

    def _start_over(self) -> None:
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._due: float | None = None
        self._pause = _FIRST
        self._erasures = 0
        self.erasing = self._closed = False

    def soon(self) -> None:
        """Empty the log when writing pauses."""
        with self._change:
            if not self.erasing:
                self._at(time.monotonic() + AT_REST)

    def now(self) -> None:
        """Empty the log as soon as it can be: something was erased, and trying at once has failed."""
        with self._change:
            self._erasures += 1
            if not self.erasing:
                self.erasing, self._pause = True, _FIRST
                self._at(time.monotonic() + _FIRST)
                self._change.notify_all()

    def done(self) -> None:
        """Rest: the log was emptied by others."""
        with self._change:
            self.erasing, self._due, self._pause = False, None, _FIRST

    def close(self) -> None:
        """Stop, and wait for a try that runs now."""
        with self._change:
            self._closed, thread = True, self._thread
            self._change.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _at(self, due: float) -> None:
        self._due = due
        if self._thread is None and not self._closed:
            thread = threading.Thread(target=self._run, name="headroom-log", daemon=True)
            with suppress(RuntimeError):  # the interpreter ends, and starts no more threads: closing the file does it
                thread.start()
                self._thread = thread

    def _run(self) -> None:
        while self._wait_until_due():
            known = self._erasures
            if self._empty() and known == self._erasures:
                self.done()
            else:
                self._try_later()

    def _wait_until_due(self) -> bool:
        """Wait; return False if there is nothing more to do."""
        with self._change:
            while not self._closed and self._due is not None:
                left = self._due - time.monotonic()
                if left <= 0:
                    return True
                self._change.wait(left)
            self._thread = None
            return False

    def _try_later(self) -> None:
        with self._change:
            longest = _LONGEST_ERASING if self.erasing else _LONGEST_AT_REST
            self._due = time.monotonic() + min(self._pause, longest)
            self._pause = min(2 * self._pause, _LONGEST_AT_REST)
