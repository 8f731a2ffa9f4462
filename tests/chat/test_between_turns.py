"""What chat clients share: bounded, each user's own, and gone with its engine."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from headroom import Memory
from headroom.chat.between_turns import Notes, Recent, TurnKey, Waiting, shared_by
from headroom.memory.records import Change, Draft, Reader
from headroom.testing import HashEmbedder

from ..asking import listed

pytestmark = pytest.mark.quick

ALICE, BOB = Reader(user_id="alice"), Reader(user_id="bob")


def change(text: str) -> Change:
    return Change(draft=Draft(text))


def key(user_id: str, number: int) -> TurnKey:
    return TurnKey(user_id, None, None, str(number).encode())


def test_recent_turns_are_bounded() -> None:
    """Of many turns the latest thousand are kept; one that is used stays."""
    recent = Recent()
    for number in range(1000):
        recent.put(key("alice", number), Notes(turn_id=str(number)))
    assert recent.get(key("alice", 0)) is not None
    recent.put(key("alice", 1000), Notes(turn_id="1000"))
    assert recent.get(key("alice", 0)) is not None
    assert recent.get(key("alice", 1)) is None


def test_recent_turns_are_of_one_user() -> None:
    """The same words of another user, session or agent are another turn; forgetting one user leaves the others."""
    recent = Recent()
    recent.put(key("alice", 1), Notes(turn_id="a"))
    recent.put(key("bob", 1), Notes(turn_id="b"))
    assert recent.get(TurnKey("alice", "s", None, b"1")) is None
    assert recent.get(TurnKey("alice", None, "a", b"1")) is None
    recent.forget("alice")
    assert recent.get(key("alice", 1)) is None
    assert recent.get(key("bob", 1)) == Notes(turn_id="b")


def test_what_waits_is_bounded() -> None:
    """A thousand changes wait at most; the oldest are given up."""
    waiting = Waiting()
    waiting.add(ALICE, [change(f"fact {number}") for number in range(1500)])
    waiting.add(BOB, [change("Bob's fact")])
    assert len(waiting) == 1000
    assert (waiting.count("alice"), waiting.count("bob")) == (999, 1)
    waiting.forget("alice")
    assert (waiting.count("alice"), len(waiting)) == (0, 1)


def test_what_can_never_be_stored_is_given_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A change that is refused for what it is does not hold up those behind it."""
    engine = Memory(db_path=tmp_path / "memory.db", embedder=HashEmbedder()).engine
    waiting = Waiting()
    waiting.add(ALICE, [change("first"), change(""), change("last")])
    waiting.retry(engine)
    assert sorted(record.content for record in listed(engine, ALICE)) == ["first", "last"]
    assert len(waiting) == 0
    assert "given up" in caplog.text
    engine.close()


async def test_sharing_ends_with_the_engine(tmp_path: Path) -> None:
    """Clients on one engine share; nothing of it outlives the engine."""
    async with Memory(db_path=tmp_path / "memory.db", embedder=HashEmbedder()) as memory:
        shared = shared_by(memory.engine)
        assert shared_by(memory.engine) is shared
    async with Memory(db_path=tmp_path / "memory.db", embedder=HashEmbedder()) as again:
        gc.collect()
        assert shared_by(again.engine) is not shared
