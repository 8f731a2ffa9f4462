"""When two texts are one memory, and when two say nearly the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom.memory.rules.duplicates import distinct, fingerprint, folded

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("User likes tea", "user likes tea."),
        ("User  likes\ntea", " User likes tea! "),
        ("彼は猫が好き。", "彼は猫が好き"),
        ("cafe\u0301", "caf\u00e9"),
        ("PROJECT USES UV", "Project uses uv"),
        ("C'est bien !", "c'est bien"),
        ("(Anna's sister) lives in Rome...", "(anna's Sister) lives in rome"),
        ("Meeting at 5 PM", "meeting at 5 pm."),
        ("She has 12 Horses", "She has 12 horses"),
        ("The port is 8443.", "the port is 8443"),
        ("Calls foo() often.", "calls  foo() Often"),
        ("उपयोगकर्ता को हिन्दी पसंद है", "उपयोगकर्ता को\nहिन्दी पसंद है"),
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
        ("Call foo()", "Call Foo()"),
        ("Call foo(Bar)", "Call foo(bar)"),
        ("Use parseHttp", "Use parseHTTP"),
        ("Reads max_Count", "Reads max_count"),
        ("It is in /etc/Hosts", "It is in /etc/hosts"),
        ("It is in C:\\Users", "It is in C:\\users"),
        ("Branch Feature-1", "Branch feature-1"),
        ("Takes 5 mW", "Takes 5 MW"),
        ("Takes 5mW", "Takes 5MW"),
        ("Sends 10 Mb a second", "Sends 10 MB a second"),
        ('The passphrase is "Red Fox"', 'The passphrase is "red fox"'),
        ("The passphrase is 'Red  Fox'", "The passphrase is 'Red Fox'"),
        ("The passphrase is “Red Fox”", "The passphrase is “red Fox”"),
        ("Run `make Test`", "Run `make test`"),
        ("Run:\n```\nLS -l\n```", "Run:\n```\nls -l\n```"),
        ("if x:\n    y()\n    z()", "if x:\n    y()\n  z()"),
        ("if x:\n    go home\n    stay", "if x:\n    go home\nstay"),
        ("x=1\ny=2", "x=1 y=2"),
        ("Change to ..", "Change to ."),
        ("Ignores .env", "Ignores env"),
        ("The answer is 5!", "The answer is 5"),
    ],
)
def test_texts_that_differ_in_content_are_two(one: str, other: str) -> None:
    """Numbers, words, signs within the text, questions and accents make another memory."""
    assert folded(one) != folded(other)


def test_a_fingerprint_is_of_one_user() -> None:
    """Two users' equal texts have nothing in common."""
    assert fingerprint("alice", "likes tea") != fingerprint("bob", "likes tea")


@given(
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    st.text(st.characters(exclude_categories=["Cs"])),
)
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
        ("User says that Anna likes tea", "Anna likes tea", True),
        ("User's sister Anna lives in Madrid", "Anna, the user's sister, lives in Madrid", True),
        ("User's sister Zoé lives in Madrid", "Zoe, the user's sister, now lives in Madrid!", True),
        (
            "User drinks coffee every morning before running with colleagues",
            "User drinks water every morning before running with colleagues",
            False,
        ),
        ("User takes the train to work on days with rain", "User takes the train to work on days with no rain", False),
        ("Anna likes Bob", "Bob likes Anna", False),
        ("User writes Go for backends and Rust for tools", "User writes Rust for backends and Go for tools", False),
        ("User drinks tea before coffee", "User drinks coffee before tea", False),
        ("User moved from Berlin to Madrid", "User moved to Berlin from Madrid", False),
        ("User was vegetarian", "User is vegetarian", False),
        ("The user is", "That is", False),
    ],
)
def test_what_says_the_same_shares_every_word_that_says_anything(one: str, other: str, equal: bool) -> None:
    """Empty words and the place of a name may differ; one other word, number, name or negation may not."""
    assert (len(distinct([one, other])) == 1) is equal
    assert (len(distinct([other, one])) == 1) is equal


def test_the_first_of_those_that_say_the_same_stands_for_the_others() -> None:
    """Every text is kept or stood for, once."""
    texts = ["Anna likes tea", "User has a cat", "User says that Anna likes tea", "Anna also likes tea", "A cat"]
    assert distinct(texts) == {0: [2, 3], 1: [], 4: []}
