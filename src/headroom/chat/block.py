"""The block a model writes for its memory: find it in a reply, read it, take it out. Pure.

A block is ours when its tag starts a line, stands outside code fences, and its body reads as our format. One that is
unreadable or half-cut is ours only at the end of the reply. White space before a block belongs to it; every other
character stays as the model wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .items import Item

__all__ = ["BlockFilter", "Item", "Parsed", "kept", "parse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a whole reply says: to the reader, and to the memory."""

    visible: str
    """The reply without its blocks; the very same text where there is none."""
    items: tuple[Item, ...]
    """What the blocks say, in order, complete items only, at most `MAX_ITEMS`."""
    cut: bool
    """The reply ended inside a block (or its tag): what is visible is whole."""
    blocks: int
    """How many blocks were taken out; 0 means `visible` is the reply itself."""
    skipped: Mapping[str, int]
    """Why something in a block was not taken -> how often."""
    removed: tuple[tuple[int, int], ...]
    """The spans [start, end) of the reply that are not in `visible`, in order."""


def parse(text: str) -> Parsed:
    """Read a whole reply."""
    raise NotImplementedError


class BlockFilter:
    """Read one choice of a streamed reply, as it comes: what `parse` finds, for every way of cutting the stream.

    Holds back white space, a tag's prefix, or a block that has begun, and nothing else.
    """

    items: Sequence[Item]
    cut: bool
    blocks: int
    skipped: Mapping[str, int]
    removed: Sequence[tuple[int, int]]

    def feed(self, text: str) -> str:
        """Take the next piece and return what may be shown now."""
        raise NotImplementedError

    def close(self) -> str:
        """End the reply and return what was held and is no block. The second call returns an empty text."""
        raise NotImplementedError


def kept(lengths: Iterable[int], removed: Sequence[tuple[int, int]]) -> list[bool]:
    """Tell which consecutive pieces of a reply (its tokens, by length in characters) hold anything visible."""
    raise NotImplementedError
