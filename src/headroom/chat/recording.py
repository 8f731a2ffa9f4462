"""What is kept of a turn if `record_turns` asks for it: ids and scores, and the user's message only for "text"."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias

from ..memory.records import KeptNote, KeptTurn, Reader
from ..memory.rules.secrets.redaction import redact_text
from .last_turn import LastTurn
from .learning import Redact

RecordTurns: TypeAlias = Literal["ids", "text"] | None

_LONGEST_MESSAGE = 2000
"""Characters of a message that are kept."""


def kept_turn(report: LastTurn, reader: Reader, at: datetime, asked: str | None) -> KeptTurn:
    """Return a finished turn as it is kept. `asked` is the message, or None to keep no text."""
    return KeptTurn(
        user_id=reader.user_id,
        turn_id=report.turn_id,
        at=at,
        session_id=reader.session_id,
        agent_id=reader.agent_id,
        asked=asked,
        notes=tuple(KeptNote(id=note.id, score=note.score, parts=note.parts) for note in report.recalled),
        stored=tuple(dict.fromkeys(stored.id for stored in report.stored if not stored.held)),
        held=tuple(dict.fromkeys(stored.id for stored in report.stored if stored.held)),
        replaced=report.replaced,
        forgotten=report.forgotten,
    )


def kept_message(message: str, redact: Redact | None) -> str | None:
    """Return a message as it may be kept: as `redact` returns it, without secrets, and cut; None if it is dropped."""
    allowed = message if redact is None else redact(message)
    return None if allowed is None else redact_text(allowed)[0][:_LONGEST_MESSAGE]
