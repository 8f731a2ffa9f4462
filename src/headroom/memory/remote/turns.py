"""Chat turns that a program asked to be kept: points beside the memories that they name, erased with any of these."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any

from qdrant_client import models as m

from ..records import EFFECTS, KeptNote, KeptTurn, Parts, Reader
from ..rules.times import micros, moment
from .qdrant.collection import Collection
from .qdrant.conditions import every, has
from .qdrant.planning import clock
from .qdrant.points import FOREVER, TURN

KEPT = 1000
"""Turns of a user that are kept; the oldest go first."""
_NAMESPACE = uuid.UUID("3c1d1e52-6f0c-5d43-9c3c-2f8a7a0f4b6e")


class Turns:
    """The kept turns of one collection."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    def keep(self, turn: KeptTurn) -> None:
        """Store a turn, or add to the one of this id. One that names a memory which is gone by now is not kept."""
        turn_id = str(uuid.uuid5(_NAMESPACE, json.dumps([turn.user_id, turn.turn_id])))
        there = self._collection.get(turn.named())
        if any(there.get(name) is None or there[name].record.user_id != turn.user_id for name in turn.named()):
            self._collection.remove(every(has("state", TURN), m.HasIdCondition(has_id=[turn_id])))
            return
        same = every(has("state", TURN), m.HasIdCondition(has_id=[turn_id]))
        for stored in self._collection.scroll(same):
            turn = _joined(_read(stored.payload or {}), turn)
        self._collection.put(turn_id, _payload(turn))
        if self._collection.count(_of(turn.user_id)) > KEPT:
            ids = [str(each.id) for each in self._sorted(turn.user_id)[KEPT:]]
            self._collection.remove(every(has("state", TURN), m.HasIdCondition(has_id=list(ids))))

    def page(self, reader: Reader, limit: int, before: str | None) -> list[KeptTurn]:
        """List turns of a user, newest first, from behind the turn `before`; none if there is no such turn.

        A reader who is not the owner sees those of the same session and agent.
        """
        turns = [_read(each.payload or {}) for each in self._sorted(reader.user_id)]
        if before is not None:
            places = [place for place, turn in enumerate(turns) if turn.turn_id == before]
            turns = turns[places[0] + 1 :] if places else []
        who = (reader.session_id, reader.agent_id)
        return [turn for turn in turns if reader.owner or (turn.session_id, turn.agent_id) == who][:limit]

    def clear(self, reader: Reader) -> None:
        """Erase the turns of a user, or those of the session or agent that is given; those of one turn stay."""
        if reader.turn_id is None:
            given = {"session_id": reader.session_id, "agent_id": reader.agent_id}
            bound = [has(name, value) for name, value in given.items() if value is not None]
            self._collection.remove(every(_of(reader.user_id), *bound))

    def _sorted(self, user_id: str) -> list[m.Record]:
        found = self._collection.scroll(_of(user_id))
        return sorted(found, key=lambda each: _order(each.payload or {}), reverse=True)


def _of(user_id: str) -> m.Filter:
    return every(has("user_id", user_id), has("state", TURN))


def _order(stored: dict[str, Any]) -> tuple[int, int]:
    return stored["created_at"], stored["seq"]


def _joined(kept: KeptTurn, new: KeptTurn) -> KeptTurn:
    """Add to a turn what is new."""
    shown = {note.id for note in kept.notes}
    effects: dict[str, Any] = {
        role: tuple(dict.fromkeys((*getattr(kept, role), *getattr(new, role)))) for role in EFFECTS
    }
    return replace(
        kept,
        asked=new.asked if kept.asked is None else kept.asked,
        notes=(*kept.notes, *(note for note in new.notes if note.id not in shown)),
        **effects,
    )


def _payload(turn: KeptTurn) -> dict[str, Any]:
    notes = [
        [note.id, note.score, {k: round(v, 4) for k, v in note.parts._asdict().items() if v}] for note in turn.notes
    ]
    whole = {"asked": turn.asked, "notes": notes, **{role: list(getattr(turn, role)) for role in EFFECTS}}
    return {
        "state": TURN,
        "user_id": turn.user_id,
        "turn_id": turn.turn_id,
        "session_id": turn.session_id or "",
        "agent_id": turn.agent_id or "",
        "created_at": micros(turn.at),
        "over_at": FOREVER,
        "seq": clock.next(),
        "names": list(turn.named()),
        "turn": json.dumps(whole, ensure_ascii=False),
    }


def _read(stored: dict[str, Any]) -> KeptTurn:
    whole = json.loads(stored["turn"])
    return KeptTurn(
        user_id=stored["user_id"],
        turn_id=stored["turn_id"],
        at=moment(stored["created_at"]),
        session_id=stored["session_id"] or None,
        agent_id=stored["agent_id"] or None,
        asked=whole["asked"],
        notes=tuple(KeptNote(id=name, score=score, parts=Parts(**parts)) for name, score, parts in whole["notes"]),
        **{role: tuple(whole[role]) for role in EFFECTS},
    )
