"""The times that a question names: a day, a month, a year, "last week", "3 days ago". In English or numbers. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..times import local, micros, moment
from .words import question_words

_NAMES = "january february march april may june july august september october november december".split()
_MONTHS = {name: number for number, whole in enumerate(_NAMES, 1) for name in (whole, whole[:3])}
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_NAMED = re.compile(
    rf"(?:\b{_DAY}\s+(?:of\s+)?)?\b({'|'.join(_MONTHS)})\b\.?(?:\s+{_DAY}\b)?(?:,?\s*((?:19|20)\d\d)\b)?", re.IGNORECASE
)
_ISO = re.compile(r"\b((?:19|20)\d\d)-(\d{2})(?:-(\d{2}))?\b")
_NUMBERS = re.compile(r"(?<![\d./])(\d{1,2})([./])(\d{1,2})\2((?:19|20)\d\d)\b")
_YEAR = re.compile(r"(?<![\w-])((?:19|20)\d\d)(?![\w-])")
_RELATIVE = re.compile(
    r"\b(?:(today|yesterday)|(this|last|past)\s+(week|month|year)|(\d{1,3})\s+(day|week|month|year)s?\s+ago)\b"
)
_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_WEEKDAY = re.compile(rf"\b(?:on|last|past)\s+({'|'.join(_WEEKDAYS)})\b", re.IGNORECASE)
# "Before 4 January" asks for no very day, though for what was told around it.
_BOUND = re.compile(r"\b(?:before|after|since|until|till)\s+(?:the\s+)?$", re.IGNORECASE)
# Most questions name no time, and are done with at a glance.
_TOLD = "|".join(name[:3] for name in _NAMES)
_MAYBE = re.compile(rf"(?:19|20)\d\d|(?:ago|day)\b|\b(?:{_TOLD}|this\b|last\b|past\b)", re.IGNORECASE)
_VERBS = ("may", "march", "mar")
_LENGTH = {"day": 1, "week": 7, "month": 30, "year": 365}
_YEARS_BACK = 10
# What was said of a day is told in the days after it, and announced shortly before.
_AFTER, _BEFORE = 10.0, 3.0


class Span(NamedTuple):
    """Days from `first` to `last`, both included."""

    first: date
    last: date
    exact: bool = False
    """The question names this very day; otherwise what was told some days later may be meant too."""


def spans(question: str, today: date, *, oldest: date) -> list[Span]:
    """Read the times that `question` names. A month without a year is that of each year since `oldest`."""
    if not _MAYBE.search(question):
        return []
    return [
        *_named(question, today, oldest),
        *_iso(question),
        *_numbers(question),
        *_years(question, today),
        *_relative(question, today),
        *_weekdays(question, today),
    ]


def nearness(days: npt.NDArray[np.int64], asked: Sequence[Span]) -> npt.NDArray[np.float32]:
    """Return how near n days, counted from 1970, are to the nearest of the spans: 1 within, fading outside."""
    near = np.zeros(len(days), np.float32)
    for span in asked:
        after = np.maximum(days - day_number(span.last), 0)
        before = np.maximum(day_number(span.first) - days, 0)
        near = np.maximum(near, np.exp2(-after / _AFTER - before / _BEFORE).astype(np.float32))
    return near


def times(question: str, zone: tzinfo | None, *, oldest: int, now: int) -> list[Span]:
    """Read the times that a question names, by the days of a time zone. `oldest` and `now` are microseconds."""
    today, first = (local(moment(at), zone).date() for at in (now, oldest))
    return spans(question, today, oldest=first)


def time_words(question: str) -> frozenset[str]:
    """Return the words of `question` that belong to a day, a month or a year."""
    if not _MAYBE.search(question):
        return frozenset()
    named = [found.group() for each in (_NAMED, _ISO, _NUMBERS, _YEAR) for found in each.finditer(question)]
    return frozenset(question_words(" ".join(named)))


def told_near(told_at: npt.NDArray[np.int64], named: Sequence[Span], zone: tzinfo | None) -> npt.NDArray[np.float32]:
    """Return how near n times, in microseconds, are to those that a question names: 1 within, fading outside."""
    if not named:
        return np.zeros(len(told_at), np.float32)
    days = [day_number(local(moment(at), zone)) for at in told_at.tolist()]
    return nearness(np.array(days, np.int64), named)


def told_on(told_at: npt.NDArray[np.int64], named: Sequence[Span], zone: tzinfo | None) -> npt.NDArray[np.bool_]:
    """Mark which of n times, in microseconds, lie on a very day that a question names."""
    marked = np.zeros(len(told_at), np.bool_)
    for span in named:
        if span.exact:
            first, end = bounds(span, zone)
            marked |= (told_at >= first) & (told_at < end)
    return marked


def bounds(span: Span, zone: tzinfo | None) -> tuple[int, int]:
    """Return when the first day of a span begins and when its last ends in a time zone, in microseconds."""
    days = (span.first, span.last + timedelta(1))
    first, last = (datetime.combine(day, time.min, zone) for day in days)
    return micros(first.astimezone(timezone.utc)), micros(last.astimezone(timezone.utc))


def _named(question: str, today: date, oldest: date) -> Iterator[Span]:
    for found in _NAMED.finditer(question):
        day_before, name, day_after, year = found.groups()
        if name.lower() in _VERBS and (name.islower() or not found.start(2)):
            continue  # "may I", "March on"
        years = [int(year)] if year else range(max(oldest.year, today.year - _YEARS_BACK), today.year + 1)
        bound = _BOUND.search(question, 0, found.start())
        for each in years:
            yield from _days(each, _MONTHS[name.lower()], day_before or day_after, exact=not bound)


def _iso(question: str) -> Iterator[Span]:
    for found in _ISO.finditer(question):
        year, month, day = found.groups()
        yield from _days(int(year), int(month), day, exact=not _BOUND.search(question, 0, found.start()))


def _numbers(question: str) -> Iterator[Span]:
    """Read 25.1.2024, and 1/25/2024 or 25/1/2024: with slashes some write the month first, so both are meant."""
    for found in _NUMBERS.finditer(question):
        day, sign, month, year = found.groups()
        exact = not _BOUND.search(question, 0, found.start())
        yield from _days(int(year), int(month), day, exact=exact)
        if sign == "/" and day != month:
            yield from _days(int(year), int(day), month, exact=exact)


def _years(question: str, today: date) -> Iterator[Span]:
    """Read years that stand alone; if a month is named the year belongs to it."""
    if not (_NAMED.search(question) or _ISO.search(question) or _NUMBERS.search(question)):
        for year in _YEAR.findall(question):
            if int(year) <= today.year:
                yield Span(date(int(year), 1, 1), date(int(year), 12, 31))


def _relative(question: str, today: date) -> Iterator[Span]:
    for day, which, unit, count, counted in _RELATIVE.findall(question.lower()):
        if day:
            yield _day(today - timedelta(day == "yesterday"))
        elif which:
            length = timedelta(_LENGTH[unit])
            yield Span(today - length, today) if which != "last" else Span(today - 2 * length, today)
        else:
            about = today - timedelta(int(count) * _LENGTH[counted])
            yield Span(about, about, exact=counted == "day")


def _days(year: int, month: int, day: str | None, *, exact: bool) -> Iterator[Span]:
    """Yield a day, `exact` or not, or its month if the month has no such day or none is named."""
    if not 1 <= month <= 12:
        return
    first = date(year, month, 1)
    last = date(year + month // 12, month % 12 + 1, 1) - timedelta(1)
    if day and 1 <= int(day) <= last.day:
        yield _day(date(year, month, int(day)))._replace(exact=exact)
    else:
        yield Span(first, last)


def _weekdays(question: str, today: date) -> Iterator[Span]:
    """Read "on Monday" as the latest Monday before today."""
    for name in _WEEKDAY.findall(question):
        back = (today.weekday() - _WEEKDAYS.index(name.lower()) - 1) % 7 + 1
        yield _day(today - timedelta(back))


def _day(day: date) -> Span:
    return Span(day, day, exact=True)


def day_number(day: date) -> int:
    """Count the days from 1970 on."""
    return day.toordinal() - date(1970, 1, 1).toordinal()
