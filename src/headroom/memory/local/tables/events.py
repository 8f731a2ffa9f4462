"""What happened to each memory: written with every change, erased with the memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import apsw

from ...records import Action, Event, Json, Reader
from ...rules.times import moment
from ...rules.visibility import visible
from ..file.faults import damage_noticed
from . import read

# Who made a memory stands in its own row.
_EVENTS = """select m.id, e.memory, e.action, e.at, iif({made}, m.agent_id, e.agent_id),
    iif({made}, m.session_id, e.session_id), iif({made}, m.turn_id, e.turn_id), e.before
    from events e join memories m on m.seq = e.memory""".format(made="e.action in ('saved', 'held')")


def record(
    cursor: apsw.Cursor,
    user: int,
    seqs: Iterable[int],
    action: Action,
    *,
    actor: Reader,
    at: int,
    before: Mapping[str, Json] | None = None,
) -> None:
    """Note that `actor` did this to memories."""
    made = action in (Action.SAVED, Action.HELD)
    who = (None, None, None) if made else (actor.agent_id, actor.session_id, actor.turn_id)
    kept = json.dumps(before, ensure_ascii=False) if before else None
    cursor.executemany(
        """insert into events (user, memory, at, action, agent_id, session_id, turn_id, before)
        values (?, ?, ?, ?, ?, ?, ?, ?)""",
        ((user, seq, at, action.value, *who, kept) for seq in seqs),
    )


def of_memories(cursor: apsw.Cursor, seqs: Sequence[int]) -> dict[int, list[Event]]:
    """Read the events of memories by row, oldest first."""
    wanted = json.dumps(list(seqs))
    found: dict[int, list[Event]] = {seq: [] for seq in seqs}
    for row in cursor.execute(
        f"{_EVENTS} where e.memory in (select value from json_each(?)) order by e.seq", (wanted,)
    ):
        found[int(str(row[1]))].append(_event(row))
    return found


def seen_by(cursor: apsw.Cursor, reader: Reader, turn_id: str | None, since: int | None) -> list[Event]:
    """Read the events of the memories that `reader` sees, newest first; only of one turn, or from a time on."""
    seen, values = read.as_sql(visible(reader), "m.")
    rows = cursor.execute(
        f"""{_EVENTS} where e.user = (select key from users where user_id = ?1) and (?2 is null or e.at >= ?2)
        and (?3 is null or iif(e.action in ('saved', 'held'), m.turn_id, e.turn_id) = ?3) and {seen}
        order by e.seq desc""",
        (reader.user_id, since, turn_id, *values),
    )
    return [_event(row) for row in rows]


@damage_noticed()
def _event(row: tuple[Any, ...]) -> Event:
    raw, _, action, at, agent_id, session_id, turn_id, before = row
    return Event(
        memory_id=read.id_text(raw),
        action=Action(action),
        at=moment(at),
        agent_id=agent_id,
        session_id=session_id,
        turn_id=turn_id,
        before=json.loads(before) if before else None,
    )
