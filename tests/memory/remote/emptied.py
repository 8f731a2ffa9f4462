"""Collections for tests, used again and again, because making one takes seconds."""

from __future__ import annotations

from neo4j import GraphDatabase
from qdrant_client import QdrantClient
from qdrant_client import models as m

from headroom.memory.config import MemoryConfig

from ...engines import running


class Collections:
    """Collections on the engines. Making one takes seconds, so a test gets those of an earlier one, emptied."""

    def __init__(self, qdrant: running.Engine, graph: running.Engine) -> None:
        self.qdrant, self.graph = qdrant, graph
        self._names: dict[str, list[str]] = {}
        self._taken: dict[str, int] = {}
        key = qdrant.settings["qdrant_api_key"]
        self.client = QdrantClient(
            url=qdrant.settings["qdrant_url"],
            port=None,
            headers={"api-key": key} if key else None,
            check_compatibility=False,
        )
        settings = graph.settings
        auth = settings["neo4j_user"], settings["neo4j_password"]
        self.driver = GraphDatabase.driver(graph.url, auth=auth, notifications_min_severity="OFF")

    def config(self, embedder_id: str = "", **settings: object) -> MemoryConfig:
        """Return the settings of a memory that holds nothing; with an embedder's id, of a collection used before."""
        name = self._emptied(embedder_id) if embedder_id else running.new_name()
        self._names.setdefault(embedder_id, [])
        if name not in self._names[embedder_id]:
            self._names[embedder_id].append(name)
        chosen = {**self.qdrant.settings, **self.graph.settings, "qdrant_collection": name, **settings}
        return MemoryConfig(backend="qdrant-neo4j", **chosen)  # type: ignore[arg-type]

    def renew(self) -> None:
        """Let the next test have the collections of this one."""
        self._taken.clear()

    def drop(self) -> None:
        """Remove everything."""
        for name in [name for names in self._names.values() for name in names]:
            self.client.delete_collection(name)
        self.client.close()
        self.driver.close()

    def _emptied(self, embedder_id: str) -> str:
        names, place = self._names.setdefault(embedder_id, []), self._taken.get(embedder_id, 0)
        self._taken[embedder_id] = place + 1
        if place == len(names):
            return running.new_name()
        name = names[place]
        if self.client.collection_exists(name):
            everything = m.Filter(must_not=[m.FieldCondition(key="state", match=m.MatchValue(value="never"))])
            self.client.delete(name, m.FilterSelector(filter=everything))
            for label in ("HeadroomMemory", "HeadroomEntity"):
                self.driver.execute_query(f"MATCH (n:{label} {{space: $name}}) DETACH DELETE n", name=name)
        return name
