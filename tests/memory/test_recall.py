"""What a chat is reminded of, and what is found in every script, with the embedder that is bundled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from headroom.memory import MemoryConfig
from headroom.memory.engine import Engine
from headroom.memory.open import acquire, release
from headroom.memory.records import Draft, Reader

from ..asking import find
from .facts import DIVERSE, KEYWORDS, MORE

ALICE = Reader(user_id="alice")
SMALL_TALK = ["hi, how are you today?", "hello", "thanks!", "thank you so much", "tell me a joke", "ok", "good evening"]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A memory of users with 50 diverse facts, with 200, and with facts in many scripts."""
    engine = acquire(MemoryConfig(db_path=tmp_path_factory.mktemp("recall") / "memory.db"))
    engine.save(Reader(user_id="50"), DIVERSE)
    engine.save(Reader(user_id="200"), [*DIVERSE, *MORE])
    engine.save(Reader(user_id="scripts"), [fact for fact, _ in KEYWORDS])
    yield engine
    release(engine)


def recalled(engine: Engine, user_id: str, message: str) -> list[str]:
    return [note.content for note in engine.recall(Reader(user_id=user_id), message, top_k=5)]


@pytest.mark.parametrize("message", ["What's my name?", "what is my name?", "Do you remember my name?", "Who am I?"])
def test_the_name_is_known(filled: Engine, message: str) -> None:
    """The first thing that people ask a memory for, however like small talk it sounds."""
    reader = Reader(user_id="named")
    filled.save(reader, ["User's name is Marta Lindqvist", *DIVERSE])
    assert "User's name is Marta Lindqvist" in recalled(filled, "named", message)


@pytest.mark.parametrize("message", ["who discovered penicillin?", "what's a prime number?", "who founded Microsoft?"])
def test_general_knowledge_stands_alone(filled: Engine, message: str) -> None:
    """A short question that names its own matter does not rest on the personal one before it."""
    found = filled.recall(Reader(user_id="50"), message, top_k=5, earlier=["Where does my mother live?"])
    assert [note.content for note in found] == recalled(filled, "50", message)


def test_what_was_said_before_may_be_no_valid_text(filled: Engine) -> None:
    """Half a surrogate pair or a null in an earlier message or in a name costs no note."""
    reader, broken = Reader(user_id="50"), "I went home \ud83d\x00"
    for found in (
        filled.recall(reader, "where does my mother live?", top_k=5, earlier=[broken]),
        filled.recall(reader, "where does my mother live?", top_k=5, speaker=broken),
    ):
        assert "User's mother lives in Porto" in [note.content for note in found]


def test_a_recall_does_not_depend_on_what_was_searched_before(filled: Engine) -> None:
    """A word of the message before that many memories hold counts for all of them, at the first call and later."""
    reader = Reader(user_id="many")
    vectors = np.random.default_rng(1).standard_normal((1500, 384)).astype(np.float32)
    filled.store(reader, [f"tea number {n}" for n in range(1500)], vectors)

    def found() -> list[str]:
        return [note.id for note in filled.recall(reader, "and who?", top_k=5, earlier=["what tea?"])]

    first = found()
    assert find(filled, reader, "tea")
    assert found() == first


def test_few_memories_all_go_in(tmp_path: Path) -> None:
    """With at most top_k memories every message recalls all, best first: the first promise of the product."""
    engine = acquire(MemoryConfig(db_path=tmp_path / "memory.db"))
    engine.save(ALICE, ["User prefers Python for backend work"])
    assert recalled(engine, "alice", "What language should I use?") == ["User prefers Python for backend work"]
    assert recalled(engine, "alice", "hi, how are you today?") == ["User prefers Python for backend work"]
    engine.save(ALICE, ["User has two cats", "User lives in Ghent"])
    assert recalled(engine, "alice", "How are my pets?")[0] == "User has two cats"
    assert len(recalled(engine, "alice", "How are my pets?")) == 3
    release(engine)


@pytest.mark.parametrize("user_id", ["50", "200"])
@pytest.mark.parametrize("message", SMALL_TALK)
def test_small_talk_recalls_nothing(filled: Engine, user_id: str, message: str) -> None:
    """None is a good answer: a greeting costs no token."""
    assert recalled(filled, user_id, message) == []


@pytest.mark.parametrize("user_id", ["50", "200"])
@pytest.mark.parametrize(
    ("message", "fact"),
    [
        ("What language should I use for the new service?", "User prefers Python for backend work"),
        ("How do we get this onto the cluster?", "The team deploys to Kubernetes with Helm"),
        ("Does the satay have peanuts in it?", "User is allergic to peanuts"),
        ("what's my cat called again?", "User's cat is called Pixel"),
        ("Which seat shall I book on the plane to Rome?", "User prefers window seats on planes"),
        ("my back hurts after the run", "User runs half marathons"),
        ("When does my daughter have swimming?", "User's daughter Ines has swimming lessons on Tuesdays"),
        ("Can PostgreSQL do that?", "Orders are kept in PostgreSQL 15"),
        ("who looks after my taxes?", "User's tax adviser is Senhora Pires"),
    ],
)
def test_a_related_message_recalls_its_fact(filled: Engine, user_id: str, message: str, fact: str) -> None:
    """What a message is about is recalled, among 50 facts and among 200."""
    assert fact in recalled(filled, user_id, message)


@pytest.mark.parametrize(
    ("message", "fact"),
    [
        ("她最喜欢的颜色是什么?", "她最喜欢的颜色是蓝色"),
        ("Fährt die Straßenbahn heute?", "Der Nutzer fährt mit der Straßenbahn zur Arbeit"),
        ("東京タワーへの行き方は?", "彼は東京タワーの近くに住んでいる"),
        ("расскажи про Сбербанк", "Пользователь работает в Сбербанк"),
        ("is max_retry_count still right?", "The retry limit lives in max_retry_count"),
    ],
)
def test_a_rare_word_in_common_recalls_in_any_script(filled: Engine, message: str, fact: str) -> None:
    """If vectors know little of a language, a word that is rare for this user is enough."""
    assert fact in recalled(filled, "scripts", message)


@pytest.mark.parametrize(("fact", "keyword"), KEYWORDS)
def test_a_keyword_finds_its_fact_first(filled: Engine, fact: str, keyword: str) -> None:
    """Facts in ten scripts, emoji and code identifiers are found by their words: recall@1 is 1."""
    (first,) = find(filled, Reader(user_id="scripts"), keyword, top_k=1)
    assert first.content == fact


def test_a_day_that_the_message_names_brings_what_was_told_on_it(tmp_path: Path) -> None:
    """Entries of a diary differ in little else than their day."""
    engine = acquire(MemoryConfig(db_path=tmp_path / "memory.db"))
    meals = "soup rice pasta curry salad pie stew fish tofu beans".split()
    for day in range(1, 29):
        at = datetime(2025, 3, day, 18, tzinfo=timezone.utc)
        engine.save(ALICE, [Draft(f"I had {meals[day % 10]} for dinner with friend number {day}", created_at=at)])
    found = [
        note.content for note in engine.recall(ALICE, "What did I eat on 17 March 2025?", top_k=5, zone=timezone.utc)
    ]
    assert "I had fish for dinner with friend number 17" in found
    release(engine)


def test_what_is_recalled_is_scored_in_the_order_of_storing(tmp_path: Path) -> None:
    """The best note lends nothing to one that was stored long before it."""
    engine = acquire(MemoryConfig(db_path=tmp_path / "memory.db"))
    engine.save(ALICE, ["User plays the violin", *DIVERSE, *MORE, "User plays the theremin"])
    best, *others = engine.recall(ALICE, "Tell me all about how I play the theremin.", top_k=5)
    (violin,) = (note for note in others if note.content == "User plays the violin")
    assert best.content == "User plays the theremin"
    assert violin.parts.context < violin.parts.vector + violin.parts.words
    release(engine)
