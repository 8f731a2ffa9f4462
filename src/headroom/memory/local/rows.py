"""Records to SQL and back."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import apsw

from ..dedup import fingerprint, folded
from ..protocols import Entry
from ..records import Reader, Record, Relationship, Scope, Source
from ..scoping import Rule, audience
from ..times import moment
from . import text
from .vectors import encode

_COLUMNS = """m.seq, m.id, m.content, u.user_id, m.scope, m.session_id, m.agent_id, m.turn_id, m.importance, m.metadata,
    m.created_at, m.valid_until, s.id, m.expires_at"""
_FROM = """from memories m join users u on u.key = m.user left join memories s on s.seq = m.superseded_by"""


def new_id() -> bytes:
    """Make an id: 48 bits of time, so that ids sort and their index stays dense, then 80 random bits."""
    return (time.time_ns() // 1_000_000).to_bytes(6, "big") + os.urandom(10)


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


def insert(cursor: apsw.Cursor, user: int, writer: Reader, entry: Entry) -> tuple[int, bytes]:
    """Store one memory with its vector, words and edges; give its row and its id."""
    raw = new_id()
    terms, length = text.terms(user, entry.content)
    cursor.execute(
        """insert into memories (id, user, content, fingerprint, scope, session_id, agent_id, turn_id, importance,
        metadata, created_at, expires_at, length) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            raw,
            user,
            entry.content,
            fingerprint(writer.user_id, entry.content),
            entry.scope.value,
            writer.session_id,
            writer.agent_id,
            writer.turn_id,
            entry.importance,
            json.dumps(entry.metadata, ensure_ascii=False) if entry.metadata else None,
            entry.created_at,
            entry.expires_at,
            length,
        ),
    )
    seq = cursor.connection.last_insert_rowid()
    text.index(cursor, [(seq, terms)])
    if entry.vector.any():
        cursor.execute("insert into vectors values (?, ?)", (seq, encode(entry.vector[None, :])[0]))
    _link(cursor, seq, entry)
    return seq, raw


def merge(cursor: apsw.Cursor, seq: int, writer: Reader, entry: Entry) -> None:
    """Let a memory that is known have one more source, and what the new one knows beyond it."""
    cursor.execute(
        "insert into sources values (?, ?, ?, ?, ?)",
        (seq, writer.agent_id, writer.session_id, writer.turn_id, entry.created_at),
    )
    cursor.execute(
        """update memories set importance = max(importance, ?),
        expires_at = case when expires_at is null or ?2 is null then null else max(expires_at, ?2) end,
        metadata = case when ?3 is null then metadata else json_patch(coalesce(metadata, '{}'), ?3) end
        where seq = ?4""",
        (
            entry.importance,
            entry.expires_at,
            json.dumps(entry.metadata, ensure_ascii=False) if entry.metadata else None,
            seq,
        ),
    )
    _link(cursor, seq, entry)


def _link(cursor: apsw.Cursor, seq: int, entry: Entry) -> None:
    cursor.executemany("insert or ignore into mentions values (?, ?)", ((seq, name) for name in entry.entities))
    cursor.executemany(
        "insert or ignore into relationships values (?, ?, ?, ?)", ((seq, *edge) for edge in entry.relationships)
    )


def duplicate(cursor: apsw.Cursor, user: int, writer: Reader, entry: Entry, now: int) -> tuple[int, bytes] | None:
    """Find the present memory of equal folded text that everybody sees who would see the new one."""
    seen_by_all, values = as_sql(audience(entry.scope, writer))
    found: list[tuple[Any, ...]] = cursor.execute(
        f"""select seq, id, content from memories where fingerprint = ? and user = ? and valid_until is null
        and (expires_at is null or expires_at > ?) and {seen_by_all} order by scope = 'user' desc, seq""",
        (fingerprint(writer.user_id, entry.content), user, now, *values),
    ).fetchall()
    same = folded(entry.content)
    return next(((seq, raw) for seq, raw, content in found if folded(content) == same), None)


def erase(cursor: apsw.Cursor, seqs: Sequence[int]) -> None:
    """Remove every trace of these memories from every table."""
    for table, column in (
        ("words", "rowid"),
        ("vectors", "memory"),
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
