"""What a reply comes to, piece by piece: the text to show, and what its blocks say. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from .body import Reading
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
        """Add white space, which is shown with what follows it, or removed with a block."""
        self._space.append(space)

    def show(self, text: str) -> None:
        """Add visible text: what is held and not sure becomes visible too."""
        self._settle(at_end=False)
        self._put(self._taken_space() + text)

    def remove(self, raw: str, reading: Reading, *, sure: bool) -> None:
        """Add a block."""
        self._held.append(_Held(self._taken_space() + raw, reading, sure))
        if self._held[0].sure:
            self._settle(at_end=False)

    def end(self) -> None:
        """Decide on all that is held, because nothing follows."""
        self._settle(at_end=True)
        self._put(self._taken_space())

    def unlearn(self, reason: str) -> None:
        """Take back what the blocks until now said; they stay out of the visible text."""
        if self.items:
            self.skipped[reason] += len(self.items)
        self.items.clear()

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
