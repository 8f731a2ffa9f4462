"""The turns of one user through one client and its copies: what makes them, and what is known of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import Literal, TypeAlias

from ..memory.erasing import Erased
from .last_turn import LastTurn
from .options import Settings
from .place import Place
from .refusals import Refusals
from .turn import Turn

Half: TypeAlias = Literal["inject", "extract"]
Switch: TypeAlias = Literal["inject", "extract", "foreign"]

# Which switches of which client are set, in this thread or task: halves that are off, foreign content that is in sight.
_switched: ContextVar[frozenset[tuple[int, Switch]]] = ContextVar("headroom_switched", default=frozenset())


@dataclass(slots=True, eq=False)
class _Entered:
    """A call of a client that is under way."""

    known: _Known
    active: bool = True


# The calls that are under way in this thread or task.
_entered: ContextVar[tuple[_Entered, ...]] = ContextVar("headroom_entered", default=())


@dataclass(eq=False)
class _Known:
    """What a client and its copies know of their turns."""

    user_id: str
    latest: Turn | None = None
    refusals: Refusals = field(default_factory=Refusals)

    def erased(self, erased: Erased) -> None:
        """Forget a latest turn that shows what was erased."""
        latest = self.latest
        if latest is not None and self.user_id == erased.reader.user_id and latest.shows(erased):
            self.latest = None


class Turns:
    """Makes the turns of one user through one client and its copies, and remembers the latest."""

    def __init__(self, place: Place, settings: Settings) -> None:
        self.place = place
        self._settings = settings
        self._known = _Known(place.reader.user_id)
        self._made: list[Turn] | None = None
        place.shared.clients.add(self._known)

    @property
    def zone(self) -> tzinfo | None:
        """The time zone of the user's days; None is the system's."""
        return self._settings.zone

    def collected_in(self, made: list[Turn]) -> Turns:
        """Return a maker of the same turns that keeps them in a list, for whoever has to finish them."""
        turns = copy.copy(self)
        turns._made = made
        return turns

    def new(self, *, extract: bool = True) -> Turn:
        """Begin a turn; without `extract` its reply has no place for a memory block."""
        settings = self._settings
        if not extract or self._is_set("extract"):
            settings = replace(settings, extract=False)
        if self._is_set("inject"):
            settings = replace(settings, inject=False)
        if self._is_set("inject") or self._is_set("extract"):
            settings = replace(settings, record_turns=None)
        turn = Turn(self.place, settings, refusals=self._known.refusals, foreign=self._is_set("foreign"))
        self._known.latest = turn
        self.place.shared.unfinished.add(turn)
        if self._made is not None:
            self._made.append(turn)
        return turn

    def only_reading(self) -> Turn:
        """Make a turn that reads a reply which was stored before: its block is hidden, and nothing is learned."""
        return Turn(self.place, self._settings, refusals=self._known.refusals, only_reading=True)

    @property
    def last(self) -> LastTurn:
        """What became of the latest turn; an empty one before the first, and after what it shows was erased."""
        latest = self._known.latest
        return LastTurn() if latest is None else latest.report()

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Call the client's own method within the block: a call of this client inside it has no turn of its own."""
        call = _Entered(self._known)
        token = _entered.set((*_entered.get(), call))
        try:
            yield
        finally:
            call.active = False  # for tasks that were started inside, and live longer
            _entered.reset(token)

    def is_entered(self) -> bool:
        """Return whether this is a call inside a call of the same client, such as a retry or a tracer makes."""
        return any(call.active and call.known is self._known for call in _entered.get())

    def off(self, *halves: Half) -> AbstractContextManager[None]:
        """Turn `halves` off within a `with` block; both if none is named."""
        return self._set(*(halves or ("inject", "extract")))

    def foreign(self) -> AbstractContextManager[None]:
        """Treat the requests within a `with` block as holding content that is not the user's word."""
        return self._set("foreign")

    @contextmanager
    def _set(self, *switches: Switch) -> Iterator[None]:
        token = _switched.set(_switched.get() | {(id(self._known), switch) for switch in switches})
        try:
            yield
        finally:
            _switched.reset(token)

    def _is_set(self, switch: Switch) -> bool:
        return (id(self._known), switch) in _switched.get()
