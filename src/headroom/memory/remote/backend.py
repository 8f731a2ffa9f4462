"""The remote backend: memories in Qdrant, which is the only truth, and their graph in Neo4j, which follows it."""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from qdrant_client import models as m

from ...errors import Closed, InvalidInput, ServerUnavailable, StoreError
from ...runtime.threads import submit
from ..config import MemoryConfig
from ..protocols import Embedder, Query, Vector, Write
from ..records import Applied, Parts, Reader, Record, SearchResult
from ..rules.duplicates import fingerprint, grouped
from ..rules.ranking import score
from ..rules.times import micros, now
from ..rules.visibility import audience, bound, visible
from .collection import PAGE, Collection
from .conditions import between, has, has_any, of_user, one_of, parts_of, ruled, seen, seen_at
from .graph import Graph
from .neo4j import Neo4j
from .outlook import Outlooks
from .planning import lets_through, plan, same_text
from .points import EMBED, FOREVER, LINK, Point, new_rev
from .qdrant import Qdrant
from .repair import Repairs
from .search import Search

P = TypeVar("P")

_log = logging.getLogger("headroom")

_TRIES = 20
"""Plans of one write: each time that somebody else was faster, at least that one has done its own."""
_PAUSE = 0.005
_DAY = 86_400_000_000
_PURGED = 1000
"""Expired memories that are erased on opening; `headroom reconcile` erases all."""


class RemoteBackend:
    """Memories in a collection of Qdrant, and their entities and relations in Neo4j."""

    def __init__(self, config: MemoryConfig, embedder: Embedder) -> None:
        """Connect to both. Raise ServerUnavailable or ServerRefused at once if one cannot be used."""
        config = config.settled()
        self._embedder = embedder
        self._qdrant = Qdrant(config, embedder.id)
        self._graph = None
        if config.neo4j_uri != "none":
            self._graph = Graph(Neo4j(config), config.qdrant_collection)
        self._collection = Collection(self._qdrant)
        self._outlooks = Outlooks(self._collection)
        quantized = config.qdrant_quantization is not None
        self._search = Search(self._collection, self._outlooks, ef=config.hnsw_ef_search, quantized=quantized)
        self._repairs = Repairs(self._collection, self._graph)
        self._writing = [threading.Lock() for _ in range(64)]
        self._behind = True
        self._purge()

    def apply(self, writer: Reader, writes: Sequence[Write]) -> list[Applied]:
        width = next((len(w.entry.vector) for w in writes if w.entry and w.entry.vector is not None), 0)
        if any(write.entry for write in writes):
            self._qdrant.make(width or self._embedder.width)
        self._catch_up()
        # In this process writers of one user queue up; only those of other processes can be faster.
        with self._writing[hash(writer.user_id) % len(self._writing)]:
            for tried in range(_TRIES):
                known = self._known(writer, writes, unfinished=tried > _TRIES // 2)
                planned = plan(writer, writes, known.values(), now())
                linked = [point for point in (*planned.inserts.values(), *planned.updates.values()) if point.linked]
                if not self._link([p for p in linked if _links_differ(p, known.get(p.id))]):
                    for point in linked:
                        held = planned.inserts if point.id in planned.inserts else planned.updates
                        held[point.id] = replace(point, todo=tuple(dict.fromkeys((*point.todo, LINK))))
                if self._collection.commit(planned, known):
                    return planned.applied
                time.sleep(random.random() * _PAUSE * (tried + 1))
        raise ServerUnavailable(engine="Qdrant", url=self._qdrant.url, reason="other writers were always faster")

    def search(self, query: Query) -> list[SearchResult]:
        if query.include_graph:
            self._need_graph()
        if not self._qdrant.made:
            return []
        at = now()
        where, key = self._where(query, at)
        if where is None:
            return []
        found = self._search.run(query, where, at, key=key)
        if query.include_graph:
            found = self._with_neighbours(query, where, found)
        results = [
            SearchResult(score=score(parts), parts=parts, **_fields(point.record))
            for point, parts in found
            if score(parts) >= query.min_score
        ]
        return grouped(results) if query.notes_only else results

    def get(self, memory_id: str, reader: Reader | None) -> Record | None:
        point = self._find(memory_id, reader)
        return None if point is None else point.record

    def history(self, memory_id: str, reader: Reader | None) -> list[Record]:
        point = self._find(memory_id, reader)
        if point is None:
            return []
        while (by := point.record.superseded_by) and by in (after := self._collection.get([by])):
            point = after[by]
        versions = sorted(self._versions(point), key=lambda each: each.seq)
        return [each.record for each in versions if reader is None or _sees(reader, each)]

    def page(self, reader: Reader, *, limit: int | None, after: str | None) -> list[Record]:
        behind = None if after is None else self._find(after, Reader(user_id=reader.user_id, owner=True))
        if after is not None and behind is None:
            raise InvalidInput("after must be the id of one of this user's memories, such as the last of a page")
        at = now()
        if limit is None:
            points = list(self._collection.find(seen(reader, at)))
            points.sort(key=lambda point: (point.record.created_at, point.seq), reverse=True)
            place = None if behind is None else (behind.record.created_at, behind.seq)
            return [p.record for p in points if place is None or (p.record.created_at, p.seq) < place]
        return [point.record for point in self._newest(reader, at, limit, behind)]

    def revive(self, memory_id: str, reader: Reader | None) -> bool:
        for tried in range(_TRIES):
            point = self._find(memory_id, reader)
            if point is None or point.record.valid_until is None or point.record.superseded_by is not None:
                return False
            record = point.record
            writer = Reader(
                user_id=record.user_id,
                session_id=record.session_id,
                agent_id=record.agent_id,
                turn_id=record.turn_id,
            )
            alike = self._collection.find(of_user(record.user_id, has("fingerprint", point.fingerprint)))
            if same_text(alike, point.fingerprint, audience(record.scope, writer), now()):
                return False
            revived = replace(point, record=replace(record, valid_until=None), rev=new_rev())
            if self._collection.update([revived], {point.id: point}):
                return True
            time.sleep(random.random() * _PAUSE * (tried + 1))
        raise ServerUnavailable(engine="Qdrant", url=self._qdrant.url, reason="other writers were always faster")

    def delete(self, memory_id: str, reader: Reader | None) -> bool:
        point = self._find(memory_id, reader)
        if point is None:
            return False
        self._erase(self._versions(point))
        return True

    def clear(self, reader: Reader) -> int:
        where = m.Filter(must=[has("user_id", reader.user_id), *parts_of(ruled(bound(reader)))])
        return self._erase(self._collection.find(where))

    def stats(self, reader: Reader | None) -> dict[str, int]:
        unexpired = between("expires_at", gt=now())
        if reader is None:
            where: list[Any] = [has("state", "live"), unexpired]
        else:
            where = [has("user_id", reader.user_id), has("state", "live"), unexpired, *parts_of(ruled(visible(reader)))]
        count = self._collection.count
        present, waiting = has("until", FOREVER), has("todo", EMBED)
        total = count(m.Filter(must=[*where, present]))
        return {
            "total": total,
            "superseded": count(m.Filter(must=where)) - total,
            "without_vector": count(m.Filter(must=[*where, waiting])),
        }

    def usable(self) -> bool:
        return True

    def unembedded(self, limit: int) -> list[tuple[str, str]]:
        order = m.OrderBy(key="seq", direction=m.Direction.ASC)
        waiting = self._collection.find(m.Filter(must=[has("todo", EMBED)]), limit=limit, order=order)
        return [(point.id, point.record.content) for point in waiting]

    def put_vectors(self, vectors: Mapping[str, Vector]) -> None:
        where = m.Filter(must=[has("todo", EMBED), one_of(vectors)])
        waiting = list(self._collection.find(where)) if vectors else []
        if not waiting:
            return
        self._qdrant.make(len(next(iter(vectors.values()))))
        self._collection.set_vectors({point.id: vectors[point.id] for point in waiting})
        for point in waiting:
            left = [each for each in point.todo if each != EMBED]
            self._collection.set_payload([point.id], {"todo": left})
        for user_id in {point.record.user_id for point in waiting}:
            self._outlooks.forget(user_id)

    def close(self) -> None:
        self._outlooks.clear()
        self._qdrant.close()
        if self._graph is not None:
            self._graph.close()

    # Reading.

    def _find(self, memory_id: str, reader: Reader | None) -> Point | None:
        """Look up a memory that `reader` sees, whether it is present or history."""
        found = self._collection.get([memory_id])
        point = next(iter(found.values()), None)
        return point if point is not None and (reader is None or _sees(reader, point)) else None

    def _versions(self, point: Point) -> list[Point]:
        """List a memory and all that it replaced, directly or not."""
        found, before = {point.id: point}, [point]
        while before:
            wanted = [old for each in before for old in each.replaces if old not in found]
            # One that another memory has replaced since belongs to that.
            before = [p for p in self._collection.get(wanted).values() if p.record.superseded_by in found]
            found.update({each.id: each for each in before})
        return list(found.values())

    def _known(self, writer: Reader, writes: Sequence[Write], *, unfinished: bool) -> dict[str, Point]:
        """Read what a plan must know: memories of equal text, and those that are to be replaced."""
        named = [memory_id for write in writes for memory_id in write.replaces]
        known = {p.id: p for p in self._collection.get(named).values() if p.record.user_id == writer.user_id}
        marks = {fingerprint(writer.user_id, write.entry.content) for write in writes if write.entry}
        if marks:
            alike = has_any("fingerprint", sorted(marks))
            own = of_user(writer.user_id, alike)
            where = m.Filter(must=[has("user_id", writer.user_id), alike]) if unfinished else own
            known.update({point.id: point for point in self._collection.find(where)})
        return known

    def _newest(self, reader: Reader, at: int, limit: int, behind: Point | None) -> list[Point]:
        """Read one page by `created_at`, and among equal times by the order of storing, newest first."""
        found: list[Point] = []
        before = None
        if behind is not None:
            before = micros(behind.record.created_at)
            found = self._told_at(reader, at, before, limit, between("seq", lt=behind.seq))
        if len(found) < limit:
            order = m.OrderBy(key="created_at", direction=m.Direction.DESC)
            older = () if before is None else (between("created_at", lt=before),)
            page = list(self._collection.find(seen(reader, at, *older), limit=limit - len(found), order=order))
            found += self._in_order(reader, at, page, limit - len(found))
        return found

    def _in_order(self, reader: Reader, at: int, page: list[Point], limit: int) -> list[Point]:
        """Put a page in order whose last time may go on behind it: of that time, read the newest again."""
        if len(page) == limit:
            last = min(point.record.created_at for point in page)
            sure = [point for point in page if point.record.created_at > last]
            page = sure + self._told_at(reader, at, micros(last), limit - len(sure))
        return sorted(page, key=lambda point: (point.record.created_at, point.seq), reverse=True)

    def _told_at(self, reader: Reader, at: int, told_at: int, limit: int, *more: m.FieldCondition) -> list[Point]:
        order = m.OrderBy(key="seq", direction=m.Direction.DESC)
        where = seen(reader, at, has("created_at", told_at), *more)
        return list(self._collection.find(where, limit=limit, order=order))

    def _where(self, query: Query, at: int) -> tuple[m.Filter | None, object | None]:
        """Return the filter of a search, None if nothing passes it, and a name for it if it is an everyday one."""
        more = [] if query.saved_by is None else [has("saved_by", query.saved_by)]
        if query.as_of is not None:
            where = seen_at(query.reader, at, query.as_of, *more)
        else:
            where = seen(query.reader, at, *more)
        if query.where:
            wanted = dict(query.where)
            fitting = [
                str(each.id)
                for each in self._collection.scroll(where, payload=["metadata"])
                if _holds(json.loads((each.payload or {})["metadata"]), wanted)
            ]
            return (m.Filter(must=[*parts_of(where), one_of(fitting)]) if fitting else None), None
        plain = query.as_of is None and query.saved_by is None
        return where, (query.reader.user_id, query.reader) if plain else None

    # Writing.

    def _link(self, points: Sequence[Point]) -> bool:
        """Tell the graph before the memory is stored, so that nothing is left to do after; False if it is away."""
        if self._graph is None or not points:
            return True
        try:
            self._graph.link(points)
        except StoreError as exc:
            _log.warning("%d memories wait for the graph: %s", len(points), exc)
            self._behind = True
            return False
        return True

    def _erase(self, points: Iterable[Point]) -> int:
        """Erase memories: from Qdrant, which leaves a note of those in the graph, then from there."""
        total = 0
        for batch in _batched(points, PAGE):
            self._collection.erase(batch, mourn=self._graph is not None)
            total += len(batch)
            for user_id in {point.record.user_id for point in batch}:
                self._outlooks.forget(user_id)
            linked = [point.id for point in batch if point.linked]
            if self._graph is not None and linked:
                try:
                    self._graph.unlink(linked)
                    self._collection.bury(linked)
                except StoreError as exc:
                    _log.warning("%d erased memories wait for the graph: %s", len(linked), exc)
                    self._behind = True
        return total

    def _purge(self) -> None:
        """Erase what has expired, and the turn memories of a day ago."""
        at = now()
        old_turn = m.Filter(must=[has("scope", "turn"), between("created_at", lt=at - _DAY)])
        dead = m.Filter(should=[between("expires_at", lte=at), old_turn])
        self._erase(self._collection.find(dead, limit=_PURGED))

    def _catch_up(self) -> None:
        """Do in the background what an earlier failure left to do, in this process or another."""
        if self._behind:
            self._behind = False
            submit(self._repair)

    def _repair(self) -> None:
        try:
            self._repairs.run()
        except (Closed, StoreError) as exc:
            _log.warning("what is left to do waits: %s", exc)
            self._behind = True

    # The graph.

    def _need_graph(self) -> Graph:
        if self._graph is None:
            raise InvalidInput(
                'include_graph needs Neo4j, and neo4j_uri is "none"; name a server, or search without it'
            )
        return self._graph

    def _with_neighbours(
        self, query: Query, where: m.Filter, found: list[tuple[Point, Parts]]
    ) -> list[tuple[Point, Parts]]:
        """Add the memories that share an entity with the best, or mention a related one; `where` holds for them too."""
        best = {point.id: (point, parts) for point, parts in found}
        linked: dict[str, float] = {}
        for here, others in self._need_graph().neighbours(list(best), query.reader.user_id).items():
            for there, share in others.items():
                linked[there] = max(share * score(best[here][1]), linked.get(there, 0.0))
        if linked:
            for point in self._collection.find(m.Filter(must=[*parts_of(where), one_of(linked)])):
                parts = Parts(graph=linked[point.id])
                known = best.get(point.id)
                if known is None or score(known[1]) < score(parts):
                    best[point.id] = (point, parts)
        return sorted(best.values(), key=lambda pair: -score(pair[1]))[: query.top_k]


def _sees(reader: Reader, point: Point) -> bool:
    return point.record.user_id == reader.user_id and lets_through(visible(reader), point.record)


def _links_differ(point: Point, before: Point | None) -> bool:
    if before is None:
        return True
    old, new = before.record, point.record
    return (old.entities, old.relationships) != (new.entities, new.relationships)


def _holds(metadata: Mapping[str, object], wanted: Mapping[str, object]) -> bool:
    return all(key in metadata and metadata[key] == value for key, value in wanted.items())


def _fields(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in Record.__slots__}


def _batched(items: Iterable[P], size: int) -> Iterable[list[P]]:
    batch: list[P] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
