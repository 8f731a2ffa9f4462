"""The block a model writes for its memory: find it in a reply, read it, take it out. Pure.

A block is ours when its tag starts a line, stands outside code fences, and its body reads as our format. One that is
unreadable or half-cut is ours only at the end of the reply, and so is one in a fence that the reply never closes.
White space before a block belongs to it; every other character stays as the model wrote it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .body import JSON_STARTS, Reading, read, read_cut
from .fences import Lines
from .item import Item

MAX_ITEMS = 64
"""Items taken from one reply; the rest is counted as skipped."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A block with the white space before it. One that is not `sure` is ours only if nothing visible follows."""

    raw: str
    reading: Reading
    sure: bool


class Outcome:
    """Sort the pieces of a reply, given in its order, into what is shown and what is taken out of it."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.skipped: Counter[str] = Counter()
        self.removed: list[tuple[int, int]] = []
        self.blocks = 0
        self._shown: list[str] = []
        self._position = 0
        self._held: list[_Held] = []
        self._space: list[str] = []

    def hold(self, space: str) -> None:
        """Go on by white space, which is shown with what follows it, and goes with a block."""
        self._space.append(space)

    def show(self, text: str) -> None:
        """Go on by visible text: what is held and not sure is visible too."""
        self._settle(at_end=False)
        self._put(self._taken_space() + text)

    def remove(self, raw: str, reading: Reading, *, sure: bool) -> None:
        """Go on by a block."""
        self._held.append(_Held(self._taken_space() + raw, reading, sure))
        if self._held[0].sure:
            self._settle(at_end=False)

    def end(self) -> None:
        """Decide on all that is held, for nothing follows."""
        self._settle(at_end=True)
        self._put(self._taken_space())

    def take(self) -> str:
        """Return what may be shown since the last call."""
        shown = "".join(self._shown)
        self._shown.clear()
        return shown

    def _taken_space(self) -> str:
        space = "".join(self._space)
        self._space.clear()
        return space

    def _settle(self, *, at_end: bool) -> None:
        for held in self._held:
            if held.sure or at_end:
                self._learn(held.reading)
                self._cut_out(len(held.raw))
            else:
                self._put(held.raw)
        self._held.clear()

    def _learn(self, reading: Reading) -> None:
        self.blocks += 1
        self.skipped.update(reading.skipped)
        room = MAX_ITEMS - len(self.items)
        self.items.extend(reading.items[:room])
        if beyond := len(reading.items[room:]):
            self.skipped[f"more than {MAX_ITEMS} items"] += beyond

    def _cut_out(self, length: int) -> None:
        start, end = self._position, self._position + length
        if self.removed and self.removed[-1][1] == start:
            start, _ = self.removed.pop()
        self.removed.append((start, end))
        self._position = end

    def _put(self, text: str) -> None:
        self._shown.append(text)
        self._position += len(text)


__all__ = ["MAX_ITEMS", "BlockFilter", "Item", "Parsed", "parse"]

_TAG = r"[ \t]{0,3}memory[ \t]{0,3}>"
_OPEN = re.compile(f"<{_TAG}", re.IGNORECASE)
_CLOSE = re.compile(f"<[ \t]{{0,3}}/{_TAG}", re.IGNORECASE)
# What ends a body: its closing tag, or the next block; where words follow the tag, a blank line as well, for then the
# reply speaks about the tag.
_END = re.compile(rf"(?P<close>{_CLOSE.pattern})|\n {{0,3}}{_OPEN.pattern}", re.IGNORECASE)
_END_OF_WORDS = re.compile(rf"{_END.pattern}|\n[ \t\r]{{0,3}}\n", re.IGNORECASE)
_LONGEST_END = 20
_LINE_STARTS = "`-*•–0123456789"
_SPACE = re.compile(r"\s+")
_NEXT_TAG = re.compile(r"\n {0,3}<")
# The shortest start of the tag that no element of HTML shares.
_SURELY_OURS = "<mem"


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
    reply = BlockFilter()
    visible = reply.feed(text) + reply.close()
    return Parsed(
        visible=visible,
        items=tuple(reply.items),
        cut=reply.cut,
        blocks=reply.blocks,
        skipped=dict(reply.skipped),
        removed=tuple(reply.removed),
    )


@dataclass(slots=True)
class _Block:
    """A block that has begun."""

    tag: str
    fenced: bool
    body: list[str] = field(default_factory=list)
    end: re.Pattern[str] | None = None
    """What to look for; None until the first character of the body tells."""

    @property
    def raw(self) -> str:
        return self.tag + "".join(self.body)


class BlockFilter:
    """Read one choice of a streamed reply, as it comes: what `parse` finds, for every way of cutting the stream.

    Holds back white space, a tag's prefix, or a block that has begun, and nothing else. What it found, under the
    names of `Parsed`, is complete after `close`.
    """

    def __init__(self) -> None:
        self._outcome = Outcome()
        self.items: Sequence[Item] = self._outcome.items
        self.skipped: Mapping[str, int] = self._outcome.skipped
        self.removed: Sequence[tuple[int, int]] = self._outcome.removed
        self.cut = False
        self._buffer, self._at = "", 0
        self._lines = Lines()
        self._block: _Block | None = None
        self._after_block = False

    @property
    def blocks(self) -> int:
        """How many blocks were taken out."""
        return self._outcome.blocks

    def feed(self, text: str) -> str:
        """Take the next piece and return what may be shown now."""
        self._buffer, self._at = self._buffer[self._at :] + text, 0
        while self._at < len(self._buffer) and (self._outside() if self._block is None else self._inside(self._block)):
            pass
        return self._outcome.take()

    def close(self) -> str:
        """End the reply and return what was held and is no block. The second call returns an empty text."""
        rest, self._buffer, self._at = self._buffer[self._at :], "", 0
        if self._block is not None:
            self._end_inside(self._block, rest)
        elif rest:
            self._end_in_tag(rest)
        self._outcome.end()
        return self._outcome.take()

    def _outside(self) -> bool:
        """Go on by white space, by a tag, or to the next line with one; False where more text must tell."""
        if space := _SPACE.match(self._buffer, self._at):
            self._hold(space[0])
            self._at = space.end()
            return True
        if self._after_block or self._lines.at_start:
            if tag := _OPEN.match(self._buffer, self._at):
                self._block = _Block(tag[0], self._lines.fenced)
                self._at = tag.end()
                return True
            if self._may_become("<memory>"):
                return False
        next_tag = _NEXT_TAG.search(self._buffer, self._at)
        text = self._buffer[self._at : next_tag.start() if next_tag else None].rstrip()
        self._show(text)
        self._at += len(text)
        return True

    def _hold(self, space: str) -> None:
        self._outcome.hold(space)
        self._lines.feed(space)

    def _show(self, text: str) -> None:
        self._outcome.show(text)
        self._lines.feed(text)
        self._after_block = False

    def _end_in_tag(self, rest: str) -> None:
        if _squeezed(rest).startswith(_SURELY_OURS) and not self._lines.fenced:
            self._keep(rest, Reading(skipped=Counter(), sure=True), sure=True)
            self.cut = True
        else:
            self._show(rest)

    def _inside(self, block: _Block) -> bool:
        """Go on by the start of the body, or to its end; False where more text must tell."""
        if block.end is None:
            return self._begin(block)
        end = block.end.search(self._buffer, self._at)
        if end is None:
            keep = max(self._at, len(self._buffer) - _LONGEST_END)
            block.body.append(self._buffer[self._at : keep])
            self._at = keep
            return False
        block.body.append(self._buffer[self._at : end.start()])
        self._at = end.end() if end["close"] else end.start()
        self._finish(block, end["close"])
        return True

    def _begin(self, block: _Block) -> bool:
        if space := _SPACE.match(self._buffer, self._at):
            block.body.append(space[0])
            self._at = space.end()
            return True
        first = self._buffer[self._at]
        if first == "<" and not _CLOSE.match(self._buffer, self._at):
            if self._may_become("</memory>"):
                return False
            self._reject(block)
            return True
        on_new_line = any("\n" in space for space in block.body)
        ours = first in JSON_STARTS or first == "<" or (on_new_line and first in _LINE_STARTS)
        block.end = _END if ours else _END_OF_WORDS
        return True

    def _finish(self, block: _Block, closing: str | None) -> None:
        reading = read("".join(block.body))
        block.body.append(closing or "")
        sure = reading.sure and not block.fenced
        if sure or (closing and (not block.fenced or (reading.sure and reading.items))):
            self._keep(block.raw, reading, sure=sure)
        else:
            self._reject(block)

    def _end_inside(self, block: _Block, rest: str) -> None:
        body = "".join(block.body) + rest
        block.body.append(rest)
        tag = body.rfind("<", -_LONGEST_END)
        if tag >= 0 and "</memory>".startswith(_squeezed(body[tag:])):
            body = body[:tag]
        reading = None if block.fenced or block.end is _END_OF_WORDS else read_cut(body)
        if reading is None:
            self._reject(block)
        else:
            self._keep(block.raw, reading, sure=True)
            self.cut = True

    def _reject(self, block: _Block) -> None:
        """Show a block that is not ours."""
        self._block = None
        text = block.raw.rstrip()
        self._show(text)
        if space := block.raw[len(text) :]:
            self._hold(space)

    def _keep(self, raw: str, reading: Reading, *, sure: bool) -> None:
        """Take a block out: now, or where it is not `sure`, when the reply ends."""
        self._block = None
        self._outcome.remove(raw, reading, sure=sure)
        self._after_block = True
        if not sure:
            self._lines.feed(raw)

    def _may_become(self, tag: str) -> bool:
        """The buffer ends inside what may be `tag`, with stray spaces and in any case."""
        if len(self._buffer) - self._at >= _LONGEST_END:
            return False
        rest = self._buffer[self._at :]
        return "\n" not in rest and tag.startswith(_squeezed(rest))


def _squeezed(tag: str) -> str:
    return "".join(tag.split()).lower()
