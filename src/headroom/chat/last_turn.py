"""What one chat turn did with memory: `client.memory.last_turn`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..memory.records import Origin, SearchResult


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
    cut: bool = False
    """The length limit cut the memory block: the visible reply is whole, and its finish reason is `stop`."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """The steps that failed, each with the name of its error; the chat went on without them."""
    ms: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds of each step: `recall`, `parse`, `store`, `record`; `load` if the model had to be loaded."""
