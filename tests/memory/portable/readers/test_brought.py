"""Cutting long texts, and dates as other programs write them."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom.memory.portable.readers.brought import moment, pieces
from headroom.memory.records import Draft, Reader
from headroom.memory.rules.checks import LONGEST_CONTENT, check_draft, check_text

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    "value",
    [1_700_000_000, 1_700_000_000.0, "2023-11-14T22:13:20Z", "2023-11-14T22:13:20.000000+00:00", "2023-11-14 22:13:20"],
)
def test_a_time_in_any_usual_form(value: object) -> None:
    """Seconds since 1970, ISO 8601 with and without zone, and as SQLite writes it."""
    assert moment(value) == datetime(2023, 11, 14, 22, 13, 20, tzinfo=timezone.utc)


@pytest.mark.parametrize("fraction", ["1", "123", "1234567", "123456789"])
def test_a_fraction_of_any_length(fraction: str) -> None:
    """Python 3.10 reads three or six digits only; other programs write one to nine."""
    assert moment(f"2023-11-14T22:13:20.{fraction}Z") is not None


@pytest.mark.parametrize("value", [None, "", "yesterday", True, [], 1e30, float("nan"), "2023-13-01"])
def test_what_is_no_time_is_unknown(value: object) -> None:
    """A memory without a date is better than none."""
    assert moment(value) is None


@given(st.text())
def test_any_text_can_be_stored_afterwards(text: str) -> None:
    """What cannot be stored is replaced, and blank text gives nothing."""
    for piece in pieces(text):
        check_draft(Draft(piece), Reader(user_id="alice"))
    assert list(pieces(text)) or not text.replace("\x00", " ").strip()


def test_a_long_text_is_cut_between_sentences() -> None:
    """Each piece can be stored, and together they are the text."""
    text = "This sentence is said again. " * 3_000
    found = list(pieces(text))
    assert len(found) > 1
    assert all(len(piece) <= LONGEST_CONTENT and piece.endswith(".") for piece in found)
    assert " ".join(found) == text.strip()


def test_a_long_word_is_cut_anyway() -> None:
    """Without a place to cut at, the limit is the place."""
    found = list(pieces("x" * 70_000))
    assert "".join(found) == "x" * 70_000
    for piece in found:
        check_text("content", piece, LONGEST_CONTENT)


@pytest.mark.parametrize("value", [None, 3, ["a"], {}])
def test_what_is_no_text_yields_nothing(value: object) -> None:
    """Exports have nulls and objects in the places of texts."""
    assert list(pieces(value)) == []
