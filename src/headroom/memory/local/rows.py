"""Records to SQL and back."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import apsw

from ..records import Record, Relationship, Scope, Source
from ..scoping import Rule
from ..times import moment

_COLUMNS = """m.seq, m.id, m.content, u.user_id, m.scope, m.session_id, m.agent_id, m.turn_id, m.importance, m.metadata,
    m.created_at, m.valid_until, s.id, m.expires_at"""
_FROM = """from memories m join users u on u.key = m.user left join memories s on s.seq = m.superseded_by"""


def id_text(raw: bytes) -> str:
    return str(uuid.UUID(bytes=raw))


def id_bytes(memory_id: str) -> bytes | None:
    """Read an id; None where the text is none, so that it is simply not found."""
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


def erase(cursor: apsw.Cursor, seqs: Sequence[int]) -> None:
    """Remove every trace of these memories from every table."""
    for table, column in (
        ("words", "rowid"),
        ("vectors", "memory"),
        ("waiting", "memory"),
        ("next_vectors", "memory"),
        ("sources", "memory"),
        ("mentions", "memory"),
        ("relationships", "memory"),
        ("memories", "seq"),
    ):
        cursor.executemany(f"delete from {table} where {column} = ?", ((seq,) for seq in seqs))


def fetch(cursor: apsw.Cursor, seqs: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Read memories as the fields of a Record, by row; rows that are gone are left out."""
    wanted = json.dumps([int(seq) for seq in seqs])
    rows: list[tuple[Any, ...]] = cursor.execute(
        f"select {_COLUMNS} {_FROM} where m.seq in (select value from json_each(?))", (wanted,)
    ).fetchall()
    extras = {
        table: _grouped(cursor, f"select * from {table} where memory in (select value from json_each(?))", wanted)
        for table in ("sources", "mentions", "relationships")
    }
    return {row[0]: _fields(row, extras) for row in rows}


def record(cursor: apsw.Cursor, seq: int) -> Record | None:
    """Read one memory."""
    fields = fetch(cursor, [seq]).get(seq)
    return None if fields is None else Record(**fields)


def _grouped(cursor: apsw.Cursor, sql: str, wanted: str) -> dict[int, list[tuple[Any, ...]]]:
    grouped: dict[int, list[tuple[Any, ...]]] = {}
    for seq, *values in cursor.execute(sql, (wanted,)):
        grouped.setdefault(seq, []).append(tuple(values))
    return grouped


def _fields(row: tuple[Any, ...], extras: Mapping[str, Mapping[int, list[tuple[Any, ...]]]]) -> dict[str, Any]:
    (
        seq,
        raw,
        content,
        user_id,
        scope,
        session_id,
        agent_id,
        turn_id,
        importance,
        metadata,
        created,
        until,
        by,
        expires,
    ) = row
    said = [(agent_id, session_id, turn_id, created), *extras["sources"].get(seq, ())]
    return {
        "id": id_text(raw),
        "content": content,
        "user_id": user_id,
        "scope": Scope(scope),
        "session_id": session_id,
        "agent_id": agent_id,
        "turn_id": turn_id,
        "importance": importance,
        "metadata": json.loads(metadata) if metadata else {},
        "created_at": moment(created),
        "valid_until": None if until is None else moment(until),
        "superseded_by": None if by is None else id_text(by),
        "expires_at": None if expires is None else moment(expires),
        "entities": tuple(name for (name,) in extras["mentions"].get(seq, ())),
        "relationships": tuple(Relationship(*edge) for edge in extras["relationships"].get(seq, ())),
        "sources": tuple(
            Source(agent_id=agent, session_id=session, turn_id=turn, created_at=moment(at))
            for agent, session, turn, at in said
        ),
    }
