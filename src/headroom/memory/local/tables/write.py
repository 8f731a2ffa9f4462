"""Writing one memory: a new row, one more source of a row that is known, and the end of what it replaces."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import apsw
import numpy as np

from ....errors import NotFound
from ...protocols import Entry, Write
from ...records import Action, Applied, Json, Reader
from ...rules import amending
from ...rules.duplicates import fingerprint, folded, says_again
from ...rules.search.words import indexed_words, opening
from ...rules.times import moment, now
from ...rules.visibility import audience
from ..file.faults import row_checksum
from . import amend, events, history, postings, read
from .history import Same
from .vector_codec import encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An entry with all that can be computed before the transaction begins."""

    entry: Entry
    fingerprint: int
    words: list[str]
    vector: bytes | None


def prepare(writer: Reader, writes: Sequence[Write]) -> list[Prepared | None]:
    """Compute what each write will store; None if it stores nothing."""
    vectors = [write.entry.vector for write in writes if write.entry and write.entry.vector is not None]
    packed = iter(encode(np.stack(vectors)) if vectors else ())
    return [None if write.entry is None else _prepared(writer, write.entry, packed) for write in writes]


def _prepared(writer: Reader, entry: Entry, packed: Iterator[bytes]) -> Prepared:
    return Prepared(
        entry=entry,
        fingerprint=fingerprint(writer.user_id, entry.content),
        words=indexed_words(entry.content),
        vector=None if entry.vector is None else next(packed),
    )


def apply(cursor: apsw.Cursor, user: int, writer: Reader, prepared: Prepared | None, write: Write) -> Applied:
    """Carry out one write."""
    at = now()
    ended = history.present(cursor, user, writer, write.replaces, at) if write.replaces else {}
    if write.strict and not ended:
        raise NotFound(memory_id=write.replaces[0])
    if prepared is None:
        history.end(cursor, user, ended, at, successor=None, actor=writer)
        return Applied(id=None, merged=False, ended=tuple(ended.values()))
    rule = audience(prepared.entry.scope, writer)
    same = history.same_text(cursor, user, prepared.fingerprint, rule, at)
    known = _duplicate(same, prepared.entry, ended)
    held = prepared.entry.held_until is not None and (known is None or known.held)
    if known is None:
        seq, raw = _insert(cursor, user, writer, prepared, tuple(ended.values()), at)
    else:
        seq, raw = known.seq, known.raw
        _merge(cursor, user, seq, writer, prepared.entry, at)
    if held:
        return Applied(id=read.id_text(raw), merged=known is not None, ended=(), held=True)
    if known is None:
        _drop_pending(cursor, writer, prepared.entry, same, at)
    ended.pop(seq, None)
    history.end(cursor, user, ended, prepared.entry.created_at, successor=seq, actor=writer)
    return Applied(id=read.id_text(raw), merged=known is not None, ended=tuple(ended.values()))


def _new_id() -> bytes:
    """Make an id: 48 bits of time, so that ids sort and their index stays dense, then 80 random bits."""
    return (time.time_ns() // 1_000_000).to_bytes(6, "big") + os.urandom(10)


def _insert(
    cursor: apsw.Cursor, user: int, writer: Reader, prepared: Prepared, replaces: Sequence[str], at: int
) -> tuple[int, bytes]:
    entry, raw = prepared.entry, _new_id()
    held = entry.held_until is not None
    terms, length = postings.terms(user, prepared.words)
    cursor.execute(
        """insert into memories (id, user, content, fingerprint, scope, session_id, agent_id, turn_id, importance,
        metadata, created_at, expires_at, length, opening, origin, held_until, would_replace, checksum)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            raw,
            user,
            entry.content,
            prepared.fingerprint,
            entry.scope.value,
            writer.session_id,
            writer.agent_id,
            writer.turn_id,
            entry.importance,
            _json(entry.metadata),
            entry.created_at,
            entry.expires_at,
            length,
            opening(entry.content),
            read.origin_code(entry.origin),
            entry.held_until,
            json.dumps(replaces) if held and replaces else None,
            row_checksum(raw, entry.content, entry.scope.value, writer.session_id, writer.agent_id, writer.turn_id),
        ),
    )
    seq = cursor.connection.last_insert_rowid()
    postings.index(cursor, seq, terms)
    if prepared.vector is None:
        cursor.execute("insert into waiting values (?)", (seq,))
    else:
        cursor.execute("insert into vectors values (?, ?)", (seq, prepared.vector))
    _link(cursor, seq, entry)
    events.record(cursor, user, [seq], Action.HELD if held else Action.SAVED, actor=writer, at=at)
    return seq, raw


def _merge(cursor: apsw.Cursor, user: int, seq: int, writer: Reader, entry: Entry, at: int) -> None:
    """Let a memory that is known have one more source, and what the new one knows beyond it."""
    (record,) = read.records(cursor, [seq])
    amend.put(cursor, user, seq, record, amending.merge(record, entry, writer), actor=writer, at=at)


def _link(cursor: apsw.Cursor, seq: int, entry: Entry) -> None:
    for name in entry.entities:
        cursor.execute("insert or ignore into mentions values (?, ?)", (seq, name))
    for edge in entry.relationships:
        cursor.execute("insert or ignore into relationships values (?, ?, ?, ?)", (seq, *edge))


def _json(metadata: Mapping[str, Json]) -> str | None:
    return json.dumps(metadata, ensure_ascii=False) if metadata else None


def _drop_pending(cursor: apsw.Cursor, writer: Reader, entry: Entry, same: Sequence[Same], at: int) -> None:
    """Turn down what waits for a review and says what is now stored: nobody need decide on it any more."""
    ids = [read.id_text(each.raw) for each in same if each.held and folded(each.content) == folded(entry.content)]
    if ids:
        amend.amend(cursor, writer, ids, partial(amending.reject, at=moment(at)))


def _duplicate(same: Sequence[Same], entry: Entry, ended: Container[int]) -> Same | None:
    """Find the memory that the entry says again; what is to be held may also be held already."""
    known = (each for each in same if not each.held or entry.held_until is not None)
    again = (
        each
        for each in known
        if says_again(entry, each.content, each.scope, each.expires_at, replaced=each.seq in ended)
    )
    return next(again, None)
