"""The end of the program: how long anything may still be waited for."""

from __future__ import annotations

import atexit
import concurrent.futures.thread  # noqa: F401 - its hook, which joins all threads of pools, is registered before ours
import threading
import time

GRACE = 2.0
"""Seconds that the program's end may wait for memory, in all."""
_GOES_ON = 10.0
"""Seconds after the grace at which the program has not ended: its main thread is done, and others go on."""

_deadline: float | None = None


def begin() -> None:
    """Let the grace begin, if it has not."""
    global _deadline
    if not is_ending():
        _deadline = time.monotonic() + GRACE


def is_ending() -> bool:
    """Return whether the program is about to end."""
    return _deadline is not None and time.monotonic() < _deadline + _GOES_ON


def time_left(seconds: float) -> float:
    """Return `seconds`, or what is left of the grace if the program is about to end."""
    if _deadline is None or not is_ending():
        return seconds
    return max(0.0, min(seconds, _deadline - time.monotonic()))


# Before the threads of pools are joined: the hooks are called in reverse order. Python has no public way to do so.
getattr(threading, "_register_atexit", atexit.register)(begin)
