"""Order erasing after what is still being written, and announce it to all in this process who hold copies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ..runtime.forks import renew_in_child
from .records import Change, Reader, Scope
from .rules.visibility import bound

PATIENCE = 10.0
"""Seconds that erasing waits for writes that began before it; a write waits for a lock at most half as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was erased: memories by their ids, those that a filter let through, or all that `clear` removes."""

    reader: Reader
    ids: tuple[str, ...] = ()
    filtered: bool = False

    @property
    def is_clear(self) -> bool:
        """Return whether everything went, of a user or of what is bound to the reader's ids."""
        return not (self.ids or self.filtered)

    def covers(self, writer: Reader, change: Change) -> bool:
        """Return whether a change that was learned before, and is not stored yet, goes with what was erased."""
        if not self.is_clear or writer.user_id != self.reader.user_id:
            return False
        if change.draft is None:
            return False  # ends a memory: erased or not, it is over
        scope = Scope(change.draft.scope)
        written = {"scope": scope, "session_id": writer.session_id, "agent_id": writer.agent_id}
        written["turn_id"] = writer.turn_id
        return any(all(written[name] in values for name, values in clause.items()) for clause in bound(self.reader))


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A point in a user's time: what was erased later is not stored again by what was learned before."""

    erasures: int = 0
    """How many times this process had seen the user's memory cleared."""
    lifetime: int | None = None
    """See `Backend.lifetime`; None if it is not known."""


Listener = Callable[[Erased], None]


class Erasures:
    """The erasures of one engine. Safe from many threads; listeners are called after what they hear of is gone."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._start_over()
        renew_in_child(self._start_over)

    def _start_over(self) -> None:
        self._change = threading.Condition()
        self._writing: dict[object, str] = {}
        self._done: dict[str, list[Erased]] = {}

    def announce_to(self, listener: Listener) -> None:
        """Call `listener` after each erasure. It must not raise."""
        self._listeners.append(listener)

    def count(self, user_id: str) -> int:
        """Return how many times the memory of a user was cleared."""
        return len(self._done.get(user_id, ()))

    @contextmanager
    def writing(self, user_id: str, since: Moment | None) -> Iterator[Sequence[Erased]]:
        """Write within the block; it gets the erasures that came after `since`."""
        ticket = object()
        with self._change:
            self._writing[ticket] = user_id
            after = () if since is None else tuple(self._done.get(user_id, [])[since.erasures :])
        try:
            yield after
        finally:
            with self._change:
                del self._writing[ticket]
                self._change.notify_all()

    @contextmanager
    def erasing(self, erased: Erased) -> Iterator[None]:
        """Erase within the block: after all that was being written for the user, and then announce it."""
        user_id = erased.reader.user_id
        with self._change:
            if erased.is_clear:  # nothing else covers what is learned, and these are kept
                self._done.setdefault(user_id, []).append(erased)
            before = {ticket for ticket, user in self._writing.items() if user == user_id}
            self._change.wait_for(lambda: before.isdisjoint(self._writing), PATIENCE)
        try:
            yield
        finally:
            for listener in self._listeners:
                listener(erased)
