"""What a reader of another program's file brings along: one memory, and whose it was there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

from ...records import Draft
from ...rules.checks import LONGEST_CONTENT

_BREAK = re.compile(r"\n\s*\n|\n|(?<=[.!?。]) ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """A memory as another program kept it. Ids that it did not record are None."""

    draft: Draft
    user_id: str | None = None
    session_id: str | None = None
    agent_id: str | None = None


def pieces(text: object) -> Iterator[str]:
    """Yield a text in pieces that are each short enough for one memory, cut between paragraphs or sentences.

    What is not text yields nothing, and characters that cannot be stored are replaced.
    """
    rest = text.replace("\x00", " ").encode("utf-8", "replace").decode().strip() if isinstance(text, str) else ""
    while len(rest) > LONGEST_CONTENT:
        breaks = [match.end() for match in _BREAK.finditer(rest, 0, LONGEST_CONTENT)]
        end = breaks[-1] if breaks and breaks[-1] > LONGEST_CONTENT // 2 else LONGEST_CONTENT
        yield rest[:end].strip()
        rest = rest[end:].strip()
    if rest:
        yield rest


def moment(value: object) -> datetime | None:
    """Read a time as other programs write it: ISO 8601, or seconds since 1970. Without a zone it is UTC.

    None if it is neither: a memory with an unknown date is better than none.
    """
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, timezone.utc)
        if isinstance(value, str):
            read = datetime.fromisoformat(_FRACTION.sub(_six_digits, value.strip().replace("Z", "+00:00")))
            return read if read.tzinfo else read.replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
    return None


# Python 3.10 reads fractions of three or six digits only.
_FRACTION = re.compile(r"(?<=:[0-9]{2})\.([0-9]+)")


def _six_digits(match: re.Match[str]) -> str:
    return f".{match[1][:6]:0<6}"
