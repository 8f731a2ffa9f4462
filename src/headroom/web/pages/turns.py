"""Recent turns: what was asked, which notes went in and why, and what the reply changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from ...memory.records import KeptTurn, Parts, Record
from ..rendering import go, page
from ..room import room_of

_PAGE = 20
_EFFECTS = (
    ("Stored", "came", "stored"),
    ("Held for review", "held", "held"),
    ("Replaced", "went", "replaced"),
    ("Forgotten", "went", "forgotten"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A memory that was shown to the model, with its score then."""

    id: str
    content: str
    score: float
    parts: Parts

    def explain(self) -> dict[str, float]:
        """Return the parts of the score by name."""
        return self.parts._asdict()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A turn as the page shows it."""

    turn_id: str
    at: datetime
    session_id: str | None
    agent_id: str | None
    asked: str | None
    notes: tuple[Note, ...]
    effects: tuple[tuple[str, str, list[Record]], ...]
    """A title, a kind that says how it is drawn, and the memories."""


def listing(request: Request) -> Response:
    """Show the turns that were kept, newest first."""
    memory = room_of(request).memory
    kept = memory.turns(limit=_PAGE + 1, before=request.query_params.get("before"))
    shown, rest = kept[:_PAGE], kept[_PAGE:]
    named = sorted({memory_id for turn in shown for memory_id in turn.named()})
    records = {record.id: record for record in memory.get_many(named) if record is not None}
    return page(
        request,
        "turns.html",
        turns=[_shown(turn, records) for turn in shown],
        older=shown[-1].turn_id if rest else "",
    )


def undo(request: Request, form: Mapping[str, str]) -> Response:
    """Take back all that a turn stored, replaced and forgot."""
    room_of(request).memory.undo(request.path_params["turn_id"])
    return go(request, "/turns?done=undone")


def _shown(turn: KeptTurn, records: Mapping[str, Record]) -> Shown:
    return Shown(
        turn_id=turn.turn_id,
        at=turn.at,
        session_id=turn.session_id,
        agent_id=turn.agent_id,
        asked=turn.asked,
        notes=tuple(
            Note(id=note.id, content=records[note.id].content, score=note.score, parts=note.parts)
            for note in turn.notes
            if note.id in records
        ),
        effects=tuple(_effects(turn, records)),
    )


def _effects(turn: KeptTurn, records: Mapping[str, Record]) -> Iterator[tuple[str, str, list[Record]]]:
    for title, kind, name in _EFFECTS:
        found = [records[memory_id] for memory_id in getattr(turn, name) if memory_id in records]
        if found:
            yield title, kind, found
