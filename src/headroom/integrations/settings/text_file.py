"""A text file that is wholly ours, and a marked block in one that others write too."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFile:
    """A file that is wholly ours, such as a skill."""

    path: Path
    content: str

    def put(self, text: str | None) -> str:
        """Write the content."""
        return self.content

    def take(self, text: str) -> str | None:
        """Remove the file, unless somebody has edited it."""
        return text if self.is_edited(text) else None

    def is_edited(self, text: str) -> bool:
        """Return whether a file says something else than what was put there."""
        return text.split() != self.content.split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A marked block in a Markdown file that others write too, such as GEMINI.md."""

    path: Path
    mark: str
    """Tells this block from other blocks of ours in the same file."""
    content: str

    def put(self, text: str | None) -> str:
        """Replace the block, or add it at the end."""
        rest = (self.take(text) if text else None) or ""
        block = f"{self._begin}\n{self.content.strip()}\n{self._end}\n"
        if text and self._begin in text:
            before, _, after = text.partition(self._begin)
            return before + block + after.partition(self._end)[2].removeprefix("\n")
        return f"{rest.rstrip()}\n\n{block}" if rest.strip() else block

    def take(self, text: str) -> str | None:
        """Remove the block."""
        before, begin, rest = text.partition(self._begin)
        _, end, after = rest.partition(self._end)
        if not (begin and end):
            return text
        left = before.rstrip() + ("\n" + after if after.strip() else "\n")
        return left if left.strip() else None

    @property
    def _begin(self) -> str:
        return f"<!-- {self.mark}: begin -->"

    @property
    def _end(self) -> str:
        return f"<!-- {self.mark}: end -->"
