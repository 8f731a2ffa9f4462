"""The block a model writes for its memory: find it in a reply, read it, take it out. Pure.

A block is ours if its tag starts a line, stands outside code fences, and its body reads as our format. One that is
unreadable or half-cut is ours only at the end of the reply, and so is one that fills a code fence, unless the reply
speaks about the tag. What a model says while it thinks, in `<think>` tags, is never ours. White space before a block
belongs to it; every other character stays as the model wrote it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .body import JSON_STARTS, Reading, read, read_cut
from .fences import Lines
from .item import Item
from .outcome import MAX_ITEMS, Outcome
from .tags import (
    CLOSE,
    CLOSE_FENCE,
    END,
    END_OF_WORDS,
    FENCED_OPEN,
    LONGEST_END,
    LONGEST_MENTION,
    LONGEST_START,
    LONGEST_THOUGHT,
    NEXT_LINE,
    OPEN,
    SPACE,
    THINK,
    THOUGHT,
    is_surely_ours,
    may_become,
    may_become_fenced,
    mentions_tag,
    without_tag_prefix,
)

__all__ = ["MAX_ITEMS", "BlockFilter", "Item", "Parsed", "parse"]

_LINE_STARTS = "`-*•–0123456789"
_THINKING = "it was said while thinking"
_LONGEST_FENCE = 40
"""Characters of the last line of a code fence, to know whether it is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a whole reply says: to the reader, and to the memory."""

    visible: str
    """The reply without its blocks; the very same text if there is none."""
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
    """It stands inside a code fence that was opened before."""
    fence: str = ""
    """The marks of the code fence that it fills, if it does."""
    reading: Reading | None = None
    """What it says, if it ended and the end of its fence is still to come."""
    body: list[str] = field(default_factory=list)
    end: re.Pattern[str] | None = None
    """What to look for; None until the first character of the body tells."""

    @property
    def raw(self) -> str:
        return self.tag + "".join(self.body)


class BlockFilter:
    """Read one choice of a streamed reply, as it comes: what `parse` finds, for every way of cutting the stream.

    Holds back white space, the prefix of a tag, the first line of a code fence, or a block that has begun, and nothing
    else. What it found, under the names of `Parsed`, is complete after `close`.
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
        self._thinking = self._has_thought = False
        self._latest = ""
        """The characters that were passed last."""
        self._mentioned = False
        """The reply speaks about the tag."""

    @property
    def blocks(self) -> int:
        """How many blocks were taken out."""
        return self._outcome.blocks

    def feed(self, text: str) -> str:
        """Take the next piece and return what may be shown now."""
        kept = max(0, self._at - 1)  # a pattern may ask what stands before
        self._buffer, self._at = self._buffer[kept:] + text, self._at - kept
        while self._at < len(self._buffer) and self._step():
            pass
        return self._outcome.take()

    def close(self) -> str:
        """End the reply and return what was held and is no block. The second call returns an empty text."""
        rest, self._buffer, self._at = self._buffer[self._at :], "", 0
        if self._block is not None:
            self._end_inside(self._block, rest)
        elif self._thinking:
            self._outcome.show(rest)
        elif rest and is_surely_ours(rest) and not self._lines.fenced:
            self._keep(rest, Reading(skipped=Counter(), sure=True), sure=True)
            self.cut = True
        elif rest:
            self._show(rest)
        self._outcome.end()
        return self._outcome.take()

    def _step(self) -> bool:
        """Take one step; return False if that needs more text."""
        if self._thinking:
            return self._think()
        if self._block is None:
            return self._outside()
        return self._inside(self._block) if self._block.reading is None else self._after_tag(self._block)

    def _outside(self) -> bool:
        """Pass white space, begin what starts here, or show the text up to the next line that may start something."""
        if space := SPACE.match(self._buffer, self._at):
            self._hold(space[0])
            self._at = space.end()
            return True
        if self._after_block or self._lines.at_start:
            if self._begun():
                return True
            if self._may_begin(self._buffer[self._at : self._at + LONGEST_START]):
                return False
        line = NEXT_LINE.search(self._buffer, self._at)
        text = self._buffer[self._at : line.start() if line else None].rstrip()
        end = self._end_of_thought(text)
        if end is not None and (before := text.rfind("\n", 0, max(0, end))) >= 0:
            text, end = text[:before].rstrip(), None  # it may be the line of a fence: only then is it clear
        self._show(text[:end])
        self._at += len(text) if end is None else end
        if end is not None:
            self._outcome.unlearn(_THINKING)
            self._begin_answer()
        return True

    def _begun(self) -> bool:
        """Begin a block, one that fills a code fence, or thinking, if the text goes on with it."""
        fenced = self._lines.fenced
        if tag := OPEN.match(self._buffer, self._at):
            self._block = _Block(tag[0], fenced)
        elif not fenced and not self._is_about_it() and (tag := FENCED_OPEN.match(self._buffer, self._at)):
            self._block = _Block(tag[0], fenced, fence=tag["fence"])
        elif not fenced and (tag := THINK.match(self._buffer, self._at)):
            self._outcome.show(tag[0])
            self._thinking = self._has_thought = True
        else:
            return False
        self._at = tag.end()
        return True

    def _may_begin(self, rest: str) -> bool:
        """Return whether what the buffer ends in may become the start of something."""
        if may_become(rest, "<memory>"):
            return True
        if self._lines.fenced:
            return False
        thinking = may_become(rest, "<think>", "<thinking>")
        return thinking or (not self._is_about_it() and may_become_fenced(rest))

    def _is_about_it(self) -> bool:
        """Return whether the reply only shows a block: it speaks of the tag, or announces a sample."""
        return self._mentioned or self._latest.rstrip().endswith((":", "："))

    def _hold(self, space: str) -> None:
        self._outcome.hold(space)
        self._pass(space)

    def _show(self, text: str) -> None:
        self._outcome.show(text)
        self._pass(text)
        self._after_block = False

    def _pass(self, text: str) -> None:
        """Follow the lines of the visible text, and whether it speaks about the tag."""
        self._lines.feed(text)
        seen = self._latest + text
        self._mentioned = self._mentioned or mentions_tag(seen)
        self._latest = seen[-LONGEST_MENTION:]

    # Thinking.

    def _think(self) -> bool:
        """Show what the model thinks, to the end of it."""
        if end := THOUGHT.search(self._buffer, self._at):
            self._outcome.show(self._buffer[self._at : end.end()])
            self._at = end.end()
            self._begin_answer()
            return True
        tag = self._buffer.rfind("<", max(self._at, len(self._buffer) - LONGEST_THOUGHT))
        begun = "" if tag < 0 or self._buffer.endswith(">") else self._buffer[tag:]
        ends = begun != "" and may_become(begun, "</think>", "</thinking>")
        until = tag if ends else len(self._buffer)
        self._outcome.show(self._buffer[self._at : until])
        self._at = until
        return False

    def _end_of_thought(self, text: str) -> int | None:
        """Return the end of thinking whose start the server left out; None if it does not end in `text`."""
        if self._has_thought or self._lines.fenced:
            return None
        passed = len(self._latest)
        ends = THOUGHT.finditer(self._latest + text, max(0, passed - LONGEST_THOUGHT))
        return next((end.end() - passed for end in ends if end.end() > passed), None)

    def _begin_answer(self) -> None:
        """Go on after thinking: a block may follow at once, and the fences of the thoughts are over."""
        self._thinking, self._has_thought, self._after_block = False, True, True
        self._lines, self._latest, self._mentioned = Lines(), "", False

    # Inside a block.

    def _inside(self, block: _Block) -> bool:
        """Read the start of the body, or read on to its end."""
        if block.end is None:
            return self._begin(block)
        end = block.end.search(self._buffer, self._at)
        if end is None:
            keep = max(self._at, len(self._buffer) - LONGEST_END)
            block.body.append(self._buffer[self._at : keep])
            self._at = keep
            return False
        block.body.append(self._buffer[self._at : end.start()])
        self._at = end.end() if end["close"] else end.start()
        self._finish(block, end["close"])
        return True

    def _begin(self, block: _Block) -> bool:
        if space := SPACE.match(self._buffer, self._at):
            block.body.append(space[0])
            self._at = space.end()
            return True
        first = self._buffer[self._at]
        if first == "<" and not CLOSE.match(self._buffer, self._at):
            if may_become(self._buffer[self._at : self._at + LONGEST_END], "</memory>"):
                return False
            self._reject(block)
            return True
        on_new_line = any("\n" in space for space in block.body)
        ours = first in JSON_STARTS or first == "<" or (on_new_line and first in _LINE_STARTS)
        block.end = END if ours else END_OF_WORDS
        return True

    def _finish(self, block: _Block, closing: str | None) -> None:
        reading = read("".join(block.body))
        block.body.append(closing or "")
        sure = reading.sure and not block.fenced
        if block.fence:
            if sure and reading.items and closing:
                block.reading = reading
            else:
                self._reject(block)
        elif sure or (closing and (not block.fenced or (reading.sure and reading.items))):
            self._keep(block.raw, reading, sure=sure)
        else:
            self._reject(block)

    def _after_tag(self, block: _Block) -> bool:
        """Read the end of the code fence that a block fills; if anything else stands there it is no block."""
        if space := SPACE.match(self._buffer, self._at):
            block.body.append(space[0])
            self._at = space.end()
            return True
        rest = self._buffer[self._at : self._at + _LONGEST_FENCE]
        if _is_start_of_fence(rest, block.fence) and len(rest) < _LONGEST_FENCE:
            return False
        close = CLOSE_FENCE.match(self._buffer, self._at)
        if close is None or not close["run"].startswith(block.fence):
            self._reject(block)
            return True
        block.body.append(close["run"])
        self._at += len(close["run"])
        assert block.reading is not None
        self._keep(block.raw, block.reading, sure=False)
        return True

    def _end_inside(self, block: _Block, rest: str) -> None:
        """Decide on a block that the reply ended in."""
        block.body.append(rest)
        if block.reading is not None and _is_start_of_fence(rest, block.fence):
            text = block.raw.rstrip()
            space = block.raw[len(text) :]
            self._keep(text, block.reading, sure=True)
            self._hold(space)
            return
        readable = not (block.fenced or block.fence or block.end is END_OF_WORDS)
        reading = read_cut(without_tag_prefix("".join(block.body))) if readable else None
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
        """Take a block out: now, or, if it is not `sure`, when the reply ends."""
        self._block = None
        self._outcome.remove(raw, reading, sure=sure)
        self._after_block = True
        if not sure:
            self._lines.feed(raw)


def _is_start_of_fence(rest: str, fence: str) -> bool:
    """Return whether a text that ends in `rest` may go on as the last line of a code fence."""
    return rest.lstrip(fence[0]).strip(" \t\r") == ""
