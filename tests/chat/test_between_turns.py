"""What chat clients share: bounded, each user's own, and gone with its engine."""

from __future__ import annotations

import gc
import os
import threading
import warnings
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from headroom import Memory, with_memory
from headroom.chat.between_turns import Notes, Recent, TurnKey, shared_by
from headroom.chat.waiting import Waiting
from headroom.errors import EmbedderError
from headroom.memory.erasing import Erased, Moment
from headroom.memory.open import name_of
from headroom.memory.records import Change, Draft, Reader
from headroom.testing import HashEmbedder

from ..asking import listed
from ..server import Server
from .clients import make_client

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


def test_what_waits_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """A thousand changes wait at most; the oldest are given up, and the log says how many. Clearing drops a user's."""
    waiting = Waiting()
    waiting.add(ALICE, [change(f"fact {number}") for number in range(1500)], since=Moment())
    waiting.add(BOB, [change("Bob's fact")], since=Moment())
    assert len(waiting) == 1000
    assert (waiting.count("alice"), waiting.count("bob")) == (999, 1)
    assert [record.args[0] for record in caplog.records if isinstance(record.args, tuple)] == [500, 1]
    waiting.forget(Erased(reader=ALICE))
    assert (waiting.count("alice"), len(waiting)) == (0, 1)


def test_clearing_a_session_drops_what_is_bound_to_it() -> None:
    """Other facts of the user wait on, as `clear` would leave them."""
    waiting, reader = Waiting(), Reader(user_id="alice", session_id="s")
    waiting.add(reader, [change("of the user"), Change(draft=Draft("of the session", scope="session"))], since=Moment())
    waiting.forget(Erased(reader=Reader(user_id="alice", session_id="other")))
    assert len(waiting) == 2
    waiting.forget(Erased(reader=reader))
    assert len(waiting) == 1
    waiting.forget(Erased(reader=ALICE, ids=("an id",)))
    assert len(waiting) == 1


def test_what_can_never_be_stored_is_given_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A change that is refused for what it is does not hold up those behind it."""
    engine = Memory(db_path=tmp_path / "memory.db", embedder=HashEmbedder()).engine
    waiting = Waiting()
    waiting.add(ALICE, [change("first"), change(""), change("last")], since=Moment())
    waiting.retry(engine)
    assert sorted(record.content for record in listed(engine, ALICE)) == ["first", "last"]
    assert len(waiting) == 0
    assert "given up" in caplog.text
    engine.close()


class Picky(HashEmbedder):
    """An embedder whose server refuses one text for good, as with a status of 400."""

    refuses = "poison"

    def embed(self, texts: Sequence[str]) -> Any:
        if any(self.refuses in text for text in texts):
            raise EmbedderError("400: this text cannot be embedded")
        return super().embed(texts)


def test_one_refused_change_harms_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Those beside it and those of others are stored at once; it is given up after three tries, with no word of it."""
    engine = Memory(db_path=tmp_path / "memory.db", embedder=Picky()).engine
    waiting = Waiting()
    outcome = waiting.store(engine, ALICE, [change("one"), change("poison"), change("two")], since=Moment())
    assert [applied is not None for applied in outcome.applied] == [True, False, True]
    assert isinstance(outcome.error, EmbedderError)
    for turn in range(4):
        assert waiting.count("alice") == (1 if turn < 2 else 0)
        assert waiting.store(engine, BOB, [change(f"Bob's {turn}")], since=Moment()).error is None
    assert sorted(record.content for record in listed(engine, ALICE)) == ["one", "two"]
    assert len(listed(engine, BOB)) == 4
    assert len(waiting) == 0
    assert "given up after 3 tries" in caplog.text
    assert "poison" not in caplog.text
    engine.close()


def test_an_embedder_that_refuses_everything_loses_nothing(tmp_path: Path) -> None:
    """While nothing else is stored either, no change is to blame: all wait, and few are tried a turn."""
    embedder = Picky()
    engine = Memory(db_path=tmp_path / "memory.db", embedder=embedder).engine
    waiting = Waiting()
    embedder.refuses = ""
    for turn in range(20):
        waiting.store(engine, ALICE, [change(f"fact {turn}")], since=Moment())
    assert waiting.count("alice") == 20
    embedder.refuses = "poison"
    waiting.retry(engine)
    assert (len(waiting), len(listed(engine, ALICE))) == (0, 20)
    engine.close()


def test_what_is_being_stored_counts(tmp_path: Path) -> None:
    """A fact is counted as waiting from the moment that it is learned until it is stored."""
    engine = Memory(db_path=tmp_path / "memory.db", embedder=HashEmbedder()).engine
    waiting, counts = Waiting(), []
    apply = engine.apply

    def looking(*args: Any, **kwargs: Any) -> Any:
        counts.append(waiting.count("alice"))
        return apply(*args, **kwargs)

    engine.apply = looking  # type: ignore[method-assign]
    waiting.add(ALICE, [change("one")], since=Moment())
    waiting.coming("alice", 2)
    waiting.store(engine, ALICE, [change("two"), change("three")], since=Moment())
    waiting.came("alice", 2)
    assert (counts, waiting.count("alice")) == ([3, 2], 0)
    engine.close()


def test_a_stream_that_is_collected_while_a_lock_is_held(server: Server, memory: Memory) -> None:
    """A stream in a reference cycle may be collected at any place, also inside a lock of what clients share."""
    with make_client("OpenAI", server.url) as real:
        client = with_memory(real, "alice", memory=memory)
        server.script('Nice.\n<memory>["User has a dog"]</memory>\nBye.')
        stream = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "I have a dog"}], stream=True
        )
        while "Bye" not in (next(stream).choices[0].delta.content or ""):
            pass
        stream.response.close()
        cycle: list[Any] = [stream]
        cycle.append(cycle)
        del stream, cycle
        shared = shared_by(name_of(memory.engine))
        done = threading.Event()

        def collect() -> None:
            with shared.recent._lock, shared.waiting._lock:
                gc.collect()
            done.set()

        threading.Thread(target=collect, daemon=True).start()
        assert done.wait(30)
        assert client.memory.stats()["waiting"] == 1
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hello"}])
        assert [record.content for record in client.memory.get_all()] == ["User has a dog"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_locks_are_renewed_after_a_fork() -> None:
    """A child that was forked while another thread held a lock can use what clients share."""
    recent, waiting = Recent(), Waiting()
    with recent._lock, waiting._lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer Pythons warn of any fork beside threads
        child = os.fork()
        if not child:
            recent.put(key("alice", 1), Notes(turn_id="x"))
            waiting.coming("alice", 1)
            os._exit(waiting.count("alice"))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def test_a_finalizer_takes_no_lock() -> None:
    """What a finalizer leaves is noted though every lock is held, and counts for the next who looks."""
    waiting = Waiting()
    with waiting._lock:
        waiting.abandon(lambda: waiting.add(ALICE, [change("left")], since=Moment()))
    assert waiting.count("alice") == 1


async def test_sharing_ends_with_the_engine(tmp_path: Path) -> None:
    """Clients on one engine share; nothing of it outlives the engine."""
    async with Memory(db_path=tmp_path / "memory.db", embedder=HashEmbedder()) as memory:
        shared = shared_by(name_of(memory.engine))
        assert shared_by(name_of(memory.engine)) is shared
        assert shared_by(name_of(memory.config)) is not shared  # another embedder
        gone = weakref.ref(shared)
        del shared
    async with Memory(db_path=tmp_path / "memory.db", embedder=HashEmbedder()) as again:
        gc.collect()
        assert gone() is None
        assert len(shared_by(name_of(again.engine)).waiting) == 0
