"""How a message is taken apart to be asked of memory."""

from __future__ import annotations

import pytest

from headroom.memory.rules.search.message import Part, asks_without_address, leans_back, names_its_own, parts_of

pytestmark = pytest.mark.quick

LOG = "\n".join(f"2025-03-02T04:11:{second:02}Z INFO [worker] fetched {second} jobs." for second in range(40))


def test_a_short_message_is_one_part() -> None:
    """It is asked as it stands."""
    assert parts_of("What am I allergic to?") == [Part(text="What am I allergic to?")]


def test_a_long_message_is_asked_by_its_question_too() -> None:
    """Pasted text does not drown the question behind or before it; all in all there are at most four parts."""
    for message in (f"{LOG}\nWhich of my servers is this?", f"Which of my servers is this?\n{LOG}"):
        parts = parts_of(message)
        assert parts[0].text == message
        assert "Which of my servers is this?" in [part.text for part in parts[1:]]
        assert len(parts) <= 4
    questions = "\n".join(f"Is it number {number}?" for number in range(50))
    assert len(parts_of(questions)) <= 4


def test_a_short_message_is_also_asked_behind_the_one_before() -> None:
    """The user's last message that says anything stands in front; a long message needs none."""
    (_, joined) = parts_of("How much may it cost?", ["Hello", "I'm booking a hotel.", " "])
    assert joined.whole == "I'm booking a hotel.\nHow much may it cost?"
    assert all(not part.earlier for part in parts_of(LOG, ["I'm booking a hotel."]))


def test_the_speaker_is_named() -> None:
    """Of several people in one chat, the one who says "I" is known by name."""
    assert parts_of("What do I drink?", speaker="Anna")[0].text == "Anna: What do I drink?"


@pytest.mark.parametrize(
    "message",
    ["By when?", "As what?", "And her?", "Where is it?", "how many", "Which piece?", "No. How then?", "¿Quién era?"],
)
def test_a_question_without_a_topic_leans_back(message: str) -> None:
    """It asks or points at somebody, and names by one word at most what it is about."""
    assert leans_back(message)


@pytest.mark.parametrize(
    "message",
    ["how are you?", "Who are you?", "thanks", "ok do it", "What is fado?", "what's inflation", "¿Cómo estás?", LOG],
)
def test_what_stands_by_itself_does_not_lean_back(message: str) -> None:
    """Neither what speaks to its reader, nor thanks, nor a question with a topic of its own, nor a long text."""
    assert not leans_back(message)


@pytest.mark.parametrize("message", ["who was Monet?", "what's a prime number", "Where is Timbuktu?"])
def test_a_question_may_name_what_it_is_about(message: str) -> None:
    """One that begins like an English question and points at nothing said before."""
    assert names_its_own(message)


@pytest.mark.parametrize(
    "message", ["who painted it?", "what did I say?", "and the tyres?", "a teść?", "what's its age?"]
)
def test_a_question_may_point_at_what_was_said(message: str) -> None:
    """By a pronoun, by speaking of its writer, or by being no whole question."""
    assert not names_its_own(message)


def test_some_questions_speak_to_nobody() -> None:
    """What asks something of the reader, or asks nothing, is another matter."""
    assert all(map(asks_without_address, ["What's my name?", "what is my name", "私の名前は？"]))
    assert not any(map(asks_without_address, ["What's your name?", "I'm fine, thanks", "Can I ask you something?"]))
