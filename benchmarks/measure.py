"""Timing: ways of doing a thing take turns within one run, so that a busy machine slows all of them alike."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from time import perf_counter
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


def take_turns(rounds: int, *ways: Way, warm_up: int = 3) -> list[Times]:
    """Time each of `ways` once a round, in alternating order; give the seconds of each, shape (rounds,).

    A way gets the number of the round, counted on from the warm-up rounds before the first, and may be a coroutine
    function: it is awaited within one loop.
    """
    return asyncio.run(_take_turns(rounds, ways, warm_up))


async def _take_turns(rounds: int, ways: tuple[Way, ...], warm_up: int) -> list[Times]:
    times = np.zeros((len(ways), warm_up + rounds))
    for index in range(warm_up + rounds):
        order = range(len(ways)) if index % 2 else reversed(range(len(ways)))
        for way in order:
            start = perf_counter()
            done = ways[way](index)
            if inspect.isawaitable(done):
                await done
            times[way, index] = perf_counter() - start
    return list(times[:, warm_up:])


def ratio(times: Times, base: Times) -> Spread:
    """Compare round with round, so that a slow moment of the machine counts on both sides."""
    return Spread.of(times / base)


def milliseconds(times: Times) -> Spread:
    """Sum up seconds as milliseconds."""
    return Spread.of(times * 1e3)
