"""Which benchmarks are run, in which order."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .figures import Figure
from .lab import Lab


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
    Step(name="what is added", place="speed.searching:what_is_added"),
    Step(name="filters", place="speed.filtered:by_size"),
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
    Step(name="page", place="speed.page:answers", full_only=True),
    Step(name="1,000,000 memories", place="speed.large:crowd", full_only=True),
)
