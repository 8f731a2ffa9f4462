"""Markdown lists: each bullet is one memory.

Made for the lists of CommonMark 0.31, as in notes, in memory files of coding agents, and in what assistants print when
they are asked for all they remember: a date in front ("2025-06-01: ...", "[2025-06-01] - ...") is when it was said. The
headings above a bullet are kept in its metadata. A bullet that ends with a colon is a heading for those below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ....errors import UnreadableImport
from ...records import Draft, Json
from .brought import Brought, moment, pieces

_BULLET = re.compile(r"(?P<indent>[ \t]*)(?:[-*+]|[0-9]{1,9}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?(?P<text>\S.*)")
_DATED = re.compile(r"(?P<indent>)(?P<text>\[[0-9]{4}-[0-9]{2}-[0-9]{2}\][ \t].*)")
_DATE = re.compile(r"(?:\*\*)?\[?(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})\]?(?:\*\*)?\s*(?:[:–—-]\s*)?(?=\S)")
_HEADING = re.compile(r" {0,3}(?P<level>#{1,6})[ \t]+(?P<text>.*?)[ \t]*#*$")
_FENCE = re.compile(r"[ \t]*(?:```|~~~)")


def read(path: Path) -> Iterator[Brought]:
    """Yield each bullet of a file as a memory, read line by line."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as lines:
            for text, headings in _bullets(lines):
                yield from _memories(text, headings)
    except OSError as exc:
        raise UnreadableImport(path=path, reason=exc.strerror or type(exc).__name__) from None


def _bullets(lines: Iterator[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the text of each bullet, its continuation lines joined, with the headings that it stands under."""
    headings: dict[int, str] = {}
    bullet, fenced = "", False
    above: list[str] = []
    for line in lines:
        fenced ^= bool(_FENCE.match(line))
        found = None if fenced else _BULLET.match(line) or _DATED.match(line)
        if found is None and bullet and line.strip() and line[:1].isspace() and not fenced:
            bullet += " " + line.strip()
            continue
        if bullet:
            yield bullet, above
            bullet = ""
        if found:
            bullet, above = found["text"].strip(), _above(headings, 10 + len(found["indent"].expandtabs(4)))
            if bullet.endswith(":"):
                headings[10 + len(found["indent"].expandtabs(4))] = bullet[:-1].strip("*_ ")
                bullet = ""
        elif heading := _HEADING.match(line):
            level = len(heading["level"])
            headings = {other: text for other, text in headings.items() if other < level}
            headings[level] = heading["text"]
    if bullet:
        yield bullet, above


def _above(headings: dict[int, str], depth: int) -> list[str]:
    """Forget the headings that end where a bullet of this depth begins, and return those above it."""
    for level in [level for level in headings if level >= depth]:
        del headings[level]
    return [headings[level] for level in sorted(headings)]


def _memories(text: str, headings: list[str]) -> Iterator[Brought]:
    dated = _DATE.match(text)
    metadata: dict[str, Json] = {"heading": " / ".join(headings)} if headings else {}
    for piece in pieces(text[dated.end() :] if dated else text):
        yield Brought(draft=Draft(piece, metadata=metadata, created_at=moment(dated["date"]) if dated else None))
