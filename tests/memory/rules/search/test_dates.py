"""The times that a question names."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from headroom.memory.rules.search.dates import Span, nearness, spans, time_words

pytestmark = pytest.mark.quick

TODAY = date(2024, 3, 10)
OLDEST = date(2023, 1, 1)


@pytest.mark.parametrize(
    ("question", "first", "last"),
    [
        ("What did Anna do on 3 June, 2023?", (2023, 6, 3), (2023, 6, 3)),
        ("what happened on June 3rd 2023", (2023, 6, 3), (2023, 6, 3)),
        ("the 3rd of june 2023?", (2023, 6, 3), (2023, 6, 3)),
        ("Where was she in May 2023?", (2023, 5, 1), (2023, 5, 31)),
        ("Dec. 2023", (2023, 12, 1), (2023, 12, 31)),
        ("on 2023-02-28", (2023, 2, 28), (2023, 2, 28)),
        ("in 2023-02", (2023, 2, 1), (2023, 2, 28)),
        ("what did she cook on 25.01.2024?", (2024, 1, 25), (2024, 1, 25)),
        ("on 7.2.2023.", (2023, 2, 7), (2023, 2, 7)),
        ("on 1/25/2024", (2024, 1, 25), (2024, 1, 25)),
        ("on 25/1/2024", (2024, 1, 25), (2024, 1, 25)),
        ("What did he paint in 2022?", (2022, 1, 1), (2022, 12, 31)),
        ("what did I say yesterday", (2024, 3, 9), (2024, 3, 9)),
        ("what is due today?", (2024, 3, 10), (2024, 3, 10)),
        ("last week", (2024, 2, 25), (2024, 3, 10)),
        ("3 days ago", (2024, 3, 7), (2024, 3, 7)),
        ("What did we say on Friday?", (2024, 3, 8), (2024, 3, 8)),
        ("last Sunday", (2024, 3, 3), (2024, 3, 3)),
    ],
)
def test_a_time_is_read(question: str, first: tuple[int, int, int], last: tuple[int, int, int]) -> None:
    """Days, months, years, ISO dates and times counted from today are read; a single day is named exactly."""
    assert spans(question, TODAY, oldest=OLDEST) == [Span(date(*first), date(*last), exact=first == last)]


@pytest.mark.parametrize(
    "day", ["4 January 2024", "January 4th, 2024", "the 4th of January 2024", "2024-01-04", "04.01.2024"]
)
def test_before_a_day_is_not_that_day(day: str) -> None:
    """What is asked for before or after a day was told around it, not on that very day."""
    (on,) = spans(f"What did she buy on {day}?", TODAY, oldest=OLDEST)
    assert on.exact
    for bound in ("before", "after", "since", "until"):
        assert spans(f"What did she buy {bound} {day}?", TODAY, oldest=OLDEST) == [on._replace(exact=False)]


@pytest.mark.parametrize(
    "question",
    [
        "May I ask something?",
        "you may march on",
        "Who plays Cyberpunk 2077?",
        "2023-13-45",
        "call 2023-4455",
        "1.25.2024",
    ],
)
def test_what_is_no_time_is_none(question: str) -> None:
    """Verbs, titles of the future and numbers that look like dates are not taken for times."""
    assert spans(question, TODAY, oldest=date(2024, 1, 1)) == []


def test_with_slashes_either_number_may_be_the_month() -> None:
    """3/4/2023 is the third of April to some and the fourth of March to others."""
    found = spans("on 3/4/2023", TODAY, oldest=OLDEST)
    assert [span.first for span in found] == [date(2023, 4, 3), date(2023, 3, 4)]


def test_the_words_of_a_time_are_those_that_name_it() -> None:
    """Of a question, the day, month and year are words of a time, however they are written, and no others are."""
    assert time_words("Which 2 books did Tim read by the 8th of December, 2023?") == {"8", "th", "december", "2023"}
    assert time_words("What did he cook on 25.01.2023, or 2023-05?") == {"25.01.2023", "2023", "05"}
    assert time_words("Who are Tim's 2 friends?") == frozenset()


def test_a_month_without_a_year_is_that_of_each_year_there_is() -> None:
    """Bare months mean every such month since the oldest memory."""
    assert [span.first.year for span in spans("in February?", TODAY, oldest=OLDEST)] == [2023, 2024]


def test_a_day_that_a_month_has_not_means_the_month() -> None:
    """February the 30th is somewhere in February."""
    assert spans("30 February 2023", TODAY, oldest=OLDEST) == [Span(date(2023, 2, 1), date(2023, 2, 28))]


def test_nearness_fades_outside_slower_after_than_before() -> None:
    """What was said of a day is told on it or after it: 1 within, then less and less."""
    day = date(2023, 6, 3).toordinal() - date(1970, 1, 1).toordinal()
    near = nearness(np.array([day, day + 10, day - 10, day + 365]), spans("3 June 2023", TODAY, oldest=OLDEST))
    assert near[0] == 1
    assert near[1] == pytest.approx(0.5)
    assert 0.05 < near[2] < 0.2
    assert near[3] < 1e-6


def test_no_time_is_near_to_nothing() -> None:
    """A question without a time lifts no memory."""
    assert not nearness(np.array([19_000, 20_000]), []).any()
