"""The sizes at which the benchmarks are run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much of everything. `real` memories are embedded, `made` ones get made vectors."""

    rounds: int
    real: tuple[int, ...]
    """Memories of one user each, embedded: the largest is the corpus."""
    bulk: int
    """Memories of one bulk load."""
    starts: int
    """New processes started of each kind."""
    year: tuple[int, int]
    """Facts that come up before a first look at what has grown, and in the whole year."""
    made: tuple[int, ...] = ()
    """Memories of one user each, with made vectors."""
    crossover: tuple[int, ...] = (100, 1_000, 10_000)
    """Memories of one user each, with made vectors, that every way of searching them is tried on."""
    crowd: tuple[int, int] = (0, 0)
    """A file of so many users of 100 memories each, and one user with so many more."""


TOY = Scale(
    rounds=5, real=(1, 60), bulk=32, starts=1, year=(20, 60), made=(200,), crossover=(60, 1_000), crowd=(8, 150)
)
USUAL = Scale(rounds=150, real=(1, 100, 1_000, 10_000), bulk=512, starts=15, year=(200, 1_000))
FULL = Scale(
    rounds=300,
    real=(1, 100, 1_000, 10_000),
    bulk=1_024,
    starts=15,
    year=(500, 10_000),
    made=(100_000,),
    crossover=(100, 1_000, 10_000, 30_000, 100_000),
    crowd=(9_900, 10_000),
)
