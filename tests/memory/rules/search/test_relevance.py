"""What a message calls to mind, with vectors made for each rule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headroom.memory.rules.search.cohort import Cohort, Kind, usual
from headroom.memory.rules.search.cohort import Languages as Groups
from headroom.memory.rules.search.message import Part
from headroom.memory.rules.search.relevance import judge, profile, rivals, standing_out, wants_profile

pytestmark = pytest.mark.quick

WIDTH = 64
PERSONAL, GENERAL, SMALL, ABOUT, OPEN = np.eye(WIDTH, dtype=np.float32)[:5]


def unit(rows: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def cohort() -> Cohort:
    """Twenty messages of each kind around an axis of their own, and sixty facts in any direction."""
    random = np.random.default_rng(1)
    messages = np.concatenate(
        [axis + 0.15 * random.normal(size=(20, WIDTH)) for axis in (PERSONAL, GENERAL, SMALL, ABOUT, OPEN)]
    )
    return Cohort(
        facts=unit(random.normal(size=(60, WIDTH)).astype(np.float32)),
        fact_languages=np.zeros(60, np.int64),
        messages=unit(messages.astype(np.float32)),
        message_languages=np.zeros(100, np.int64),
        kinds=np.repeat([Kind.PERSONAL, Kind.GENERAL, Kind.SMALL_TALK, Kind.ABOUT_USER, Kind.OPEN], 20).astype(
            np.int64
        ),
        frequency={"often": 50},
    )


def margin(
    text: str, towards: np.ndarray[tuple[int, ...], np.dtype[np.float32]], likeness: float, held: float = 0
) -> float:
    """By how much a note passes that is so like a message which says `text` and leans towards a kind."""
    own = np.eye(WIDTH, dtype=np.float32)[10]
    message = unit((towards + own)[None])
    other = np.eye(WIDTH, dtype=np.float32)[20]
    note = unit((likeness * own + (1 - likeness) * other)[None])
    relevance = judge([Part(text=text)], message, cohort())
    return float(relevance.margins(note, np.full((1, 1), held, np.float32), relevance.impostors(note))[0])


def test_what_speaks_of_its_writer_needs_less() -> None:
    """The same note for the same vector passes by more if the message says "my"."""
    assert margin("when is my flight", PERSONAL, 0.5) > margin("when is the flight", PERSONAL, 0.5) + 1


def test_small_talk_and_general_knowledge_need_more() -> None:
    """A message near to those of the cohort needs a note that stands out further."""
    personal = margin("when is the flight", PERSONAL, 0.5)
    assert personal > margin("when is the flight", GENERAL, 0.5) + 1
    assert personal > margin("when is the flight", SMALL, 0.5) + 1


def test_words_in_common_count() -> None:
    """A note that holds all words of the message passes by more than one that holds none."""
    assert margin("when is the flight", PERSONAL, 0.5, held=1) == pytest.approx(
        margin("when is the flight", PERSONAL, 0.5) + 2, abs=1e-4
    )


def test_words_that_many_texts_hold_say_less() -> None:
    """What the cohort's texts hold often carries no question; what no text holds does."""
    relevance = judge([Part(text="often zeppelin")], unit((PERSONAL + GENERAL)[None]), cohort())
    weights = relevance.asks[0].weights
    assert weights["zeppelin"] > 10 * weights["often"]
    assert sum(weights.values()) == pytest.approx(1)


def test_a_message_that_says_little_rests_on_the_one_before() -> None:
    """A short question does; thanks and a message with words enough of its own do not."""
    parts = [Part(text="when is it?"), Part(text="when is it?", earlier="I booked a flight to Lagos")]
    assert len(judge(parts, unit(np.stack([PERSONAL, PERSONAL])), cohort()).asks) == 2
    assert len(judge(parts, unit(np.stack([SMALL, PERSONAL])), cohort()).asks) == 2  # whatever it is near to
    thanks = [Part(text="thanks a lot"), Part(text="thanks a lot", earlier="I booked a flight to Lagos")]
    assert len(judge(thanks, unit(np.stack([SMALL, PERSONAL])), cohort()).asks) == 1
    long = Part(text="zeppelin harbour cathedral mountain railway")
    assert len(judge([long, parts[1]], unit(np.stack([PERSONAL, PERSONAL])), cohort()).asks) == 1


def test_a_question_that_names_its_own_matter_rests_less_easily() -> None:
    """Behind a personal message, one that is as near to general knowledge as to personal questions stands alone."""
    between = unit(np.stack([PERSONAL + GENERAL, PERSONAL]))
    before = "I booked a flight to Lagos"
    for text, asks in (("who founded Lagos?", 1), ("who founded it?", 2), ("who founded my airline?", 2)):
        parts = [Part(text=text), Part(text=text, earlier=before)]
        assert len(judge(parts, between, cohort()).asks) == asks
    near = unit(np.stack([PERSONAL, PERSONAL]))
    parts = [Part(text="which hotel takes dogs?"), Part(text="which hotel takes dogs?", earlier=before)]
    assert len(judge(parts, near, cohort()).asks) == 2


def test_a_question_of_ones_own_is_no_small_talk() -> None:
    """ "What's my name?" is very like "what's yours?", and needs no more for that; what asks nothing does."""
    between = PERSONAL + 1.3 * SMALL
    assert margin("what's my name?", between, 0.5) > margin("that's my name", between, 0.5) + 0.5
    assert margin("what's my name?", between, 0.5) > margin("what's my name to you?", between, 0.5) + 0.5


def test_a_message_about_the_user_asks_for_a_profile() -> None:
    """It must be near to such messages and speak of its writer; three notes that stand out answer it by themselves."""
    about = unit(ABOUT[None])
    assert judge([Part(text="what do you know about me")], about, cohort()).about_user
    assert not judge([Part(text="what do you know about bees")], about, cohort()).about_user
    assert not judge([Part(text="where do I live")], unit(PERSONAL[None]), cohort()).about_user
    assert wants_profile(True, 2)
    assert not wants_profile(True, 3)
    assert not wants_profile(False, 0)


def test_a_foreign_language_is_measured_against_itself() -> None:
    """Texts in a language that the embedder hardly knows are near to each other whatever they say."""
    cosines = np.array([[0.0, 0.1, -0.1, 0.0, 0.6, 0.62, 0.58, 0.6]], np.float32)
    mean, _, foreign = usual(cosines, Groups.of(np.array([0, 0, 0, 0, 1, 1, 1, 1])), 0.1)
    assert foreign[0]
    assert mean[0] == pytest.approx(0.6, abs=1e-6)
    mean, _, foreign = usual(
        np.array([[0.0, 0.1, -0.1, 0.0, 0.05, 0.0, -0.05, 0.1]], np.float32),
        Groups.of(np.array([0, 0, 0, 0, 1, 1, 1, 1])),
        0.1,
    )
    assert not foreign[0]


def test_in_a_foreign_language_few_words_rest_on_the_message_before() -> None:
    """What it asks cannot be told by the embedder; small talk stands alone there too."""
    known = cohort()
    own = unit(np.eye(WIDTH, dtype=np.float32)[30] + 0.01 * known.facts[:20])
    foreign = replace(known, facts=np.concatenate([known.facts, own]), fact_languages=np.repeat([0, 1], [60, 20]))
    axis = np.eye(WIDTH, dtype=np.float32)[30]
    for text, asks in (("wann zug", 2), ("wann zug kassel bahnsteig", 1)):
        parts = [Part(text=text), Part(text=text, earlier="nach kassel")]
        assert len(judge(parts, unit(np.stack([axis + GENERAL, axis])), foreign).asks) == asks
        assert len(judge(parts, unit(np.stack([axis + SMALL, axis])), foreign).asks) == 1


def test_all_of_a_matter_is_asked_for_by_likeness_or_by_wording() -> None:
    """A note needs less for a message that is like open ones, or worded like one, if it is personal at all."""
    plain = margin("when is my flight", PERSONAL, 0.5)
    assert margin("when is my flight", OPEN, 0.5) > plain + 2
    assert margin("tell me about my flight", PERSONAL, 0.5) > plain + 0.5
    assert margin("tell me about flights", GENERAL, 0.5) < margin("when is the flight", PERSONAL, 0.5)


def test_the_probe_tells_open_messages_apart() -> None:
    """It is above 0 for each open message of the cohort and below for each other personal one."""
    known = cohort()
    probe, offset = known.open_probe
    said = known.messages @ probe + offset
    assert (said[known.kinds == Kind.OPEN] > 0).all()
    assert (said[known.kinds == Kind.PERSONAL] < 0).all()


def test_what_is_pasted_needs_more_beside_a_question_of_ones_own() -> None:
    """The whole of a long message and its sentences give way to the one in which its writer speaks of himself."""
    parts = [Part(text="log line " * 60 + "which one is mine?"), Part(text="which one is mine?"), Part(text="log line")]
    vectors = unit(np.stack([PERSONAL, PERSONAL, PERSONAL]))
    whole, own, other = judge(parts, vectors, cohort()).asks
    assert min(whole.bar, other.bar) > own.bar + 2
    alone = [Part(text="log line " * 60), Part(text="log line"), Part(text="line log")]
    assert judge(alone, vectors, cohort()).asks[0].bar == pytest.approx(other.bar - 3)


def test_those_far_behind_the_best_are_left_out() -> None:
    """Best first, at most so many, none that does not pass; from the fourth on only those nearly as good as the best.

    If all of a matter is asked for, those behind belong to it too.
    """
    margins = np.array([0.5, 9.0, -1.0, 4.0, 3.0], np.float32)
    assert standing_out(margins, 5).tolist() == [1, 3, 4]
    assert standing_out(margins, 2).tolist() == [1, 3]
    assert standing_out(margins, 5, openness=1).tolist() == [1, 3, 4, 0]
    assert standing_out(np.array([9.0, 8.9, 8.8, 8.5, 4.0], np.float32), 5).tolist() == [0, 1, 2, 3]
    assert standing_out(np.array([9.0, 8.9, 8.8, 8.5, 4.0], np.float32), 5, openness=1).tolist() == [0, 1, 2, 3, 4]
    assert standing_out(np.array([9.0, 2.0], np.float32), 5).tolist() == [0]
    assert standing_out(np.array([9.0, 2.0], np.float32), 5, openness=1).tolist() == [0, 1]
    assert standing_out(np.array([-1.0], np.float32), 5).tolist() == []
    assert standing_out(np.array([2.0, 2.000001, 1.0], np.float32), 5).tolist() == [0, 1, 2]  # as good as equal
    assert standing_out(np.array([], np.float32), 5).tolist() == []


def test_a_profile_is_important_recent_and_diverse() -> None:
    """What is important comes first, of two that say the same only one, and of equals the recent."""
    rows = unit(np.array([[1, 0, 0], [1, 0.05, 0], [0, 1, 0], [0, 0, 1]], np.float32))
    importance, even = np.array([0.9, 0.9, 0.5, 0.5], np.float32), np.zeros(4, np.float32)
    assert profile(importance, np.array([0, 0, 900, 0.0]), even, rows, 3).tolist() == [0, 3, 2]
    assert profile(importance, np.zeros(4), even, rows, 9).tolist()[0] == 0
    assert sorted(profile(importance, np.zeros(4), even, rows, 9).tolist()) == [0, 1, 2, 3]


def test_a_profile_begins_with_what_fits_the_message() -> None:
    """Among equals, a message about the user brings what stands out for it; importance can outweigh that."""
    rows = np.eye(3, dtype=np.float32)
    fit = np.array([-1.0, 1.0, 0.0], np.float32)
    assert profile(np.full(3, 0.5, np.float32), np.zeros(3), fit, rows, 3).tolist() == [1, 2, 0]
    assert profile(np.array([1.0, 0.5, 0.5], np.float32), np.zeros(3), fit, rows, 1).tolist() == [0]


def test_rivals_are_near_and_of_different_days() -> None:
    """Two notes on the same thing from one day need no day, nor do notes on different things."""
    rows = unit(np.array([[1, 0, 0], [1, 0.3, 0], [0, 0, 1]], np.float32))
    assert rivals(rows, np.array([1, 2, 3])).tolist() == [True, True, False]
    assert rivals(rows, np.array([1, 1, 3])).tolist() == [False, False, False]
    assert rivals(rows[:0], np.array([], np.int64)).tolist() == []
