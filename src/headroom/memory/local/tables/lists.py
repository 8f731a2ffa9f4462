"""Lists and counts of memories: whose they are, which a reader sees, and which a filter lets through."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import apsw

from ....errors import NotFound
from ...query import Listing, State
from ...records import Reader, Record, Stats
from ...rules.times import micros, now
from ...rules.visibility import bound
from ..file.database import integers
from ..file.faults import damage_noticed
from . import history, read

_STATES = {
    State.PRESENT: "valid_until is null and held_until is null",
    State.HELD: "valid_until is null and held_until is not null",
    State.FORGOTTEN: "valid_until is not null and superseded_by is null and held_until is null",
    State.ALL: "true",
}
_KNOWN = """held_until is null and created_at <= ? and (valid_until is null or valid_until > ?)
    and (expires_at is null or expires_at > ?)"""
_CHANGED = """held_until is null and ((created_at > ? and created_at <= ?) or (valid_until > ? and valid_until <= ?)
    or (expires_at > ? and expires_at <= ?))"""
_GROWTH = """with lives as materialized (
        select created_at, min(coalesce(valid_until, ? + 1), coalesce(expires_at, ? + 1)) as ended
        from memories where {seen} and held_until is null
    ), changes (at, by) as (
        select created_at, 1 from lives union all select ended, -1 from lives where ended <= ?
    ) select min(at), sum(by) from changes group by at / ? order by at / ?"""
_NOT_OVER = "(expires_at is null or expires_at > ?) and (held_until is null or held_until > ?)"


def page(cursor: apsw.Cursor, listing: Listing, fitting: Sequence[int] | None = None) -> list[Record]:
    """List memories, newest first; of the rows `fitting`, if its filter was looked at already."""
    condition, values = _condition(listing, fitting)
    behind = None if listing.after is None else history.find(cursor, listing.after, listing.reader)
    if listing.after is not None and behind is None:
        raise NotFound(memory_id=listing.after, wanted="listed")
    found = cursor.execute(
        f"""select seq from memories where {condition}
        and (? is null or (created_at, seq) < (select created_at, seq from memories where seq = ?))
        order by created_at desc, seq desc limit ?""",
        (*values, behind, behind, -1 if listing.limit is None else listing.limit),
    )
    return read.records(cursor, integers(found))


def count(cursor: apsw.Cursor, listing: Listing, fitting: Sequence[int] | None = None) -> int:
    """Count the memories of a listing, whatever its limit."""
    condition, values = _condition(listing, fitting)
    return int(cursor.execute(f"select count(*) from memories where {condition}", values).get)


def bound_to(cursor: apsw.Cursor, reader: Reader, fitting: Sequence[int] | None = None) -> list[int]:
    """List the rows that a `clear` erases: bound to the ids of `reader`, and among `fitting`."""
    concerned, values = read.as_sql(bound(reader))
    among, rows = _among(fitting)
    return integers(
        cursor.execute(
            f"""select seq from memories where user = (select key from users where user_id = ?) and {concerned}
            and {among}""",
            (reader.user_id, *values, *rows),
        )
    )


def growth(cursor: apsw.Cursor, reader: Reader, step: int) -> list[tuple[int, int]]:
    """Return how many memories were present after each step of time in which any came or went, and when it began."""
    seen, values = read.seen_by(reader)
    at = now()
    changes: Any = cursor.execute(_GROWTH.format(seen=seen), (at, at, *values, at, step, step))
    total, points = 0, []
    for first, by in changes:
        total += by
        points.append((int(first), total))
    return points


def users(cursor: apsw.Cursor) -> list[str]:
    """List the users who have memories or kept turns."""
    found = cursor.execute(
        """select user_id from users where import_id is null and (exists (select 1 from memories where user = key)
        or exists (select 1 from turns where user = key)) order by user_id"""
    )
    return [str(user_id) for (user_id,) in found]


def vector(cursor: apsw.Cursor, seq: int | None) -> bytes | None:
    """Read the packed vector of a memory."""
    row = cursor.execute("select vector from vectors where memory = ?", (seq,)).fetchone()
    return None if row is None else row[0]


@damage_noticed()
def stats(cursor: apsw.Cursor, reader: Reader | None) -> Stats:
    """Count the memories that `reader` sees, or all of everybody."""
    seen, values = read.seen_by(reader)
    condition, bound_values = f"{seen} and {_NOT_OVER}", (*values, *(now(),) * 2)
    # One pass: what a memory is now, and what its first source says, which stands in its own row.
    counted: Any = cursor.execute(
        f"""select case when valid_until is not null then 'superseded' when held_until is not null then 'held'
        else 'present' end as state, agent_id, origin, count(*) from memories where {condition} group by 1, 2, 3""",
        bound_values,
    )
    states: Counter[str] = Counter()
    agents: Counter[str | None] = Counter()
    origins: Counter[str | None] = Counter()
    for state, agent, origin, number in counted:
        states[state] += number
        if state == "present":
            agents[agent] += number
            origins[origin] += number
    agents.update(_by_later_sources(cursor, "agent_id", condition, bound_values))
    origins.update(_by_later_sources(cursor, "origin", condition, bound_values))
    return {
        "total": states["present"],
        "superseded": states["superseded"],
        "held": states["held"],
        "without_vector": cursor.execute(
            f"select count(*) from waiting join memories on seq = memory where {condition}", bound_values
        ).get,
        "by_agent": {agent: agents[agent] for agent in sorted(filter(None, agents))},
        "by_origin": {read.origin_of(code).value: number for code, number in sorted(origins.items(), key=_by_name)},
        "file_bytes": cursor.execute("select page_count * page_size from pragma_page_count, pragma_page_size").get,
        "erasing": 0,
    }


def _by_later_sources(
    cursor: apsw.Cursor, column: str, condition: str, values: tuple[Any, ...]
) -> dict[str | None, int]:
    """Count present memories by what their later sources say beyond the first; hardly any memory has one."""
    found: Any = cursor.execute(
        f"""select s.{column}, count(distinct s.memory) from sources s join (
            select seq, {column} as first from memories where {condition} and {_STATES[State.PRESENT]}
        ) m on m.seq = s.memory where s.{column} is not m.first group by s.{column}""",
        values,
    )
    return dict(found)


def _by_name(item: tuple[str | None, int]) -> str:
    return item[0] or ""


def _condition(listing: Listing, fitting: Sequence[int] | None) -> tuple[str, tuple[Any, ...]]:
    seen, values = read.seen_by(listing.reader)
    condition, times = _when(listing)
    among, rows = _among(fitting)
    return f"{seen} and {condition} and {among}", (*values, *times, *rows)


def _when(listing: Listing) -> tuple[str, tuple[int, ...]]:
    """Return which versions a listing is about, as a condition with its values."""
    if listing.as_of is not None:
        return _KNOWN, (micros(listing.as_of),) * 3
    if listing.changed is not None:
        return _CHANGED, tuple(map(micros, listing.changed)) * 3
    return f"{_STATES[listing.state]} and {_NOT_OVER}", (now(),) * 2


def _among(fitting: Sequence[int] | None) -> tuple[str, tuple[str, ...]]:
    if fitting is None:
        return "true", ()
    return "seq in (select value from json_each(?))", (json.dumps(fitting),)
