"""What filters say, and what they let through."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom.errors import InvalidInput
from headroom.memory.config import MemoryConfig
from headroom.memory.embedders.cached import CachedEmbedder
from headroom.memory.engine import Engine
from headroom.memory.local.backend import LocalBackend
from headroom.memory.records import Draft, Origin, Reader, Record, Scope, Source
from headroom.memory.rules.amending import Fields
from headroom.memory.rules.filters import matches, parse
from headroom.testing import HashEmbedder

from ...asking import find, listed

pytestmark = pytest.mark.quick

NOW = datetime(2026, 10, 3, 12, tzinfo=timezone.utc)
METADATA: dict[str, Any] = {
    "kind": "note",
    "price": 3,
    "exact": 2**60 + 1,
    "big": 1e300,
    "done": True,
    "none": None,
    "tags": ["a", "b", 5],
    "deep": {"er": {"est": "x"}, "list": [1]},
    "empty": [],
}
RECORD = Record(
    id="00000000-0000-0000-0000-000000000000",
    content="text",
    user_id="alice",
    scope=Scope.SESSION,
    session_id="s",
    agent_id=None,
    turn_id="t",
    importance=0.7,
    metadata=METADATA,
    created_at=NOW,
    valid_until=None,
    superseded_by=None,
    expires_at=None,
    entities=("Ann", "Acme"),
    relationships=(),
    sources=(
        Source(agent_id=None, session_id="s", turn_id="t", created_at=NOW, origin=Origin.USER),
        Source(agent_id="codex", session_id=None, turn_id=None, created_at=NOW, origin=Origin.TOOL),
    ),
)


def lets_through(where: dict[str, Any]) -> bool:
    parsed = parse(where)
    return parsed is None or matches(parsed, RECORD)


@pytest.mark.parametrize(
    "where",
    [
        {},
        {"kind": "note"},
        {"kind": {"$eq": "note"}},
        {"kind": "note", "price": 3},
        {"price": 3.0},
        {"price": {"$gt": 2, "$lt": 4}},
        {"price": {"$gte": 3, "$lte": 3}},
        {"exact": {"$gt": 2**60}},
        {"exact": {"$lt": float(2**60 + 512)}},
        {"kind": {"$gt": "nota", "$lt": "notf"}},
        {"kind": {"$ne": "other"}},
        {"missing": {"$ne": 1}},
        {"missing": {"$nin": [1, 2]}},
        {"kind": {"$in": ["note", 5]}},
        {"done": True},
        {"none": None},
        {"none": {"$exists": True}},
        {"missing": {"$exists": False}},
        {"empty": {"$exists": True}},
        {"empty": []},
        {"tags": ["a", "b", 5]},
        {"tags": "a"},
        {"tags": 5.0},
        {"tags": {"$contains": "b"}},
        {"tags": {"$contains": 5}},
        {"tags": {"$gt": 4}},
        {"tags": {"$in": ["z", "b"]}},
        {"kind": {"$contains": "ot"}},
        {"deep.er.est": "x"},
        {"deep": {"list": [1], "er": {"est": "x"}}},
        {"deep.list": {"$contains": 1}},
        {"$and": [{"kind": "note"}, {"price": {"$lt": 9}}]},
        {"$or": [{"kind": "other"}, {"price": 3}]},
        {"$not": {"kind": "other"}},
        {"record.importance": {"$gte": 0.7}},
        {"record.scope": "session"},
        {"record.scope": {"$in": [Scope.USER, Scope.SESSION]}},
        {"record.agent_id": {"$exists": False}},
        {"record.agent_id": None},
        {"record.session_id": "s"},
        {"record.session_id": {"$ne": None}},
        {"record.turn_id": {"$contains": "t"}},
        {"record.entities": "Ann"},
        {"record.entities": {"$contains": "Acme"}},
        {"record.entities": {"$nin": ["Bob"]}},
        {"record.saved_by": "codex"},
        {"record.origin": "tool"},
        {"record.origin": {"$in": ["import", "user"]}},
        {"record.created_at": NOW},
        {"record.created_at": {"$gte": "2026-10-03T14:00:00+02:00", "$lte": "2026-10-03T12:00:00Z"}},
        {"record.created_at": {"$lt": NOW + timedelta(microseconds=1)}},
    ],
    ids=str,
)
def test_what_is_let_through(where: dict[str, Any]) -> None:
    """Every operator, on metadata and on the record's own fields; and never together with its negation."""
    assert lets_through(where)
    assert not where or not lets_through({"$not": where})


@pytest.mark.parametrize(
    "where",
    [
        {"kind": "NOTE"},
        {"price": "3"},
        {"price": True},
        {"done": 1},
        {"done": "true"},
        {"none": False},
        {"missing": None},
        {"price": {"$gt": 3}},
        {"price": {"$lt": "zzz"}},
        {"kind": {"$gt": 5}},
        {"exact": 2**60},
        {"exact": float(2**60)},
        {"tags": ["a", "b"]},
        {"tags": {"$contains": "c"}},
        {"tags": {"$contains": ""}},
        {"deep": {"er": {"est": "x"}}},
        {"deep.er.est.more": "x"},
        {"kind": {"$in": []}},
        {"$or": [{"kind": "other"}, {"price": 4}]},
        {"record.agent_id": "codex"},
        {"record.saved_by": "claude"},
        {"record.entities": "ann"},
        {"record.origin": "assistant"},
    ],
    ids=str,
)
def test_what_is_kept_out(where: dict[str, Any]) -> None:
    """Kinds are never mixed: a number is no text, and a truth no number."""
    assert not lets_through(where)


@pytest.mark.parametrize(
    "where",
    [
        ["kind"],
        {5: 1},
        {"": 1},
        {"$nor": [{"a": 1}]},
        {"$and": []},
        {"$and": {"a": 1}},
        {"$and": [{}]},
        {"$or": [[]]},
        {"$not": {}},
        {"$not": [{"a": 1}]},
        {"a": {"$regex": "x"}},
        {"a": {"$gt": 1, "plain": 2}},
        {"a": {"$gt": None}},
        {"a": {"$gt": True}},
        {"a": {"$lt": [1]}},
        {"a": {"$in": "text"}},
        {"a": {"$in": {"b": 1}}},
        {"a": {"$exists": 1}},
        {"a": {"$contains": ["b"]}},
        {"a": float("nan")},
        {"a": Ellipsis},
        {"a": b"bytes"},
        {"a": {"$eq": {1, 2}}},
        {"record.color": 1},
        {"record.": 1},
        {"record.importance": "high"},
        {"record.importance": {"$contains": 1}},
        {"record.importance": float("inf")},
        {"record.importance": {"$lt": 10**400}},
        {"record.created_at": 5},
        {"record.created_at": "yesterday"},
        {"record.created_at": datetime(2024, 1, 1)},
        {"record.created_at": "2024-01-01"},
        {"record.scope": "galaxy"},
        {"record.scope": {"$gt": "user"}},
        {"record.agent_id": 5},
        {"record.entities": ["Ann"]},
        {"record.origin": "model"},
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused(where: Any) -> None:
    """An unknown operator or field, or a value of the wrong kind, is InvalidInput and never an empty list."""
    with pytest.raises(InvalidInput):
        parse(where)


def test_a_deep_filter_is_refused() -> None:
    """Nesting has an end, for filters and for the values in them."""
    where: Any = {"a": 1}
    value: Any = 1
    for _ in range(5000):
        where, value = {"$not": where}, [value]
    for deep in (where, {"a": value}):
        with pytest.raises(InvalidInput, match="nested"):
            parse(deep)


NAMES = ("a", "b", "c.d")
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.5, 1.0, 2.5]),
    st.sampled_from(["", "x", "xy", "z"]),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.5, 1.0, 2.5]),
    st.sampled_from(["", "x", "xy", "z"]),
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(st.sampled_from(["d", "e"]), SCALARS))
DRAFTS = st.builds(
    lambda metadata, importance, entities, origin: Draft(
        "", metadata=metadata, importance=importance, entities=entities, origin=origin
    ),
    st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES, max_size=3),
    st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    st.lists(st.sampled_from(["Ann", "Bob"]), unique=True, max_size=2),
    st.sampled_from(list(Origin)),
)
ORDERED = st.one_of(st.integers(-3, 3), st.sampled_from([0.5, "x", "y"]))
COMPARISONS = st.one_of(
    VALUES.filter(lambda value: not isinstance(value, dict) or bool(value)),
    st.builds(lambda name, value: {name: value}, st.sampled_from(["$eq", "$ne"]), VALUES),
    st.builds(lambda name, value: {name: value}, st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), ORDERED),
    st.builds(lambda name, values: {name: values}, st.sampled_from(["$in", "$nin"]), st.lists(SCALARS, max_size=3)),
    st.builds(lambda value: {"$exists": value}, st.booleans()),
    st.builds(lambda value: {"$contains": value}, SCALARS.filter(lambda value: value is not None)),
)
LEAVES = st.one_of(
    st.dictionaries(st.sampled_from(NAMES), COMPARISONS, min_size=1, max_size=2),
    st.builds(
        lambda operator, value: {"record.importance": {operator: value}},
        st.sampled_from(["$eq", "$gt", "$lte"]),
        st.sampled_from([0.3, 0.5]),
    ),
    st.builds(lambda name: {"record.entities": name}, st.sampled_from(["Ann", "Eve"])),
    st.builds(lambda name: {"record.agent_id": name}, st.sampled_from(["claude", "codex", None])),
    st.builds(lambda name: {"record.saved_by": {"$contains": name}}, st.sampled_from(["claude", "codex"])),
    st.builds(lambda name: {"record.origin": name}, st.sampled_from(list(Origin))),
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda name, parts: {name: parts}, st.sampled_from(["$and", "$or"]), st.lists(inner, min_size=1)),
        st.builds(lambda part: {"$not": part}, inner),
    ),
    max_leaves=4,
)


@settings(max_examples=25)
@given(
    st.lists(st.tuples(DRAFTS, st.sampled_from([None, "claude", "codex"])), min_size=1, max_size=8),
    st.lists(FILTERS, min_size=1, max_size=8),
)
def test_columns_keep_to_the_rule(
    tmp_path_factory: pytest.TempPathFactory, drafts: list[tuple[Draft, str | None]], wheres: list[dict[str, Any]]
) -> None:
    """The local backend lets through what `matches` does, also after more was saved, changed and deleted."""
    path = tmp_path_factory.mktemp("filters") / "memory.db"
    engine = open_engine(path)

    def agree() -> None:
        records = listed(engine, READER)
        for where in wheres:
            parsed = parse(where)
            assert parsed is not None
            expected = {record.id for record in records if matches(parsed, record)}
            assert {record.id for record in listed(engine, READER, where=where)} == expected
            assert {result.id for result in find(engine, READER, "fact", where=where, top_k=50)} == expected

    ids = []
    for number, (draft, agent) in enumerate(drafts):
        writer = Reader(user_id="alice", agent_id=agent)
        # Every third text is one that is known already.
        ids += engine.save(writer, [with_text(draft, f"fact {number - number % 3}")])
        if number in (0, 4):
            agree()
    agree()
    engine.update(ids[0], fields=Fields(metadata={"a": "z", "b": [2.5]}, entities=("Eve",), merge=False))
    agree()
    engine.delete(ids[-1])
    agree()
    engine.close()


READER = Reader(user_id="alice")


def with_text(draft: Draft, text: str) -> Draft:
    return Draft(
        text, metadata=draft.metadata, importance=draft.importance, entities=draft.entities, origin=draft.origin
    )


def open_engine(path: Path) -> Engine:
    embedder = HashEmbedder()
    return Engine(LocalBackend(MemoryConfig(db_path=path), embedder), CachedEmbedder(embedder, 100))
