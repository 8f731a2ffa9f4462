"""The remote backend: memories in Qdrant, which is the only truth, and their graph in Neo4j, which follows it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from qdrant_client import models as m

from ...errors import InvalidInput
from ..config import MemoryConfig
from ..protocols import Amendment, Decision, Embedder, Stored, Vector, Write
from ..query import Filter, Listing, Query
from ..records import Applied, Event, KeptTurn, Parts, Reader, Reconciled, Record, SearchResult, Stats
from ..rules.duplicates import grouped
from ..rules.search.ranking import score
from ..rules.times import local, micros, now
from .carry import Carrying
from .neo4j.connection import Neo4j
from .neo4j.graph import Graph
from .outlook import Outlooks
from .qdrant.collection import Collection
from .qdrant.conditions import every, expired, has, of_all, one_of, pushed, seen, seen_at
from .qdrant.connection import Qdrant
from .qdrant.points import EMBED, dense_of
from .reading import Reading
from .reconcile import Reconciliation
from .search import Hit, Search
from .turns import Turns
from .writing import Writing

_PURGED = 1000
"""Expired memories that are erased on opening; `headroom reconcile` erases all."""


class RemoteBackend:
    """Memories in a collection of Qdrant, and their entities and relations in Neo4j."""

    def __init__(self, config: MemoryConfig, embedder: Embedder) -> None:
        """Connect to both. Raise ServerUnavailable or ServerRefused at once if one cannot be used."""
        config = config.settled()
        self._embedder = embedder
        self._qdrant = Qdrant(config, embedder.id)
        self._graph: Graph | None = None
        try:
            if config.neo4j_uri != "none":
                self._graph = Graph(Neo4j(config), str(config.qdrant_collection))
            self._compose(config)
            if not config.read_only:
                self._writing.erase(self._collection.find(expired(now()), limit=_PURGED))
        except BaseException:
            self.close()
            raise

    def _compose(self, config: MemoryConfig) -> None:
        self._collection = Collection(self._qdrant)
        self._outlooks = Outlooks(self._collection)
        quantized = config.qdrant_quantization is not None
        self._search = Search(self._collection, self._outlooks, ef=config.hnsw_ef_search, quantized=quantized)
        self._reading = Reading(self._collection)
        self._turns = Turns(self._collection)
        self._carrying = Carrying(self._collection, self._graph)
        self._writing = Writing(self._collection, self._graph, self._outlooks)

    def lifetime(self, user_id: str) -> int | None:
        return None  # clears of other processes are not counted there

    def apply(self, writer: Reader, writes: Sequence[Write]) -> list[Applied]:
        if any(write.entry for write in writes):
            width = next((len(w.entry.vector) for w in writes if w.entry and w.entry.vector is not None), 0)
            self._qdrant.make(width or self._embedder.width)
        return self._writing.apply(writer, writes)

    def amend(self, actor: Reader, memory_ids: Sequence[str], decision: Decision) -> list[Amendment]:
        return self._writing.amend(actor, memory_ids, decision)

    def search(self, query: Query) -> list[SearchResult]:
        graph = self._need_graph() if query.include_graph else None
        if not self._qdrant.made:
            return []
        at = now()
        where, key = self._where(query, at)
        found = [] if where is None else self._search.run(query, where, at, key=key)
        if graph is not None and where is not None:
            found = self._with_neighbours(graph, query, where, found)
        results = [
            SearchResult(
                score=score(hit.parts),
                parts=hit.parts,
                cosine=hit.cosine,
                told=local(hit.point.record.created_at, query.zone).date() if hit.is_rival else None,
                **_fields(hit.point.record),
            )
            for hit in found
            if score(hit.parts) >= query.min_score
        ]
        return grouped(results) if query.notes_only else results

    def get_many(self, memory_ids: Sequence[str], reader: Reader | None) -> list[Record | None]:
        found = self._reading.find(memory_ids, reader)
        return [found[memory_id].record if memory_id in found else None for memory_id in memory_ids]

    def history(self, memory_id: str, reader: Reader | None) -> list[Record]:
        return [point.record for point in self._reading.history(memory_id, reader)]

    def page(self, listing: Listing) -> list[Record]:
        return [point.record for point in self._reading.page(listing)]

    def count(self, listing: Listing) -> int:
        return self._reading.count(listing)

    def events(self, reader: Reader, *, turn_id: str | None = None, since: datetime | None = None) -> list[Event]:
        return self._reading.events(reader, turn_id, since)

    def users(self) -> list[str]:
        return self._reading.users()

    def vectors(self, memory_ids: Sequence[str], reader: Reader | None) -> list[Vector | None]:
        found = self._reading.find(memory_ids, reader)
        there = self._collection.vectors(each.id for each in found.values() if EMBED not in each.todo)
        return [dense_of(there[memory_id]) if memory_id in there else None for memory_id in memory_ids]

    def delete(self, memory_ids: Sequence[str], reader: Reader | None) -> int:
        found = self._reading.find(memory_ids, reader)
        self._writing.erase(self._reading.versions(found.values()).values())
        return len(found)

    def clear(self, reader: Reader, where: Filter | None = None) -> int:
        if where is None:
            self._turns.clear(reader)
        found = list(self._reading.bound_to(reader, where))
        self._writing.erase(self._reading.versions(found).values() if found else ())
        return len(found)

    def keep_turn(self, turn: KeptTurn) -> None:
        self._qdrant.make(self._embedder.width)
        self._turns.keep(turn)

    def turns(self, reader: Reader, *, limit: int, before: str | None) -> list[KeptTurn]:
        return self._turns.page(reader, limit, before)

    def growth(self, reader: Reader, step: timedelta) -> list[tuple[datetime, int]]:
        return self._reading.growth(reader, step)

    def stored(self, user_id: str | None) -> Iterator[Stored]:
        return self._carrying.stored(user_id)

    def owners(self, memory_ids: Sequence[str]) -> list[str | None]:
        return self._carrying.owners(memory_ids)

    def stage(self, import_id: str, memories: Sequence[Stored]) -> None:
        width = next((len(stored.vector) for stored in memories if stored.vector is not None), 0)
        self._qdrant.make(width or self._embedder.width)
        self._carrying.stage(import_id, memories)

    def publish(self, import_id: str) -> int:
        count = self._carrying.publish(import_id)
        self._outlooks.clear()
        return count

    def discard(self, import_id: str | None) -> int:
        return self._carrying.discard(import_id)

    def unembedded(self, limit: int) -> list[tuple[str, str]]:
        order = m.OrderBy(key="seq", direction=m.Direction.ASC)
        waiting = self._collection.find(of_all(has("todo", EMBED)), limit=limit, order=order)
        return [(point.id, point.record.content) for point in waiting]

    def put_vectors(self, vectors: Mapping[str, Vector]) -> None:
        if not vectors or not self._qdrant.made:
            return
        self._qdrant.make(len(next(iter(vectors.values()))))
        waiting = list(self._collection.find(of_all(has("todo", EMBED), one_of(vectors))))
        if not waiting:
            return
        self._collection.set_vectors({point.id: vectors[point.id] for point in waiting})
        for point in waiting:
            self._collection.set_payload([point.id], {"todo": [each for each in point.todo if each != EMBED]})
        for user_id in {point.record.user_id for point in waiting}:
            self._outlooks.forget(user_id)

    def stats(self, reader: Reader | None) -> Stats:
        return self._reading.stats(reader)

    def usable(self) -> bool:
        return True

    def reconcile(self, *, mend: bool = True) -> Reconciled:
        """Compare Neo4j with Qdrant, and with `mend` put right what differs."""
        return Reconciliation(self._collection, self._graph, self._writing.erase, mend=mend).run()

    def close(self) -> None:
        self._qdrant.close()
        if self._graph is not None:
            self._graph.close()

    def _where(self, query: Query, at: int) -> tuple[m.Filter | None, Hashable | None]:
        """Return the filter of a search, None if nothing passes it, and a name for it if it is an everyday one."""
        condition, exact = pushed(query.where)
        if query.as_of is not None:
            where = seen_at(query.reader, at, micros(query.as_of), condition)
        else:
            where = seen(query.reader, at, condition)
        if not exact and query.where is not None:
            fitting = self._reading.fitting(query.where, where)
            return (every(where, one_of(fitting)) if fitting else None), None
        plain = query.as_of is None and query.where is None
        return where, (query.reader.user_id, query.reader) if plain else None

    def _need_graph(self) -> Graph:
        if self._graph is None:
            raise InvalidInput(
                'include_graph needs Neo4j, and neo4j_uri is "none"; name a server, or search without it'
            )
        return self._graph

    def _with_neighbours(self, graph: Graph, query: Query, where: m.Filter, found: list[Hit]) -> list[Hit]:
        """Add memories that share an entity with the best, or mention a related one; `where` holds for them too."""
        best = {hit.point.id: hit for hit in found}
        linked: dict[str, float] = {}
        for here, others in graph.neighbours(list(best), query.reader.user_id).items():
            for there, share in others.items():
                linked[there] = max(share * score(best[here].parts), linked.get(there, 0.0))
        beside = list(self._collection.find(every(where, one_of(linked)))) if linked else []
        cosines = self._search.cosines(query, [point for point in beside if point.id not in best])
        for point in beside:
            parts = Parts(graph=linked[point.id])
            known = best.get(point.id, Hit(point, Parts(), cosines.get(point.id, 0.0)))
            best[point.id] = max(known, known._replace(parts=parts), key=lambda hit: score(hit.parts))
        return sorted(best.values(), key=lambda hit: -score(hit.parts))[: query.top_k]


def _fields(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in Record.__slots__}
