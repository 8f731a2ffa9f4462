"""What all chat clients on one memory share: the notes of recent turns, and facts that are not stored yet."""

from __future__ import annotations

import atexit
import logging
import threading
import weakref
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Protocol

from ..errors import StoreUnavailable
from ..memory.engine import Engine
from ..memory.erasing import Erased, Moment
from ..memory.records import Change, Reader, SearchResult
from ..memory.rules.gate import Allowance
from ..runtime.ending import is_ending
from ..runtime.forks import renew_in_child
from .fail_open import failing_open
from .waiting import Waiting

_MOST_TURNS = 1000
_log = logging.getLogger("headroom")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What was recalled for one user message; a tool loop that goes on after it sends these very bytes again."""

    turn_id: str
    text: str = ""
    said: tuple[str, ...] = ()
    """The user's own words in the request that began the turn."""
    shown: tuple[SearchResult, ...] = ()
    """The note with handle n is `shown[n - 1]`."""
    allowance: Allowance = field(default_factory=Allowance, compare=False)


class TurnKey(NamedTuple):
    """One user message in one conversation."""

    user_id: str
    session_id: str | None
    agent_id: str | None
    digest: bytes


class Recent:
    """The notes of recent turns; those used longest ago are given up first. Not for finalizers, as it takes a lock."""

    def __init__(self) -> None:
        self._notes: OrderedDict[TurnKey, Notes] = OrderedDict()
        self._renew()
        renew_in_child(self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def get(self, key: TurnKey) -> Notes | None:
        """Return the notes of a turn, if it is a recent one."""
        with self._lock:
            if key in self._notes:
                self._notes.move_to_end(key)
            return self._notes.get(key)

    def put(self, key: TurnKey, notes: Notes) -> None:
        """Keep the notes of a turn."""
        with self._lock:
            self._notes[key] = notes
            self._notes.move_to_end(key)
            if len(self._notes) > _MOST_TURNS:
                self._notes.popitem(last=False)

    def forget(self, user_id: str | None = None) -> None:
        """Drop what was recalled for a user who deleted something, or for all: no tool loop may bring it back."""
        with self._lock:
            for key in [key for key in self._notes if user_id in (None, key.user_id)]:
                del self._notes[key]


class TurnScoped:
    """The turns that left memories of turn scope behind, which end with the next turn of the same reader."""

    def __init__(self) -> None:
        self._turns: OrderedDict[Reader, str | None] = OrderedDict()

    def keep(self, reader: Reader) -> None:
        """Remember that this turn stored something of turn scope."""
        self._turns[_whose(reader)] = reader.turn_id
        if len(self._turns) > _MOST_TURNS:  # the store drops them by itself after a day
            self._turns.popitem(last=False)

    def outlived(self, reader: Reader) -> bool:
        """Return whether an earlier turn's memories are still there."""
        return bool(self._turns) and self._turns.get(_whose(reader), reader.turn_id) != reader.turn_id

    def begin(self, engine: Engine, reader: Reader) -> None:
        """End the earlier turn's memories."""
        if self.outlived(reader):
            engine.end_turn(replace(reader, turn_id=self._turns.pop(_whose(reader), None)))


def _whose(reader: Reader) -> Reader:
    return replace(reader, turn_id=None)


class Trouble:
    """Whether a memory could not be opened lately. Then one at a time tries again: each may wait long for a lock."""

    def __init__(self) -> None:
        self.known = False
        self._renew()
        renew_in_child(self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    @contextmanager
    def one_at_a_time(self, path: Path) -> Iterator[None]:
        """Open within the block. Raise StoreUnavailable if there is trouble, and somebody else is trying."""
        if not self.known:
            yield
            return
        if not self._lock.acquire(blocking=False):
            raise StoreUnavailable(path=path, reason="it could not be opened until now, and is being tried")
        try:
            yield
        finally:
            self._lock.release()

    def over(self) -> None:
        """Note that the memory is open."""
        self.known = False


class HoldsCopies(Protocol):
    """Something else that holds copies of memories."""

    def erased(self, erased: Erased) -> None:
        """Drop the copies of what was erased."""


class HasFacts(Protocol):
    """A turn under way."""

    def take_in(self) -> None:
        """Keep the facts learned so far for a later try, and learn no more."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Shared:
    """What the clients of one memory share; it lasts as long as a client of it or its engine."""

    recent: Recent = field(default_factory=Recent)
    waiting: Waiting = field(default_factory=Waiting)
    turn_scoped: TurnScoped = field(default_factory=TurnScoped)
    trouble: Trouble = field(default_factory=Trouble)
    engines: weakref.WeakSet[Engine] = field(default_factory=weakref.WeakSet)
    """Those that are open: one, or two while a file was exchanged and the older one is still held."""
    clients: weakref.WeakSet[HoldsCopies] = field(default_factory=weakref.WeakSet)
    """Those that remember their latest turn."""
    unfinished: weakref.WeakSet[HasFacts] = field(default_factory=weakref.WeakSet)
    """Turns whose facts are still to come, such as of a stream that is being read."""

    def join(self, engine: Engine) -> None:
        """Listen to what `engine` erases, and store what waits before it closes."""
        self.trouble.over()
        if engine in self.engines:
            return
        if self.engines:  # another file took the place of the first: its notes are not in here
            self.recent.forget()
        self.engines.add(engine)
        _registry.kept.discard(self)
        engine.erasures.announce_to(self._erased)
        engine.before_close(self._last_try)

    def begins_trouble(self) -> bool:
        """Note that the memory cannot be opened; return whether that was not known yet."""
        if self.trouble.known:
            return False
        self.trouble.known = True
        _registry.kept.add(self)  # for the next client of a program that makes one for each request
        return True

    def wait(self, reader: Reader, changes: Sequence[Change], *, since: Moment) -> None:
        """Keep changes until the memory can be opened."""
        self.waiting.add(reader, changes, since=since)
        if changes and not self.engines:
            _registry.kept.add(self)

    def _erased(self, erased: Erased) -> None:
        self.recent.forget(erased.reader.user_id)
        self.waiting.forget(erased)
        for client in list(self.clients):
            client.erased(erased)

    def _last_try(self, engine: Engine) -> None:
        """Try for the last time to store what waits."""
        self.engines.discard(engine)
        if not self.engines:
            for turn in list(self.unfinished):
                turn.take_in()
        if not engine.usable() and not is_ending():  # another file takes its place, and may hold them
            _registry.kept.add(self)
            return
        with failing_open("store what waited until it closed"):
            self.waiting.retry(engine)
        if not self.engines:
            self.waiting.give_up("they could not be stored until the memory closed")


class _Registry:
    """What is shared, by memory, for as long as somebody holds it or facts wait in it."""

    def __init__(self) -> None:
        self._shared: weakref.WeakValueDictionary[Hashable, Shared] = weakref.WeakValueDictionary()
        self.kept: set[Shared] = set()
        self._renew()
        renew_in_child(self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def get(self, memory: Hashable) -> Shared:
        with self._lock:
            shared = self._shared.get(memory)
            if shared is None:
                shared = self._shared[memory] = Shared()
            return shared


_registry = _Registry()


def shared_by(memory: Hashable) -> Shared:
    """Return what the chat clients share on the memory that `memory` names: the key of its engine."""
    return _registry.get(memory)


@atexit.register
def _say_what_is_lost() -> None:
    """Facts of a memory that could never be opened."""
    for shared in _registry.kept:
        shared.waiting.give_up("the memory could not be opened until the program ended")
