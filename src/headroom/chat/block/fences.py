"""Where a Markdown text stands after each piece of it: at the start of a line, inside a code fence. Pure."""

from __future__ import annotations

import re

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)", re.DOTALL)


class Lines:
    """Follow a text piece by piece, for every way of cutting it. Fences are CommonMark's."""

    def __init__(self) -> None:
        self.at_start = True
        """Nothing but up to three spaces stands on the line so far; four would be indented code."""
        self.fenced = False
        """The line stands inside a code fence that an earlier line opened."""
        self._line: list[str] = []
        self._indent = 0
        self._fence = ""

    def feed(self, text: str) -> None:
        """Follow the next piece of the text."""
        first, *rest = text.split("\n")
        if "`" not in text and "~" not in text:
            del rest[:-1]  # whole lines without a fence leave no trace
        self._extend(first)
        for piece in rest:
            self._end_line()
            self._extend(piece)

    def _extend(self, piece: str) -> None:
        if self.at_start and piece:
            spaces = len(piece) - len(piece.lstrip(" "))
            self._indent = self._indent + spaces if spaces == len(piece) else -1
            self.at_start = 0 <= self._indent <= 3
        self._line.append(piece)

    def _end_line(self) -> None:
        found = _FENCE.match("".join(self._line).rstrip("\r"))
        self._line, self._indent, self.at_start = [], 0, True
        if not found:
            return
        run, rest = found[1], found[2]
        if not self._fence:
            self._fence = run if run[0] == "~" or "`" not in rest else ""
        elif run.startswith(self._fence) and not rest.strip():
            self._fence = ""
        self.fenced = bool(self._fence)
