"""The order of memories, from what is known of them."""

from __future__ import annotations

import numpy as np
import pytest

from headroom.memory.records import Parts
from headroom.memory.rules.search.ranking import Candidates, is_rare, noteworthy, parts, shares, sittings

pytestmark = pytest.mark.quick

HOUR = 3_600_000_000


def candidates(count: int, **known: object) -> Candidates:
    """Make `count` memories of which nothing is known but `known`: all else is equal."""
    fields: dict[str, object] = {
        "rank": np.arange(count),
        "cosine": np.zeros(count, np.float32),
        "lift": np.zeros(count, np.float32),
        "words": np.zeros(count, np.float32),
        "subject": np.zeros(count, np.bool_),
        "of_self": np.zeros(count, np.bool_),
        "nearness": np.zeros(count, np.float32),
        "on_day": np.zeros(count, np.bool_),
        "session": np.zeros(count, np.int64),
        "created_at": np.arange(count) * 24 * HOUR,
        "length": np.ones(count),
        "mean_length": 1.0,
        "importance": np.full(count, 0.5, np.float32),
        "age_days": np.zeros(count),
    }
    for name, values in known.items():
        fields[name] = values if name == "mean_length" else np.asarray(values, np.asarray(fields[name]).dtype)
    return Candidates(**fields)  # type: ignore[arg-type]


def scores(count: int, **known: object) -> list[float]:
    return [float(score) for score in parts(candidates(count, **known)).sum(axis=0)]


def part(name: str, count: int, **known: object) -> list[float]:
    return [float(value) for value in parts(candidates(count, **known))[Parts._fields.index(name)]]


def test_the_fewer_hold_a_word_the_more_it_weighs() -> None:
    """The weights of a question's words are shares of one whole; one that nobody holds weighs most of all."""
    found = shares({"rome": 1, "anna": 80, "unheard": 0}, 100, ())
    assert found["unheard"] > found["rome"] > found["anna"] > 0
    assert sum(found.values()) == pytest.approx(1)


def test_the_words_of_a_time_weigh_nothing_if_nobody_holds_them() -> None:
    """No note says "2023": that the question does makes its other words no weaker. Words that some hold count."""
    found = shares({"rome": 1, "2023": 0, "june": 2}, 100, {"2023", "june"})
    assert found == {**shares({"rome": 1, "june": 2}, 100, ()), "2023": 0}


def test_a_rare_word_says_something_and_is_held_by_few() -> None:
    """One memory in twenty may hold a rare word; words without a topic are none."""
    assert is_rare("rome", 5, 100)
    assert not is_rare("rome", 6, 100)
    assert not is_rare("the", 1, 100)


def test_vectors_alone_keep_the_order_of_their_cosines() -> None:
    """If no word is shared, nearer is better, also among those that are further off than the average."""
    cosine = [0.1, 0.6, -0.2, 0.3, 0.05]
    found = scores(5, cosine=cosine, lift=np.array(cosine) - 0.2, length=[9, 1, 4, 2, 3])
    assert np.argsort(found).tolist() == np.argsort(cosine).tolist()


def test_what_is_nearest_counts_more_than_in_proportion() -> None:
    """A vector that is half as near as the best has less than half of its score; far below the middle is worse, too."""
    best, half, below = part("vector", 3, cosine=[0.8, 0.4, 0], lift=[0.8, 0.4, -0.4])
    assert 0 < half < best / 2
    assert below == -half


def test_the_best_score_says_how_good_the_evidence_is() -> None:
    """A weak best match has a low score, though it is the best."""
    weak, strong = (max(scores(2, cosine=[top, 0], lift=[top, 0])) for top in (0.1, 0.9))
    assert weak == pytest.approx(0.05)
    assert strong == pytest.approx(0.45)
    assert max(scores(2, cosine=[0.9, 0], lift=[0.9, 0], words=[1, 0])) == pytest.approx(0.95)


def test_scores_lie_within_0_and_1() -> None:
    """With everything for it, the best is at most 1."""
    found = scores(
        2,
        cosine=[1, 1],
        lift=[1, 1],
        words=[1, 1],
        subject=[True, True],
        nearness=[1, 1],
        length=[9, 9],
        session=[1, 1],
    )
    assert max(found) == pytest.approx(1)


def test_all_words_of_the_question_beat_the_nearest_vector() -> None:
    """A word that was asked for by itself is found, whatever the vectors say of it."""
    found = scores(2, cosine=[0.0, 0.9], lift=[-0.4, 0.5], words=[1, 0], length=[0.5, 2])
    assert found[0] > found[1]


def test_a_weak_word_does_not_beat_the_nearest_vector() -> None:
    """Sharing the one word that anybody would use is no better than meaning the same."""
    found = scores(2, cosine=[0.0, 0.4], lift=[0.0, 0.4], words=[0.1, 0])
    assert found[0] < found[1]


def test_an_answer_takes_over_from_the_question_before_it() -> None:
    """In a session, what stands behind a match is lifted more than what stands before it, and that more than others."""
    found = scores(4, cosine=[0, 0.5, 0, 0], lift=[0, 0.5, 0, 0], session=[1, 1, 1, 1])
    assert found[1] > found[2] > found[0] > found[3]


def test_neighbours_of_other_sessions_share_nothing() -> None:
    """Memories stored one after the other in two sessions, or on two days without any, do not lift each other."""
    for session in ([1, 2], [0, 0]):
        assert part("context", 2, cosine=[0.5, 0], lift=[0.5, 0], words=[0.5, 0], session=session)[1] == 0


def test_what_was_told_right_after_a_match_is_lifted_without_a_session_too() -> None:
    """Of two memories that say nothing of the question, the one told within an hour of the match is better."""
    known = {"cosine": [0.5, 0, 0], "lift": [0.5, 0, 0], "created_at": [0, HOUR // 2, HOUR // 2]}
    found = scores(3, words=[0.5, 0, 0], **known)
    assert found[1] > found[2]
    assert scores(3, **known)[1] == scores(3, **known)[2], "vectors alone keep the order of their cosines"


def test_what_somebody_says_of_himself_is_about_him() -> None:
    """Of two turns of Anna's, the one in the first person answers a question about Anna."""
    known = {"words": [0.2, 0.2], "subject": [True, True], "cosine": [0.3, 0.3], "lift": [0.3, 0.3]}
    found = scores(2, of_self=[False, True], **known)
    assert found[1] > found[0]


def test_a_day_on_which_much_was_said_decides_less() -> None:
    """The only memory of the day that is asked for beats what was said on another day; one of many may lose to it."""
    for count, first in ((1, 1), (40, 0)):
        known = {"words": [0.7] + [0.0] * count, "cosine": [0.9] + [0.3] * count, "lift": [0.9] + [0.0] * count}
        found = scores(1 + count, on_day=[False] + [True] * count, **known)
        assert np.argmax(found) == first


def test_a_sitting_lifts_its_memories() -> None:
    """Of two that say nothing of the question, the one told in the same session as the best match is better."""
    found = scores(3, cosine=[0.5, 0, 0], lift=[0.5, 0, 0], session=[7, 7, 8], rank=[0, 5, 9])
    assert found[1] > found[2]


def test_what_was_stored_near_a_match_is_lifted_more_without_a_session() -> None:
    """A long row of memories has many topics: the nearer to a match, the more of it counts, on either side."""
    cosine = [0.0] * 30 + [0.5] + [0.0] * 30
    context = part(
        "context", 61, cosine=cosine, lift=cosine, words=[0.5 * (each > 0) for each in cosine], created_at=[0] * 61
    )
    assert context[:29] == sorted(context[:29])
    assert context[50] == pytest.approx(context[10]) == pytest.approx(context[30] / 2)


def test_long_texts_take_over_less_without_a_session() -> None:
    """Of facts and turns a neighbour says much; of texts with 300 words on average, a tenth of that."""
    known = {"cosine": [0.5, 0], "lift": [0.5, 0], "words": [0.5, 0], "created_at": [0, 0]}
    short, long = (part("context", 2, mean_length=words, **known)[1] for words in (30.0, 300.0))
    assert 0 < long < short / 5


def test_a_session_has_one_topic_however_long_it_is() -> None:
    """In a session the best match lifts all that is farther away than its neighbours alike."""
    cosine = [0.5] + [0.0] * 60
    context = part("context", 61, cosine=cosine, lift=cosine, words=cosine, session=[3] * 61)
    assert context[2:] == pytest.approx([context[2]] * 59)


def test_one_sitting_for_all_changes_no_order() -> None:
    """Facts stored at one moment without a session are ranked by what they say."""
    cosine = [0.5, 0.2, 0.3]
    found = scores(3, cosine=cosine, lift=cosine, created_at=[0, 0, 0])
    assert np.argsort(found).tolist() == np.argsort(cosine).tolist()


def test_what_was_told_within_an_hour_is_one_sitting() -> None:
    """A session is one sitting however long it takes; without one, an hour's silence ends it."""
    hours = np.array([0.0, 0.5, 1.4, 3.0, 0.1, 9.0])
    session = np.array([0, 0, 0, 0, 4, 4])
    numbers = sittings(session, (hours * HOUR).astype(np.int64)).tolist()
    assert numbers[0] == numbers[1] == numbers[2]
    assert numbers[3] not in numbers[:3]
    assert numbers[4] == numbers[5]
    assert len(set(numbers)) == 3


def test_the_time_that_is_asked_for_counts_double() -> None:
    """Of two equal matches, the one told at that time is better; one that fits nothing is not lifted over them."""
    found = scores(3, cosine=[0.4, 0.4, 0], lift=[0.4, 0.4, 0], nearness=[0, 1, 1])
    assert found[1] > found[0] > found[2]


def test_importance_and_recency_decide_between_equals() -> None:
    """More important and newer is better, and neither outweighs a clearly better match."""
    assert np.argmax(scores(2, cosine=[0.4, 0.4], lift=[0.4, 0.4], importance=[0.1, 0.9])) == 1
    assert np.argmax(scores(2, cosine=[0.4, 0.4], lift=[0.4, 0.4], age_days=[400, 1])) == 1
    assert np.argmax(scores(2, cosine=[0.4, 0.2], lift=[0.4, 0.2], importance=[0, 1], age_days=[400, 0])) == 0


def test_no_candidates_have_no_scores() -> None:
    """An empty set of candidates gives an empty set of scores."""
    assert parts(candidates(0)).shape == (len(Parts._fields), 0)


def unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


@pytest.mark.parametrize("shared", [0.0, 1.0, 3.0])
def test_what_all_memories_have_in_common_calls_none_to_mind(shared: float) -> None:
    """A related message stands out and an unrelated one does not, however much the memories are alike."""
    random = np.random.default_rng(3)
    own = unit(random.standard_normal((100, 64)))
    common = unit(random.standard_normal(64)) * shared
    memories = unit(own + common)
    nothing = np.zeros(100, np.bool_)
    related = unit(own[5] + common + 0.5 * unit(random.standard_normal(64)))
    called = noteworthy(related, memories, memories, nothing, 100)
    assert 5 in called
    assert len(called) <= 2
    np.testing.assert_array_equal(noteworthy(related, memories, memories, nothing, 1), called[:1])
    # Being near to the middle of all of them is not being near to one.
    assert not noteworthy(unit(memories.mean(axis=0)), memories, memories, nothing, 100).size


def test_a_rare_word_in_common_needs_less_nearness() -> None:
    """A memory that is somewhat near is recalled with a rare word in common, and not without."""
    random = np.random.default_rng(4)
    memories = unit(random.standard_normal((200, 64)))
    noise = random.standard_normal(64)
    noise = unit(noise - noise @ memories[8] * memories[8])
    message = unit(0.23 * memories[8] + np.sqrt(1 - 0.23**2) * noise)
    without, with_word = (noteworthy(message, memories, memories, np.full(200, rare), 200) for rare in (False, True))
    assert 8 not in without
    assert 8 in with_word


def test_a_word_says_less_in_a_long_text() -> None:
    """Among long texts, which hold any word, one that is near by meaning is not beaten by one that is only long."""
    known = {"cosine": [0.5, 0.2], "lift": [0.4, 0.25], "words": [0.2, 0.9], "mean_length": 150.0}
    near, long = scores(2, length=[60, 500], **known)
    assert near > long
    near, short = scores(2, length=[60, 60], **known)
    assert near < short
