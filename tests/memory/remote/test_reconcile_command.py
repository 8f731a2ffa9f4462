"""`headroom reconcile` at a shell, on both engines: what it reports, what it mends, and its exit status."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from headroom.cli import main
from headroom.memory import Draft, MemoryConfig, UserMemory
from headroom.memory.embedders.models import BUNDLED

from ...engines.cutting_proxy import CuttingProxy, When
from .emptied import Collections

pytestmark = pytest.mark.engines

_VARIABLES = ("qdrant_url", "qdrant_api_key", "qdrant_collection", "neo4j_uri", "neo4j_user", "neo4j_password")


@pytest.fixture
def config(tmp_path: Path, collections: Collections, monkeypatch: pytest.MonkeyPatch) -> MemoryConfig:
    """An empty memory on both engines, which the environment names as it does for a command."""
    made = collections.config(BUNDLED.id)
    monkeypatch.setenv("HEADROOM_HOME", str(tmp_path))
    for name in _VARIABLES:
        if (value := getattr(made, name)) is not None:
            monkeypatch.setenv(f"HEADROOM_{name.upper()}", str(value))
    return made


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this machine that refuses connections as long as the test runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def graph_proxy(collections: Collections) -> Iterator[CuttingProxy]:
    """Neo4j behind a proxy that can go away while the memory is open."""
    made = CuttingProxy(collections.graph.url)
    yield made
    made.close()


def reconcile(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    """Run the command; return what it printed."""
    capsys.readouterr()
    assert main(("reconcile", *words)) == status
    printed = capsys.readouterr()
    assert "Traceback" not in printed.out + printed.err
    return printed.out if status == 0 or not printed.err else printed.err


def mentioned(collections: Collections, config: MemoryConfig) -> dict[str, set[str]]:
    """Return the ids of the memories that Neo4j knows in this space, with the entities that each mentions."""
    found = collections.driver.execute_query(
        "MATCH (m:HeadroomMemory {space: $space}) OPTIONAL MATCH (m)-[:MENTIONS]->(e) "
        "RETURN m.id AS id, collect(e.name) AS names",
        space=config.qdrant_collection,
    )
    return {row["id"]: set(row["names"]) for row in found.records}


def test_two_that_agree_need_nothing(config: MemoryConfig, capsys: pytest.CaptureFixture[str]) -> None:
    """With nothing to mend both ways of running it exit with 0, and count what they compared."""
    with UserMemory("alice", config=config) as memory:
        memory.add_many([Draft("lives in Berlin", entities=["Berlin"]), "drinks tea"])
    for words in ((), ("--dry-run",)):
        assert reconcile(capsys, *words) == "2 memories compared, nothing to mend\n"


def test_damage_in_the_graph_is_reported_and_mended(
    config: MemoryConfig, collections: Collections, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--dry-run` reports and changes nothing, the bare command puts it right, and then nothing is left to mend."""
    with UserMemory("alice", config=config) as memory:
        drafts = [Draft("lives in Berlin", entities=["Berlin"]), Draft("has a dog", entities=["Rex"])]
        lost, kept = memory.add_many(drafts)
    before = mentioned(collections, config)
    assert before == {lost: {"Berlin"}, kept: {"Rex"}}
    collections.driver.execute_query("MATCH (m:HeadroomMemory {id: $id}) DETACH DELETE m", id=lost)
    collections.driver.execute_query(
        "CREATE (:HeadroomMemory {key: $space + '\x1f' + 'stray', id: $id, space: $space, user: 'alice', at: 0})",
        space=config.qdrant_collection,
        id="stray",
    )
    damaged = mentioned(collections, config)
    assert damaged == {kept: {"Rex"}, "stray": set()}

    report = reconcile(capsys, "--dry-run", status=1)
    assert "found: 1 memories whose entities or relations differ in Neo4j\n" in report
    assert "found: 1 memories in Neo4j that are not in Qdrant\n" in report
    assert report.endswith("2 memories compared\n")
    assert "Berlin" not in report
    assert mentioned(collections, config) == damaged

    assert "mended: 1 memories in Neo4j that are not in Qdrant\n" in reconcile(capsys)
    assert mentioned(collections, config) == before
    assert reconcile(capsys, "--dry-run").endswith("nothing to mend\n")


def test_what_was_stored_without_the_graph_is_linked(
    config: MemoryConfig, collections: Collections, graph_proxy: CuttingProxy, capsys: pytest.CaptureFixture[str]
) -> None:
    """A memory stored while Neo4j was away is counted as such in JSON, and linked by the command."""
    with UserMemory("alice", config=replace(config, neo4j_uri=graph_proxy.url)) as memory:
        graph_proxy.cut_at(1, When.BEFORE)
        (saved,) = memory.add_many([Draft("lives in Berlin", entities=["Berlin"])])
    assert mentioned(collections, config) == {}
    found = json.loads(reconcile(capsys, "--dry-run", "--json", status=1))
    assert (found["mended"], found["memories"], found["not_linked"]) == (False, 1, 1)
    mended = json.loads(reconcile(capsys, "--json"))
    assert (mended["mended"], mended["not_linked"]) == (True, 1)
    assert mentioned(collections, config) == {saved: {"Berlin"}}
    again = json.loads(reconcile(capsys, "--dry-run", "--json"))
    assert {name: count for name, count in again.items() if count} == {"memories": 1}


def test_a_graph_that_is_away_is_named(
    config: MemoryConfig, closed_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command fails with a message that names the server and its address, and shows no password."""
    with UserMemory("alice", config=config) as memory:
        memory.add_many([Draft("lives in Berlin", entities=["Berlin"])])
    monkeypatch.setenv("HEADROOM_NEO4J_URI", f"bolt://127.0.0.1:{closed_port}")
    said = reconcile(capsys, status=1)
    assert "Neo4j" in said
    assert str(closed_port) in said
    assert str(config.neo4j_password) not in said
