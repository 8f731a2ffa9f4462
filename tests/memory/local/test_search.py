"""Candidates by vector and by word, and what is known of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from headroom.memory.engine import Engine
from headroom.memory.records import Draft, Parts, Reader, Scope
from headroom.testing import HashEmbedder

from ...asking import find
from ..conftest import make_engine

ALICE = Reader(user_id="alice")


def found(engine: Engine, question: str, reader: Reader = ALICE, **options: object) -> list[str]:
    return [result.content for result in find(engine, reader, question, **options)]  # type: ignore[arg-type]


@pytest.mark.quick
def test_a_score_is_the_sum_of_its_parts(engine: Engine) -> None:
    """A result explains its score; fields and explain() agree."""
    engine.save(ALICE, ["Anna plays the cello", "Anna lives in Ghent", "The car is blue"])
    results = find(engine, ALICE, "Does Anna play the cello?")
    assert results[0].content == "Anna plays the cello"
    for result in results:
        assert result.explain() == {**result.parts._asdict(), "cosine": result.cosine}
        assert set(result.parts._asdict()) == set(Parts._fields)
        assert -1 <= result.cosine <= 1.0001
        assert result.score == pytest.approx(max(0.0, sum(result.parts)), abs=1e-6)
    assert results[0].parts.words > 0
    assert results[0].parts.vector > 0


@pytest.mark.quick
def test_scores_fall_and_stay_within_0_and_1(engine: Engine) -> None:
    """Results come best first, and no score leaves 0..1."""
    engine.save(ALICE, [f"Fact {number} about {thing}" for number in range(20) for thing in ("tea", "cats", "Rome")])
    scores = [result.score for result in find(engine, ALICE, "tea and cats", top_k=60)]
    assert scores == sorted(scores, reverse=True)
    assert 0 <= min(scores) <= max(scores) <= 1


@pytest.mark.quick
def test_without_shared_words_the_order_is_that_of_the_vectors(path: Path) -> None:
    """A question of unknown words is answered by vectors alone: exactly the nearest, in order."""
    random = np.random.default_rng(7)
    rows = random.standard_normal((300, 64)) + random.standard_normal(64)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    engine = make_engine(path)
    texts = [f"w{number} " * (1 + number % 5) for number in range(len(rows))]
    drafts = [Draft(text, created_at=datetime(2024, 1, 1, tzinfo=timezone.utc)) for text in texts]
    engine.store(ALICE, drafts, rows)
    question = HashEmbedder().embed_query("quite something else")
    nearest = np.argsort(-(rows @ question))[:10]
    assert found(engine, "quite something else", top_k=10) == [texts[row] for row in nearest]
    engine.close()


def test_an_answer_is_found_by_the_question_before_it(engine: Engine) -> None:
    """In a session, a turn that shares no word with the question is found beside the one that does."""
    talk = Reader(user_id="alice", session_id="monday")
    engine.save(talk, ["Tim: Which instrument do you practise?", "Ann: Oh, cello since ever!"])
    engine.save(ALICE, [f"Nobody said {number} things" for number in range(80)])
    assert found(engine, "Which instrument does she practise?", top_k=2)[1] == "Ann: Oh, cello since ever!"


def test_the_time_that_a_question_names_decides(engine: Engine) -> None:
    """Of two equal facts the one of the day that is asked for comes first."""
    days = [datetime(2023, month, 4, tzinfo=timezone.utc) for month in range(1, 9)]
    signs = ",:;-+/|="
    engine.save(ALICE, [Draft(f"Anna {sign} hiked", created_at=day) for sign, day in zip(signs, days, strict=True)])
    assert found(engine, "Where did Anna hike on 4 May 2023?", top_k=1) == ["Anna + hiked"]
    assert found(engine, "Where did Anna hike in February 2023?", top_k=1) == ["Anna : hiked"]


def test_a_word_that_many_memories_hold_does_not_hide_a_rare_one(engine: Engine) -> None:
    """Among 400 memories that all name Anna, the one that also holds the other word comes first."""
    engine.save(ALICE, [f"Anna bought item number {number}" for number in range(400)] + ["Anna fears wasps"])
    assert found(engine, "Is Anna afraid of wasps?", top_k=1) == ["Anna fears wasps"]
    assert len(found(engine, "Anna", top_k=10)) == 10


@pytest.mark.parametrize("harbours", [4, 40], ids=["a few", "common"])
@pytest.mark.parametrize("gone", ["forgotten", "deleted", "of a session"])
def test_what_is_not_seen_makes_no_word_common(tmp_path: Path, gone: str, harbours: int) -> None:
    """Memories that a search does not show leave the weights of its words as if they had never been there."""
    told = datetime(2024, 1, 1, tzinfo=timezone.utc)
    shown = [Draft(f"The harbour of town{n} is open", created_at=told) for n in range(harbours)]
    shown += [Draft(f"The castle of town{n} is closed", created_at=told) for n in range(4)]
    fresh, worn = make_engine(tmp_path / "fresh.db"), make_engine(tmp_path / "worn.db")
    others = [Draft(f"harbour number {n}", created_at=told) for n in range(60)]
    if gone == "of a session":
        others = [replace(draft, scope=Scope.SESSION) for draft in others]
    ids = worn.save(replace(ALICE, session_id="s"), others)
    fresh.save(ALICE, shown)
    worn.save(ALICE, shown)
    question = "Which harbour has a number?"  # which no memory that is seen does
    find(worn, ALICE, question)
    for memory_id in ids if gone != "of a session" else ():
        (worn.forget if gone == "forgotten" else worn.delete)(memory_id, ALICE)
    weights = [
        {result.content: round(result.parts.words, 4) for result in find(engine, ALICE, question, top_k=60)}
        for engine in (fresh, worn)
    ]
    assert weights[0] == weights[1]
    assert len(set(weights[0].values())) == 2
    fresh.close()
    worn.close()


@pytest.mark.quick
def test_what_a_reader_may_not_see_is_no_candidate(engine: Engine) -> None:
    """Other users, other sessions, what is over and what is filtered out neither come back nor take a place."""
    secret = Draft("tea with the queen", scope="session")
    engine.save(Reader(user_id="alice", session_id="s"), [secret])
    engine.save(Reader(user_id="bob"), [f"tea {number}" for number in range(100)])
    past = datetime.now(timezone.utc) + timedelta(seconds=-1)
    (old,) = engine.save(ALICE, [Draft("tea in the past", created_at=past)])
    engine.update(old, "coffee in the present")
    engine.save(ALICE, [Draft("tea with lemon", metadata={"kind": "drink"}), "tea in bags"])
    assert sorted(found(engine, "tea", top_k=2)) == ["tea in bags", "tea with lemon"]
    assert found(engine, "tea", top_k=5, where={"kind": "drink"}) == ["tea with lemon"]
    assert "tea with the queen" in found(engine, "tea", Reader(user_id="alice", session_id="s"))


def test_words_that_many_hold_decide_among_what_is_found(engine: Engine) -> None:
    """Of two memories with the rare word, the one that also holds the common word of the question comes first."""
    engine.save(ALICE, [f"Anna bought item {number}" for number in range(200)])
    engine.save(ALICE, ["There is Zanzibar beyond", "Anna likes Zanzibar"])
    assert found(engine, "Anna, Zanzibar?", top_k=1) == ["Anna likes Zanzibar"]


def test_a_turn_about_its_speaker_answers_what_is_asked_of_him(engine: Engine) -> None:
    """Of Anna's turns on a matter, the one in the first person comes before the one that only asks."""
    tells, asks = "Anna: i paint it here", "Anna: do you paint here"
    days = [datetime(2024, 1, day, tzinfo=timezone.utc) for day in (1, 2)]
    drafts = [Draft(text, created_at=day) for text, day in zip((tells, asks), days, strict=True)]
    same = HashEmbedder().embed(["painting", "painting"])
    engine.store(ALICE, drafts, same)
    assert found(engine, "When does Anna paint?", top_k=1) == [tells]
