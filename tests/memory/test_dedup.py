"""When two texts are one memory, and when two say nearly the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom.memory.dedup import fingerprint, folded, nearly_equal

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("User likes tea", "user likes tea."),
        ("User  likes\ntea", " User likes tea! "),
        ("彼は猫が好き。", "彼は猫が好き"),
        ("cafe\u0301", "caf\u00e9"),
    ],
)
def test_texts_that_differ_in_form_alone_are_one_memory(one: str, other: str) -> None:
    """Case, spaces, composition and final punctuation make no other memory."""
    assert folded(one) == folded(other)
    assert fingerprint("alice", one) == fingerprint("alice", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Meeting at 5 pm", "Meeting at 6 pm"),
        ("User likes tea", "User likes C"),
        ("C", "C++"),
        ("User likes tea?", "User likes tea"),
        ("resume", "résumé"),
    ],
)
def test_texts_that_differ_in_content_are_two(one: str, other: str) -> None:
    """Numbers, words, signs within the text, questions and accents make another memory."""
    assert folded(one) != folded(other)


def test_a_fingerprint_is_of_one_user() -> None:
    """Two users' equal texts have nothing in common."""
    assert fingerprint("alice", "likes tea") != fingerprint("bob", "likes tea")


@given(st.text(), st.text())
def test_a_fingerprint_fits_in_sqlite(user_id: str, text: str) -> None:
    """It is a signed 64-bit integer, the same each time, for any text."""
    found = fingerprint(user_id, text)
    assert -(2**63) <= found < 2**63
    assert found == fingerprint(user_id, text)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("The user prefers dark mode in the editor", "User prefers dark mode in the editor", True),
        ("Meeting at 5 pm in the large room", "Meeting at 6 pm in the large room", False),
        ("User likes green tea with milk and honey", "User likes no green tea with milk and honey", False),
        ("User does like tea with milk and honey", "User doesn't like tea with milk and honey", False),
        ("The user's sister Anna lives in Madrid now", "The user's sister Clara lives in Madrid now", False),
        ("User plays the cello", "User drives a car", False),
    ],
)
def test_nearly_equal_goes_by_words_and_never_past_a_number_a_name_or_a_negation(
    one: str, other: str, equal: bool
) -> None:
    """Slightly other words are near; one number, name or negation apart is not."""
    assert nearly_equal(one, other) is equal
    assert nearly_equal(other, one) is equal
