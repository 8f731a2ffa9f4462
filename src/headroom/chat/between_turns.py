"""What all chat clients on one engine share: the notes of recent turns, and facts that could not be stored yet."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from weakref import WeakKeyDictionary

from ..errors import InvalidInput
from ..memory.engine import Engine
from ..memory.records import Applied, Change, Reader, SearchResult
from .fail_open import failing_open

_MOST_TURNS = 1000
_MOST_WAITING = 1000
_log = logging.getLogger("headroom")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What was recalled for one user message; a tool loop that goes on after it sends these very bytes again."""

    turn_id: str
    text: str = ""
    shown: tuple[SearchResult, ...] = ()
    """The note with handle n is `shown[n - 1]`."""


class TurnKey(NamedTuple):
    """One user message in one conversation."""

    user_id: str
    session_id: str | None
    agent_id: str | None
    digest: bytes


class Recent:
    """The notes of recent turns; those used longest ago are given up first."""

    def __init__(self) -> None:
        self._notes: OrderedDict[TurnKey, Notes] = OrderedDict()
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

    def forget(self, user_id: str) -> None:
        """Drop what was recalled for a user who deleted something: no tool loop may bring it back."""
        with self._lock:
            for key in [key for key in self._notes if key.user_id == user_id]:
                del self._notes[key]


class Waiting:
    """Changes that the store refused for now: tried again at the next turn and at close, the oldest given up first.

    Adding takes no lock, so a finalizer may do it.
    """

    def __init__(self) -> None:
        self._changes: deque[tuple[Reader, Change]] = deque(maxlen=_MOST_WAITING)

    def __len__(self) -> int:
        return len(self._changes)

    def count(self, user_id: str) -> int:
        """Tell how many changes of a user wait."""
        return sum(reader.user_id == user_id for reader, _ in tuple(self._changes))

    def add(self, reader: Reader, changes: Sequence[Change]) -> None:
        """Let `changes` wait."""
        self._changes.extend((reader, change) for change in changes)

    def forget(self, user_id: str) -> None:
        """Drop what waits for a user who clears his memory."""
        for waiting in tuple(self._changes):
            if waiting[0].user_id == user_id:
                with contextlib.suppress(ValueError):  # another thread stored it meanwhile
                    self._changes.remove(waiting)

    def store(self, engine: Engine, reader: Reader, changes: Sequence[Change]) -> list[Applied]:
        """Store what waits, then `changes`; keep whatever the store refuses."""
        try:
            self.retry(engine)
            return engine.apply(reader, changes) if changes else []
        except InvalidInput:
            raise
        except BaseException:
            self.add(reader, changes)
            raise

    def retry(self, engine: Engine) -> None:
        """Store what waits, oldest first, until the store refuses again."""
        for _ in range(len(self._changes)):
            try:
                reader, change = self._changes.popleft()
            except IndexError:  # another thread stored the last ones
                return
            try:
                engine.apply(reader, [change])
            except InvalidInput as exc:
                _log.warning("a fact that waited cannot be stored and is given up: %s", exc)
            except BaseException:
                self._changes.appendleft((reader, change))
                raise


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
        """Tell whether an earlier turn's memories are still there."""
        return bool(self._turns) and self._turns.get(_whose(reader), reader.turn_id) != reader.turn_id

    def begin(self, engine: Engine, reader: Reader) -> None:
        """End the earlier turn's memories."""
        if self.outlived(reader):
            engine.end_turn(replace(reader, turn_id=self._turns.pop(_whose(reader), None)))


def _whose(reader: Reader) -> Reader:
    return replace(reader, turn_id=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """One for each engine."""

    recent: Recent = field(default_factory=Recent)
    waiting: Waiting = field(default_factory=Waiting)
    turn_scoped: TurnScoped = field(default_factory=TurnScoped)

    def last_try(self, engine: Engine) -> None:
        """Store what waits, now or never."""
        with failing_open("store what waited until it closed"):
            self.waiting.retry(engine)


_of_engine: WeakKeyDictionary[Engine, Shared] = WeakKeyDictionary()
_lock = threading.Lock()


def shared_by(engine: Engine) -> Shared:
    """Return what the chat clients on `engine` share."""
    with _lock:
        shared = _of_engine.get(engine)
        if shared is None:
            shared = _of_engine[engine] = Shared()
            engine.before_close(shared.last_try)
        return shared
