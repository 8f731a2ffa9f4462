"""How times, numbers and texts are put into words on the page. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from datetime import date, datetime, tzinfo
from typing import NamedTuple

from ...memory.rules.times import local

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_UNITS = ("bytes", "KB", "MB", "GB", "TB")
_TOKENS = re.compile(r"\w+|\W", re.UNICODE)


class Piece(NamedTuple):
    """A run of text in a comparison of two: `kind` is "same", "gone" or "new"."""

    kind: str
    text: str


def day_name(day: date, today: date) -> str:
    """Name a day as people do: "Today", "Yesterday", "12 March" of this year, "12 March 2024" of another."""
    back = (today - day).days
    if back in (0, 1):
        return ("Today", "Yesterday")[back]
    name = f"{day.day} {_MONTHS[day.month - 1]}"
    return name if day.year == today.year else f"{name} {day.year}"


def full_day(day: date) -> str:
    """Write a day out: "12 March 2024"."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def clock(moment: datetime, zone: tzinfo | None) -> str:
    """Write the time of day in `zone`: "14:05"."""
    return local(moment, zone).strftime("%H:%M")


def moment_name(moment: datetime, zone: tzinfo | None) -> str:
    """Write a moment out in `zone`: "12 March 2024, 14:05"."""
    return f"{full_day(local(moment, zone).date())}, {clock(moment, zone)}"


def size_name(count: int) -> str:
    """Write a size in bytes for people: "1.4 MB"."""
    size, unit = float(count), 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{count} {_UNITS[0]}" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"


def number_name(count: int) -> str:
    """Write a number with its thousands apart: "12,345"."""
    return f"{count:,}"


def compared(old: str, new: str) -> list[Piece]:
    """Compare two texts word by word, for people: what stayed, what went and what came, in reading order."""
    return list(_pieces(_TOKENS.findall(old), _TOKENS.findall(new)))


def _pieces(old: list[str], new: list[str]) -> Iterator[Piece]:
    gone, came = "", ""
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    codes = matcher.get_opcodes()
    for place, (tag, old_from, old_to, new_from, new_to) in enumerate(codes):
        text = "".join(old[old_from:old_to])
        within = 0 < place < len(codes) - 1 and (gone or came)
        if tag == "equal" and not (within and text.isspace()):  # a space between two changed words joins them
            yield from _changed(gone, came)
            gone, came = "", ""
            yield Piece("same", text)
        else:
            gone, came = gone + text, came + "".join(new[new_from:new_to])
    yield from _changed(gone, came)


def _changed(gone: str, came: str) -> Iterator[Piece]:
    if gone:
        yield Piece("gone", gone)
    if came:
        yield Piece("new", came)
