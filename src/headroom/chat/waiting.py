"""Facts of chats that are not stored yet: each waits on its own account."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import HeadroomError, InvalidInput, ModelUnavailable, StoreError
from ..memory.engine import Engine
from ..memory.erasing import Erased, Moment
from ..memory.records import Applied, Change, Reader
from ..runtime.forks import renew_in_child

_MOST_WAITING = 1000
_MOST_TRIES = 3
"""Tries of one fact that fail while others are stored, before it is given up."""
_log = logging.getLogger("headroom")


@dataclass(slots=True, eq=False)
class _Item:
    """A change that could not be stored."""

    reader: Reader
    change: Change
    since: Moment
    """When it was learned."""
    tries: int = 0
    """Those that failed while other changes were stored."""
    at: int = -1
    """How many changes had been stored at the latest of them."""


class Waiting:
    """Changes that are not stored yet: tried again at the next turn and at close, each on its own account.

    A change that is refused for what it is, again and again while others are stored, is given up; so is the oldest of
    too many. What a finalizer leaves is only noted, without a lock.
    """

    def __init__(self) -> None:
        self._items: deque[_Item] = deque()
        self._abandoned: deque[Callable[[], None]] = deque()
        self._stored = 0
        self._start_over()
        renew_in_child(self._start_over)

    def _start_over(self) -> None:
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()

    def __len__(self) -> int:
        self.take_in()
        return len(self._items) + sum(self._under_way.values())

    def count(self, user_id: str) -> int:
        """Return how many changes of a user are not stored yet."""
        self.take_in()
        return self._under_way[user_id] + sum(item.reader.user_id == user_id for item in tuple(self._items))

    def abandon(self, take_in: Callable[[], None]) -> None:
        """Leave something that adds changes to the next who looks. Takes no lock, so a finalizer may do it."""
        self._abandoned.append(take_in)

    def take_in(self) -> None:
        """Add what finalizers left."""
        with contextlib.suppress(IndexError):
            while True:
                self._abandoned.popleft()()

    def add(self, reader: Reader, changes: Sequence[Change], *, since: Moment) -> None:
        """Keep `changes` to be stored later."""
        self._items.extend(_Item(reader, change, since) for change in changes)
        lost = 0
        while len(self._items) > _MOST_WAITING:
            self._items.popleft()
            lost += 1
        if lost:
            _log.warning("%d facts of chats are lost: more than %d wait to be stored", lost, _MOST_WAITING)

    def forget(self, erased: Erased) -> None:
        """Drop what goes with something that was erased."""
        self.take_in()
        for item in tuple(self._items):
            if erased.covers(item.reader, item.change):
                with contextlib.suppress(ValueError):  # another thread stored it meanwhile
                    self._items.remove(item)

    def store(self, engine: Engine, reader: Reader, changes: Sequence[Change], *, since: Moment) -> Outcome:
        """Store what waits, then `changes`; keep whatever cannot be stored now."""
        try:
            self.retry(engine)
            done = engine.apply(reader, changes, since=since) if changes else []
        except (StoreError, ModelUnavailable) as exc:
            self.add(reader, changes, since=since)
            return Outcome([None] * len(changes), exc)
        except Exception as exc:  # noqa: BLE001 - it is reported with the turn
            return self._store_each(engine, reader, changes, since) if changes else Outcome([], exc)
        except BaseException:
            self.add(reader, changes, since=since)
            raise
        self._stored += len(done)
        return Outcome(done)

    def _store_each(self, engine: Engine, reader: Reader, changes: Sequence[Change], since: Moment) -> Outcome:
        """Store one by one: the fault of one is not that of the others."""
        items = [_Item(reader, change, since) for change in changes]
        error: Exception | None = None
        done: list[Applied | None] = []
        for item in items:
            try:
                done.append(self._store_item(engine, item))
            except Exception as exc:  # noqa: BLE001 - it is reported with the turn
                error = error or exc
                done.append(None)
        return Outcome(done, error)

    def retry(self, engine: Engine) -> None:
        """Store what waits, oldest first. Raise if the store itself does not work."""
        self.take_in()
        refused = 0
        for _ in range(len(self._items)):
            try:
                item = self._items.popleft()
            except IndexError:  # another thread stored the last ones
                return
            self.coming(item.reader.user_id, 1)
            try:
                self._store_item(engine, item, first=True)
            except (StoreError, ModelUnavailable):
                raise
            except Exception:  # noqa: BLE001 - counted against the change
                refused += 1
            finally:
                self.came(item.reader.user_id, 1)
            if refused == _MOST_TRIES:  # it may refuse everything: no turn waits for a thousand refusals
                return

    def _store_item(self, engine: Engine, item: _Item, *, first: bool = False) -> Applied | None:
        """Store one change. If that fails keep it, in front of the others if it is not to blame, or give it up."""
        try:
            (applied,) = engine.apply(item.reader, [item.change], since=item.since)
        except InvalidInput as exc:
            _log.warning("a fact that waited cannot be stored and is given up: %s", exc)
            return None
        except Exception as exc:
            if not isinstance(exc, (StoreError, ModelUnavailable)):
                self._blame(item, exc)
            elif first:
                self._items.appendleft(item)
            else:
                self._items.append(item)
            raise
        except BaseException:
            self._items.appendleft(item)
            raise
        self._stored += 1
        return applied

    def _blame(self, item: _Item, exc: Exception) -> None:
        """Count a try that failed while others were stored; give a change up after the last."""
        if self._stored > item.at:
            item.tries, item.at = item.tries + 1, self._stored
        if item.tries < _MOST_TRIES:
            self._items.append(item)
            return
        what = str(exc) if isinstance(exc, HeadroomError) else type(exc).__name__
        _log.warning(
            "1 fact of turn %s is given up after %d tries, as it alone cannot be stored: %s",
            *(item.reader.turn_id, item.tries, what),
        )

    def give_up(self, why: str) -> None:
        """Log that what waits is lost."""
        self.take_in()
        if lost := len(self._items):
            self._items.clear()
            _log.error("%d facts of chats are lost: %s", lost, why)

    def coming(self, user_id: str, changes: int) -> None:
        """Count changes as not stored yet, from when they are learned; `came` ends it."""
        with self._lock:
            self._under_way[user_id] += changes

    def came(self, user_id: str, changes: int) -> None:
        """End what `coming` began: the changes are stored, or wait, or were given up."""
        with self._lock:
            self._under_way[user_id] -= changes
            if self._under_way[user_id] <= 0:
                del self._under_way[user_id]


class Outcome(NamedTuple):
    """What became of changes that were to be stored: one for each, None if it waits or was given up."""

    applied: Sequence[Applied | None]
    error: Exception | None = None
    """The first one that kept a change from being stored."""
