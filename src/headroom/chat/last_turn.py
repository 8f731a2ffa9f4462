"""What one chat turn did with memory: `client.memory.last_turn`, and what is kept of it if `record_turns` asks for it.

Ids and scores are kept, and the user's message only for "text".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from ..memory.records import KeptNote, KeptTurn, Origin, Reader, SearchResult
from ..memory.rules.secrets.redaction import redact_text

RecordTurns: TypeAlias = Literal["ids", "text"] | None

_LONGEST_MESSAGE = 2000
"""Characters of a message that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A fact that a reply taught."""

    id: str
    content: str
    merged: bool
    """The fact was known: its memory got one more source, and no row was added."""
    held: bool = False
    """The fact waits for a review: `client.memory.pending()`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Something in a reply's memory block that was not followed, and why."""

    content: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LastTurn:
    """What became of one chat turn."""

    turn_id: str = ""
    """Empty before the first turn."""
    recalled: tuple[SearchResult, ...] = ()
    """The notes that went into the request, best first; the first one has the handle 1."""
    injected: str = ""
    """The text they were injected as; empty if nothing was."""
    instructed: bool = False
    """Whether the model was asked to write a memory block."""
    refused: bool = False
    """The provider refuses for this model what memory adds to a request, so the caller's own request was sent."""
    foreign: Origin | None = None
    """What content that is not the user's word was in sight, such as a tool's result; it limits what is stored."""
    stored: tuple[Stored, ...] = ()
    replaced: tuple[str, ...] = ()
    """Ids of the memories that a new fact superseded."""
    forgotten: tuple[str, ...] = ()
    """Ids of the memories that the reply took back; their history is kept."""
    skipped: tuple[Skipped, ...] = ()
    redacted: Mapping[str, int] = field(default_factory=dict)
    """How many secrets of each kind were taken out of what the reply taught."""
    cut: bool = False
    """The length limit cut the memory block: the visible reply is whole, and its finish reason is `stop`."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """The steps that failed, each with the name of its error; the chat went on without them."""
    ms: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds of each step: `recall`, `parse`, `store`, `record`; `load` if the model had to be loaded."""


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


def kept_message(message: str, redact: Callable[[str], str | None] | None) -> str | None:
    """Return a message as it may be kept: as `redact` returns it, without secrets, and cut; None if it is dropped."""
    allowed = message if redact is None else redact(message)
    return None if allowed is None else redact_text(allowed)[0][:_LONGEST_MESSAGE]
