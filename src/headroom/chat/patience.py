"""Waiting for blocking work, for a while. The work goes on where the patience ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..memory.workers import ended, submit

R = TypeVar("R")


def in_time(work: Callable[[], R], seconds: float | None) -> R:
    """Run `work` and return its result; raise TimeoutError when that takes longer than `seconds`."""
    if seconds is None:
        return work()
    try:
        future = submit(work)
    except RuntimeError:  # the interpreter is going down, and starts no more threads
        return work()
    return future.result(seconds)


async def in_time_async(work: Callable[[], R], seconds: float | None) -> R:
    """Do the same without blocking the event loop. A cancelled caller leaves, and the work goes on."""
    running = submit(work)
    await ended(running, seconds)
    return running.result()
