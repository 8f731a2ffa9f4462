"""Carrying memories whole: out of the file, and into it by way of users whom nobody can be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import apsw
import numpy as np

from ...protocols import Stored
from ...records import Reader, Record
from ...rules.duplicates import fingerprint, folded
from ...rules.search.words import indexed_words, opening
from ...rules.staging import is_staged, staged_user
from ...rules.times import micros, now
from ...rules.visibility import audience
from ..file.database import integers
from . import events, history, lists, postings, read
from .vector_codec import decode, encode

_BATCH = 256
"""Memories that are read together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A memory with all that can be computed before the transaction begins."""

    stored: Stored
    words: list[str]
    vector: bytes | None


def prepare(memories: Sequence[Stored]) -> list[Prepared]:
    """Compute what storing these memories takes."""
    vectors = [stored.vector for stored in memories if stored.vector is not None]
    packed = iter(encode(np.stack(vectors)) if vectors else ())
    return [
        Prepared(
            stored=stored,
            words=indexed_words(stored.record.content),
            vector=None if stored.vector is None else next(packed),
        )
        for stored in memories
    ]


def stored(cursor: apsw.Cursor, user_id: str | None, width: int) -> Iterator[Stored]:
    """Yield memories whole, in the order of storing, a batch in memory at a time."""
    whose = "true" if user_id is None else "user = (select key from users where user_id = ?1)"
    rows = f"select seq from memories where {whose} and seq > ?2 order by seq limit {_BATCH}"
    last = 0
    while seqs := integers(cursor.execute(rows, (user_id, last))):
        last = seqs[-1]
        for one in _whole(cursor, seqs, width):
            if not is_staged(one.record.user_id):
                yield one


def owners(cursor: apsw.Cursor, memory_ids: Sequence[str]) -> list[str | None]:
    """Return the user of each memory; None for each that there is not."""
    found = "select user_id from users where key = (select user from memories where id = ?)"
    rows = (cursor.execute(found, (read.id_bytes(memory_id),)).fetchone() for memory_id in memory_ids)
    return [None if row is None else row[0] for row in rows]


def stage(cursor: apsw.Cursor, import_id: str, prepared: Sequence[Prepared]) -> None:
    """Store memories where nobody sees them."""
    keys: dict[str, int] = {}
    for one in prepared:
        record = one.stored.record
        if record.user_id not in keys:
            keys[record.user_id] = history.user_key(cursor, staged_user(import_id, record.user_id))
        user = keys[record.user_id]
        there = cursor.execute("select seq, user from memories where id = ?", (read.id_bytes(record.id),)).fetchone()
        if there is None:
            _insert(cursor, user, one)
        elif there[1] == user:
            _add_sources(cursor, there[0], record)


def staged(cursor: apsw.Cursor, import_id: str | None) -> list[int]:
    """List the rows that this import, or any, has staged."""
    whose = "select key from users where import_id is not null and (?1 is null or import_id = ?1)"
    return integers(cursor.execute(f"select seq from memories where user in ({whose})", (import_id,)))


def forget_users(cursor: apsw.Cursor, import_id: str | None) -> None:
    """Let go of the names under which this import, or any, has staged."""
    cursor.execute("delete from users where import_id is not null and (?1 is null or import_id = ?1)", (import_id,))


def publish(cursor: apsw.Cursor, import_id: str, width: int) -> int:
    """Hand what was staged to the users whom it is for; return how many memories."""
    waiting: list[tuple[int, str]] = [
        (int(str(key)), str(user_id))
        for key, user_id in cursor.execute("select key, staged_for from users where import_id = ?", (import_id,))
    ]
    count, users = 0, []
    for key, user_id in waiting:
        count += int(cursor.execute("select count(*) from memories where user = ?", (key,)).get)
        known = cursor.execute("select key from users where user_id = ?", (user_id,)).get
        if known is None:
            cursor.execute(
                "update users set user_id = ?, import_id = null, staged_for = null where key = ?", (user_id, key)
            )
        else:
            _move(cursor, key, int(known), width)
            cursor.execute("delete from users where key = ?", (key,))
        users.append(key if known is None else int(known))
    _join_versions(cursor, users)
    for user in users:
        history.touch(cursor, user)
    return count


def _whole(cursor: apsw.Cursor, seqs: Sequence[int], width: int) -> Iterator[Stored]:
    records, happened = read.fetch(cursor, seqs), events.of_memories(cursor, seqs)
    blobs = [lists.vector(cursor, seq) for seq in seqs]
    for seq, blob, row in zip(seqs, blobs, decode([blob or b"" for blob in blobs], width), strict=True):
        yield Stored(Record(**records[seq]), tuple(happened[seq]), None if blob is None else row)


def _insert(cursor: apsw.Cursor, user: int, one: Prepared) -> int:
    """Store a memory with its id, times, sources, events and links; its successor's id waits in a table of its own."""
    record = one.stored.record
    terms, length = postings.terms(user, one.words)
    cursor.execute(
        """insert into memories (id, user, content, fingerprint, scope, session_id, agent_id, turn_id, importance,
        metadata, created_at, valid_until, expires_at, length, opening, origin, held_until, would_replace,
        checksum) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            read.id_bytes(record.id),
            user,
            record.content,
            fingerprint(record.user_id, record.content),
            record.scope.value,
            record.session_id,
            record.agent_id,
            record.turn_id,
            record.importance,
            json.dumps(dict(record.metadata), ensure_ascii=False) if record.metadata else None,
            micros(record.created_at),
            None if record.valid_until is None else micros(record.valid_until),
            None if record.expires_at is None else micros(record.expires_at),
            length,
            opening(record.content),
            read.origin_code(record.sources[0].origin),
            None if record.held_until is None else micros(record.held_until),
            json.dumps(record.would_replace) if record.would_replace else None,
            read.checksum_of(record),
        ),
    )
    seq = cursor.connection.last_insert_rowid()
    postings.index(cursor, seq, terms)
    if one.vector is None:
        cursor.execute("insert into waiting values (?)", (seq,))
    else:
        cursor.execute("insert into vectors values (?, ?)", (seq, one.vector))
    _insert_beside(cursor, user, seq, one.stored)
    return seq


def _insert_beside(cursor: apsw.Cursor, user: int, seq: int, stored: Stored) -> None:
    record = stored.record
    _insert_sources(cursor, seq, record, first=1)
    cursor.executemany("insert or ignore into mentions values (?, ?)", ((seq, name) for name in record.entities))
    cursor.executemany(
        "insert or ignore into relationships values (?, ?, ?, ?)", ((seq, *edge) for edge in record.relationships)
    )
    if record.superseded_by is not None:
        cursor.execute("insert into successors values (?, ?)", (seq, read.id_bytes(record.superseded_by)))
    for event in stored.events:
        actor = Reader(
            user_id=record.user_id, session_id=event.session_id, agent_id=event.agent_id, turn_id=event.turn_id
        )
        events.record(cursor, user, [seq], event.action, actor=actor, at=micros(event.at), before=event.before)


def _add_sources(cursor: apsw.Cursor, seq: int, record: Record) -> None:
    """Add to a stored memory the sources of `record` that it does not have yet."""
    (same,) = read.records(cursor, [seq])
    new = tuple(source for source in record.sources if source not in same.sources)
    _insert_sources(cursor, seq, replace(record, sources=new), first=0)


def _insert_sources(cursor: apsw.Cursor, seq: int, record: Record, *, first: int) -> None:
    """Store the sources from the place `first` on: the one at 0 stands in the memory's own row."""
    cursor.executemany(
        """insert into sources (memory, agent_id, session_id, turn_id, created_at, origin)
        values (?, ?, ?, ?, ?, ?)""",
        (
            (seq, source.agent_id, source.session_id, source.turn_id, micros(source.created_at), origin)
            for source in record.sources[first:]
            for origin in [read.origin_code(source.origin)]
        ),
    )


def _move(cursor: apsw.Cursor, staged_key: int, user: int, width: int) -> None:
    """Store staged memories anew for a user who has some already: caches look for new rows behind the last one."""
    (user_id,) = cursor.execute("select user_id from users where key = ?", (user,)).fetchall()[0]
    rows = f"select seq from memories where user = ? order by seq limit {_BATCH}"
    while seqs := integers(cursor.execute(rows, (staged_key,))):
        after = _successors(cursor, seqs)
        batch = list(zip(seqs, prepare(list(_whole(cursor, seqs, width))), strict=True))
        read.erase(cursor, seqs)
        for seq, one in batch:
            _store_or_merge(cursor, user, str(user_id), one, after.get(seq))


def _successors(cursor: apsw.Cursor, seqs: Sequence[int]) -> dict[int, bytes]:
    rows: Any = cursor.execute(
        "select memory, id from successors where memory in (select value from json_each(?))", (json.dumps(seqs),)
    )
    return dict(rows)


def _store_or_merge(cursor: apsw.Cursor, user: int, user_id: str, one: Prepared, successor: bytes | None) -> None:
    successor_id = None if successor is None else read.id_text(successor)
    record = replace(one.stored.record, user_id=user_id, superseded_by=successor_id)
    known = _known(cursor, user, record)
    if known is None:
        _insert(cursor, user, Prepared(stored=one.stored._replace(record=record), words=one.words, vector=one.vector))
        return
    seq, raw = known
    _add_sources(cursor, seq, record)
    history.log(cursor, user, [seq])
    cursor.execute("update successors set id = ? where id = ?", (raw, read.id_bytes(record.id)))


def _known(cursor: apsw.Cursor, user: int, record: Record) -> tuple[int, bytes] | None:
    """Find the present memory of the user that says the same to the same readers."""
    if record.valid_until is not None or record.held_until is not None:
        return None
    writer = Reader(
        user_id=record.user_id, session_id=record.session_id, agent_id=record.agent_id, turn_id=record.turn_id
    )
    rule = audience(record.scope, writer)
    mark = fingerprint(record.user_id, record.content)
    for each in history.same_text(cursor, user, mark, rule, now()):
        if not each.held and each.scope == record.scope.value and folded(each.content) == folded(record.content):
            return each.seq, each.raw
    return None


def _join_versions(cursor: apsw.Cursor, users: Sequence[int]) -> None:
    """Let each memory that was replaced name the row of its successor, now that all are there."""
    rows = f"""select other.seq, s.memory from successors s join memories m on m.seq = s.memory
        left join memories other on other.id = s.id and other.user = m.user
        where m.user in (select value from json_each(?)) limit {_BATCH}"""
    while batch := cursor.execute(rows, (json.dumps(users),)).fetchall():
        cursor.executemany("update memories set superseded_by = ? where seq = ?", batch)
        cursor.executemany("delete from successors where memory = ?", ((memory,) for _, memory in batch))
