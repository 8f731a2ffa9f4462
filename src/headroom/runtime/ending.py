"""The end of the program: how long anything may still be waited for."""

from __future__ import annotations

import atexit
import concurrent.futures.thread  # noqa: F401 - its hook, which joins all threads of pools, is registered before ours
import threading
import time

GRACE = 2.0
"""Seconds that the program's end may wait for memory, in all."""

_deadline: float | None = None


def is_ending() -> bool:
    """Return whether the program is about to end."""
    return _deadline is not None


def time_left(seconds: float) -> float:
    """Return `seconds`, or what is left of the grace if the program is about to end."""
    return seconds if _deadline is None else max(0.0, min(seconds, _deadline - time.monotonic()))


def _begin() -> None:
    global _deadline
    _deadline = _deadline or time.monotonic() + GRACE


# Before the threads of pools are joined, or else in their place. The hooks are called in reverse order.
getattr(threading, "_register_atexit", atexit.register)(_begin)
atexit.register(_begin)
