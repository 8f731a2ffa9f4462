"""Records to SQL and back."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import apsw

from ...records import Origin, Reader, Record, Relationship, Scope, Source
from ...rules.times import moment
from ...rules.visibility import Rule, visible
from ..file.faults import Damaged, damage_noticed, row_checksum

_RECORDS = """select m.seq, m.id, m.content, u.user_id, m.scope, m.session_id, m.agent_id, m.turn_id, m.importance,
    m.metadata, m.origin, m.would_replace, m.created_at, m.valid_until, s.id, m.expires_at, m.held_until,
    m.checksum
    from memories m join users u on u.key = m.user left join memories s on s.seq = m.superseded_by
    where m.seq in (select value from json_each(?))"""
# What stands beside a memory in other tables: one statement, because most memories have none of it.
_BESIDE = """with wanted as materialized (select value from json_each(?))
    select memory, 'sources', rowid, agent_id, session_id, turn_id, created_at, origin
    from sources where memory in wanted
    union all select memory, 'mentions', entity, null, null, null, null, null from mentions where memory in wanted
    union all select memory, 'relationships', source, relation, target, null, null, null
    from relationships where memory in wanted"""
_SCOPES = {scope.value: scope for scope in Scope}


def id_text(raw: bytes) -> str:
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def id_bytes(memory_id: str) -> bytes | None:
    """Read an id; None if the text is none, so that it is simply not found."""
    try:
        return uuid.UUID(memory_id).bytes
    except (ValueError, AttributeError, TypeError):
        return None


def as_sql(rule: Rule, table: str = "") -> tuple[str, list[str | None]]:
    """Turn a visibility rule into a condition and its values."""
    clauses: list[str] = []
    values: list[str | None] = []
    for clause in rule:
        parts = []
        for column, allowed in clause.items():
            parts.append("(" + " or ".join([f"{table}{column} is ?"] * len(allowed)) + ")")
            values.extend(allowed)
        clauses.append(" and ".join(parts) or "true")
    return "(" + " or ".join(clauses) + ")", values


def seen_by(reader: Reader | None) -> tuple[str, list[str | None]]:
    """Return the condition, and its values, for the memories that `reader` sees; None sees everybody's.

    Nobody sees what an import has staged.
    """
    if reader is None:
        return "user not in (select key from users where import_id is not null)", []
    seen, values = as_sql(visible(reader))
    return f"user = (select key from users where user_id = ?) and {seen}", [reader.user_id, *values]


def erase(cursor: apsw.Cursor, seqs: Sequence[int]) -> None:
    """Remove every trace of these memories from every table."""
    for table, column in (
        ("words", "rowid"),
        ("vectors", "memory"),
        ("waiting", "memory"),
        ("next_vectors", "memory"),
        ("sources", "memory"),
        ("events", "memory"),
        ("mentions", "memory"),
        ("relationships", "memory"),
        ("successors", "memory"),
        ("memories", "seq"),
    ):
        cursor.executemany(f"delete from {table} where {column} = ?", ((seq,) for seq in seqs))


def fetch(cursor: apsw.Cursor, seqs: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Read memories as the fields of a Record, by row; rows that are gone are left out."""
    wanted = json.dumps([int(seq) for seq in seqs])
    rows: list[tuple[Any, ...]] = cursor.execute(_RECORDS, (wanted,)).fetchall()
    beside: dict[tuple[int, str], list[tuple[Any, ...]]] = {}
    for seq, table, *values in cursor.execute(_BESIDE, (wanted,)):
        beside.setdefault((seq, table), []).append(tuple(values))
    with damage_noticed():
        return {row[0]: _fields(row, beside) for row in rows}


def records(cursor: apsw.Cursor, seqs: Sequence[int]) -> list[Record]:
    """Read memories in the order of their rows as given; rows that are gone are left out."""
    fields = fetch(cursor, seqs)
    return [Record(**fields[seq]) for seq in seqs if seq in fields]


def _fields(row: tuple[Any, ...], beside: Mapping[tuple[int, str], list[tuple[Any, ...]]]) -> dict[str, Any]:
    seq, raw, content, user_id, scope, session_id, agent_id, turn_id, importance, metadata, *more = row
    origin, would_replace, created, ended, superseded_by, expires, held_until, checksum = more
    if checksum is not None and checksum != row_checksum(raw, content, scope, session_id, agent_id, turn_id):
        raise Damaged
    created_at = moment(created)
    first = _source(agent_id, session_id, turn_id, created_at, origin)
    told_again = sorted(beside.get((seq, "sources"), ()))
    later = [_source(agent, session, turn, moment(at), by) for _, agent, session, turn, at, by in told_again]
    return {
        "id": id_text(raw),
        "content": content,
        "user_id": user_id,
        "scope": _SCOPES[scope],
        "session_id": session_id,
        "agent_id": agent_id,
        "turn_id": turn_id,
        "importance": importance,
        "metadata": json.loads(metadata) if metadata else {},
        "created_at": created_at,
        "valid_until": None if ended is None else moment(ended),
        "superseded_by": None if superseded_by is None else id_text(superseded_by),
        "expires_at": None if expires is None else moment(expires),
        "entities": tuple(entity for entity, *_ in beside.get((seq, "mentions"), ())),
        "relationships": tuple(Relationship(*edge[:3]) for edge in beside.get((seq, "relationships"), ())),
        "sources": (first, *later),
        "held_until": None if held_until is None else moment(held_until),
        "would_replace": tuple(json.loads(would_replace)) if would_replace else (),
    }


def checksum_of(record: Record) -> int:
    """Sum up a whole record as `row_checksum` does its row."""
    raw = uuid.UUID(record.id).bytes
    return row_checksum(raw, record.content, record.scope.value, record.session_id, record.agent_id, record.turn_id)


def origin_code(origin: Origin) -> str | None:
    """Write an origin; the commonest one takes no room."""
    return None if origin is Origin.APPLICATION else origin.value


def origin_of(code: str | None) -> Origin:
    """Read an origin as `origin_code` writes it."""
    return Origin(code or Origin.APPLICATION)


def _source(agent_id: Any, session_id: Any, turn_id: Any, created_at: datetime, origin: Any) -> Source:
    return Source(
        agent_id=agent_id,
        session_id=session_id,
        turn_id=turn_id,
        created_at=created_at,
        origin=origin_of(origin),
    )
