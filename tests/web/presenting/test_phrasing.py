"""Times, numbers and differences in words."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom.web.presenting.phrasing import Piece, compared, day_name, size_name

pytestmark = pytest.mark.quick

TODAY = date(2026, 3, 1)


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2026, 3, 1), "Today"),
        (date(2026, 2, 28), "Yesterday"),
        (date(2026, 2, 27), "27 February"),
        (date(2025, 12, 31), "31 December 2025"),
        (date(2026, 3, 2), "2 March"),
    ],
)
def test_a_day_is_named_as_people_do(day: date, name: str) -> None:
    """The last two days have a name of their own, and a year is said only if it is another one."""
    assert day_name(day, TODAY) == name


@pytest.mark.parametrize(
    ("count", "name"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 KB"), (135_168, "135.2 KB"), (2_400_000_000, "2.4 GB")],
)
def test_a_size_has_the_unit_that_people_read(count: int, name: str) -> None:
    """Sizes are decimal, with one digit behind the point."""
    assert size_name(count) == name


def test_a_difference_is_told_in_words() -> None:
    """Whole words change, and a space between two changed words changes with them."""
    assert compared("Deploys on Tuesdays, never late", "Deploys on every Friday, never late") == [
        Piece("same", "Deploys on "),
        Piece("gone", "Tuesdays"),
        Piece("new", "every Friday"),
        Piece("same", ", never late"),
    ]


@given(st.text(alphabet="ab ,\n", max_size=40), st.text(alphabet="ab ,\n", max_size=40))
def test_a_difference_holds_both_texts(old: str, new: str) -> None:
    """What stayed and what went is the old text, what stayed and what came is the new one."""
    pieces = compared(old, new)
    assert "".join(piece.text for piece in pieces if piece.kind != "new") == old
    assert "".join(piece.text for piece in pieces if piece.kind != "gone") == new
