"""Many searches at once: threads on the engine, and one event loop with a hundred callers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

from headroom.memory import Memory
from headroom.memory.engine import Engine
from headroom.memory.query import Query
from headroom.memory.records import Reader

from ..figures import Aim, Figure
from ..lab import Lab, user_of
from ..measure import Spread

_THREADS, _CALLERS = 8, 100
_TICK = 0.001


def together(lab: Lab) -> Iterator[Figure]:
    """Search for all users of the file with questions that must be embedded."""
    users = [user_of(size) for size in lab.scale.real]
    name = f"users of {min(lab.scale.real):,} to {max(lab.scale.real):,}"
    yield threads(lab, lab.sizes, users, name)
    yield from loop(lab, lab.sizes, users, name)


def threads(lab: Lab, path: Path, users: list[str], name: str) -> Figure:
    """Compare the throughput of several threads with that of one, in turns."""
    gains = []
    with lab.engine(path) as engine, ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(lambda user: engine.search(Query(reader=Reader(user_id=user), text="warm up")), users * _THREADS))
        for _ in range(max(3, lab.scale.rounds // 30)):
            questions = lab.questions(4 * _THREADS * 2)
            half = len(questions) // 2
            alone = _seconds(engine, users, questions[:half], None)
            gains.append(alone / _seconds(engine, users, questions[half:], pool))
    return Figure(what=f"throughput of {_THREADS} threads / one thread, {name}", measured=Spread.of(gains), unit="x")


def loop(lab: Lab, path: Path, users: list[str], name: str) -> Iterator[Figure]:
    """Await a hundred searches together while a task on the same loop wakes up each millisecond."""
    late, took, gains = [], [], []
    for _ in range(max(3, lab.scale.rounds // 30)):
        alone, _ = asyncio.run(_flood(path, users, lab.questions(_CALLERS), at_once=1))
        seconds, delays = asyncio.run(_flood(path, users, lab.questions(_CALLERS), at_once=_CALLERS))
        took.append(seconds)
        late.append(max(delays))
        gains.append(alone / seconds)
    idle = max(asyncio.run(_idle(Spread.of(took).median)))
    yield Figure(
        what=f"longest block of the event loop under {_CALLERS} searches, {name}",
        measured=Spread.of(1e3 * delay for delay in late),
        unit="ms",
        aim=Aim(at_most=10),
        detail=f"an idle loop was late by up to {1e3 * idle:.1f} ms on this machine",
    )
    yield Figure(
        what=f"{_CALLERS} searches awaited together, each, {name}",
        measured=Spread.of(1e3 * t / _CALLERS for t in took),
        unit="ms",
    )
    yield Figure(
        what=f"throughput of {_CALLERS} searches awaited together / one after the other, {name}",
        measured=Spread.of(gains),
        unit="x",
    )


def _seconds(engine: Engine, users: list[str], questions: list[str], pool: ThreadPoolExecutor | None) -> float:
    def ask(index: int) -> None:
        engine.search(Query(reader=Reader(user_id=users[index % len(users)]), text=questions[index]))

    start = perf_counter()
    list((map if pool is None else pool.map)(ask, range(len(questions))))
    return perf_counter() - start


async def _flood(path: Path, users: list[str], questions: list[str], at_once: int) -> tuple[float, list[float]]:
    """Search, so many at once; give the seconds it took, and how late a task on the loop was each time."""
    async with Memory(db_path=path) as memory:
        for user in users:
            await memory.search("warm up", user_id=user)
        delays: list[float] = []
        ticking = asyncio.create_task(_tick(delays))
        start = perf_counter()
        for first in range(0, len(questions), at_once):
            batch = enumerate(questions[first : first + at_once], first)
            await asyncio.gather(*(memory.search(text, user_id=users[i % len(users)]) for i, text in batch))
        seconds = perf_counter() - start
        ticking.cancel()
    return seconds, delays or [seconds]


async def _idle(seconds: float) -> list[float]:
    delays = [0.0]
    ticking = asyncio.create_task(_tick(delays))
    await asyncio.sleep(seconds)
    ticking.cancel()
    return delays


async def _tick(delays: list[float]) -> None:
    while True:
        due = perf_counter() + _TICK
        await asyncio.sleep(_TICK)
        delays.append(perf_counter() - due)
