"""Carrying memories whole: out of the collection, and into it by way of points that nobody sees until all are there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from qdrant_client import models as m

from ..protocols import Stored
from ..records import Reader
from ..rules.duplicates import fingerprint, folded
from ..rules.staging import staged_user
from .neo4j.graph import Graph
from .qdrant.collection import Collection
from .qdrant.conditions import between, every, has, has_any, of_user, one_of
from .qdrant.connection import DENSE
from .qdrant.planning import clock, present_alike
from .qdrant.points import EMBED, HELD, IMPORT, LIVE, STORED, Point, dense_of, new_rev, read

_BATCH = 256
"""Memories that are read together, with their vectors."""


class Carrying:
    """Exports from one collection and imports into it."""

    def __init__(self, collection: Collection, graph: Graph | None) -> None:
        self._collection, self._graph = collection, graph

    def stored(self, user_id: str | None) -> Iterator[Stored]:
        """Yield memories whole, in the order of storing, a batch in memory at a time."""
        whose = () if user_id is None else (has("user_id", user_id),)
        for record in self._in_order(every(has_any("state", STORED), *whose), vectors=True):
            point = read(str(record.id), record.payload or {})
            yield Stored(point.record, point.events, None if EMBED in point.todo else dense_of(record.vector))

    def owners(self, memory_ids: Sequence[str]) -> list[str | None]:
        """Return the user of each memory; None for each that there is not."""
        found = {}
        for memory_id, stored in self._collection.payloads(memory_ids).items():
            if stored["state"] == IMPORT:
                found[memory_id] = staged_user(stored["staging"][0], stored["user_id"])
            elif stored["state"] in STORED:
                found[memory_id] = stored["user_id"]
        return [found.get(memory_id) for memory_id in memory_ids]

    def stage(self, import_id: str, memories: Sequence[Stored]) -> None:
        """Store memories where nobody sees them."""
        points = [_staged(import_id, stored) for stored in memories]
        self._add_sources(import_id, points)
        self._collection.insert(points, {stored.record.id: stored.vector for stored in memories})

    def _add_sources(self, import_id: str, points: Sequence[Point]) -> None:
        """Give what is staged already the sources that it has not yet."""
        mine = every(*(_of(import_id).must or []), one_of(point.id for point in points))
        staged = {point.id: point for point in self._collection.find(mine)}
        for point in points:
            same = staged.get(point.id)
            new = [] if same is None else [one for one in point.record.sources if one not in same.record.sources]
            if same is not None and new:
                record = replace(same.record, sources=(*same.record.sources, *new))
                staged[point.id] = replace(same, record=record, rev=new_rev())
                self._collection.update([staged[point.id]], {same.id: same})

    def publish(self, import_id: str) -> int:
        """Let all that was staged be seen, by one request; return how many memories. A second try goes on."""
        count = self._collection.count(_of(import_id))
        known: dict[str, str] = {}
        for batch in self._batches(import_id):
            known.update(self._merge_known(batch))
        for batch in self._batches(import_id):
            self._settle(batch, known)
        for state, waits in ((HELD, True), (LIVE, False)):
            one = every(_of(import_id), has("waits", "yes" if waits else "no"))
            self._collection.set_where(one, {"state": state, "staging": []})
        return count

    def discard(self, import_id: str | None) -> int:
        """Erase what was staged and not published, by this import or by all; return how many memories."""
        where = _of(import_id)
        count = self._collection.count(where)
        self._collection.remove(where)
        return count

    def _batches(self, import_id: str) -> Iterator[list[Point]]:
        batch: list[Point] = []
        for record in self._in_order(_of(import_id), vectors=False):
            batch.append(read(str(record.id), record.payload or {}))
            if len(batch) == _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def _in_order(self, where: m.Filter, *, vectors: bool) -> Iterator[m.Record]:
        """Yield points in the order of storing. Several may have the same place, if two processes wrote at once."""
        last, seen = -1, set[str]()
        order = m.OrderBy(key="seq", direction=m.Direction.ASC)
        size = _BATCH
        while True:
            behind = every(where, between("seq", gte=last))
            with_vectors: bool | list[str] = [DENSE] if vectors else False
            page = list(self._collection.scroll(behind, limit=size, order=order, vectors=with_vectors))
            fresh = [record for record in page if str(record.id) not in seen]
            yield from fresh
            if len(page) < size:
                return
            newest = max((record.payload or {})["seq"] for record in page)
            size = size if newest > last else 2 * size
            seen = {str(record.id) for record in page if (record.payload or {})["seq"] == newest} | (
                seen if newest == last else set()
            )
            last = newest

    def _merge_known(self, batch: Sequence[Point]) -> dict[str, str]:
        """Give the sources of staged memories to those that say the same; return by which ids these are known."""
        found: dict[str, str] = {}
        alike: dict[str, Point] = {}
        for user_id in {point.record.user_id for point in batch}:
            marks = sorted({point.fingerprint for point in batch if point.record.user_id == user_id})
            where = of_user(user_id, has_any("fingerprint", marks))
            alike.update({point.id: point for point in self._collection.find(where)})
        for point in batch:
            same = _known(point, alike.values())
            if same is not None:
                new = tuple(source for source in point.record.sources if source not in same.record.sources)
                record = replace(same.record, sources=(*same.record.sources, *new))
                merged = replace(same, record=record, rev=new_rev())
                if self._collection.update([merged], {same.id: same}):
                    alike[same.id] = merged
                    found[point.id] = same.id
        self._collection.erase([point for point in batch if point.id in found], mourn=False)
        return found

    def _settle(self, batch: Sequence[Point], known: dict[str, str]) -> None:
        """Let each memory that was replaced name a successor that there is, and tell the graph."""
        named = {p.record.superseded_by for p in batch if p.record.superseded_by is not None}
        there = dict(zip(named, self.owners(list(named)), strict=True))
        for point in batch:
            old = point.record.superseded_by
            if old is not None:
                new = known.get(old, old if there.get(old) is not None else None)
                if new != old:
                    self._collection.set_payload([point.id], {"superseded_by": [] if new is None else [new]})
        linked = [point for point in batch if point.linked]
        if self._graph is not None and linked:
            self._graph.link(linked)


def _staged(import_id: str, stored: Stored) -> Point:
    record = stored.record
    return Point(
        record=record,
        events=stored.events,
        seq=clock.next(),
        fingerprint=fingerprint(record.user_id, record.content),
        rev=new_rev(),
        staged=True,
        staging=import_id,
        todo=(EMBED,) if stored.vector is None else (),
    )


def _known(point: Point, alike: Iterable[Point]) -> Point | None:
    """Find the present memory of the user that says the same to the same readers."""
    record = point.record
    if record.valid_until is not None or record.held_until is not None:
        return None
    writer = Reader(
        user_id=record.user_id, session_id=record.session_id, agent_id=record.agent_id, turn_id=record.turn_id
    )
    for same in present_alike(alike, point.fingerprint, record.scope, writer):
        if same.record.scope is record.scope and folded(same.record.content) == folded(record.content):
            return same
    return None


def _of(import_id: str | None) -> m.Filter:
    return every(has("state", IMPORT), *(() if import_id is None else (has("staging", import_id),)))
