"""The threads that blocking work runs on, so that an event loop never waits for it."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_COMPUTING = max(2, os.cpu_count() or 1)
"""Jobs that compute at the same time. More would not be faster, since all of them need the interpreter lock, and each
runnable thread may hold that lock for 5 ms before an event loop gets its turn."""
_THREADS = 32
"""Threads in all; those beyond the computing ones wait for a server or for a file lock."""


class _Workers:
    """A thread pool whose limit counts computing jobs only: a job that waits makes room for another."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="headroom")
        self._lock = threading.Lock()
        self._jobs: deque[Callable[[], None]] = deque()
        self._computing = 0
        self._mine = threading.local()

    def submit(self, work: Callable[[], R]) -> Future[R]:
        """Start `work`, or queue it for the next free thread. Raise RuntimeError when the interpreter shuts down."""
        future: Future[R] = Future()
        job = partial(_do, work, future)
        with self._lock:
            # A job that submits its own continuation always asks the pool: only the pool knows of a shutdown.
            more = self._computing < _COMPUTING or self._is_mine()
            self._computing += more
            self._jobs.append(job)
        try:
            self._start(more)
        except RuntimeError:
            with self._lock:
                if job in self._jobs:
                    self._jobs.remove(job)
                    raise
        return future

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Release this thread's slot while it waits; afterwards continue without waiting for a slot."""
        if not self._is_mine():
            yield
            return
        with self._lock:
            more = bool(self._jobs) and self._computing <= _COMPUTING
            self._computing += more - 1
        with suppress(RuntimeError):
            self._start(more)
        self._mine.computing = False
        try:
            yield
        finally:
            self._mine.computing = True
            with self._lock:
                self._computing += 1

    def _is_mine(self) -> bool:
        return getattr(self._mine, "computing", False)

    def _start(self, more: bool) -> None:
        """Start one more thread, already counted. Call this without the lock: the pool may wait for a fork."""
        if more:
            try:
                self._pool.submit(self._work)
            except RuntimeError:
                with self._lock:
                    self._computing -= 1
                raise

    def _work(self) -> None:
        self._mine.computing = True
        while job := self._next():
            job()

    def _next(self) -> Callable[[], None] | None:
        with self._lock:
            if self._jobs and self._computing <= _COMPUTING:
                return self._jobs.popleft()
            self._computing -= 1
            return None


def _do(work: Callable[[], R], future: Future[R]) -> None:
    if future.set_running_or_notify_cancel():
        try:
            future.set_result(work())
        except BaseException as exc:  # noqa: BLE001 - raised again when the result is read
            future.set_exception(exc)


_workers: _Workers | None = None


def submit(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
    """Run `work` on a thread of the pool, in a copy of the caller's context."""
    global _workers
    if _workers is None:
        _workers = _Workers()
    return _workers.submit(partial(contextvars.copy_context().run, partial(work, *args, **kwargs)))


def waiting() -> AbstractContextManager[None]:
    """Return a context manager for code that waits and does not compute: another job may run meanwhile."""
    return nullcontext() if _workers is None else _workers.waiting()


async def in_thread(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run `work` on a thread of the pool and wait for it without blocking the event loop.

    Pass whole operations: each hop to a thread costs about 50 us. Cancelling stops the waiting; the work continues.
    """
    running = submit(work, *args, **kwargs)
    await ended(running)
    return running.result()


async def ended(running: Future[R], seconds: float | None = None) -> None:
    """Wait until `running` has ended, on asyncio or trio; raise TimeoutError after `seconds`."""
    loop: asyncio.AbstractEventLoop | None = None
    with suppress(RuntimeError):
        loop = asyncio.get_running_loop()
    if loop is None:
        return await _ended_on_trio(running, seconds)
    over = asyncio.Event()

    def tell(_: Future[R]) -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile, so nobody waits
            loop.call_soon_threadsafe(over.set)

    running.add_done_callback(tell)
    await asyncio.wait_for(over.wait(), seconds)


async def _ended_on_trio(running: Future[R], seconds: float | None) -> None:
    """Wait on another thread through anyio, which `openai` depends on."""
    import anyio.to_thread

    await anyio.to_thread.run_sync(wait, [running], seconds, abandon_on_cancel=True)
    if not running.done():
        raise TimeoutError


def in_time(work: Callable[[], R], seconds: float | None) -> R:
    """Wait for blocking work, up to a time limit; the work itself continues. Raise TimeoutError after `seconds`."""
    if seconds is None:
        return work()
    try:
        future = submit(work)
    except RuntimeError:  # the interpreter is shutting down and starts no more threads
        return work()
    return future.result(min(seconds, threading.TIMEOUT_MAX))


async def in_time_async(work: Callable[[], R], seconds: float | None) -> R:
    """Do the same as `in_time` without blocking the event loop; the work continues if the caller is cancelled."""
    running = submit(work)
    await ended(running, None if seconds is None else min(seconds, threading.TIMEOUT_MAX))
    return running.result()


def _forget() -> None:
    """A forked child has none of its parent's threads."""
    global _workers
    _workers = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
