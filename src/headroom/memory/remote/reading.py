"""Looking up and listing memories: by id, through their versions, newest first, by whose they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, islice
from typing import Any

from qdrant_client import models as m

from ...errors import NotFound
from ..query import Filter, Listing
from ..records import Event, Reader, Stats
from ..rules.filters import matches
from ..rules.times import micros, moment, now
from ..rules.visibility import bound, sees, visible
from .qdrant.collection import PAGE, Collection
from .qdrant.conditions import between, every, has, has_any, listed, of_user, pushed, ruled
from .qdrant.points import EMBED, FOREVER, HELD, LIVE, STORED, TURN, Point, events_of

_BATCH = 256
"""Memories that are looked at together if a filter has to be asked about each."""


class Reading:
    """What is read of one collection, beside searches."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    def find(self, memory_ids: Iterable[str], reader: Reader | None) -> dict[str, Point]:
        """Look up memories that `reader` sees, present, held or history, by id."""
        found = self._collection.get(memory_ids)
        return {each.id: each for each in found.values() if reader is None or sees(reader, each.record)}

    def versions(self, points: Iterable[Point]) -> dict[str, Point]:
        """Return memories and all that they replaced, directly or not, by id."""
        found = {point.id: point for point in points}
        newest = list(found)
        while newest:
            where = every(has_any("superseded_by", newest[:PAGE]), has_any("state", STORED))
            older = {point.id: point for point in self._collection.find(where) if point.id not in found}
            found.update(older)
            newest = [*newest[PAGE:], *older]
        return found

    def history(self, memory_id: str, reader: Reader | None) -> list[Point]:
        """List the versions of a memory that `reader` sees, oldest first."""
        point = next(iter(self.find([memory_id], reader).values()), None)
        if point is None:
            return []
        while (by := point.record.superseded_by) and by in (after := self._collection.get([by])):
            point = after[by]
        versions = sorted(self.versions([point]).values(), key=lambda each: each.seq)
        return [each for each in versions if reader is None or sees(reader, each.record)]

    def page(self, listing: Listing) -> list[Point]:
        """List memories, newest first. Raise NotFound if `listing.after` is not found."""
        behind = None
        if listing.after is not None:
            behind = self.find([listing.after], listing.reader).get(listing.after)
            if behind is None:
                raise NotFound(memory_id=listing.after, wanted="listed")
        condition, exact = pushed(listing.where)
        where = listed(listing, now(), condition)
        if listing.limit is None:
            points = sorted(self._collection.find(where), key=_told, reverse=True)
            fresh = [point for point in points if behind is None or _told(point) < _told(behind)]
            return fresh if exact else _let_through(listing.where, fresh)
        size = listing.limit if exact else _BATCH
        newest = self._newest(where, size, behind)
        found = newest if exact else (point for point in newest if _fits(listing.where, point))
        return list(islice(found, listing.limit))

    def count(self, listing: Listing) -> int:
        """Count the memories of a listing, whatever its limit."""
        condition, exact = pushed(listing.where)
        where = listed(listing, now(), condition)
        if exact:
            return self._collection.count(where)
        return sum(1 for point in self._collection.find(where) if _fits(listing.where, point))

    def bound_to(self, reader: Reader, where: Filter | None) -> Iterator[Point]:
        """Yield the memories that a `clear` erases: bound to the ids of `reader`, and let through by `where`."""
        condition, exact = pushed(where)
        found = self._collection.find(of_user(reader.user_id, ruled(bound(reader)), condition))
        return found if exact else (point for point in found if _fits(where, point))

    def fitting(self, where: Filter, condition: m.Filter) -> list[str]:
        """List the ids of the memories that `condition` lets through, and `where` too."""
        return [point.id for point in self._collection.find(condition) if _fits(where, point)]

    def events(self, reader: Reader, turn_id: str | None, since: datetime | None) -> list[Event]:
        """List what happened to the memories that `reader` sees, newest first; only in this turn, or since then."""
        turn = () if turn_id is None else (has("turns", turn_id),)
        recent = () if since is None else (between("changed_at", gte=micros(since)),)
        found: list[tuple[datetime, int, Event]] = []
        wanted = ["events", "seq"]
        seen = of_user(reader.user_id, ruled(visible(reader)), *turn, *recent)
        for each in self._collection.scroll(seen, payload=wanted):
            stored: dict[str, Any] = each.payload or {}
            for event in events_of(str(each.id), stored):
                if turn_id in (None, event.turn_id) and (since is None or event.at >= since):
                    found.append((event.at, stored["seq"], event))
        return [event for *_, event in sorted(found, key=lambda one: one[:2], reverse=True)]

    def users(self) -> list[str]:
        """List the users who have memories or kept turns."""
        return list(self._collection.facet("user_id", every(has_any("state", (*STORED, TURN)))))

    def stats(self, reader: Reader | None) -> Stats:
        """Count the memories that `reader` sees, or all of everybody."""
        seen = () if reader is None else (has("user_id", reader.user_id), ruled(visible(reader)))
        unexpired = (*seen, between("over_at", gt=now()))
        count, open_end = self._collection.count, has("until", FOREVER)
        present = every(has("state", LIVE), open_end, *unexpired)
        total, held = count(present), count(every(has("state", HELD), open_end, *unexpired))
        stored = every(has_any("state", STORED), *unexpired)
        return {
            "total": total,
            "superseded": count(stored) - total - held,
            "held": held,
            "without_vector": count(every(has_any("state", STORED), has("todo", EMBED), *unexpired)),
            "by_agent": self._collection.facet("saved_by", present),
            "by_origin": self._collection.facet("origins", present),
            "file_bytes": 0,
            "erasing": int(bool(self._collection.tombstones())),
        }

    def growth(self, reader: Reader, step: timedelta) -> list[tuple[datetime, int]]:
        """Count the memories that `reader` sees after each step of time in which any came or went."""
        at, size = now(), step // timedelta(microseconds=1)
        where = every(has("user_id", reader.user_id), has("state", LIVE), ruled(visible(reader)))
        changes: dict[int, list[int]] = {}
        for each in self._collection.scroll(where, payload=["created_at", "until", "over_at"]):
            stored = each.payload or {}
            ended = min(stored["until"], stored["over_at"])
            for moved, by in ((stored["created_at"], 1), *(((ended, -1),) if ended <= at else ())):
                first, total = changes.setdefault(moved // size, [moved, 0])
                changes[moved // size] = [min(first, moved), total + by]
        steps = [changes[number] for number in sorted(changes)]
        totals = accumulate(by for _, by in steps)
        return [(moment(first), total) for (first, _), total in zip(steps, totals, strict=True)]

    def _newest(self, where: m.Filter, size: int, behind: Point | None) -> Iterator[Point]:
        """Yield memories by `created_at`, and among equal times by the order of storing, newest first, in pages."""
        while page := self._next(where, size, behind):
            yield from page
            if len(page) < size:
                return
            behind = page[-1]

    def _next(self, where: m.Filter, size: int, behind: Point | None) -> list[Point]:
        found: list[Point] = []
        older: tuple[Any, ...] = ()
        if behind is not None:
            told_at = micros(behind.record.created_at)
            found = self._told_at(where, told_at, size, between("seq", lt=behind.seq))
            older = (between("created_at", lt=told_at),)
        if len(found) == size:
            return found
        order = m.OrderBy(key="created_at", direction=m.Direction.DESC)
        page = list(self._collection.find(every(where, *older), limit=size - len(found), order=order))
        if len(page) == size - len(found):
            # The last time of the page may go on behind it: of that time, read the newest again.
            last = min(point.record.created_at for point in page)
            sure = [point for point in page if point.record.created_at > last]
            page = sure + self._told_at(where, micros(last), len(page) - len(sure))
        return found + sorted(page, key=_told, reverse=True)

    def _told_at(self, where: m.Filter, told_at: int, limit: int, *more: m.FieldCondition) -> list[Point]:
        order = m.OrderBy(key="seq", direction=m.Direction.DESC)
        same = every(where, has("created_at", told_at), *more)
        return list(self._collection.find(same, limit=limit, order=order))


def _told(point: Point) -> tuple[datetime, int]:
    return point.record.created_at, point.seq


def _fits(where: Filter | None, point: Point) -> bool:
    return where is None or matches(where, point.record)


def _let_through(where: Filter | None, points: Sequence[Point]) -> list[Point]:
    return [point for point in points if _fits(where, point)]
