"""What is pushed down to the engine lets through all that a filter does, and if it says so, nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qdrant_client.local.payload_filters import check_filter

from headroom.memory.records import Origin, Record, Scope, Source
from headroom.memory.remote.qdrant.conditions import every, pushed
from headroom.memory.remote.qdrant.labels import labels
from headroom.memory.remote.qdrant.points import Point, payload, read
from headroom.memory.rules.filters import matches, parse

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.0, 1.0, 2.5]), st.sampled_from("ab")
)
values = st.one_of(scalars, st.lists(scalars, max_size=2), st.dictionaries(st.sampled_from("xy"), scalars, max_size=2))
names = st.sampled_from(["k", "l", "k.x"])
times = st.integers(-2, 2).map(lambda days: NOON + timedelta(days=days))
texts = st.sampled_from(["a", "b", "ab"])
OPERATORS = ("$eq", "$ne", "$in", "$nin", "$gt", "$lte", "$exists", "$contains")


@st.composite
def compares(draw: st.DrawFn) -> dict[str, Any]:
    """One comparison, of metadata or of a field of the record."""
    own = {
        "record.importance": st.sampled_from([{"$gt": 0.5}, {"$lte": 0.5}, {"$in": [0.5, 1.0]}]),
        "record.created_at": st.builds(
            lambda at, how: {how: at}, times, st.sampled_from(["$gt", "$gte", "$lt", "$eq"])
        ),
        "record.scope": st.sampled_from(["user", {"$in": ["session", "agent"]}]),
        "record.agent_id": st.one_of(texts, st.builds(lambda v: {"$contains": v}, texts), st.just({"$exists": True})),
        "record.session_id": st.one_of(st.none(), st.just({"$ne": "a"})),
        "record.entities": st.one_of(texts, st.builds(lambda v: {"$contains": v}, texts), st.just({"$exists": False})),
        "record.saved_by": st.one_of(texts, st.just({"$nin": ["a"]})),
        "record.origin": st.sampled_from(["user", {"$ne": "tool"}]),
    }
    name = draw(st.one_of(names, st.sampled_from(sorted(own))))
    if name in own:
        return {name: draw(own[name])}
    operator = draw(st.sampled_from(OPERATORS))
    wanted: Any = draw(scalars if operator != "$eq" else values)
    if operator in ("$in", "$nin"):
        wanted = draw(st.lists(scalars, max_size=2))
    elif operator == "$exists":
        wanted = draw(st.booleans())
    elif operator in ("$gt", "$lte") or operator == "$contains":
        wanted = draw(st.one_of(st.integers(-3, 3), texts))
    return {name: {operator: wanted}}


wheres = st.recursive(
    compares(),
    lambda inner: st.one_of(
        st.builds(lambda parts: {"$and": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"$or": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"$not": part}, inner),
    ),
    max_leaves=5,
)


@st.composite
def points(draw: st.DrawFn) -> Point:
    """A memory, as it is stored."""
    agents = draw(st.lists(st.one_of(st.none(), texts), min_size=1, max_size=2))
    sources = tuple(
        Source(agent_id=agent, session_id=None, turn_id=None, created_at=NOON, origin=draw(st.sampled_from(Origin)))
        for agent in agents
    )
    record = Record(
        id="019b0000-0000-7000-8000-000000000001",
        content="anything",
        user_id="alice",
        scope=draw(st.sampled_from(Scope)),
        session_id=draw(st.one_of(st.none(), texts)),
        agent_id=agents[0],
        turn_id=None,
        importance=draw(st.sampled_from([0.0, 0.5, 1.0])),
        metadata=draw(st.dictionaries(st.sampled_from("kl"), values, max_size=2)),
        created_at=draw(times),
        valid_until=None,
        superseded_by=None,
        expires_at=None,
        entities=tuple(draw(st.lists(texts, max_size=2, unique=True))),
        relationships=(),
        sources=sources,
    )
    return Point(record=record, events=(), seq=1, fingerprint=2, rev=3)


@settings(max_examples=400)
@given(where=wheres, point=points())
def test_the_engine_lets_through_what_the_rule_does(where: dict[str, Any], point: Point) -> None:
    """Whatever the filter and the memory."""
    tree = parse(where)
    condition, exact = pushed(tree)
    passes = check_filter(every(condition), payload(point), point.id, {})
    expected = tree is None or matches(tree, point.record)
    assert passes or not expected
    if exact:
        assert passes == expected


@given(point=points())
def test_a_payload_is_read_as_it_was_written(point: Point) -> None:
    """Every field of a memory comes back, whatever its metadata."""
    stored = payload(point)
    assert read(point.id, stored) == point
    assert None not in stored.values()


@pytest.mark.parametrize(("one", "other", "same"), [(1, 1.0, True), (1, "1", False), (1, True, False), ([1], 1, False)])
def test_equal_values_have_equal_labels(one: Any, other: Any, same: bool) -> None:
    """Numbers are equal by value, and values of two kinds never are."""
    assert (labels({"k": one}) == labels({"k": other})) is same
