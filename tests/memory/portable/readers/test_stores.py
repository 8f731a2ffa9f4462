"""Memories from mem0 and from LangGraph stores."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import apsw
import pytest

from headroom.errors import InvalidInput, UnreadableImport
from headroom.memory.portable.readers import langgraph, mem0
from headroom.memory.portable.readers.table import READERS, read

pytestmark = pytest.mark.quick

MEMORY = {
    "id": "892db2ae-06d9-49e5-8b3e-585ef9b85b8e",
    "memory": "Likes to play cricket on weekends",
    "hash": "285d07801ae42054732314853e9eadd7",
    "metadata": {"category": "hobbies"},
    "created_at": "2024-07-26T08:44:41.039788-07:00",
    "updated_at": None,
    "user_id": "alice",
    "agent_id": "coach",
    "run_id": "run-1",
    "categories": ["sports"],
    "expiration_date": "2099-12-31",
}
RELATION = {"source": "alice", "relationship": "plays_with", "target": "bob"}


@pytest.mark.parametrize(
    "document",
    [
        [MEMORY],
        {"results": [MEMORY]},
        {"count": 1, "next": None, "previous": None, "results": [MEMORY]},
        {"memories": [MEMORY]},
    ],
)
def test_mem0_in_each_of_its_forms(tmp_path: Path, document: object) -> None:
    """A list, an object with results, a page of the platform, a structured export."""
    file = tmp_path / "mem0.json"
    file.write_text(json.dumps(document))
    (found,) = mem0.read(file)
    assert found.draft.content == "Likes to play cricket on weekends"
    assert (found.user_id, found.session_id, found.agent_id) == ("alice", "run-1", "coach")
    assert found.draft.metadata == {"category": "hobbies", "categories": ["sports"]}
    assert found.draft.created_at == datetime(2024, 7, 26, 15, 44, 41, 39788, tzinfo=timezone.utc)
    assert found.draft.expires_at == datetime(2099, 12, 31, 23, 59, 59, tzinfo=timezone.utc)


def test_mem0_as_lines(tmp_path: Path) -> None:
    """One memory a line, as scripts save them."""
    file = tmp_path / "mem0.jsonl"
    file.write_text("\n".join(json.dumps(MEMORY | {"memory": f"Fact {n}"}) for n in range(3)) + "\n\n")
    assert [one.draft.content for one in mem0.read(file)] == ["Fact 0", "Fact 1", "Fact 2"]


def test_an_edge_of_mem0s_graph_becomes_a_memory(tmp_path: Path) -> None:
    """It is said in words, and joins its entities."""
    file = tmp_path / "mem0.json"
    file.write_text(json.dumps({"results": [MEMORY], "relations": [RELATION]}))
    edge = list(mem0.read(file))[1].draft
    assert edge.content == "alice plays with bob"
    assert edge.entities == ("alice", "bob")
    assert edge.relationships == (("alice", "plays with", "bob"),)


def store(path: Path) -> None:
    """Write a store's file as langgraph-checkpoint-sqlite 3 does: the value is JSON in bytes."""
    connection = apsw.Connection(str(path))
    connection.execute(
        """create table store (prefix text not null, key text not null, value text not null,
        created_at timestamp default current_timestamp, updated_at timestamp default current_timestamp,
        expires_at timestamp, ttl_minutes real, primary key (prefix, key))"""
    )
    for prefix, key, value in (
        ("memories.alice", "a", {"kind": "Memory", "content": {"content": "Likes tea", "context": "breakfast"}}),
        ("memories.bob", "b", {"text": "Likes coffee", "mood": "calm"}),
        ("settings", "c", {"theme": "dark"}),
    ):
        connection.execute(
            "insert into store (prefix, key, value, created_at) values (?, ?, ?, '2024-05-01 10:00:00')",
            (prefix, key, json.dumps(value).encode()),
        )
    connection.close()


def test_langgraph_from_the_file_of_a_store(tmp_path: Path) -> None:
    """LangMem's memories, values with a text, and other values as their JSON; the file is left as it is."""
    file = tmp_path / "store.db"
    store(file)
    before = file.read_bytes()
    found = list(langgraph.read(file))
    assert [(one.draft.content, one.draft.metadata) for one in found] == [
        ("Likes tea", {"namespace": "memories/alice", "context": "breakfast"}),
        ("Likes coffee", {"namespace": "memories/bob", "mood": "calm"}),
        ('{"theme": "dark"}', {"namespace": "settings"}),
    ]
    assert found[0].draft.created_at == datetime(2024, 5, 1, 10, tzinfo=timezone.utc)
    assert file.read_bytes() == before


def test_a_namespace_can_name_the_user(tmp_path: Path) -> None:
    """Users stay apart, and what has another namespace is left out."""
    file = tmp_path / "store.db"
    store(file)
    found = read(file, "langgraph", namespace="memories/{user_id}")
    assert [(one.user_id, one.draft.content) for one in found] == [("alice", "Likes tea"), ("bob", "Likes coffee")]


@pytest.mark.parametrize("wrap", [lambda items: items, lambda items: {"items": items}])
def test_langgraph_from_json(tmp_path: Path, wrap: object) -> None:
    """Items as their `dict()` gives them, and an answer of the platform."""
    item = {
        "namespace": ["alice", "memories"],
        "key": "k",
        "value": {"memory": "Likes tea"},
        "created_at": "2024-05-01T10:00:00+00:00",
        "updated_at": "2024-05-01T10:00:00+00:00",
    }
    file = tmp_path / "items.json"
    file.write_text(json.dumps(wrap([item])))  # type: ignore[operator]
    (found,) = langgraph.read(file, namespace="{user_id}/memories")
    assert (found.user_id, found.draft.content) == ("alice", "Likes tea")


def test_a_database_without_a_store_is_one_clear_error(tmp_path: Path) -> None:
    """Any SQLite file may be named by mistake."""
    file = tmp_path / "other.db"
    connection = apsw.Connection(str(file))
    connection.execute("create table notes (text)")
    connection.close()
    with pytest.raises(UnreadableImport):
        list(langgraph.read(file))


def test_a_reader_is_found_by_its_name(tmp_path: Path) -> None:
    """An unknown name is answered with those that there are."""
    assert list(READERS) == sorted(READERS)
    with pytest.raises(InvalidInput, match="chatgpt, claude, langgraph, markdown, mem0"):
        read(tmp_path, "notion")
    with pytest.raises(InvalidInput, match="LangGraph"):
        read(tmp_path, "mem0", namespace="a/{user_id}")
