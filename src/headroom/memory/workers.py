"""The threads that blocking work runs on, so that an event loop never waits for it."""

from __future__ import annotations

import asyncio
import contextvars
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

# One more than the cores, because some wait for a disk or a lock. Further ones bring no throughput, and each that
# is ready to run holds the interpreter for up to 5 ms before an event loop has its turn.
_THREADS = (os.cpu_count() or 1) + 1
_pool: ThreadPoolExecutor | None = None


def submit(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
    """Start `work` on a thread of the pool, in a copy of the caller's context."""
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="headroom")
    return _pool.submit(contextvars.copy_context().run, partial(work, *args, **kwargs))


async def in_thread(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run `work` on a thread of the pool and wait for it without blocking the loop. Hand over whole operations.

    Cancelling gives up the waiting, never the work: what was to be stored will be.
    """
    running = submit(work, *args, **kwargs)
    await ended(running)
    return running.result()


async def ended(running: Future[R], seconds: float | None = None) -> None:
    """Wait until `running` has ended, on asyncio or trio; raise TimeoutError when that takes longer than `seconds`."""
    loop: asyncio.AbstractEventLoop | None = None
    with suppress(RuntimeError):
        loop = asyncio.get_running_loop()
    if loop is None:
        return await _ended_on_trio(running, seconds)
    over = asyncio.Event()

    def tell(_: Future[R]) -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits
            loop.call_soon_threadsafe(over.set)

    running.add_done_callback(tell)
    await asyncio.wait_for(over.wait(), seconds)


async def _ended_on_trio(running: Future[R], seconds: float | None) -> None:
    """Wait on one more thread, which anyio wakes the loop from; `openai` depends on anyio."""
    import anyio.to_thread

    await anyio.to_thread.run_sync(wait, [running], seconds, abandon_on_cancel=True)
    if not running.done():
        raise TimeoutError


def _forget_pool() -> None:
    """A forked child has none of its parent's threads."""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
