"""Which messages ask for all of a matter, and which ask after something that both know, by their wording."""

from __future__ import annotations

import pytest

from headroom.memory.rules.search.open_question import asks_after, asks_for_all

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    "message",
    [
        "How's the band going?",
        "how is Rex doing these days",
        "How is the garden?",
        "What's new with my sister?",
        "what's still open with the tax office",
        "Where do we stand with the merger?",
        "Where are things with the visa?",
        "what needs doing around the house",
        "Wie läuft es mit meiner Masterarbeit?",
        "Wie geht es meiner Katze?",
        "Où en est mon déménagement ?",
        "¿Cómo va la reforma?",
        "Como está a minha mãe?",
        "A che punto siamo con la casa?",
        "Hoe gaat het met mijn studie?",
        "Как продвигается ремонт?",
        "我的装修怎么样了？",
        "引っ越しの準備はどうなってる？",
    ],
)
def test_asks_after_what_both_know(message: str) -> None:
    """ "How is it going" with a matter of one's own needs no first person, and asks for all of it."""
    assert asks_after(message)
    assert asks_for_all(message)


@pytest.mark.parametrize(
    "message",
    [
        "Tell me about my boat.",
        "What do you know about my knee?",
        "anything I told you about the car?",
        "Summarise what we decided on the kitchen",
        "Remind me of everything about the lawsuit.",
        "Help me write a report on the project",
        "Which allergies do I have?",
        "a new doctor asks, what should I tell her?",
        "Was weißt du über meinen Garten?",
        "Fass mir zusammen, was bei der Orgel ansteht.",
        "Parle-moi de mon chat.",
        "¿Qué sabes de mi mudanza?",
        "Raccontami del mio viaggio",
        "Opowiedz mi o moim psie",
        "Что ты знаешь о моей даче?",
        "总结一下我说过的装修计划。",
        "うちの犬についてまとめて",
    ],
)
def test_asks_for_all_of_a_matter(message: str) -> None:
    """Telling, knowing, summing up and reminding want all that is known."""
    assert asks_for_all(message)


@pytest.mark.parametrize(
    "message",
    [
        "Who is my dentist?",
        "When is my flight?",
        "which car do I drive?",
        "how old am I?",
        "How are you?",
        "how's it going?",
        "What's up?",
        "How does a heat pump work?",
        "How are bridges built?",
        "Wie geht's?",
        "Wann ist mein Termin?",
        "¿Cómo estás?",
        "Comment vas-tu ?",
        "Как дела?",
        "你怎么样？",
        "我女儿叫什么名字？",
        "",
    ],
)
def test_one_thing_and_small_talk_are_neither(message: str) -> None:
    """A question with one answer, general knowledge and a greeting ask for no matter of one's own."""
    assert not asks_after(message)
    assert not asks_for_all(message)


def test_only_the_end_of_a_long_message_is_looked_at() -> None:
    """What is pasted in front may say anything."""
    assert not asks_for_all("Tell me about it. " + "2026-01-01 INFO started\n" * 40 + "Who is my dentist?")
