"""What is run, in which order, and at which size."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .figures import Figure
    from .lab import Lab


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One benchmark: a function `place` (module:name, below this package) that yields figures."""

    name: str
    place: str
    full_only: bool = False

    def load(self) -> Callable[[Lab], Iterator[Figure]]:
        """Import the benchmark."""
        module, name = self.place.split(":")
        function: Callable[[Lab], Iterator[Figure]] = getattr(importlib.import_module(f".{module}", __package__), name)
        return function


STEPS = (
    Step(name="import", place="speed.starts:imports"),
    Step(name="bulk load", place="speed.writing:bulk_load"),
    Step(name="search", place="speed.searching:by_size"),
    Step(name="save", place="speed.writing:save"),
    Step(name="cache", place="speed.cached:hit"),
    Step(name="recall of the index", place="speed.accuracy:real"),
    Step(name="size on disk", place="speed.disk:per_memory"),
    Step(name="chat", place="speed.chat:overhead"),
    Step(name="tokens", place="blocks.tokens:counts"),
    Step(name="small model", place="blocks.small_model:compliance"),
    Step(name="memory and start", place="speed.starts:first_search"),
    Step(name="many at once", place="speed.crowded:together"),
    Step(name="while others write", place="speed.growing:beside_writers"),
    Step(name="growth", place="growth.living:growth"),
    Step(name="crossover", place="speed.crossover:crossover"),
    Step(name="100,000 memories", place="speed.large:one_user", full_only=True),
    Step(name="1,000,000 memories", place="speed.large:crowd", full_only=True),
)
