"""The graph in Neo4j: which memories mention which entities, and how entities are related.

It is a projection of the memories in Qdrant and can be rebuilt from them. It knows ids, names and relations, no texts.
Whatever it answers is looked up in Qdrant, whose filters decide who sees it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from neo4j import ManagedTransaction

from ....errors import ServerRefused
from ..qdrant.points import Point
from .connection import Neo4j

if TYPE_CHECKING:
    from typing_extensions import LiteralString

SAME_ENTITY, RELATED_ENTITY = 0.5, 0.25
"""The share of a memory's score that its neighbours earn: by an entity of both, and by entities that are related."""
HUB = 50
"""An entity in more memories than this (the user's own name) links nothing."""
_BATCH = 500

_SCHEMA: tuple[LiteralString, ...] = (
    "CREATE CONSTRAINT headroom_memory IF NOT EXISTS FOR (m:HeadroomMemory) REQUIRE m.key IS UNIQUE",
    "CREATE CONSTRAINT headroom_entity IF NOT EXISTS FOR (e:HeadroomEntity) REQUIRE e.key IS UNIQUE",
)
_CONSTRAINTS: LiteralString = "SHOW CONSTRAINTS YIELD name WHERE name STARTS WITH 'headroom_' RETURN count(name)"
_CLEAR_EDGES: LiteralString = """
    UNWIND $keys AS key
    MATCH (m:HeadroomMemory {key: key})-[:MENTIONS]->(:HeadroomEntity)-[r:RELATED]->(:HeadroomEntity)
    WHERE r.memory = m.id
    DELETE r"""
_CLEAR_MENTIONS: LiteralString = """
    UNWIND $keys AS key
    MATCH (m:HeadroomMemory {key: key})-[r:MENTIONS]->(:HeadroomEntity)
    DELETE r"""
_MEMORIES: LiteralString = """
    UNWIND $rows AS row
    MERGE (m:HeadroomMemory {key: row.key})
    SET m.id = row.id, m.space = row.space, m.user = row.user, m.digest = row.digest, m.at = timestamp()"""
_MENTIONS: LiteralString = """
    UNWIND $rows AS row
    UNWIND row.entities AS entity
    MATCH (m:HeadroomMemory {key: row.key})
    MERGE (e:HeadroomEntity {key: entity.key})
    ON CREATE SET e.space = row.space, e.user = row.user, e.name = entity.name
    MERGE (m)-[:MENTIONS]->(e)"""
_EDGES: LiteralString = """
    UNWIND $rows AS row
    UNWIND row.edges AS edge
    MATCH (a:HeadroomEntity {key: edge.source})
    MATCH (b:HeadroomEntity {key: edge.target})
    MERGE (a)-[:RELATED {relation: edge.relation, memory: row.id}]->(b)"""
_MENTIONED: LiteralString = """
    UNWIND $keys AS key
    MATCH (:HeadroomMemory {key: key})-[:MENTIONS]->(e:HeadroomEntity)
    RETURN DISTINCT e.key AS key"""
_DELETE: LiteralString = "UNWIND $keys AS key MATCH (m:HeadroomMemory {key: key}) DETACH DELETE m"
_DELETE_UNUSED: LiteralString = """
    UNWIND $keys AS key
    MATCH (e:HeadroomEntity {key: key})
    WHERE NOT (e)--()
    DELETE e"""
_SHARING: LiteralString = """
    UNWIND $keys AS key
    MATCH (m:HeadroomMemory {key: key, user: $user})-[:MENTIONS]->(e:HeadroomEntity)
    WITH m, e WHERE COUNT { (e)<-[:MENTIONS]-() } <= $hub
    MATCH (e)<-[:MENTIONS]-(o:HeadroomMemory {user: $user})
    WHERE o.key <> m.key
    RETURN DISTINCT m.id AS here, o.id AS there"""
_NEARBY: LiteralString = """
    UNWIND $keys AS key
    MATCH (m:HeadroomMemory {key: key, user: $user})-[:MENTIONS]->(:HeadroomEntity)-[:RELATED]-(e:HeadroomEntity)
    WITH DISTINCT m, e
    WHERE COUNT { (e)<-[:MENTIONS]-() } <= $hub
    MATCH (e)<-[:MENTIONS]-(o:HeadroomMemory {user: $user})
    WHERE o.key <> m.key
    RETURN DISTINCT m.id AS here, o.id AS there"""
_LISTED: LiteralString = """
    MATCH (m:HeadroomMemory) WHERE m.key > $after AND m.key < $end
    RETURN m.id AS id, m.digest AS digest, m.at AS at ORDER BY m.key LIMIT $limit"""
_UNUSED: LiteralString = """
    MATCH (e:HeadroomEntity) WHERE e.space = $space AND NOT (e)<-[:MENTIONS]-()
    WITH e LIMIT $limit DETACH DELETE e RETURN count(*) AS gone"""


class Listed(NamedTuple):
    """A memory as the graph knows it."""

    id: str
    digest: str
    at: int
    """When it was written, in milliseconds since 1970."""


class Graph:
    """The entities and relations of all users, kept apart by space (the collection) and user in every key."""

    def __init__(self, neo4j: Neo4j, space: str) -> None:
        self._neo4j, self._space = neo4j, space
        self._prepared = False

    def link(self, points: Iterable[Point]) -> None:
        """Let the graph know the entities and relations of memories, and no others of them."""
        rows = [self._row(point) for point in points]
        self._prepare()
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            keys = [row["key"] for row in batch]
            self._neo4j.write(lambda tx, batch=batch, keys=keys: _link(tx, batch, keys))  # type: ignore[misc]

    def unlink(self, memory_ids: Iterable[str]) -> None:
        """Let the graph forget memories, and the entities that nothing else mentions."""
        keys = [self._key(memory_id) for memory_id in memory_ids]
        for start in range(0, len(keys), _BATCH):
            batch = keys[start : start + _BATCH]
            self._neo4j.write(lambda tx, batch=batch: _unlink(tx, batch))  # type: ignore[misc]

    def neighbours(self, memory_ids: Sequence[str], user_id: str) -> dict[str, dict[str, float]]:
        """Return the memories within two hops of each memory, with the share of its score that they earn."""
        values = {"keys": [self._key(memory_id) for memory_id in memory_ids], "user": user_id, "hub": HUB}

        def work(tx: ManagedTransaction) -> dict[str, dict[str, float]]:
            found: dict[str, dict[str, float]] = {}
            for query, share in ((_NEARBY, RELATED_ENTITY), (_SHARING, SAME_ENTITY)):
                for here, there in tx.run(query, values).values():
                    found.setdefault(here, {})[there] = share
            return found

        return self._neo4j.read(work)

    def listed(self, page: int = 1000) -> Iterator[Listed]:
        """Yield all memories that the graph knows, in the order of their ids."""
        after, end = self._key(""), f"{self._space}\x20"
        while True:
            values = {"after": after, "end": end, "limit": page}
            rows = self._neo4j.read(lambda tx, values=values: tx.run(_LISTED, values).values())  # type: ignore[misc]
            yield from (Listed(*row) for row in rows)
            if len(rows) < page:
                return
            after = self._key(rows[-1][0])

    def drop_unused(self) -> int:
        """Delete the entities that no memory mentions; return how many there were."""
        total = 0
        while gone := self._neo4j.write(
            lambda tx: int(tx.run(_UNUSED, {"space": self._space, "limit": 1000}).single(strict=True)[0])
        ):
            total += gone
        return total

    def close(self) -> None:
        """Close the connections."""
        self._neo4j.close()

    def _prepare(self) -> None:
        """Make the constraints, or let those do that an administrator made for a user who may not."""
        if self._prepared:
            return
        try:
            for statement in _SCHEMA:
                self._neo4j.write(lambda tx, statement=statement: tx.run(statement).consume())  # type: ignore[misc]
        except ServerRefused:
            made = self._neo4j.read(lambda tx: tx.run(_CONSTRAINTS).single(strict=True)[0])
            if made < len(_SCHEMA):
                raise
        self._prepared = True

    def _key(self, memory_id: str) -> str:
        return f"{self._space}\x1f{memory_id}"

    def _row(self, point: Point) -> dict[str, Any]:
        record = point.record
        names = [*record.entities, *(end for edge in record.relationships for end in (edge.source, edge.target))]
        entities = {self._entity(record.user_id, name): name for name in reversed(names)}
        edges = [
            {
                "source": self._entity(record.user_id, edge.source),
                "target": self._entity(record.user_id, edge.target),
                "relation": edge.relation,
            }
            for edge in record.relationships
        ]
        return {
            "key": self._key(record.id),
            "id": record.id,
            "space": self._space,
            "user": record.user_id,
            "digest": digest(point),
            # Sorted: two transactions that lock the same entities in the same order do not block each other for good.
            "entities": [{"key": key, "name": entities[key]} for key in sorted(entities)],
            "edges": sorted(edges, key=lambda edge: (edge["source"], edge["target"])),
        }

    def _entity(self, user_id: str, name: str) -> str:
        # A digest, because an index takes no key of any length; the user is part of it, so no two users share a node.
        folded = json.dumps([self._space, user_id, name.casefold()])
        return hashlib.blake2b(folded.encode(), digest_size=20).hexdigest()


def digest(point: Point) -> str:
    """Return a short digest of the entities and relations of a memory, to see whether the graph is up to date."""
    links = json.dumps([sorted(point.record.entities), sorted(map(list, point.record.relationships))])
    return hashlib.blake2b(links.encode(), digest_size=12).hexdigest()


def _link(tx: ManagedTransaction, rows: list[dict[str, Any]], keys: list[str]) -> None:
    tx.run(_CLEAR_EDGES, {"keys": keys}).consume()
    tx.run(_CLEAR_MENTIONS, {"keys": keys}).consume()
    for query in (_MEMORIES, _MENTIONS, _EDGES):
        tx.run(query, {"rows": rows}).consume()


def _unlink(tx: ManagedTransaction, keys: list[str]) -> None:
    mentioned = [key for (key,) in tx.run(_MENTIONED, {"keys": keys}).values()]
    tx.run(_CLEAR_EDGES, {"keys": keys}).consume()
    tx.run(_DELETE, {"keys": keys}).consume()
    tx.run(_DELETE_UNUSED, {"keys": mentioned}).consume()
