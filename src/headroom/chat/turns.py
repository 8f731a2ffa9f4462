"""The chat turns of one user through one client and its copies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Literal, TypeAlias

from .report import LastTurn
from .settings import Place, Settings
from .turn import Turn

Half: TypeAlias = Literal["inject", "extract"]

# Which halves of which client are off, in this thread or task.
_off: ContextVar[frozenset[tuple[int, Half]]] = ContextVar("headroom_off", default=frozenset())


class Turns:
    """Makes the turns and remembers the latest."""

    def __init__(self, place: Place, settings: Settings) -> None:
        self.place = place
        self._settings = settings
        self._latest: Turn | None = None

    def new(self, *, extract: bool = True) -> Turn:
        """Begin a turn; without `extract` its reply has no place for a memory block."""
        off, settings = _off.get(), self._settings
        if not extract or (id(self), "extract") in off:
            settings = replace(settings, extract=False)
        if (id(self), "inject") in off:
            settings = replace(settings, inject=False)
        self._latest = Turn(self.place, settings)
        return self._latest

    def only_reading(self) -> Turn:
        """Make a turn that reads a reply which was stored before: its block is hidden, and nothing is learned."""
        return Turn(self.place, self._settings, only_reading=True)

    @property
    def last(self) -> LastTurn | None:
        """What became of the latest turn; None before the first one."""
        return None if self._latest is None else self._latest.report()

    @contextmanager
    def off(self, *halves: Half) -> Iterator[None]:
        """Turn `halves` off within a `with` block; both where none is named."""
        token = _off.set(_off.get() | {(id(self), half) for half in halves or ("inject", "extract")})
        try:
            yield
        finally:
            _off.reset(token)
