"""The texts of one reply, read whole or as they stream by, and what their memory blocks say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..block.filter import BlockFilter, Parsed, parse
from ..block.item import Item


class Said(NamedTuple):
    """What the blocks of a reply say."""

    items: Sequence[Item]
    unread: Sequence[str]
    """Why something in them was not taken, and how often."""


class Texts:
    """Each text has a place: its choice and, if a choice has several texts, its part. Read again, it counts once."""

    def __init__(self) -> None:
        self._read: dict[tuple[int, int], Parsed | BlockFilter] = {}
        self.cut = False
        """The length limit cut a block, and the visible reply is whole."""
        self.choices = 1
        """How many choices were asked for."""
        self.foreign = False
        """The reply shows that the provider looked something up."""
        self.goes_on_as: bytes | None = None
        """The digest of a request that goes on with this reply by naming it."""

    def parse(self, text: str, choice: int = 0, part: int = 0) -> Parsed:
        """Read a whole text."""
        parsed = self._read[choice, part] = parse(text)
        return parsed

    def parse_parts(self, parts: Sequence[str], choice: int = 0) -> tuple[list[str], BlockFilter]:
        """Read a text that comes in parts; return what is visible of each, and what was read."""
        read = self.filter(choice)
        visible = [read.feed(part) for part in parts]
        visible[-1] += read.close()
        return visible, read

    def filter(self, choice: int = 0, part: int = 0) -> BlockFilter:
        """Return what reads a text that streams by."""
        filter = self._read[choice, part] = BlockFilter()
        return filter

    def close(self) -> Said:
        """Return what was read; of a text that ended in the middle of a block, the complete items.

        Further choices are other wordings of the same answer: taking their items too would pile up near-duplicates.
        """
        for text in self._read.values():
            if isinstance(text, BlockFilter):
                text.close()
        spoken = [(choice, text) for (choice, _), text in sorted(self._read.items()) if text.items or text.skipped]
        first = [text for choice, text in spoken if choice == spoken[0][0]]
        return Said(
            items=[item for text in first for item in text.items],
            unread=[f"{reason} ({count})" for text in first for reason, count in text.skipped.items()],
        )
