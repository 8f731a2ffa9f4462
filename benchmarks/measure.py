"""Timing: ways of doing a thing take turns within one run, so that a busy machine slows all of them alike."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from time import perf_counter, process_time, sleep
from typing import Any

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.float64]
Way = Callable[[int], "Awaitable[Any] | Any"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The median of `count` samples, with the quartiles around it and the 99th percentile."""

    median: float
    low: float
    high: float
    p99: float
    count: int

    @classmethod
    def of(cls, samples: Iterable[float] | Times) -> Spread:
        """Sum up some samples."""
        values = np.fromiter(samples, np.float64)
        low, median, high, p99 = (float(value) for value in np.percentile(values, (25, 50, 75, 99)))
        return cls(median=median, low=low, high=high, p99=p99, count=len(values))

    @classmethod
    def exactly(cls, value: float) -> Spread:
        """Hold one number that does not vary."""
        return cls.of([value])


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Seconds that one way took in each round; both of shape (rounds,)."""

    wall: Times
    cpu: Times
    """Processor time of this process, all threads: what other programs on the machine change least."""


def take_turns(rounds: int, *ways: Way, warm_up: int = 3, before: Mapping[int, Way] | None = None) -> list[Timed]:
    """Time each of `ways` once a round, in alternating order.

    A way gets the number of the round, counted on from the warm-up rounds before the first, and may be a coroutine
    function: it is awaited within one loop. `before` names, by the place of a way, what is done right before it and
    not timed.
    """
    return asyncio.run(_take_turns(rounds, ways, warm_up, before or {}))


async def _take_turns(rounds: int, ways: tuple[Way, ...], warm_up: int, before: Mapping[int, Way]) -> list[Timed]:
    wall, cpu = np.zeros((2, len(ways), warm_up + rounds))
    for index in range(warm_up + rounds):
        order = range(len(ways)) if index % 2 else reversed(range(len(ways)))
        for way in order:
            if way in before:
                await _done(before[way](index))
            start, used = perf_counter(), process_time()
            await _done(ways[way](index))
            wall[way, index], cpu[way, index] = perf_counter() - start, process_time() - used
    return [Timed(wall=wall[way, warm_up:], cpu=cpu[way, warm_up:]) for way in range(len(ways))]


async def _done(result: Any) -> None:
    if inspect.isawaitable(result):
        await result


def settle(pause: float = 0.2) -> None:
    """Wait until this process does nothing: an index that is fitted in the background is not what is timed."""
    busy = pause
    while busy > 0.1 * pause:
        used = process_time()
        sleep(pause)
        busy = process_time() - used


def ratio(times: Timed, base: Timed) -> Spread:
    """Compare round with round, so that a slow moment of the machine counts on both sides."""
    return Spread.of(times.wall / base.wall)


def added(times: Timed, base: Timed) -> Spread:
    """Return the milliseconds that one way takes more than the other, round by round."""
    return Spread.of((times.wall - base.wall) * 1e3)


def milliseconds(times: Timed) -> Spread:
    """Sum up the seconds of each round as milliseconds."""
    return Spread.of(times.wall * 1e3)
