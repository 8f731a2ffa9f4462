"""What one item of a memory block says, out of whatever a model put there. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..memory.records import Relationship, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing a model wants remembered, corrected or forgotten. `None` and `()` mean: not said, or not readable."""

    content: str | None
    """None only where `forget` names a note."""
    scope: Scope | None = None
    importance: float | None = None
    """In 0..1."""
    entities: tuple[str, ...] = ()
    relationships: tuple[Relationship, ...] = ()
    replaces: tuple[int, ...] = ()
    """Handles of the notes that `content` corrects, as the frame showed them, from 1; not checked against it."""
    forget: tuple[int, ...] = ()
    """Handles of notes to hide, the same way."""
