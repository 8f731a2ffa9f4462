"""One thing that an agent needs in one of its files: put in, and taken out again. Pure: text in, text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from ...errors import SettingsUnreadable

NAME = "headroom"
"""The name of our entry in the list of MCP servers."""


def is_ours(entry: object) -> bool:
    """Return whether an entry of an MCP server is one that this library wrote: it runs `mcp --agent`."""
    words = entry.get("args") if isinstance(entry, Mapping) else None
    return isinstance(words, Sequence) and ("mcp", "--agent") in pairwise(map(str, words))


def require_ours(entry: object, path: Path, keys: Sequence[str]) -> None:
    """Raise SettingsUnreadable if somebody else wrote the entry that is to be replaced."""
    if not is_ours(entry):
        reason = f"it has an entry {'.'.join(keys)} that `headroom install` did not write: rename or remove it"
        raise SettingsUnreadable(path=path, reason=reason, snippet="")


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
