"""A year of one user's chats, made: what the user says, what a model takes from it, and what is true in the end. Pure.

A fact is a subject with a value; the value said last is the true one. What is said is new, a repeat in another
phrasing, the last phrasing in other case, spaces or punctuation, an update, an update back to an earlier value, or a
contradiction: a new value which the model does not tie to the old one.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from .topics import TOPICS, Topic, Value


class Kind(str, Enum):
    """How a fact comes up."""

    NEW = "new"
    REPEAT = "repeat"
    VARIANT = "variant"
    UPDATE = "update"
    RETURN = "return"
    CONTRADICTION = "contradiction"


CORRECTS = (Kind.UPDATE, Kind.RETURN)
"""Those that a model ties to the notes it is shown."""
_SHARES = {
    Kind.NEW: 32,
    Kind.REPEAT: 32,
    Kind.VARIANT: 12,
    Kind.UPDATE: 16,
    Kind.RETURN: 3,
    Kind.CONTRADICTION: 5,
}
_YEAR = timedelta(days=365)
_REMARK = timedelta(minutes=1)
_LONGEST_TALK = 9


def _lowered(text: str) -> str:
    """Write the first word small, unless it is a name such as DuckDB."""
    first, space, rest = text.partition(" ")
    return (first.lower() if first[1:].islower() else first) + space + rest


_VARIANTS = (
    _lowered,
    lambda text: text + ".",
    lambda text: text + ("!" if text[-1].isalpha() else "."),
    lambda text: text.replace(" ", "  ", 1),
    lambda text: _lowered(text) + " .",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One fact as it comes up: the user's message, the text a model extracts from it, and what that text means."""

    at: datetime
    kind: Kind
    message: str
    text: str
    subject: str
    value: str
    question: str
    """What asks for the value of the subject, without naming it."""


@dataclass(slots=True)
class _Known:
    """A subject that came up before."""

    topic: Topic
    words: dict[str, str]
    values: list[Value] = field(default_factory=list)
    phrasing: int = -1
    text: str = ""


def year(count: int, *, seed: int, ends: datetime) -> Iterator[Said]:
    """Make `count` extracted facts, spread over the year before `ends` in talks of one to nine."""
    chance = random.Random(seed)
    known: list[_Known] = []
    taken: set[str] = set()
    for at in _times(chance, count, ends):
        kind = chance.choices(list(_SHARES), list(_SHARES.values()))[0] if known else Kind.NEW
        about = _fresh(chance, taken) if kind is Kind.NEW else known[_popular(chance, len(known))]
        if kind is Kind.NEW:
            known.append(about)
        elif kind is Kind.RETURN and len(about.values) < 2:
            kind = Kind.UPDATE
        yield _said(chance, about, kind, at)


def truth(said: Iterable[Said]) -> dict[str, Said]:
    """Return for each subject where it came up last: its value is the true one."""
    return {one.subject: one for one in said}


def _times(chance: random.Random, count: int, ends: datetime) -> Iterator[datetime]:
    made = 0
    while made < count:
        begins = ends - _YEAR * (1 - made / count)
        for remark in range(min(chance.randint(1, _LONGEST_TALK), count - made)):
            yield begins + remark * _REMARK
            made += 1


def _popular(chance: random.Random, count: int) -> int:
    """Draw a place: squared, so that some subjects come up again and again."""
    return int(chance.random() ** 2 * count)


def _fresh(chance: random.Random, taken: set[str]) -> _Known:
    while True:
        topic = chance.choice(TOPICS)
        about = _Known(topic, topic.subject(chance))
        if _name(about) not in taken:
            taken.add(_name(about))
            return about


def _name(about: _Known) -> str:
    return " / ".join([about.topic.name, *about.words.values()])


def _said(chance: random.Random, about: _Known, kind: Kind, at: datetime) -> Said:
    """Let a fact come up, and note it."""
    if kind not in (Kind.REPEAT, Kind.VARIANT):
        about.values.append(_value(chance, about, kind, at))
    if kind is not Kind.VARIANT:
        others = [place for place in range(len(about.topic.says)) if place != about.phrasing or kind is not Kind.REPEAT]
        about.phrasing = chance.choice(others)
        about.text = _filled(about, about.topic.says[about.phrasing])
    return Said(
        at=at,
        kind=kind,
        message=_filled(about, chance.choice(about.topic.tells)),
        text=chance.choice(_VARIANTS)(about.text) if kind is Kind.VARIANT else about.text,
        subject=_name(about),
        value=about.values[-1].written,
        question=_filled(about, about.topic.asks),
    )


def _value(chance: random.Random, about: _Known, kind: Kind, at: datetime) -> Value:
    """Draw a value that is not the one that holds; an earlier one if the user returns to it."""
    now = about.values[-1].written if about.values else None
    earlier = [value for value in about.values if value.written != now]
    if kind is Kind.RETURN:
        return chance.choice(earlier)
    while (value := about.topic.values(chance, at.date())).written == now:
        pass
    return value


def _filled(about: _Known, template: str) -> str:
    value = about.values[-1]
    return template.format(**about.words, value=value.written, spoken=value.spoken)
