"""The lines of an export."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom.memory.portable.lines import (
    VERSION,
    Header,
    end_line,
    header_line,
    is_turn,
    memory_line,
    parse_header,
    parse_line,
    turn_line,
)
from headroom.memory.protocols import Stored
from headroom.memory.records import (
    Action,
    Event,
    KeptNote,
    KeptTurn,
    Origin,
    Parts,
    Record,
    Relationship,
    Scope,
    Source,
)

pytestmark = pytest.mark.quick

AT = datetime(2024, 2, 29, 12, 30, 0, 123456, tzinfo=timezone.utc)
HEADER = Header(id="e-1", embedder="model@1", exported_at=AT, user_id=None)
RECORD = Record(
    id="019b0000-0000-7000-8000-000000000001",
    content="User drinks tea\u2028 and\nmore",
    user_id="alice",
    scope=Scope.SESSION,
    session_id="s",
    agent_id="claude",
    turn_id="t",
    importance=0.25,
    metadata={"a": [1, 2.5, None, {"b": "ü"}]},
    created_at=AT,
    valid_until=AT,
    superseded_by="019b0000-0000-7000-8000-000000000002",
    expires_at=datetime.max.replace(tzinfo=timezone.utc),
    entities=("Tea",),
    relationships=(Relationship("Alice", "drinks", "tea"),),
    sources=(
        Source(agent_id="claude", session_id="s", turn_id="t", created_at=AT, origin=Origin.TOOL),
        Source(agent_id=None, session_id=None, turn_id=None, created_at=AT),
    ),
    held_until=datetime.min.replace(tzinfo=timezone.utc),
    would_replace=("019b0000-0000-7000-8000-000000000003",),
)
EVENTS = (
    Event(
        memory_id=RECORD.id,
        action=Action.UPDATED,
        at=AT,
        agent_id=None,
        session_id="s",
        turn_id=None,
        before={"importance": 0.5},
    ),
)
VECTOR = np.array([0.1, -0.2, 1e-30, 0.97], np.float32)


def test_a_memory_comes_back_as_it_was() -> None:
    """Every field, in one line, and the vector bit for bit."""
    line = memory_line(Stored(RECORD, EVENTS, VECTOR))
    assert "\n" not in line
    found = parse_line(line)
    assert isinstance(found, Stored)
    assert found[:2] == (RECORD, EVENTS)
    assert found.vector is not None
    assert found.vector.tobytes() == VECTOR.tobytes()


def test_every_field_of_a_record_is_written() -> None:
    """A field that is added to the records must be added to the export too."""
    fields = set(json.loads(memory_line(Stored(RECORD, EVENTS, VECTOR))))
    assert fields == {*Record.__slots__, "events", "vector"}


def test_what_is_empty_is_left_out() -> None:
    """And comes back empty."""
    plain = replace(
        RECORD,
        scope=Scope.USER,
        session_id=None,
        agent_id=None,
        turn_id=None,
        metadata={},
        valid_until=None,
        superseded_by=None,
        expires_at=None,
        entities=(),
        relationships=(),
        held_until=None,
        would_replace=(),
        importance=0.0,
    )
    line = memory_line(Stored(plain, (), None))
    assert set(json.loads(line)) == {"id", "content", "user_id", "scope", "importance", "created_at", "sources"}
    assert parse_line(line) == Stored(plain, (), None)


def test_header_and_end_come_back() -> None:
    """The first line says where the memories come from, the last how many they are."""
    assert parse_header(header_line(HEADER)) == HEADER
    assert parse_line(end_line(12)) == 12


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "empty"),
        ("[]", "no JSON object"),
        ("{}", "header"),
        ('{"headroom": "export", "version": 99}', "upgrade"),
        ('{"headroom": "export", "version": 1}', "id"),
    ],
)
def test_what_is_no_header_is_refused(line: str, said: str) -> None:
    """Also one that a newer version of this library wrote."""
    assert VERSION == 1
    with pytest.raises(ValueError, match=said):
        parse_header(line)


WRONG = {
    "content": ["", None, 3, "x" * 40_000, "a\x00b", "\ud800"],
    "user_id": ["", None, "\x00import\x00alice", "x" * 600],
    "scope": ["galaxy", None],
    "importance": [2, "high", None],
    "created_at": ["yesterday", None, "2024-02-29T12:30:00", 5],
    "metadata": [[], "x", {"a": float("nan")}],
    "sources": [None, [], [{}], [{"created_at": "2024-02-29T12:30:00+00:00", "origin": "moon"}]],
    "events": [[{}], 3],
    "relationships": [[["a", "b"]], [["a", "b", ""]]],
    "entities": [[""], [3], 3],
    "vector": ["?", 3, "AACAfw=="],
    "would_replace": [[None]],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_field_that_cannot_be_is_refused(name: str, value: object) -> None:
    """The file may have been changed by anybody; the text of a memory is not repeated in the error."""
    fields = json.loads(memory_line(Stored(RECORD, EVENTS, VECTOR))) | {name: value}
    with pytest.raises(ValueError, match=r".") as caught:
        parse_line(json.dumps(fields))
    assert "drinks" not in str(caught.value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_line_is_read_or_refused(value: object) -> None:
    """Nothing but ValueError leaves the parser."""
    fields = json.loads(memory_line(Stored(RECORD, EVENTS, VECTOR)))
    for line in (
        json.dumps(value),
        *(json.dumps(fields | {name: value}) for name in fields),
        json.dumps({"end": value}),
    ):
        for parse in (parse_line, parse_header):
            try:
                parse(line)
            except ValueError:
                continue


TURN = KeptTurn(
    user_id="alice",
    turn_id="t-1",
    at=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=timezone.utc),
    session_id="s",
    agent_id="claude",
    asked="And\nnow?",
    notes=(KeptNote(id="a", score=0.5, parts=Parts(vector=0.75, time=-0.25)),),
    stored=("b",),
    held=("c",),
    replaced=("d", "e"),
    forgotten=("f",),
)


@pytest.mark.parametrize("turn", [TURN, KeptTurn(user_id="alice", turn_id="t-2", at=TURN.at)])
def test_a_turn_comes_back_as_it_was(turn: KeptTurn) -> None:
    """Every field, in one line that is known without being parsed."""
    line = turn_line(turn)
    assert parse_line(line) == turn
    assert is_turn(line)
    assert is_turn(json.dumps(json.loads(line), indent=1).replace("\n", " "))
    assert not is_turn(memory_line(Stored(RECORD, EVENTS, VECTOR)))


@pytest.mark.parametrize("field", [field for field in TURN.__slots__ if field not in ("session_id", "agent_id")])
def test_a_turn_that_is_damaged_is_refused(field: str) -> None:
    """A field of another kind is no turn."""
    fields = json.loads(turn_line(TURN))["turn"] | {field: 5}
    with pytest.raises(ValueError, match=r"\w"):
        parse_line(json.dumps({"turn": fields}))
