"""What the model is told: the constant instruction, and the recalled notes as data in a frame. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, Protocol, TypeVar

__all__ = ["INSTRUCTION", "NOTES_BUDGET", "Frame", "frame", "inert"]

NOTES_BUDGET = 500
"""Tokens the frame may take, by our own estimate."""

INSTRUCTION = ""
"""The one system text that makes a model write a block. Constant, so a provider's prompt cache keeps it."""


class Note(Protocol):
    """Anything with a text: a `Record`, a `SearchResult`."""

    @property
    def content(self) -> str: ...


NoteT = TypeVar("NoteT", bound=Note)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame(Generic[NoteT]):
    """The text to put in front of the user's own, and the notes it shows: handle n is `notes[n - 1]`."""

    text: str
    notes: tuple[NoteT, ...]


def frame(notes: Sequence[NoteT], *, day: date, budget: int = NOTES_BUDGET) -> Frame[NoteT]:
    """Quote `notes`, best first, as data with handles from 1; those that do not fit `budget` are left out, last first.

    The text ends with a blank line, so it can be a prefix of the user's text or a text part of its own. Without notes
    it still tells the day, which a model needs to make relative dates absolute.
    """
    raise NotImplementedError


def inert(text: str) -> str:
    """Make `text` one line that can neither close the frame, open a block, fake a handle nor hide characters.

    This is a note's text as the model sees it: compare with it to tell a repeated note from a new fact.
    """
    raise NotImplementedError
