"""Blocking work leaves the event loop free, and is done though nobody waits for it any more."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
import time
from pathlib import Path

import apsw
import pytest

from headroom.memory import Memory
from headroom.memory.protocols import Vector, Vectors
from headroom.runtime.threads import in_thread, submit, waiting
from headroom.testing import HashEmbedder

from ..memory.children import in_child

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
        assert self.go_on.wait(120), "the loop that should say so is blocked"
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
        await _until_stored(memory, 40)


async def test_a_timeout_is_a_cancellation(path: Path) -> None:
    """`asyncio.wait_for` gives up in time, and the memory is stored all the same."""
    async with Memory(db_path=path, embedder=Slow()) as memory:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(memory.save("likes tea", "alice"), 0.02)
        await _until_stored(memory, 1)


async def _until_stored(memory: Memory, count: int) -> None:
    """Wait until so many memories are stored, up to half a minute."""
    for _ in range(600):
        if (await memory.stats())["total"] == count:
            return
        await asyncio.sleep(0.05)
    assert (await memory.stats())["total"] == count


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


def test_what_waits_makes_room_for_others() -> None:
    """However much work waits for a server or a lock at once, what computes still has its turn."""
    go_on = threading.Event()

    def wait() -> bool:
        with waiting():
            return go_on.wait(120)

    held = [submit(wait) for _ in range(20)]
    assert submit(divmod, 7, 2).result(60) == (3, 1)
    go_on.set()
    assert all(one.result(60) for one in held)


def test_no_more_compute_at_once_than_there_are_cores() -> None:
    """Of many that compute at once most wait their turn, also after some have waited for something else."""
    lock, running, most = threading.Lock(), [0], [0]

    def compute() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.005)
        with lock:
            running[0] -= 1

    for _ in range(2):
        for one in [submit(compute) for _ in range(40)]:
            one.result(20)
        for one in [submit(_wait_a_little) for _ in range(40)]:
            one.result(20)
    assert most[0] <= max(2, os.cpu_count() or 1)


def _wait_a_little() -> None:
    with waiting():
        time.sleep(0.001)


async def test_a_slow_server_serves_many_at_once(path: Path) -> None:
    """Questions whose vectors come from elsewhere wait for them side by side, not for one another."""
    together = threading.Barrier(12, timeout=20)

    class Remote(HashEmbedder):
        def embed_query(self, text: str) -> Vector:
            together.wait()
            return super().embed_query(text)

    async with Memory(db_path=path, embedder=Remote()) as memory:
        await asyncio.gather(*(memory.search(f"question {n}", "alice") for n in range(12)))


async def test_a_writer_elsewhere_stops_no_search(path: Path) -> None:
    """While another process holds the file's write lock, saves wait and searches are answered."""
    async with Memory(db_path=path, embedder=HashEmbedder()) as memory:
        await memory.save("likes tea", "alice")
        other = apsw.Connection(str(path))
        other.execute("begin immediate")
        saves = [asyncio.create_task(memory.save(f"fact {n}", "alice")) for n in range(10)]
        await asyncio.sleep(0.05)
        assert [one.content for one in await memory.search("tea", "alice")] == ["likes tea"]
        assert not any(save.done() for save in saves)
        other.execute("rollback")
        other.close()
        await asyncio.gather(*saves)
