"""One thing that an agent needs in one of its files: put in, and taken out again. Pure: text in, text out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

NAME = "headroom"
"""The name of our entry in the list of MCP servers."""


class Part(Protocol):
    """One thing that an agent needs in one file."""

    @property
    def path(self) -> Path:
        """The file that holds it."""

    def put(self, text: str | None) -> str | None:
        """Return the file's text with this part in it; None is no file. Putting it twice is putting it once.

        Raise SettingsUnreadable if the text cannot be parsed.
        """

    def take(self, text: str) -> str | None:
        """Return the file's text without this part, or None if nothing else was in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """A part that an earlier installation may have put there, and that this one leaves out."""

    part: Part

    @property
    def path(self) -> Path:
        """The file that may hold it."""
        return self.part.path

    def put(self, text: str | None) -> str | None:
        """Take the part out."""
        return self.take(text) if text else text

    def take(self, text: str) -> str | None:
        """Take the part out."""
        return self.part.take(text)
