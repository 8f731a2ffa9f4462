"""Who sees what: one rule, read alike as SQL and as a mask, and as the table of the promise has it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom.errors import InvalidInput
from headroom.memory.local.cache.user import Stamp, UserColumns
from headroom.memory.local.file.schema import STEPS
from headroom.memory.local.nearest.matrix import Matrix
from headroom.memory.local.tables.read import as_sql
from headroom.memory.records import Reader, Scope
from headroom.memory.rules.times import micros
from headroom.memory.rules.visibility import audience, bound, require_id, visible

pytestmark = pytest.mark.quick

NOW = micros(datetime(2026, 1, 1, tzinfo=timezone.utc))
HOUR = 3_600_000_000

names = st.sampled_from((None, "a", "b"))
readers = st.builds(Reader, user_id=st.just("alice"), session_id=names, agent_id=names, turn_id=names)
rows = st.tuples(st.sampled_from(list(Scope)), names, names, names).filter(
    lambda row: {Scope.USER: True, Scope.SESSION: row[1], Scope.AGENT: row[2], Scope.TURN: row[3]}[row[0]]
)


def table(row: tuple[Scope, str | None, str | None, str | None], reader: Reader) -> bool:
    """The promise, word for word: is a row seen by a reader of the same user?"""
    scope, session_id, agent_id, turn_id = row
    if scope is Scope.SESSION:
        return session_id == reader.session_id
    if scope is Scope.AGENT:
        return agent_id == reader.agent_id and session_id in (None, reader.session_id)
    if scope is Scope.TURN:
        return turn_id == reader.turn_id
    return True


def stored(
    memories: list[tuple[tuple[Scope, str | None, str | None, str | None], int | None, int | None]],
) -> apsw.Connection:
    """Put rows, each with the end of its validity and its expiry, into tables like those of a file."""
    connection = apsw.Connection(":memory:")
    cursor = connection.cursor()
    for step in STEPS:
        step(cursor)
    cursor.execute("insert into users (key, user_id, revision) values (1, 'alice', 1), (2, 'bob', 1)")
    for number, ((scope, session_id, agent_id, turn_id), until, expires) in enumerate(memories):
        cursor.execute(
            """insert into memories (id, user, content, fingerprint, scope, session_id, agent_id, turn_id, importance,
            created_at, valid_until, expires_at, length, opening)
            values (?, 1, '', 0, ?, ?, ?, ?, 0.5, ?, ?, ?, 1, 0)""",
            (number.to_bytes(16, "big"), scope.value, session_id, agent_id, turn_id, NOW - HOUR, until, expires),
        )
    return connection


@settings(max_examples=60)
@given(
    st.lists(st.tuples(rows, st.sampled_from((None, NOW - 5)), st.sampled_from((None, NOW - 5, NOW + 5))), max_size=12),
    readers,
)
def test_the_table_the_sql_and_the_mask_agree(
    memories: list[tuple[tuple[Scope, str | None, str | None, str | None], int | None, int | None]], reader: Reader
) -> None:
    """For any rows and any reader, what the promise lets through is what a list and a search let through."""
    promised = [
        number
        for number, (row, until, expires) in enumerate(memories, start=1)
        if until is None and expires != NOW - 5 and table(row, reader)
    ]
    connection = stored(memories)
    condition, values = as_sql(visible(reader))
    listed = connection.execute(
        f"""select seq from memories where {condition} and valid_until is null
        and (expires_at is null or expires_at > ?) order by seq""",
        (*values, NOW),
    ).fetchall()
    assert [seq for (seq,) in listed] == promised
    columns = UserColumns(1, Stamp("any", 4), 0, lambda _: Matrix(4))
    columns.catch_up(connection.cursor(), 1)
    mask = columns.allowed(visible(reader), now=NOW, as_of=None)
    assert columns.seq[mask].tolist() == promised


@given(rows, readers, readers)
def test_a_duplicate_is_looked_for_where_all_see_it_who_would_see_the_new_one(
    row: tuple[Scope, str | None, str | None, str | None], writer: Reader, reader: Reader
) -> None:
    """Whoever sees a memory written at a scope also sees any memory that may stand for it."""
    for scope in Scope:
        try:
            require_id(scope, writer)
        except InvalidInput:
            continue
        new = (scope, writer.session_id, writer.agent_id, writer.turn_id)
        if lets_through(audience(scope, writer), row) and table(new, reader):
            assert table(row, reader)


@given(rows, readers)
def test_clear_takes_only_what_is_bound_to_the_ids_given(
    row: tuple[Scope, str | None, str | None, str | None], reader: Reader
) -> None:
    """A row with another id than one given stays; the narrowest id given says whose scope goes; without ids all go."""
    scope, *ids = row
    given_ids = [reader.session_id, reader.agent_id, reader.turn_id]
    taken = lets_through(bound(reader), row)
    if given_ids == [None, None, None]:
        assert taken
    if taken:
        assert all(wanted in (None, own) for wanted, own in zip(given_ids, ids, strict=True))
        assert scope is not Scope.USER or given_ids == [None, None, None]
        assert reader.agent_id is None or reader.turn_id is not None or scope is Scope.AGENT
        assert reader.turn_id is None or scope is Scope.TURN


def test_clear_of_an_agent_and_a_turn_takes_what_the_agent_saved_in_that_turn() -> None:
    """Two ids that no scope is bound to together name the narrower scope, and both must fit."""
    rule = bound(Reader(user_id="alice", agent_id="a", turn_id="t"))
    assert lets_through(rule, (Scope.TURN, None, "a", "t"))
    assert not lets_through(rule, (Scope.TURN, None, "b", "t"))
    assert not lets_through(rule, (Scope.AGENT, None, "a", "t"))


@given(rows, readers)
def test_the_owner_sees_everything_of_the_user(
    row: tuple[Scope, str | None, str | None, str | None], reader: Reader
) -> None:
    """Whatever scope a memory has, and whatever ids its owner gives, the owner sees it."""
    assert lets_through(visible(replace(reader, owner=True)), row)


def lets_through(rule: object, row: tuple[Scope, str | None, str | None, str | None]) -> bool:
    """Read a rule as plainly as its description has it."""
    fields = dict(zip(("scope", "session_id", "agent_id", "turn_id"), row, strict=True))
    return any(all(fields[name] in values for name, values in clause.items()) for clause in rule)  # type: ignore[attr-defined]


@pytest.mark.parametrize("scope", [Scope.SESSION, Scope.AGENT, Scope.TURN])
def test_a_scope_needs_its_id(scope: Scope) -> None:
    """Nothing is broadened for want of an id: the error names the id that is missing."""
    with pytest.raises(InvalidInput, match=f"{scope.value}_id"):
        require_id(scope, Reader(user_id="alice"))
    require_id(Scope.USER, Reader(user_id="alice"))
    require_id(scope, Reader(user_id="alice", session_id="s", agent_id="a", turn_id="t"))


def test_as_of_sees_what_held_then() -> None:
    """At a moment of the past a row is seen from its creation until its end, whatever came after."""
    connection = stored([((Scope.USER, None, None, None), NOW - 5, None)])
    columns = UserColumns(1, Stamp("any", 4), 0, lambda _: Matrix(4))
    columns.catch_up(connection.cursor(), 1)
    everybody = visible(Reader(user_id="alice"))

    def seen(as_of: int) -> bool:
        return bool(columns.allowed(everybody, now=NOW, as_of=as_of)[0])

    created = NOW - timedelta(hours=1) // timedelta(microseconds=1)
    assert [seen(created - 1), seen(created), seen(NOW - 6), seen(NOW - 5)] == [False, True, True, False]
