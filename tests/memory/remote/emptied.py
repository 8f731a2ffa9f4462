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
            headers={"api-key": key} if key else None,
            timeout=60,
            check_compatibility=False,
        )
        user, password = graph.settings["neo4j_user"], graph.settings["neo4j_password"]
        auth = None if password is None else (user, password)
        self._database = graph.settings.get("neo4j_database")
        self.driver = GraphDatabase.driver(graph.url, auth=auth, notifications_min_severity="OFF")

    def config(self, embedder_id: str = "", **settings: object) -> MemoryConfig:
        """Return the settings of a memory that holds nothing; with an embedder's id, of a collection used before."""
        name = self._emptied(embedder_id) if embedder_id else running.new_name()
        self._names.setdefault(embedder_id, [])
        if name not in self._names[embedder_id]:
            self._names[embedder_id].append(name)
        chosen = {**self.qdrant.settings, **self.graph.settings, "qdrant_collection": name, **settings}
        return MemoryConfig(backend="qdrant-neo4j", **chosen)  # type: ignore[arg-type]

    def members(self) -> int:
        """Return how many nodes the Qdrant cluster has; 1 if it is a single server."""
        status = self.client.cluster_status()
        return max(1, len(getattr(status, "peers", None) or ()))

    def renew(self) -> None:
        """Let the next test have the collections of this one."""
        self._taken.clear()

    def drop(self) -> None:
        """Remove everything that the tests made, from both engines, and nothing else."""
        for name in [name for names in self._names.values() for name in names]:
            self.client.delete_collection(name)
            self._clear_graph(name)
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
            self._clear_graph(name)
        return name

    def _clear_graph(self, name: str) -> None:
        for label in ("HeadroomMemory", "HeadroomEntity"):
            statement = f"MATCH (n:{label} {{space: $name}}) DETACH DELETE n"
            self.driver.execute_query(statement, name=name, database_=self._database)
