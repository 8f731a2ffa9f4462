"""Changing memories in place, as a decision says: their fields, their sources, and whether they are present."""

from __future__ import annotations

import json
from collections.abc import Sequence

import apsw

from ...protocols import Amendment, Decision, Story
from ...records import Reader, Record
from ...rules.times import micros, now
from ...rules.visibility import audience
from . import events, history, read


def amend(cursor: apsw.Cursor, actor: Reader, memory_ids: Sequence[str], decision: Decision) -> list[Amendment]:
    """Carry out what `decision` says of these memories, and return what was changed."""
    rows = {memory_id: history.find(cursor, memory_id, actor) for memory_id in memory_ids}
    seqs = {memory_id: seq for memory_id, seq in rows.items() if seq is not None}
    if not seqs:
        return []
    happened = events.of_memories(cursor, list(seqs.values()))
    records = read.records(cursor, list(seqs.values()))
    stories = [Story(record, tuple(happened[seqs[record.id]])) for record in records]
    # What ends comes first: it makes room for another memory of the same text.
    amendments = sorted(decision(stories), key=lambda one: _is_shown(one.record))
    at, done = now(), []
    user = history.user_key(cursor, actor.user_id)
    before = {record.id: record for record in records}
    for amendment in amendments:
        seq, old = seqs[amendment.record.id], before[amendment.record.id]
        if _is_shown(amendment.record) and not _is_shown(old) and _is_known(cursor, user, seq, old, at):
            continue
        put(cursor, user, seq, old, amendment, actor=actor, at=at)
        done.append(amendment)
    if done:
        history.touch(cursor, user)
    return done


def put(cursor: apsw.Cursor, user: int, seq: int, old: Record, amendment: Amendment, *, actor: Reader, at: int) -> None:
    """Store a memory as `amendment` has it, and what happened to it."""
    new = amendment.record
    successor = None if new.superseded_by is None else history.find(cursor, new.superseded_by, None)
    cursor.execute(
        """update memories set importance = ?, metadata = ?, valid_until = ?, superseded_by = ?, expires_at = ?,
        held_until = ?, would_replace = ? where seq = ?""",
        (
            new.importance,
            json.dumps(dict(new.metadata), ensure_ascii=False) if new.metadata else None,
            None if new.valid_until is None else micros(new.valid_until),
            successor,
            None if new.expires_at is None else micros(new.expires_at),
            None if new.held_until is None else micros(new.held_until),
            json.dumps(new.would_replace) if new.would_replace else None,
            seq,
        ),
    )
    _put_sources(cursor, seq, old, new)
    _put_links(cursor, seq, old, new)
    events.record(cursor, user, [seq], amendment.action, actor=actor, at=at, before=amendment.before)
    history.log(cursor, user, [seq])


def _put_sources(cursor: apsw.Cursor, seq: int, old: Record, new: Record) -> None:
    """Store the sources behind the first, which stands in the memory's own row."""
    kept = len(old.sources) if new.sources[: len(old.sources)] == old.sources else 0
    if not kept:
        cursor.execute("delete from sources where memory = ?", (seq,))
    for source in new.sources[max(kept, 1) :]:
        cursor.execute(
            "insert into sources (memory, agent_id, session_id, turn_id, created_at, origin) values (?, ?, ?, ?, ?, ?)",
            (
                seq,
                source.agent_id,
                source.session_id,
                source.turn_id,
                micros(source.created_at),
                read.origin_code(source.origin),
            ),
        )


def _put_links(cursor: apsw.Cursor, seq: int, old: Record, new: Record) -> None:
    for name in set(old.entities) - set(new.entities):
        cursor.execute("delete from mentions where memory = ? and entity = ?", (seq, name))
    for name in new.entities:
        cursor.execute("insert or ignore into mentions values (?, ?)", (seq, name))
    for edge in new.relationships:
        cursor.execute("insert or ignore into relationships values (?, ?, ?, ?)", (seq, *edge))


def _is_shown(record: Record) -> bool:
    return record.valid_until is None and record.held_until is None


def _is_known(cursor: apsw.Cursor, user: int, seq: int, record: Record, at: int) -> bool:
    """Return whether a present memory says the same to the same readers."""
    writer = Reader(
        user_id=record.user_id, session_id=record.session_id, agent_id=record.agent_id, turn_id=record.turn_id
    )
    fingerprint = int(cursor.execute("select fingerprint from memories where seq = ?", (seq,)).get)
    same = history.same_text(cursor, user, fingerprint, audience(record.scope, writer), at)
    return any(each.seq != seq and not each.held for each in same)
