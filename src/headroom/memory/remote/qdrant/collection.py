"""Reading and writing points: pages, and changes that take place only if nobody else was faster."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from qdrant_client import QdrantClient
from qdrant_client import models as m

from ...protocols import Vector
from .conditions import at_rev, every, has, has_any, naming, one_of
from .connection import DENSE, Qdrant
from .planning import Plan
from .points import END, HELD, LIVE, STORED, TOMBSTONE, Point, payload, read, structure

T = TypeVar("T")

BATCH = 256
"""Points of one request, if they are short: about 2 MB of JSON."""
LONGEST = 4_000_000
"""Characters of one request, a number counted as 20. A server accepts 32 MB, and a character takes at most 6 bytes."""
_NUMBER = 20
_IDS = 100_000
"""Ids that the filters of one request may name: 4 MB of JSON."""
_WHOLE = 600
"""Seconds that a change of all points that a filter lets through may take, whatever `server_timeout` is."""
PAGE = 1000
"""Points of one page that is read without vectors."""

_REVS = 32
"""Earlier revisions that a point knows: so many others may write between a write and the look whether it took place."""

_STRONG = m.WriteOrdering.STRONG
_MAJORITY = m.ReadConsistencyType.MAJORITY
_NEVER = every(has("state", "never"))
"""An upsert that changes only what this lets through is an insert."""
_TOMBSTONES = uuid.UUID("0a9a4a9e-5d6a-5c38-8a3e-3f0a7d6c4b52")


class Collection:
    """The points of one collection. Each method is one request, or says how many."""

    def __init__(self, qdrant: Qdrant) -> None:
        self._qdrant, self._name = qdrant, qdrant.name

    @property
    def url(self) -> str:
        """Where the server is."""
        return self._qdrant.url

    @property
    def id(self) -> uuid.UUID:
        """What the ids of its memories are made from."""
        return self._qdrant.id

    @property
    def width(self) -> int:
        """The width of the embeddings."""
        return self._qdrant.width

    def get(self, ids: Iterable[str]) -> dict[str, Point]:
        """Read points by id; those that are not there, or no memories, are left out."""
        stored = self.payloads(ids)
        return {point_id: read(point_id, each) for point_id, each in stored.items() if each.get("state") in STORED}

    def payloads(self, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Read the payloads of points of any kind, by id."""
        wanted = _valid(ids)
        if not wanted or not self._qdrant.made:
            return {}
        found = self._qdrant.call(lambda c: c.retrieve(self._name, wanted, with_payload=True))
        return {str(each.id): each.payload or {} for each in found}

    def vectors(self, ids: Iterable[str]) -> dict[str, Any]:
        """Read the vectors of points, by id and name."""
        wanted = list(ids)
        if not wanted:
            return {}
        found = self._qdrant.call(
            lambda c: c.retrieve(self._name, wanted, with_payload=False, with_vectors=[DENSE]),
        )
        return {str(each.id): each.vector for each in found}

    def find(
        self, where: m.Filter, *, limit: int | None = None, order: m.OrderBy | None = None, batch: int = PAGE
    ) -> Iterator[Point]:
        """Yield the points that `where` lets through: by id, or the first `limit` by `order`. A request a page."""
        for stored in self.scroll(where, limit=limit, order=order, batch=batch):
            yield read(str(stored.id), stored.payload or {})

    def scroll(
        self,
        where: m.Filter,
        *,
        limit: int | None = None,
        order: m.OrderBy | None = None,
        batch: int = PAGE,
        payload: bool | list[str] = True,
        vectors: bool | list[str] = False,
        start: str | None = None,
    ) -> Iterator[m.Record]:
        """Yield points as they are stored, from the id `start` on. Pages by id, or one page by `order`."""
        left, offset = limit, start
        while self._qdrant.made and (left is None or left > 0):
            size = batch if left is None else min(batch, left)
            if order is not None:
                size = left or batch
            page, offset = self._qdrant.call(
                lambda c, size=size, offset=offset: c.scroll(  # type: ignore[misc]
                    self._name,
                    where,
                    limit=size,
                    order_by=order,
                    offset=offset,
                    with_payload=payload,
                    with_vectors=vectors,
                )
            )
            yield from page
            left = None if left is None else left - len(page)
            if offset is None or order is not None:
                return

    def facet(self, field: str, where: m.Filter) -> dict[str, int]:
        """Count the points of each value of a field, exactly, in the order of the values."""
        size, hits = PAGE, None
        while self._qdrant.made and (hits is None or len(hits) == size):
            size = size if hits is None else 10 * size
            request = partial(_facet, self._name, field, where, size)
            hits = self._qdrant.call(request)
        return {str(hit.value): hit.count for hit in sorted(hits or (), key=lambda hit: str(hit.value))}

    def count(self, where: m.Filter) -> int:
        """Count points exactly."""
        if not self._qdrant.made:
            return 0
        return self._qdrant.call(lambda c: c.count(self._name, where, exact=True)).count

    def query(self, requests: Sequence[m.QueryRequest]) -> list[list[m.ScoredPoint]]:
        """Run several searches: in one request, unless their filters name too many ids for that."""
        size = max(1, _IDS // max(1, *(_ids_named(request.filter) for request in requests)))
        found: list[m.QueryResponse] = []
        for start in range(0, len(requests), size):
            some = requests[start : start + size]
            found += self._qdrant.call(lambda c, some=some: c.query_batch_points(self._name, some))  # type: ignore[misc]
        return [list(each.points) for each in found]

    def commit(self, planned: Plan, known: Mapping[str, Point]) -> bool:
        """Store what is planned, all or nothing; False if another writer was faster: plan again.

        One request, if the plan is not long, and one that reads whose revisions stand. New memories are there before
        those that they replace end: a server that is cut off in between has both, and a note (`END`) of what is left.
        """
        new = [_noting(point) for point in planned.inserts.values()]
        changed = [_after(known[point.id], replace(point, replaces=())) for point in planned.updates.values()]
        operations = self._inserting(new, planned.vectors)
        staged = len(operations) > 1
        if staged:  # nobody may see a part of them
            operations = self._inserting([replace(point, staged=True) for point in new], planned.vectors)
        operations += [_setting(point, at_rev(point.id, known[point.id].rev)) for point in changed]
        operations += [_setting(planned.inserts[p.id], at_rev(p.id, p.rev), done=True) for p in new if p.replaces]
        self._run(operations)
        if not self._is_mine([*new, *changed]):
            self._take_back(new, changed, known)
            return False
        if staged:
            self.show(new)
        return True

    def insert(self, points: Sequence[Point], vectors: Mapping[str, Vector | None]) -> None:
        """Store points whose ids are not taken; those that are taken are left as they are."""
        self._run(self._inserting(points, vectors))

    def show(self, points: Sequence[Point]) -> None:
        """Let points that are staged be seen."""
        for state, waits in ((LIVE, False), (HELD, True)):
            ids = [point.id for point in points if (point.record.held_until is not None) is waits]
            self.set_payload(ids, {"state": state})

    def update(self, points: Iterable[Point], known: Mapping[str, Point]) -> bool:
        """Store new versions of points; False if another writer changed one of them, which then is left alone."""
        points = [_after(known[point.id], point) for point in points]
        self._run([_setting(point, at_rev(point.id, known[point.id].rev)) for point in points])
        return self._is_mine(points)

    def set_payload(self, ids: Sequence[str], values: dict[str, Any]) -> None:
        """Set fields of points, whoever wrote them last."""
        for start in range(0, len(ids), PAGE):
            only = every(one_of(ids[start : start + PAGE]))
            self._qdrant.call(
                lambda c, only=only: c.set_payload(self._name, values, points=only, ordering=_STRONG)  # type: ignore[misc]
            )

    def set_where(self, where: m.Filter, values: dict[str, Any]) -> None:
        """Set fields of all points that `where` lets through."""
        if self._qdrant.made:
            self._qdrant.call(
                lambda c: c.set_payload(self._name, values, points=where, ordering=_STRONG, timeout=_WHOLE)
            )

    def put(self, point_id: str, values: dict[str, Any]) -> None:
        """Store a point that has no vectors, in place of the one of this id."""
        if self._qdrant.made:
            points = [m.PointStruct(id=point_id, vector={}, payload=values)]
            self._qdrant.call(lambda c: c.upsert(self._name, points, ordering=_STRONG))

    def remove(self, where: m.Filter) -> None:
        """Delete all points that `where` lets through."""
        if self._qdrant.made:
            chosen = m.FilterSelector(filter=where)
            self._qdrant.call(lambda c: c.delete(self._name, chosen, ordering=_STRONG, timeout=_WHOLE))

    def set_vectors(self, vectors: Mapping[str, Vector]) -> None:
        """Set the embeddings of points that are there."""
        points = [m.PointVectors(id=memory_id, vector={DENSE: row.tolist()}) for memory_id, row in vectors.items()]
        self._qdrant.call(lambda c: c.update_vectors(self._name, points, ordering=_STRONG))

    def erase(self, points: Sequence[Point], *, mourn: bool) -> None:
        """Delete points and the turns that name them, in one request a page.

        With `mourn`, that also leaves a tombstone for each point that the graph knows.
        """
        for start in range(0, len(points), PAGE):
            batch = points[start : start + PAGE]
            stones = [_tombstone(point) for point in batch if mourn and point.linked]
            operations: list[Any] = [m.UpsertOperation(upsert=m.PointsList(points=stones))] if stones else []
            ids = [point.id for point in batch]
            operations.append(m.DeleteOperation(delete=m.PointIdsList(points=list(ids))))
            operations.append(m.DeleteOperation(delete=m.FilterSelector(filter=naming(ids))))
            self._qdrant.call(
                lambda c, operations=operations: c.batch_update_points(self._name, operations, ordering=_STRONG)  # type: ignore[misc]
            )

    def tombstones(self) -> dict[str, str]:
        """List the erased memories that the graph may still know: their ids, by the ids of their tombstones."""
        where = every(has("state", TOMBSTONE))
        return {str(each.id): (each.payload or {})["memory"] for each in self.scroll(where, limit=PAGE)}

    def bury(self, memory_ids: Iterable[str]) -> None:
        """Remove the tombstones of memories that the graph has forgotten."""
        stones = [_stone_id(memory_id) for memory_id in memory_ids]
        for start in range(0, len(stones), PAGE):
            batch = m.PointIdsList(points=list(stones[start : start + PAGE]))
            self._qdrant.call(lambda c, batch=batch: c.delete(self._name, batch, ordering=_STRONG))  # type: ignore[misc]

    def _inserting(self, points: Sequence[Point], vectors: Mapping[str, Vector | None]) -> list[Any]:
        """Return the operations that store points, each of a size for one request."""
        width = self._qdrant.width
        ready = [structure(point, vectors.get(point.id), width) for point in points]
        return [m.UpsertOperation(upsert=m.PointsList(points=batch, update_filter=_NEVER)) for batch in _packed(ready)]

    def _take_back(self, new: Sequence[Point], changed: Sequence[Point], known: Mapping[str, Point]) -> None:
        """Undo what was written of a plan that another writer has overtaken."""
        operations: list[Any] = [_setting(known[point.id], at_rev(point.id, point.rev)) for point in changed]
        for start in range(0, len(new), BATCH):
            batch = new[start : start + BATCH]
            own = every(one_of([point.id for point in batch]), has_any("rev", [point.rev for point in batch]))
            operations.append(m.DeleteOperation(delete=m.FilterSelector(filter=own)))
        self._run(operations)

    def _run(self, operations: Sequence[Any]) -> None:
        """Send operations in order, as many in one request as it may hold."""
        for batch in _packed(operations):
            self._qdrant.call(
                lambda c, batch=batch: c.batch_update_points(self._name, batch, ordering=_STRONG)  # type: ignore[misc]
            )

    def _is_mine(self, points: Sequence[Point]) -> bool:
        """Return whether `points` were written, even if others have written on top since."""
        for start in range(0, len(points), PAGE):
            batch = points[start : start + PAGE]
            ids = [point.id for point in batch]

            def revisions(client: QdrantClient, ids: list[str] = ids) -> list[m.Record]:
                return client.retrieve(self._name, ids, with_payload=["rev", "revs"], consistency=_MAJORITY)

            stand = {str(each.id): each.payload or {} for each in self._qdrant.call(revisions)}
            took_place = {name: {each["rev"], *each["revs"]} for name, each in stand.items()}
            if any(point.rev not in took_place.get(point.id, ()) for point in batch):
                return False
        return True


def _packed(items: Sequence[T]) -> Iterator[list[T]]:
    """Divide points, or operations, into parts that one request may hold."""
    batch: list[T] = []
    points = length = 0
    for item in items:
        more, longer = _size(item)
        if batch and (points + more > BATCH or length + longer > LONGEST):
            yield batch
            batch, points, length = [], 0, 0
        batch.append(item)
        points, length = points + more, length + longer
    if batch:
        yield batch


def _size(item: Any) -> tuple[int, int]:
    """Return how many points an item changes, and about how many characters it takes."""
    if isinstance(item, m.PointStruct):
        vectors: dict[str, Any] = item.vector if isinstance(item.vector, dict) else {}
        return 1, _characters(item.payload) + _NUMBER * len(vectors.get(DENSE, ()))
    if isinstance(item, m.UpsertOperation) and isinstance(item.upsert, m.PointsList):
        sizes = [_size(point) for point in item.upsert.points]
        return len(sizes), sum(length for _, length in sizes)
    return 1, _characters(item.set_payload.payload) if isinstance(item, m.SetPayloadOperation) else _NUMBER * BATCH


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_characters, value.values())) + _NUMBER * len(value)
    return sum(map(_characters, value)) if isinstance(value, list) else _NUMBER


def _ids_named(where: m.Filter | None) -> int:
    conditions = where.must if where is not None and isinstance(where.must, list) else []
    return sum(len(each.has_id) for each in conditions if isinstance(each, m.HasIdCondition))


def _after(before: Point, point: Point) -> Point:
    """Let a new version know the revisions that it follows."""
    return replace(point, revs=(*before.revs, before.rev)[-_REVS:])


def _noting(point: Point) -> Point:
    return replace(point, todo=(*point.todo, END)) if point.replaces else point


def _setting(point: Point, where: m.Filter, *, done: bool = False) -> m.SetPayloadOperation:
    """Set the whole payload of a point, or with `done` only that nothing is left of what it replaces."""
    values = {"todo": list(point.todo), "replaces": []} if done else payload(point)
    return m.SetPayloadOperation(set_payload=m.SetPayload(payload=values, filter=where))


def _facet(name: str, field: str, where: m.Filter, size: int, client: QdrantClient) -> list[m.FacetValueHit]:
    return list(client.facet(name, field, facet_filter=where, limit=size, exact=True).hits)


def _tombstone(point: Point) -> m.PointStruct:
    stored = {"state": TOMBSTONE, "memory": point.id, "owner": point.record.user_id}
    return m.PointStruct(id=_stone_id(point.id), vector={}, payload=stored)


def _stone_id(memory_id: str) -> str:
    return str(uuid.uuid5(_TOMBSTONES, memory_id))


def _valid(ids: Iterable[str]) -> list[str]:
    """Keep what can be an id; anything else is simply not found."""
    found: dict[str, None] = {}
    for memory_id in ids:
        try:
            found[str(uuid.UUID(memory_id))] = None
        except (ValueError, AttributeError, TypeError):
            continue
    return list(found)
