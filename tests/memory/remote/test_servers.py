"""What a program meets: servers that are down or refuse, settings from the environment, many searches at once."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from openai import OpenAI

from headroom import with_memory
from headroom.errors import InvalidInput, OpenedReadOnly, ServerRefused, ServerUnavailable
from headroom.memory import Memory, MemoryConfig
from headroom.memory.embedders.cached import CachedEmbedder
from headroom.memory.engine import Engine
from headroom.memory.query import Listing, Query
from headroom.memory.records import Draft, Reader
from headroom.memory.remote.backend import RemoteBackend
from headroom.memory.remote.neo4j.connection import Neo4j
from headroom.memory.remote.qdrant import collection
from headroom.memory.rules.filters import parse
from headroom.runtime import threads
from headroom.testing import HashEmbedder

from ...engines.cutting_proxy import CuttingProxy, When
from ...engines.process import free_port
from ...server import Server
from .emptied import Collections

pytestmark = pytest.mark.engines

ALICE = Reader(user_id="alice")
EMBEDDER = HashEmbedder()


def engine(config: MemoryConfig) -> Engine:
    return Engine(RemoteBackend(config, EMBEDDER), CachedEmbedder(EMBEDDER, 100))


@pytest.mark.parametrize("which", ["qdrant", "neo4j"])
def test_a_server_that_is_down_is_named_at_once(collections: Collections, which: str) -> None:
    """The error says which engine it is and where, before anything is asked of it."""
    port = free_port()
    url = {"qdrant": f"http://127.0.0.1:{port}", "neo4j": f"bolt://127.0.0.1:{port}"}[which]
    setting = {"qdrant": "qdrant_url", "neo4j": "neo4j_uri"}[which]
    with pytest.raises(ServerUnavailable, match=str(port)) as raised:
        Memory(collections.config(EMBEDDER.id, **{setting: url}), embedder=EMBEDDER)
    assert raised.value.engine.lower() == which
    assert raised.value.url == url


@pytest.mark.parametrize("setting", ["qdrant_api_key", "neo4j_password"])
def test_wrong_credentials_are_refused_at_once(collections: Collections, setting: str) -> None:
    """The error says which engine refuses, and holds no key."""
    asked = {**collections.qdrant.settings, **collections.graph.settings}
    if asked[setting] is None:
        pytest.skip(f"this server asks for no {setting}")
    with pytest.raises(ServerRefused) as raised:
        Memory(collections.config(EMBEDDER.id, **{setting: "a-wrong-secret"}), embedder=EMBEDDER)
    assert raised.value.engine.lower() == setting.partition("_")[0]
    assert "a-wrong-secret" not in str(raised.value)


async def test_settings_come_from_the_environment(collections: Collections, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare backend="qdrant-neo4j" asks the environment, and shares the engine of who says the same in words."""
    config = collections.config(EMBEDDER.id)
    for name in ("qdrant_url", "qdrant_api_key", "qdrant_collection", "neo4j_uri", "neo4j_user", "neo4j_password"):
        monkeypatch.setenv(f"HEADROOM_{name.upper()}", str(getattr(config, name)))
    async with Memory(backend="qdrant-neo4j", embedder=EMBEDDER) as bare:
        async with Memory(config, embedder=EMBEDDER) as worded:
            assert bare.engine is worded.engine
        await bare.save("likes tea", user_id="alice")
        assert [result.content for result in await bare.search("tea", user_id="alice")] == ["likes tea"]


def test_it_runs_on_qdrant_alone(collections: Collections) -> None:
    """With neo4j_uri="none" all works but `include_graph`, which says what it lacks."""
    alone = engine(collections.config(EMBEDDER.id, neo4j_uri="none"))
    (memory_id,) = alone.save(ALICE, [Draft("Ann leads Apollo", entities=["Ann"])])
    with pytest.raises(InvalidInput, match="neo4j_uri"):
        alone.search(_query("Apollo", include_graph=True))
    assert [result.id for result in alone.search(_query("Apollo"))] == [memory_id]
    assert alone.delete(memory_id)
    alone.close()


def test_the_same_text_at_once_is_one_memory(collections: Collections) -> None:
    """Processes that store one text at the same time make one memory, and each keeps its source."""
    config = collections.config(EMBEDDER.id)
    engines = [engine(config) for _ in range(4)]
    engines[0].save(Reader(user_id="bob"), ["makes the collection"])
    with ThreadPoolExecutor(8) as pool:
        found = list(
            pool.map(
                lambda n: engines[n % 4].save(Reader(user_id="alice", agent_id=f"agent {n}"), ["likes tea"])[0],
                range(16),
            )
        )
    assert len(set(found)) == 1
    (record,) = engines[0].get_all(Listing(reader=ALICE))
    assert Counter(source.agent_id for source in record.sources) == Counter(f"agent {n}" for n in range(16))
    for each in engines:
        each.close()


def test_entities_that_collide_are_all_there(collections: Collections) -> None:
    """Concurrent writers of one entity collide in Neo4j, and are tried again until all are linked."""
    config = collections.config(EMBEDDER.id)
    engines = [engine(config) for _ in range(4)]
    drafts = [
        Draft(f"fact {n}", entities=["Apollo", "Ann"], relationships=[("Ann", "leads", "Apollo")]) for n in range(24)
    ]
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda n: engines[n % 4].save(ALICE, [drafts[n]])[0], range(24)))
    found = engines[0]._backend._graph.neighbours(ids[:1], "alice")  # type: ignore[attr-defined]
    assert set(found[ids[0]]) == set(ids[1:])
    for each in engines:
        each.close()


def test_what_neo4j_missed_is_told_later(collections: Collections) -> None:
    """A memory is stored while Neo4j is away, and linked by itself once it is back; so is an erasure."""
    proxy = CuttingProxy(collections.graph.url)
    config = collections.config(EMBEDDER.id)
    behind = engine(replace(config, neo4j_uri=proxy.url))
    (gone,) = behind.save(ALICE, [Draft("to be erased", entities=["Ann"])])
    behind._backend._writing.settled()  # type: ignore[attr-defined]
    proxy.cut_at(1, When.BEFORE)
    (kept,) = behind.save(ALICE, [Draft("Ann leads Apollo", entities=["Ann"])])
    assert behind.delete(gone)
    assert behind.stats(ALICE)["erasing"] == 1
    assert [result.id for result in behind.search(_query("Ann"))] == [kept]
    with pytest.raises(ServerUnavailable, match="Neo4j"):
        behind.search(_query("Ann", include_graph=True))
    proxy.mend()
    behind.save(ALICE, ["anything else"])
    behind._backend._writing.settled()  # type: ignore[attr-defined]
    assert [each.id for each in behind._backend._graph.listed()] == [kept]  # type: ignore[attr-defined]
    assert behind.stats(ALICE)["erasing"] == 0
    behind.close()
    proxy.close()


async def test_many_searches_at_once_take_few_threads(
    collections: Collections, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100 searches at the same time all answer, on at most 16 threads of ours."""
    monkeypatch.setattr(threads, "_workers", None)  # a pool of its own, as in a new process
    before = set(threading.enumerate())
    async with Memory(collections.config(EMBEDDER.id), embedder=EMBEDDER) as memory:
        await memory.save_many([f"fact number {n}" for n in range(50)], user_id="alice")
        searches = [memory.search(f"number {n}", user_id="alice") for n in range(100)]
        found = await asyncio.gather(*searches)
        assert all(len(results) == 10 for results in found)
        assert 0 < sum(thread.name.startswith("headroom") for thread in set(threading.enumerate()) - before) <= 16


def test_a_chat_remembers_and_outlives_its_servers(collections: Collections, server: Server) -> None:
    """`with_memory` takes the backend by its config; while Qdrant is away the chat goes on without memory."""
    proxy = CuttingProxy(collections.qdrant.url)
    config = replace(collections.config("chat"), qdrant_url=proxy.url)
    real = OpenAI(base_url=server.url, api_key="x", max_retries=0)
    client = with_memory(real, user_id="alice", config=config)
    client.memory.add("User prefers Python")
    server.script("Python it is.", "Python it is.")
    messages = [{"role": "user", "content": "Which language do I prefer?"}]
    client.chat.completions.create(model="m", messages=messages)  # type: ignore[arg-type]
    assert "User prefers Python" in str(server.last.body)
    proxy.cut_at(1, When.BEFORE)
    reply = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "And now?"}])
    assert reply.choices[0].message.content == "Python it is."
    assert "User prefers Python" not in str(server.last.body)
    real.close()
    proxy.close()


async def test_what_is_read_only_is_not_changed(collections: Collections) -> None:
    """With `read_only` a search answers, and nothing is written: neither by a save nor by opening."""
    config = collections.config(EMBEDDER.id)
    async with Memory(config, embedder=EMBEDDER) as memory:
        await memory.save("likes tea", user_id="alice")
    async with Memory(replace(config, read_only=True), embedder=EMBEDDER) as reading:
        with pytest.raises(OpenedReadOnly):
            await reading.save("likes coffee", user_id="alice")
        with pytest.raises(OpenedReadOnly):
            await reading.clear("alice")
        assert [result.content for result in await reading.search("tea", user_id="alice")] == ["likes tea"]


class _NoSchema:
    """A transaction of a user who may not change the schema."""

    def __init__(self, tx: Any) -> None:
        self._tx = tx

    def run(self, statement: str, *values: Any) -> Any:
        if statement.startswith("CREATE CONSTRAINT"):
            raise ServerRefused(engine="Neo4j", url="bolt://", reason="this user may not")
        return self._tx.run(statement, *values)


class _Hurried(BaseHTTPRequestHandler):
    """A server that has had enough requests."""

    def do_GET(self) -> None:
        self.send_response(429)
        self.send_header("retry-after", "30")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def hurried() -> Iterator[str]:
    """A server that answers everything with status 429, and when to come back."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hurried) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{made.server_address[1]}"
        made.shutdown()
        thread.join()


def test_a_rate_limit_is_named(collections: Collections, hurried: str) -> None:
    """A Qdrant that limits how often one may ask is unavailable, as any other that cannot answer now."""
    with pytest.raises(ServerUnavailable, match="30 seconds"):
        Memory(collections.config(EMBEDDER.id, qdrant_url=hurried), embedder=EMBEDDER)


def test_a_collection_without_its_indexes_gets_them(collections: Collections) -> None:
    """A process that is cut off between making a collection and its indexes leaves one that the next one completes."""
    proxy = CuttingProxy(collections.qdrant.url)
    config = collections.config()
    cut = engine(replace(config, qdrant_url=proxy.url))
    proxy.cut_at(7, When.AFTER)
    with pytest.raises(ServerUnavailable):
        cut.save(ALICE, ["likes tea"])
    proxy.mend()
    after = engine(config)
    wanted = {"user_id", "created_at", "importance"}
    assert wanted <= set(collections.client.get_collection(str(config.qdrant_collection)).payload_schema)
    after.save(ALICE, ["likes tea", "likes coffee"])
    assert [record.content for record in after.get_all(Listing(reader=ALICE, limit=1))] == ["likes coffee"]
    for each in (cut, after):
        each.close()
    proxy.close()


def test_many_long_memories_are_stored(collections: Collections) -> None:
    """What is more than a server takes in one request is sent in several, and seen only when all of it is there."""
    long = engine(collections.config(EMBEDDER.id))
    texts = [f"{n:03} " + "\N{EARTH GLOBE EUROPE-AFRICA}" * 32_000 for n in range(256)]
    assert len("".join(texts).encode()) > 32_000_000
    long.save(ALICE, texts)
    assert long.stats(ALICE)["total"] == len(texts)
    long.clear(ALICE)
    long.close()


def test_a_filter_that_names_many_ids_is_sent_in_parts(
    collections: Collections, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A filter that Qdrant cannot evaluate names the memories that pass it, in as many requests as they need."""
    monkeypatch.setattr(collection, "_IDS", 20)
    found = engine(collections.config(EMBEDDER.id))
    found.save(ALICE, [Draft(f"tea number {n}", metadata={"year": 1990 + n}) for n in range(30)])
    query = _query("tea number", where=parse({"year": {"$gte": 2000}}), top_k=30)
    assert {result.content for result in found.search(query)} == {f"tea number {n}" for n in range(10, 30)}
    found.close()


def test_constraints_may_be_made_by_somebody_else(collections: Collections, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Neo4j user without the right to make constraints can write if both are there already."""
    config = collections.config(EMBEDDER.id)
    first = engine(config)
    first.save(ALICE, [Draft("Ann leads Apollo", entities=["Ann"])])
    first.close()
    write = Neo4j.write

    monkeypatch.setattr(Neo4j, "write", lambda self, work: write(self, lambda tx: work(_NoSchema(tx))))
    second = engine(config)
    (memory_id,) = second.save(ALICE, [Draft("Ann likes tea", entities=["Ann"])])
    assert memory_id in {each.id for each in second._backend._graph.listed()}  # type: ignore[attr-defined]
    second.close()


def test_shards_and_replicas_are_as_configured(collections: Collections) -> None:
    """A collection has the shards and replicas that its settings say, and is searched through all of them."""
    if not collections.qdrant.is_server:
        pytest.skip("shards and replicas need a Qdrant server: set HEADROOM_TEST_QDRANT_URL")
    members = collections.members()
    config = collections.config(qdrant_shard_number=2 * members, qdrant_replication_factor=min(2, members))
    sharded = engine(config)
    sharded.save(ALICE, [f"fact number {n}" for n in range(40)])
    made = collections.client.get_collection(str(config.qdrant_collection)).config.params
    assert (made.shard_number, made.replication_factor) == (2 * members, min(2, members))
    assert len(sharded.search(_query("fact number", top_k=40))) == 40
    assert sharded.clear(ALICE) == 40
    sharded.close()


def _query(text: str, **options: object) -> Query:
    return Query(reader=ALICE, text=text, **options)  # type: ignore[arg-type]
