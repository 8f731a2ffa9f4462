"""Chat turns that a program asked to be kept: which memories they showed and changed. They go with any of these."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apsw

from ...records import EFFECTS, KeptNote, KeptTurn, Parts, Reader
from ...rules.times import micros, moment
from ..file.database import count_erasure
from . import history, read

KEPT = 1000
"""Turns of a user that are kept; the oldest go first."""
_SHOWN = "shown"


def keep(cursor: apsw.Cursor, turn: KeptTurn) -> None:
    """Store a turn, or add to the one of this id. One that names a memory which is gone by now is not kept."""
    owner = Reader(user_id=turn.user_id, owner=True)
    named = {memory_id: history.find(cursor, memory_id, owner) for memory_id in turn.named()}
    if None in named.values():
        cursor.execute("delete from turns where seq = ?", (_seq(cursor, turn),))
        return
    user = history.user_key(cursor, turn.user_id)
    cursor.execute(
        """insert into turns (user, turn_id, at, session_id, agent_id, asked) values (?, ?, ?, ?, ?, ?)
        on conflict (user, turn_id) do update set asked = coalesce(asked, excluded.asked)""",
        (user, turn.turn_id, micros(turn.at), turn.session_id, turn.agent_id, turn.asked),
    )
    seq = _seq(cursor, turn)
    cursor.executemany(
        "insert or ignore into turn_memories (turn, memory, role, place, score, parts) values (?, ?, ?, ?, ?, ?)",
        ((seq, named[memory_id], *rest) for memory_id, *rest in _rows(turn)),
    )
    cursor.execute(
        """delete from turns where seq in (
            select seq from turns where user = ? order by at desc, seq desc limit -1 offset ?
        )""",
        (user, KEPT),
    )


def page(cursor: apsw.Cursor, reader: Reader, limit: int, before: str | None) -> list[KeptTurn]:
    """List turns of a user, newest first, from behind the turn `before`; none if there is no such turn.

    A reader who is not the owner sees those of the same session and agent.
    """
    rows: Any = cursor.execute(
        """select seq, turn_id, at, session_id, agent_id, asked from turns
        where user = (select key from users where user_id = ?1)
        and (?2 or (session_id is ?3 and agent_id is ?4))
        and (?5 is null or (at, seq) < (select at, seq from turns where turn_id = ?5
            and user = (select key from users where user_id = ?1)))
        order by at desc, seq desc limit ?6""",
        (reader.user_id, reader.owner, reader.session_id, reader.agent_id, before, limit),
    ).fetchall()
    beside = _memories(cursor, [row[0] for row in rows])
    return [
        KeptTurn(
            user_id=reader.user_id,
            turn_id=turn_id,
            at=moment(at),
            session_id=session_id,
            agent_id=agent_id,
            asked=asked,
            notes=tuple(_notes(beside[seq])),
            **{role: tuple(read.id_text(raw) for raw, name, *_ in beside[seq] if name == role) for role in EFFECTS},
        )
        for seq, turn_id, at, session_id, agent_id, asked in rows
    ]


def clear(cursor: apsw.Cursor, reader: Reader) -> None:
    """Erase the turns of a user, or those of the session or agent that is given; those of one turn stay."""
    if reader.turn_id is None:
        cursor.execute(
            """delete from turns where user = (select key from users where user_id = ?1)
            and (?2 is null or session_id = ?2) and (?3 is null or agent_id = ?3)""",
            (reader.user_id, reader.session_id, reader.agent_id),
        )
        if cursor.connection.changes():
            count_erasure(cursor)


def _seq(cursor: apsw.Cursor, turn: KeptTurn) -> int | None:
    row = cursor.execute(
        "select seq from turns where turn_id = ? and user = (select key from users where user_id = ?)",
        (turn.turn_id, turn.user_id),
    ).fetchone()
    return None if row is None else int(str(row[0]))


def _rows(turn: KeptTurn) -> Iterator[tuple[str, str, int, float | None, str | None]]:
    for place, note in enumerate(turn.notes):
        parts = {name: round(share, 4) for name, share in note.parts._asdict().items() if share}
        yield note.id, _SHOWN, place, note.score, json.dumps(parts)
    for role in EFFECTS:
        for place, memory_id in enumerate(getattr(turn, role)):
            yield memory_id, role, place, None, None


def _memories(cursor: apsw.Cursor, turns: Sequence[int]) -> dict[int, list[tuple[Any, ...]]]:
    found: dict[int, list[tuple[Any, ...]]] = {seq: [] for seq in turns}
    rows: Any = cursor.execute(
        """select t.turn, m.id, t.role, t.score, t.parts from turn_memories t join memories m on m.seq = t.memory
        where t.turn in (select value from json_each(?)) order by t.turn, t.place""",
        (json.dumps(list(turns)),),
    )
    for seq, *row in rows:
        found[seq].append(tuple(row))
    return found


def _notes(rows: Iterable[tuple[Any, ...]]) -> Iterator[KeptNote]:
    for raw, role, score, parts in rows:
        if role == _SHOWN:
            shares = {name: share for name, share in json.loads(parts).items() if name in Parts._fields}
            yield KeptNote(id=read.id_text(raw), score=score, parts=Parts(**shares))
