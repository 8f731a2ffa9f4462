"""Whatever is cut off: nothing acknowledged is lost, nothing deleted comes back, and a reconciliation mends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from headroom.errors import HeadroomError
from headroom.memory.config import MemoryConfig
from headroom.memory.embedders.cached import CachedEmbedder
from headroom.memory.engine import Engine
from headroom.memory.query import Listing, Query, State
from headroom.memory.records import Change, Draft, Reader
from headroom.memory.remote.backend import RemoteBackend
from headroom.memory.remote.neo4j.connection import Neo4j
from headroom.memory.remote.neo4j.graph import Graph, digest
from headroom.memory.remote.qdrant import connection
from headroom.testing import HashEmbedder

from ...engines.cutting_proxy import CuttingProxy, When
from .emptied import Collections

pytestmark = pytest.mark.engines

ALICE = Reader(user_id="alice")
KEPT = "a bystander that nothing touches"
OLD = Draft("lives in Berlin", entities=["Berlin"], relationships=[("Alice", "lives in", "Berlin")])
NEW = Draft("lives in Madrid", entities=["Madrid"])
BULK = [f"fact number {n} of a bulk load" for n in range(300)]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """Something that may be cut off: what is there before, what it does, and which texts are present after."""

    run: Callable[[Engine, str], Any]
    after: frozenset[str]
    present: bool = True
    """The old memory is there, and not forgotten, before."""
    links: bool = True
    """The graph hears of it."""


before = frozenset({KEPT, OLD.content})
OPERATIONS = {
    "save": Operation(run=lambda e, _: e.save(ALICE, [NEW]), after=before | {NEW.content}),
    "merge": Operation(run=lambda e, _: e.save(ALICE, [Draft(OLD.content, entities=["Spree"])]), after=before),
    "bulk load": Operation(run=lambda e, _: e.save(ALICE, BULK), after=before | set(BULK), links=False),
    "correct": Operation(
        run=lambda e, old: e.apply(ALICE, [Change(draft=NEW, replaces=(old,))]), after=frozenset({KEPT, NEW.content})
    ),
    "update": Operation(run=lambda e, old: e.update(old, NEW.content), after=frozenset({KEPT, NEW.content})),
    "forget": Operation(run=lambda e, old: e.forget(old), after=frozenset({KEPT}), links=False),
    "restore": Operation(run=lambda e, old: e.restore(old), after=before, present=False, links=False),
    "delete": Operation(run=lambda e, old: e.delete(old), after=frozenset({KEPT})),
    "clear": Operation(run=lambda e, _: e.clear(ALICE), after=frozenset()),
}


@dataclass(kw_only=True)
class Bench:
    """One memory behind two proxies, and beside them."""

    collections: Collections
    qdrant: CuttingProxy
    neo4j: CuttingProxy
    embedder: HashEmbedder

    def configs(self) -> tuple[MemoryConfig, MemoryConfig]:
        """Return the settings of an empty memory: straight, and by way of the proxies."""
        straight = self.collections.config(self.embedder.id)
        self.collections.renew()
        proxied = {"qdrant_url": self.qdrant.url, "neo4j_uri": self.neo4j.url, "server_timeout": 30}
        settings = {name: getattr(straight, name) for name in ("qdrant_collection", "qdrant_api_key", "neo4j_user")}
        settings |= {"neo4j_password": straight.neo4j_password, **proxied}
        return straight, MemoryConfig(backend="qdrant-neo4j", **settings)

    def engine(self, config: MemoryConfig) -> Engine:
        return Engine(RemoteBackend(config, self.embedder), CachedEmbedder(self.embedder, 100))


@pytest.fixture(scope="module")
def bench(all_collections: Collections) -> Iterator[Bench]:
    made = Bench(
        collections=all_collections,
        qdrant=CuttingProxy(all_collections.qdrant.url),
        neo4j=CuttingProxy(all_collections.graph.url),
        embedder=HashEmbedder(16),
    )
    yield made
    made.qdrant.close()
    made.neo4j.close()


@pytest.mark.parametrize("when", list(When), ids=["before", "after"])
@pytest.mark.parametrize("which", ["qdrant", "neo4j"])
@pytest.mark.parametrize("name", list(OPERATIONS))
def test_an_operation_that_is_cut_off_is_done_or_not(
    bench: Bench, collections: Collections, monkeypatch: pytest.MonkeyPatch, name: str, which: str, when: When
) -> None:
    """At every request to either engine: what was acknowledged is there, the rest is as before or as after."""
    monkeypatch.setattr(connection, "_PAUSES", (0.001, 0.001))
    operation, proxy = OPERATIONS[name], getattr(bench, which)
    request = 0
    while request == 0 or proxy.was_cut:
        request += 1
        collections.renew()
        straight, proxied = bench.configs()
        for each in (bench.qdrant, bench.neo4j):
            each.mend()
        with_proxy = bench.engine(proxied)
        _, old = with_proxy.save(ALICE, [KEPT, OLD])
        if not operation.present:
            with_proxy.forget(old)
        settled(with_proxy)
        proxy.cut_at(request, when)
        acknowledged = _acknowledged(operation, with_proxy, old)
        cut, _ = proxy.was_cut, with_proxy.close()
        proxy.mend()
        found = _after_mending(bench, straight)
        start = before if operation.present else frozenset({KEPT})
        wanted = {operation.after} if acknowledged else {operation.after, start}
        if name == "clear" and not acknowledged:
            assert found <= start
        else:
            assert found in wanted, (request, acknowledged)
        proxy.was_cut = cut
    proxy.mend()
    assert request > 1 or (which == "neo4j" and not operation.links), "nothing was asked of this engine"


def settled(engine: Engine) -> None:
    """Wait for what the first write has started in the background, so that requests can be counted."""
    engine._backend._writing.settled()  # type: ignore[attr-defined]


def _acknowledged(operation: Operation, engine: Engine, old: str) -> bool:
    try:
        operation.run(engine, old)
    except HeadroomError:
        return False
    return True


def _after_mending(bench: Bench, config: MemoryConfig) -> frozenset[str]:
    """Reconcile as another process would, check that both engines say the same, and list what is present."""
    backend = RemoteBackend(config, bench.embedder)
    engine = Engine(backend, CachedEmbedder(bench.embedder, 100))
    backend.reconcile()
    again = backend.reconcile()
    assert not any(getattr(again, name) for name in ("half_replaced", "not_linked", "not_forgotten", "outdated"))
    records = engine.get_all(Listing(reader=Reader(user_id="alice", owner=True), state=State.ALL))
    points = backend._collection.get([record.id for record in records])
    graph = Graph(Neo4j(config.settled()), str(config.qdrant_collection))
    known = {each.id: each.digest for each in graph.listed()}
    graph.close()
    assert {p.id: digest(p) for p in points.values() if p.linked}.items() <= known.items()
    texts = [record.content for record in engine.get_all(Listing(reader=ALICE))]
    assert len(texts) == len(set(texts))
    shown = {result.content for result in engine.search(_everything())}
    assert shown <= set(texts)
    engine.close()
    return frozenset(texts)


def _everything() -> Query:
    return Query(reader=ALICE, text="lives in Berlin Madrid bystander", top_k=1000, include_graph=True)
