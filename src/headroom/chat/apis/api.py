"""The seam between a turn and one provider's API: what memory must know of a request, and the texts of its reply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ...memory.records import Origin
from ..block.filter import BlockFilter, Parsed, parse
from ..block.item import Item
from ..prompt.examples import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What memory must know of a request."""

    message: str | None
    """The text of the last user message; None if there is no such message."""
    earlier: tuple[str, ...] = ()
    """The texts of a few user messages before it, oldest first: a short message may rest on them."""
    follows: bytes | None = None
    """Identifies the reply that it follows, if the provider keeps the conversation instead of the request."""
    speaker: str | None = None
    """The name that the last user message gives its writer."""
    continues: bool
    """The request goes on after that message, as a tool loop does."""
    digest: bytes
    """Identifies the messages up to that one."""
    has_room: bool
    """A memory block has a place in the reply."""
    foreign: Origin | None
    """What content that is not the user's word stands in the request; None if there is none."""
    said: tuple[str, ...] = ()
    """What the user says in the request, one text for each message, the newest last."""
    choices: int = 1
    """How many choices the reply is to have."""


class Said(NamedTuple):
    """What the blocks of a reply say."""

    items: Sequence[Item]
    unread: Sequence[str]
    """Why something in them was not taken, and how often."""


class Texts:
    """The texts of one reply, read whole or as they stream by.

    Each text has a place: its choice and, if a choice has several texts, its part. Read again, it counts once.
    """

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
        """Return a filter for a text that comes in pieces."""
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


class Api(Protocol):
    """Where one API keeps a request's messages and a reply's text. Stateless; never changes a request."""

    @property
    def conversation(self) -> str:
        """Name of the argument that holds the messages."""

    def read(self, kwargs: Mapping[str, Any]) -> Asked | None:
        """Read a request; return None if it has no messages."""

    def write(self, kwargs: Mapping[str, Any], notes: str, request: Request | None) -> dict[str, Any]:
        """Return `kwargs` with `notes` in front of the last user message, asking for a block unless that is None."""

    def is_reply(self, reply: Any) -> bool:
        """Return whether this is a whole reply, and no stream or raw response."""

    def clean(self, reply: Any, texts: Texts) -> None:
        """Take the memory blocks out of a whole reply, in place; `texts` reads them."""

    def cleaner(self, texts: Texts) -> Cleaner:
        """Return what takes the memory blocks out of one stream."""


class Cleaner(Protocol):
    """Takes the memory blocks out of one stream."""

    @property
    def finished(self) -> bool:
        """The reply has come to its end, though the stream may go on with its usage."""

    def feed(self, chunk: Any) -> Sequence[Any]:
        """Return what may be shown once `chunk` has arrived."""

    def close(self) -> Sequence[Any]:
        """Return what was held back; the stream is over."""
