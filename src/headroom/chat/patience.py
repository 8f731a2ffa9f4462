"""Waiting for blocking work, for a while. The work goes on where the patience ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from ..memory.workers import submit

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
    future = asyncio.wrap_future(submit(work))
    future.add_done_callback(_looked_at)
    return await asyncio.wait_for(asyncio.shield(future), seconds)


def _looked_at(future: asyncio.Future[R]) -> None:
    """Keep asyncio from reporting an error that came after everybody had left."""
    if not future.cancelled():
        future.exception()
