"""The synchronous core: embeds before it writes, takes ready vectors, and trusts no embedder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headroom.errors import EmbedderError, InvalidInput, NotFound, StoreUnavailable
from headroom.memory.config import MemoryConfig
from headroom.memory.embedders.cached import CachedEmbedder
from headroom.memory.engine import Engine
from headroom.memory.local.backend import LocalBackend
from headroom.memory.protocols import Vector, Vectors
from headroom.memory.query import State
from headroom.memory.records import Change, Draft, Reader, Scope
from headroom.memory.rules.filters import parse
from headroom.testing import HashEmbedder

from ..asking import find, listed
from .children import in_child

pytestmark = pytest.mark.quick

ALICE = Reader(user_id="alice")


class Odd(HashEmbedder):
    """An embedder whose every answer goes through a function first."""

    def __init__(self, change: Callable[[Vectors], Any]) -> None:
        super().__init__()
        self._change = change

    def embed(self, texts: Sequence[str]) -> Vectors:
        changed: Vectors = self._change(super().embed(texts))
        return changed

    def embed_query(self, text: str) -> Vector:
        changed: Vector = self._change(super().embed([text]))[0]
        return changed


def engine_over(path: Path, embedder: HashEmbedder) -> Engine:
    return Engine(LocalBackend(MemoryConfig(db_path=path), embedder), CachedEmbedder(embedder, 100))


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows[:, :-1],
        lambda rows: rows * np.nan,
        lambda rows: rows / 0,
        lambda rows: [list("ab") for _ in rows],
    ],
    ids=["narrow", "nan", "infinite", "no numbers"],
)
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
def test_what_is_no_vector_is_neither_stored_nor_kept(path: Path, change: Callable[[Vectors], Any]) -> None:
    """Rows of a wrong width or without finite numbers raise EmbedderError; once it gives good ones, all is well."""
    embedder = Odd(change)
    engine = engine_over(path, embedder)
    for _ in range(2):
        with pytest.raises(EmbedderError):
            engine.save(ALICE, ["likes tea"])
        with pytest.raises(EmbedderError):
            find(engine, ALICE, "tea")
    assert engine.stats()["total"] == 0
    embedder._change = lambda rows: rows
    engine.save(ALICE, ["likes tea"])
    assert len(find(engine, ALICE, "tea")) == 1
    engine.close()


def test_a_row_for_each_text(path: Path) -> None:
    """An embedder that loses a text of a batch is caught before texts and vectors part ways."""
    engine = engine_over(path, Odd(lambda rows: rows[:1]))
    with pytest.raises(EmbedderError, match=r"shape \(1, 64\) instead of finite ones of shape \(2, 64\)"):
        engine.save(ALICE, ["likes tea", "likes coffee"])
    assert engine.stats()["total"] == 0
    engine.close()


def test_vectors_of_any_length_become_unit_rows(path: Path) -> None:
    """An embedder of your own need not normalise, and may give lists of doubles: scores stay within 0 and 1."""
    engine = engine_over(path, Odd(lambda rows: (rows.astype(np.float64) * 37).tolist()))
    engine.save(ALICE, ["likes tea", "likes coffee", "owns a cat"])
    scores = [result.score for result in find(engine, ALICE, "likes tea")]
    assert 1 >= scores[0] > scores[1] > scores[2] >= 0
    engine.close()


def test_an_embedder_that_raises_leaves_nothing_behind(path: Path) -> None:
    """Its error reaches the caller as it is, and the next save goes through."""

    def fail(rows: Vectors) -> Vectors:
        raise ZeroDivisionError

    embedder = Odd(fail)
    engine = engine_over(path, embedder)
    with pytest.raises(ZeroDivisionError):
        engine.save(ALICE, ["likes tea"])
    embedder._change = lambda rows: rows
    engine.save(ALICE, ["likes tea"])
    assert engine.stats()["total"] == 1
    engine.close()


def test_nothing_is_embedded_within_a_transaction(path: Path) -> None:
    """While the embedder works, another process can write: no lock is held."""

    def visit(rows: Vectors) -> Vectors:
        in_child("engine = open_engine()\nengine.save(ALICE, ['from outside'])\nengine.close()", path)
        return rows

    engine = engine_over(path, Odd(visit))
    engine.save(ALICE, ["from inside"])
    engine._embedder.clear()
    assert len(find(engine, ALICE, "from")) == 2
    engine.close()


def test_ready_vectors_are_stored_as_they_are(engine: Engine) -> None:
    """The inner door asks the embedder for nothing, and keeps drafts and rows together, over several transactions."""
    rows = np.eye(64, dtype=np.float32)[np.arange(2100) % 64]
    ids = engine.store(ALICE, [f"fact {n}" for n in range(2100)], rows)
    assert len(set(ids)) == 2100
    assert engine.store(ALICE, [Draft("fact 3", importance=0.9)], rows[:1]) == [ids[3]]
    with pytest.raises(EmbedderError, match="the caller returned vectors of shape"):
        engine.store(ALICE, ["one"], rows[:2])
    with pytest.raises(InvalidInput):
        engine.store(ALICE, ["fine", ""], rows[:2])
    assert engine.stats()["total"] == 2100


def test_a_batch_of_changes_is_one_transaction(engine: Engine, path: Path) -> None:
    """If one change fails, the others are undone; an empty batch and a forget need no embedder."""
    (tea,) = engine.save(ALICE, ["likes tea"])
    with pytest.raises(InvalidInput):
        engine.apply(ALICE, [Change(draft=None, replaces=(tea,)), Change(draft=Draft("x", scope=Scope.TURN))])
    assert len(listed(engine, ALICE)) == 1
    assert engine.apply(ALICE, []) == []
    (done,) = engine.apply(ALICE, [Change(draft=None, replaces=(tea, tea))])
    assert done.ended == (tea,)


def test_a_change_that_says_what_it_replaces_ends_nothing(engine: Engine) -> None:
    """Replacing a memory by its own text leaves it present, with one more source."""
    (tea,) = engine.save(ALICE, ["likes tea"])
    (done,) = engine.apply(ALICE, [Change(draft=Draft("likes tea"), replaces=(tea,))])
    assert (done.id, done.merged, done.ended) == (tea, True, ())
    record = engine.get(tea)
    assert record is not None
    assert record.valid_until is None
    assert len(record.sources) == 2


def test_two_memories_become_one(engine: Engine) -> None:
    """A correction may replace several; its history then has all of them, and deleting it deletes all."""
    berlin, moved, other = engine.save(ALICE, ["lives in Berlin", "moved to Berlin", "likes tea"])
    (done,) = engine.apply(ALICE, [Change(draft=Draft("lives in Madrid"), replaces=(berlin, moved))])
    assert done.id is not None
    assert set(done.ended) == {berlin, moved}
    assert {version.id for version in engine.history(moved)} == {berlin, moved, done.id}
    assert engine.delete(done.id)
    assert engine.get(berlin) is engine.get(moved) is None
    assert engine.get(other) is not None


def test_ending_a_turn_erases_what_was_bound_to_it(engine: Engine) -> None:
    """Only the memories of that turn go, and without a turn nothing does."""
    turn = Reader(user_id="alice", session_id="s", turn_id="t")
    engine.save(turn, [Draft("for now", scope=Scope.TURN), Draft("for this session", scope=Scope.SESSION), "for ever"])
    engine.end_turn(Reader(user_id="alice"))
    assert len(listed(engine, turn)) == 3
    engine.end_turn(turn)
    assert {record.content for record in listed(engine, turn)} == {"for this session", "for ever"}


def test_a_correction_dated_back_ends_what_it_replaces_back_then(engine: Engine) -> None:
    """History follows the dates that are given: the old version never ends before it began."""
    (old,) = engine.save(ALICE, ["lives in Berlin"])
    began = engine.get(old)
    assert began is not None
    earlier = began.created_at.replace(year=began.created_at.year - 1)
    engine.apply(ALICE, [Change(draft=Draft("lives in Madrid", created_at=earlier), replaces=(old,))])
    ended = engine.get(old)
    assert ended is not None
    assert ended.valid_until is not None
    assert ended.valid_until > ended.created_at


def test_opening_does_not_wait_for_housekeeping(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Expired memories that cannot be erased just now are erased another time: opening succeeds."""
    monkeypatch.setattr("headroom.memory.local.file.opening.BUSY_TIMEOUT_MS", 50)
    engine = engine_over(path, HashEmbedder())
    engine.save(ALICE, ["likes tea"])
    with engine._backend._database.write() as cursor:  # type: ignore[attr-defined]
        cursor.execute("update memories set expires_at = 1")
        second = engine_over(path, HashEmbedder())
        with pytest.raises(StoreUnavailable):
            second.save(ALICE, ["likes coffee"])
        second.close()
    third = engine_over(path, HashEmbedder())
    assert third.stats()["total"] == 0
    third.close()
    engine.close()


def test_what_nobody_reviews_is_erased(path: Path) -> None:
    """When its time is over a held memory is in no queue, cannot be accepted, and goes when the file is opened."""
    engine = engine_over(path, HashEmbedder())
    (held,) = engine.apply(ALICE, [Change(draft=Draft("is the king"), held=True)])
    assert held.id is not None
    with engine._backend._database.write() as cursor:  # type: ignore[attr-defined]
        cursor.execute("update memories set held_until = 1")
    assert listed(engine, ALICE, state=State.HELD) == []
    assert engine.stats(ALICE)["held"] == 0
    with pytest.raises(NotFound):
        engine.accept(held.id)
    engine.close()
    engine = engine_over(path, HashEmbedder())
    assert engine.get(held.id) is None
    assert engine.events(ALICE) == []
    engine.close()


def test_only_clearing_is_kept_in_mind(engine: Engine) -> None:
    """What is learned late is held against a clear; deletes by id or filter leave nothing behind in the process."""
    ids = engine.save(ALICE, [Draft(f"fact {n}", metadata={"n": n}) for n in range(4)])
    for memory_id in ids[:3]:
        engine.delete(memory_id, ALICE)
    engine.clear(ALICE, parse({"n": 3}))
    assert engine.erasures.count("alice") == 0
    engine.clear(ALICE)
    assert engine.erasures.count("alice") == 1


def test_a_thousand_are_erased_in_one_transaction(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """`delete_many` and a clear by a filter write once, however many they erase."""
    ids = engine.save(ALICE, [Draft(f"fact {n}", metadata={"n": n}) for n in range(1000)])
    database, writes = engine._backend._database, []  # type: ignore[attr-defined]
    write = database.write
    monkeypatch.setattr(database, "write", lambda *args, **kwargs: (writes.append(1), write(*args, **kwargs))[1])
    assert engine.delete_many(ids[:500], ALICE) == 500
    assert engine.clear(ALICE, parse({"n": {"$gte": 600}})) == 400
    assert len(writes) == 2
    assert len(listed(engine, ALICE)) == 100
