"""Blocking work leaves the event loop free, and is done though nobody waits for it any more."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from pathlib import Path

import pytest

from headroom.memory import Memory
from headroom.memory.protocols import Vectors
from headroom.memory.workers import in_thread, submit
from headroom.testing import HashEmbedder

from .children import in_child

pytestmark = pytest.mark.quick


class Slow(HashEmbedder):
    """An embedder that takes its time."""

    seconds = 0.2

    def embed(self, texts: list[str]) -> Vectors:  # type: ignore[override]
        time.sleep(self.seconds)
        return super().embed(texts)


class Waiting(HashEmbedder):
    """An embedder that goes on when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go_on = threading.Event(), threading.Event()

    def embed(self, texts: list[str]) -> Vectors:  # type: ignore[override]
        self.asked.set()
        assert self.go_on.wait(20), "the loop that should say so is blocked"
        return super().embed(texts)


async def test_the_loop_is_never_blocked(path: Path) -> None:
    """While a memory is being saved the loop goes on: only it can let the embedder finish here."""
    embedder = Waiting()
    async with Memory(db_path=path, embedder=embedder) as memory:
        saving = asyncio.create_task(memory.save("likes tea", "alice"))
        assert await asyncio.to_thread(embedder.asked.wait, 20)
        assert await memory.get_all("alice") == []
        embedder.go_on.set()
        await saving
        assert len(await memory.get_all("alice")) == 1


async def test_a_cancelled_save_is_still_stored(path: Path) -> None:
    """Giving up waiting, also before a thread has begun, does not give up what was to be stored."""
    async with Memory(db_path=path, embedder=Slow()) as memory:
        saves = [asyncio.create_task(memory.save(f"fact {n}", "alice")) for n in range(40)]
        await asyncio.sleep(0.05)
        for save in saves:
            save.cancel()
        done = await asyncio.gather(*saves, return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError) for one in done)
        for _ in range(600):
            if (await memory.stats())["total"] == 40:
                break
            await asyncio.sleep(0.05)
        assert (await memory.stats())["total"] == 40


async def test_a_timeout_is_a_cancellation(path: Path) -> None:
    """`asyncio.wait_for` gives up in time, and the memory is stored all the same."""
    async with Memory(db_path=path, embedder=Slow()) as memory:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(memory.save("likes tea", "alice"), 0.02)
        await asyncio.sleep(2 * Slow.seconds)
        assert (await memory.stats())["total"] == 1


async def test_results_errors_and_context_come_through() -> None:
    """The work sees the caller's context variables; what it returns or raises reaches who waits."""
    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("set")
    assert await in_thread(variable.get) == "set"
    assert await in_thread(threading.current_thread) is not threading.current_thread()
    with pytest.raises(ZeroDivisionError):
        await in_thread(divmod, 1, 0)
    with pytest.raises(RuntimeError):  # what a coroutine makes of StopIteration; nobody waits for ever
        await in_thread(next, iter(()))
    assert submit(divmod, 7, 2).result() == (3, 1)


def test_a_loop_that_is_gone_is_no_fault(path: Path) -> None:
    """Work that ends after its loop was closed, at the end of the program, is done, quietly."""
    script = """
import asyncio, time
from headroom.memory import Memory

class Slow(HashEmbedder):
    def embed(self, texts):
        time.sleep(0.3)
        return super().embed(texts)

async def leave():
    memory = Memory(db_path=path, embedder=Slow())
    asyncio.create_task(memory.save("likes tea", "alice"))
    await asyncio.sleep(0.1)

asyncio.run(leave())
"""
    in_child(script, path)
    assert in_child("tell(open_engine().stats()['total'])", path) == "1"


def test_one_memory_serves_many_loops(path: Path) -> None:
    """A Memory is tied to no event loop: threads with loops of their own share it."""
    memory = Memory(db_path=path, embedder=HashEmbedder())

    async def use(worker: int) -> int:
        await asyncio.gather(*(memory.save(f"worker {worker}, fact {n}", "alice") for n in range(5)))
        return len(await memory.search("fact", "alice", top_k=100))

    threads = [threading.Thread(target=asyncio.run, args=(use(worker),)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asyncio.run(use(4)) == 25
    asyncio.run(memory.close())
