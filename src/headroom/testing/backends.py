"""What every backend must keep to: the store's promises, over a deterministic embedder."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime, timedelta, timezone

from ..errors import Closed, InvalidInput
from ..memory.cache import CachedEmbedder
from ..memory.engine import Engine
from ..memory.protocols import Backend, Embedder
from ..memory.records import Change, Draft, Reader, Record, Relationship, Scope
from .embedders import HashEmbedder

ALICE, BOB = Reader(user_id="alice"), Reader(user_id="bob")


class BackendContract(ABC):
    """What every backend must keep to. Subclass it in a test module, say how to make yours, and run pytest:

    class TestMine(BackendContract):
        def make_backend(self, embedder):
            return Mine(embedder)
    """

    @abstractmethod
    def make_backend(self, embedder: Embedder) -> Backend:
        """Return a new backend that holds nothing; the test closes it."""

    @contextmanager
    def opened(self) -> Iterator[Engine]:
        """Give an engine over a new backend, and close it."""
        embedder = HashEmbedder()
        engine = Engine(self.make_backend(embedder), CachedEmbedder(embedder, 100))
        try:
            yield engine
        finally:
            engine.close()

    def test_a_memory_is_read_as_it_was_saved(self) -> None:
        """Every field of a draft, and who wrote it when, comes back from `get`, `get_all` and `search`."""
        writer = Reader(user_id="alice", session_id="s", agent_id="a", turn_id="t")
        created = datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=timezone.utc)
        expires = datetime(2999, 1, 1, tzinfo=timezone.utc)
        draft = Draft(
            "Ann leads Apollo at Acme 🚀",
            scope=Scope.SESSION,
            importance=0.75,
            entities=("Ann", "Acme"),
            relationships=(("Ann", "leads", "Apollo"),),
            metadata={"room": 5, "tags": ["a", None], "deep": {"er": True}},
            created_at=created,
            expires_at=expires,
        )
        with self.opened() as engine:
            (memory_id,) = engine.save(writer, [draft])
            record = engine.get(memory_id, user_id="alice")
            assert record is not None
            assert engine.get_all(writer) == [record]
            (result,) = engine.search(writer, "Apollo")
            assert all(getattr(result, field.name) == getattr(record, field.name) for field in fields(Record))
            assert (record.id, record.content, record.user_id) == (memory_id, draft.content, "alice")
            assert (record.scope, record.importance) == (Scope.SESSION, 0.75)
            assert (record.session_id, record.agent_id, record.turn_id) == ("s", "a", "t")
            assert (record.created_at, record.expires_at) == (created, expires)
            assert (record.valid_until, record.superseded_by) == (None, None)
            assert set(record.entities) == {"Ann", "Acme"}
            assert record.relationships == (Relationship("Ann", "leads", "Apollo"),)
            assert record.metadata == draft.metadata
            (source,) = record.sources
            assert (source.agent_id, source.session_id, source.turn_id) == ("a", "s", "t")
            assert source.created_at == created

    def test_ids_come_back_in_the_order_of_the_drafts(self) -> None:
        """A bulk save gives one id a draft, in order, also for drafts that repeat each other."""
        with self.opened() as engine:
            texts = [f"fact number {n}" for n in range(50)] + ["fact number 7"]
            ids = engine.save(ALICE, texts)
            assert ids[50] == ids[7]
            assert len(set(ids)) == 50
            for memory_id, text in zip(ids, texts, strict=True):
                record = engine.get(memory_id)
                assert record is not None
                assert record.content == text

    def test_each_scope_is_seen_with_its_own_ids_only(self) -> None:
        """The visibility table, for searches and lists alike."""
        writer = Reader(user_id="alice", session_id="s", agent_id="a", turn_id="t")
        loose = Reader(user_id="alice", agent_id="a")
        cases = {
            ALICE: {"user"},
            Reader(user_id="alice", session_id="s"): {"user", "session"},
            Reader(user_id="alice", session_id="other"): {"user"},
            Reader(user_id="alice", agent_id="a"): {"user", "loose"},
            Reader(user_id="alice", agent_id="other", session_id="s"): {"user", "session"},
            Reader(user_id="alice", agent_id="a", session_id="s"): {"user", "session", "agent", "loose"},
            Reader(user_id="alice", agent_id="a", session_id="other"): {"user", "loose"},
            Reader(user_id="alice", turn_id="t"): {"user", "turn"},
            writer: {"user", "session", "agent", "loose", "turn"},
            BOB: set(),
            Reader(user_id="bob", session_id="s", agent_id="a", turn_id="t"): set(),
        }
        with self.opened() as engine:
            for scope in Scope:
                engine.save(writer, [Draft(f"kept for {scope.value}", scope=scope)])
            engine.save(loose, [Draft("kept for loose", scope=Scope.AGENT)])
            for reader, seen in cases.items():
                found = engine.search(reader, "kept")
                assert {result.content.removeprefix("kept for ") for result in found} == seen, reader
                assert {record.content.removeprefix("kept for ") for record in engine.get_all(reader)} == seen, reader

    def test_another_users_id_is_not_found(self) -> None:
        """Where a user is given, every operation by id takes a foreign id for one that does not exist."""
        with self.opened() as engine:
            (memory_id,) = engine.save(ALICE, ["alice has a cat"])
            engine.apply(ALICE, [Change(draft=None, replaces=(memory_id,))])
            assert engine.get(memory_id, user_id="bob") is None
            assert engine.history(memory_id, user_id="bob") == []
            assert engine.restore(memory_id, user_id="bob") is False
            assert engine.restore(memory_id, user_id="alice") is True
            assert engine.delete(memory_id, user_id="bob") is False
            assert _refuses(lambda: engine.update(memory_id, "bob has a cat", user_id="bob"))
            assert _refuses(lambda: engine.get_all(BOB, after=memory_id))
            (done,) = engine.apply(BOB, [Change(draft=None, replaces=(memory_id,))])
            assert done.ended == ()
            assert [record.content for record in engine.get_all(ALICE)] == ["alice has a cat"]

    def test_a_text_that_is_known_gets_one_more_source(self) -> None:
        """Case, white space and final punctuation make no new memory; another user's text does."""
        claude = Reader(user_id="alice", agent_id="claude")
        with self.opened() as engine:
            (first,) = engine.save(claude, ["Project uses uv, not pip"])
            (again,) = engine.save(Reader(user_id="alice", agent_id="codex"), ["  project uses  UV,\tnot pip. "])
            (foreign,) = engine.save(BOB, ["Project uses uv, not pip"])
            assert again == first != foreign
            record = engine.get(first)
            assert record is not None
            assert record.content == "Project uses uv, not pip"
            assert [source.agent_id for source in record.sources] == ["claude", "codex"]
            assert engine.stats("alice")["total"] == 1

    def test_a_merge_keeps_the_most_that_is_known(self) -> None:
        """The higher importance, the later expiry (none is the latest), new metadata over old, all entities."""
        soon, later = (datetime.now(timezone.utc) + timedelta(days=days) for days in (1, 2))
        with self.opened() as engine:
            one = Draft("likes tea", importance=0.9, expires_at=later, metadata={"a": 1, "b": 1}, entities=["tea"])
            two = Draft("likes tea", importance=0.2, expires_at=soon, metadata={"b": None}, entities=["cup"])
            (memory_id, _) = engine.save(ALICE, [one, two])
            record = engine.get(memory_id)
            assert record is not None
            assert (record.importance, record.expires_at) == (0.9, later)
            assert record.metadata == {"a": 1, "b": None}
            assert set(record.entities) == {"tea", "cup"}
            engine.save(ALICE, ["likes tea"])
            record = engine.get(memory_id)
            assert record is not None
            assert record.expires_at is None

    def test_a_narrower_text_that_all_see_already_is_no_new_memory(self) -> None:
        """What the user's memory says need not be kept for a session; what only a session knows is not the user's."""
        session = Reader(user_id="alice", session_id="s")
        with self.opened() as engine:
            (broad,) = engine.save(ALICE, ["likes tea"])
            assert engine.save(session, [Draft("likes tea", scope=Scope.SESSION)]) == [broad]
            (narrow,) = engine.save(session, [Draft("likes coffee", scope=Scope.SESSION)])
            assert engine.save(ALICE, ["likes coffee"]) != [narrow]
            other = Reader(user_id="alice", session_id="other")
            assert engine.save(other, [Draft("drinks milk", scope=Scope.SESSION)]) != engine.save(
                session, [Draft("drinks milk", scope=Scope.SESSION)]
            )

    def test_what_a_narrower_scope_knows_more_stays_there(self) -> None:
        """Details that come with a session's text are not shown to the user's other sessions."""
        session = Reader(user_id="alice", session_id="s")
        with self.opened() as engine:
            (broad,) = engine.save(ALICE, ["meets Bob"])
            (narrow,) = engine.save(session, [Draft("meets Bob", scope=Scope.SESSION, metadata={"room": 7})])
            assert narrow != broad
            assert [record.metadata for record in engine.get_all(ALICE)] == [{}]
            passing = Draft("leaves soon", scope=Scope.USER, expires_at=datetime.now(timezone.utc) + timedelta(hours=1))
            (brief,) = engine.save(ALICE, [passing])
            assert engine.save(session, [Draft("leaves soon", scope=Scope.SESSION)]) != [brief]

    def test_an_update_supersedes_and_keeps_history(self) -> None:
        """The present is the new version; the old one is history, points to it, and held until it came."""
        with self.opened() as engine:
            (first,) = engine.save(ALICE, [Draft("lives in Berlin", importance=0.8, metadata={"a": 1})])
            between = _after_a_moment()
            second = engine.update(first, "lives in Madrid", user_id="alice")
            third = engine.update(second, "lives in Lisbon")
            assert [record.content for record in engine.get_all(ALICE)] == ["lives in Lisbon"]
            for memory_id in (first, second, third):
                versions = engine.history(memory_id)
                assert [version.id for version in versions] == [first, second, third]
            assert [version.superseded_by for version in versions] == [second, third, None]
            assert versions[0].valid_until == versions[1].created_at
            assert (versions[2].importance, versions[2].metadata) == (0.8, {"a": 1})
            assert [result.content for result in engine.search(ALICE, "lives")] == ["lives in Lisbon"]
            assert [result.content for result in engine.search(ALICE, "lives", as_of=between)] == ["lives in Berlin"]
            assert engine.stats("alice")["superseded"] == 2
            assert _refuses(lambda: engine.update(first, "lives in Rome"))
            assert _refuses(lambda: engine.update("no such id", "lives in Rome"))

    def test_an_update_may_change_letters_alone(self) -> None:
        """A correction of case or punctuation is a new version; the very same text changes nothing."""
        with self.opened() as engine:
            (first,) = engine.save(ALICE, ["likes iphones"])
            second = engine.update(first, "Likes iPhones.")
            assert [record.content for record in engine.get_all(ALICE)] == ["Likes iPhones."]
            assert [version.id for version in engine.history(second)] == [first, second]
            assert engine.update(second, "Likes iPhones.") == second
            assert [version.id for version in engine.history(second)] == [first, second]

    def test_of_updates_at_once_one_wins(self) -> None:
        """A memory has one successor: the other updates raise, and leave nothing behind."""
        with self.opened() as engine:
            (first,) = engine.save(ALICE, ["counts to zero"])

            def update(n: int) -> bool:
                return not _refuses(lambda: engine.update(first, f"counts to {n}"))

            with ThreadPoolExecutor(8) as pool:
                assert sum(pool.map(update, range(1, 9))) == 1
            assert len(engine.get_all(ALICE)) == 1
            assert len(engine.history(first)) == 2

    def test_changes_replace_and_forget_what_the_writer_sees(self) -> None:
        """A change ends the memories it names and keeps their history; what its writer does not see is left alone."""
        session = Reader(user_id="alice", session_id="s")
        with self.opened() as engine:
            berlin, tea = engine.save(ALICE, ["lives in Berlin", "likes tea"])
            (hidden,) = engine.save(session, [Draft("a secret of the session", scope=Scope.SESSION)])
            corrected, forgotten, untouched = engine.apply(
                ALICE,
                [
                    Change(draft=Draft("lives in Madrid"), replaces=(berlin,)),
                    Change(draft=None, replaces=(tea,)),
                    Change(draft=None, replaces=(hidden, "no such id")),
                ],
            )
            assert corrected.ended == (berlin,)
            assert (forgotten.id, forgotten.ended) == (None, (tea,))
            assert untouched.ended == ()
            assert [record.content for record in engine.get_all(ALICE)] == ["lives in Madrid"]
            assert {record.content for record in engine.get_all(session)} == {
                "lives in Madrid",
                "a secret of the session",
            }
            record = engine.get(tea)
            assert record is not None
            assert record.valid_until is not None
            assert record.superseded_by is None

    def test_a_forget_can_be_undone(self) -> None:
        """Restoring makes it present again, once; what was superseded, or said again since, is not restored."""
        with self.opened() as engine:
            (tea,) = engine.save(ALICE, ["likes tea"])
            assert engine.restore(tea) is False
            engine.apply(ALICE, [Change(draft=None, replaces=(tea,))])
            assert engine.search(ALICE, "tea") == []
            assert engine.restore(tea) is True
            assert [result.id for result in engine.search(ALICE, "tea")] == [tea]
            assert engine.restore(tea) is False
            engine.update(tea, "likes coffee")
            assert engine.restore(tea) is False
            (milk,) = engine.save(ALICE, ["likes milk"])
            engine.apply(ALICE, [Change(draft=None, replaces=(milk,))])
            engine.save(ALICE, ["likes milk"])
            assert engine.restore(milk) is False
            assert engine.restore("no such id") is False

    def test_delete_erases_a_memory_and_what_it_replaced(self) -> None:
        """Nothing of it is found again; a second delete finds nothing."""
        with self.opened() as engine:
            (first,) = engine.save(ALICE, ["lives in Berlin"])
            second = engine.update(first, "lives in Madrid")
            assert engine.delete(second, user_id="alice") is True
            assert engine.delete(second) is False
            assert engine.get(first) is None
            assert engine.get(second) is None
            assert engine.history(first) == []
            assert engine.search(ALICE, "lives") == []
            assert engine.stats("alice")["total"] == engine.stats("alice")["superseded"] == 0

    def test_clear_removes_what_is_bound_to_the_ids_given(self) -> None:
        """With a session, agent or turn only what is bound to it; without one all of the user, and nobody else's."""
        both = Reader(user_id="alice", session_id="s", agent_id="a", turn_id="t")
        cases = {
            Reader(user_id="alice", session_id="s"): {"user", "loose"},
            Reader(user_id="alice", agent_id="a"): {"user", "session", "turn"},
            Reader(user_id="alice", turn_id="t"): {"user", "session", "agent", "loose"},
            Reader(user_id="alice", session_id="s", agent_id="a"): {"user", "session", "turn", "loose"},
            Reader(user_id="alice", session_id="other"): {"user", "session", "turn", "agent", "loose"},
            ALICE: set(),
        }
        for cleared, left in cases.items():
            with self.opened() as engine:
                for scope in Scope:
                    engine.save(both, [Draft(scope.value, scope=scope)])
                engine.save(Reader(user_id="alice", agent_id="a"), [Draft("loose", scope=Scope.AGENT)])
                engine.save(BOB, ["bob's own"])
                assert engine.clear(cleared) == 5 - len(left), cleared
                assert {record.content for record in engine.get_all(both)} == left, cleared
                assert len(engine.get_all(BOB)) == 1

    def test_an_expired_memory_is_not_seen(self) -> None:
        """From `expires_at` on it is neither found, listed, counted, merged with nor updated."""
        with self.opened() as engine:
            soon = datetime.now(timezone.utc) + timedelta(milliseconds=300)
            (memory_id,) = engine.save(ALICE, [Draft("the code is 1234", expires_at=soon)])
            assert len(engine.search(ALICE, "code")) == 1
            time.sleep(0.35)
            assert engine.search(ALICE, "code") == []
            assert engine.get_all(ALICE) == []
            assert engine.stats("alice")["total"] == 0
            assert _refuses(lambda: engine.update(memory_id, "the code is 5678"))
            assert engine.save(ALICE, ["the code is 1234"]) != [memory_id]

    def test_a_list_is_newest_first_and_comes_in_pages(self) -> None:
        """By `created_at`, then by the order of saving; `after` goes on behind a memory, whatever was saved since."""
        start = datetime(2024, 1, 1, tzinfo=timezone.utc)
        with self.opened() as engine:
            dates = [start + timedelta(days=n % 5) for n in range(10)]
            ids = engine.save(ALICE, [Draft(f"fact {n}", created_at=date) for n, date in enumerate(dates)])
            order = [ids[n] for n in (9, 4, 8, 3, 7, 2, 6, 1, 5, 0)]
            assert [record.id for record in engine.get_all(ALICE)] == order
            pages: list[str] = []
            while page := engine.get_all(ALICE, limit=3, after=pages[-1] if pages else None):
                pages += [record.id for record in page]
                engine.save(ALICE, [f"saved after a page of {len(pages)}"])
            assert pages == order
            assert _refuses(lambda: engine.get_all(ALICE, after="no such id"))

    def test_a_search_keeps_to_its_filters(self) -> None:
        """`top_k`, `min_score`, `saved_by` (any source) and `where` (every key) hold, each alone and together."""
        claude, codex = (Reader(user_id="alice", agent_id=name) for name in ("claude", "codex"))
        with self.opened() as engine:
            engine.save(claude, [Draft("tea is green", metadata={"kind": "drink", "hot": True})])
            engine.save(claude, [Draft("tea is black", metadata={"kind": "drink", "hot": False})])
            engine.save(codex, ["tea is black", Draft("tea has leaves", metadata={"kind": "plant", "tags": ["x"]})])

            def found(**filters: object) -> set[str]:
                return {result.content for result in engine.search(ALICE, "tea", **filters)}  # type: ignore[arg-type]

            assert len(found()) == 3
            assert len(found(top_k=2)) == 2
            assert found(saved_by="codex") == {"tea is black", "tea has leaves"}
            assert found(saved_by="nobody") == set()
            assert found(where={"kind": "drink"}) == {"tea is green", "tea is black"}
            assert found(where={"kind": "drink", "hot": True}) == {"tea is green"}
            assert found(where={"tags": ["x"]}) == {"tea has leaves"}
            assert found(where={"tags": ["y"]}) == found(where={"missing": None}) == set()
            assert found(where={"kind": "drink"}, saved_by="codex") == {"tea is black"}
            assert found(where={}) == found()
            scores = [result.score for result in engine.search(ALICE, "tea is green")]
            assert found(min_score=scores[0]) <= found()
            assert [r.score for r in engine.search(ALICE, "tea is green", min_score=scores[1])] == scores[:2]

    def test_scores_fall_from_the_best_within_0_and_1(self) -> None:
        """The nearest text comes first, and a score is comparable within its query."""
        with self.opened() as engine:
            engine.save(ALICE, [f"a cat of {n} years" for n in range(20)] + ["User prefers dark mode"])
            results = engine.search(ALICE, "dark mode")
            scores = [result.score for result in results]
            assert results[0].content == "User prefers dark mode"
            assert scores == sorted(scores, reverse=True)
            assert 0 <= min(scores) <= max(scores) <= 1
            assert len(results) == 10

    def test_few_are_found_beside_many_nearer_ones_of_others(self) -> None:
        """Filters hold inside the search: neither another user's nor another session's crowd takes a place."""
        crowd = Reader(user_id="crowd")
        big, small = (Reader(user_id="alice", session_id=name) for name in ("big", "small"))
        with self.opened() as engine:
            engine.save(crowd, [f"the cat sat on mat {n}" for n in range(600)])
            engine.save(big, [Draft(f"the cat sat on mat {n}", scope=Scope.SESSION) for n in range(600)])
            engine.save(small, [Draft(f"in a garden, number {n}", scope=Scope.SESSION) for n in range(5)])
            assert len(engine.search(small, "the cat sat on mat", top_k=5)) == 5
            assert len(engine.search(BOB, "the cat sat on mat")) == 0

    def test_graph_neighbours_join_on_request_and_keep_to_the_filters(self) -> None:
        """Memories of a shared or related entity are added, scored below their neighbour; filters bind them too."""
        hidden = Reader(user_id="alice", session_id="s")
        with self.opened() as engine:
            engine.save(
                ALICE,
                [
                    Draft("apollo ships in may", entities=["Apollo"], metadata={"k": 1}),
                    Draft("zzz yyy xxx", entities=["apollo"]),
                    Draft("qqq rrr sss", relationships=[("Apollo", "led by", "Ann")], metadata={"k": 1}),
                    *(f"filler {n} apollo ships in may" for n in range(20)),
                ],
            )
            engine.save(hidden, [Draft("hidden", scope=Scope.SESSION, entities=["Apollo"])])
            alone = engine.search(ALICE, "apollo ships in may", top_k=8)
            joined = engine.search(ALICE, "apollo ships in may", top_k=100, include_graph=True)
            assert not {"zzz yyy xxx", "qqq rrr sss"} & {result.content for result in alone}
            assert {"zzz yyy xxx", "qqq rrr sss"} <= {result.content for result in joined}
            assert "hidden" not in {result.content for result in joined}
            scores = [result.score for result in joined]
            assert scores == sorted(scores, reverse=True)
            assert len(engine.search(ALICE, "apollo ships in may", top_k=8, include_graph=True)) == 8
            few = engine.search(ALICE, "apollo ships in may", include_graph=True, where={"k": 1})
            assert {result.content for result in few} == {"apollo ships in may", "qqq rrr sss"}
            high = engine.search(ALICE, "apollo ships in may", top_k=100, include_graph=True, min_score=0.9)
            assert all(result.score >= 0.9 for result in high)

    def test_who_has_few_memories_is_reminded_of_all(self) -> None:
        """With at most `top_k` visible memories a chat recalls all, best first, whatever was said."""
        with self.opened() as engine:
            engine.save(ALICE, ["likes tea", "has a cat", "lives in Berlin"])
            recalled = engine.recall(ALICE, "Where does the cat live?", top_k=3)
            assert {note.content for note in recalled} == {"likes tea", "has a cat", "lives in Berlin"}
            assert recalled[0].content == "has a cat"
            assert engine.recall(BOB, "Where does the cat live?", top_k=3) == []

    def test_a_stranger_has_nothing(self) -> None:
        """Reading, clearing and counting for a user who never saved gives nothing, and fails nowhere."""
        with self.opened() as engine:
            assert engine.search(BOB, "anything") == []
            assert engine.get_all(BOB) == []
            assert engine.clear(BOB) == 0
            assert engine.stats("bob")["total"] == engine.stats()["total"] == 0

    def test_a_batch_is_stored_whole_or_not_at_all(self) -> None:
        """One draft that cannot be stored keeps all others out."""
        with self.opened() as engine:
            assert _refuses(lambda: engine.save(ALICE, ["fine", "  "]))
            assert _refuses(lambda: engine.save(ALICE, ["fine", Draft("broken", scope=Scope.SESSION)]))
            assert engine.get_all(ALICE) == []

    def test_many_threads_share_one_backend(self) -> None:
        """Saves and searches from eight threads lose nothing and mix nothing up."""
        with self.opened() as engine:

            def work(worker: int) -> None:
                reader = Reader(user_id=f"user {worker % 4}")
                for n in range(10):
                    engine.save(reader, [f"thread {worker} says {n}"])
                    found = engine.search(reader, f"thread {worker} says {n}", top_k=50)
                    assert f"thread {worker} says {n}" in {result.content for result in found}
                    assert {result.user_id for result in found} == {reader.user_id}

            with ThreadPoolExecutor(8) as pool:
                list(pool.map(work, range(8)))
            assert engine.stats()["total"] == 80

    def test_after_close_every_call_says_so(self) -> None:
        """Closing twice is fine; using it afterwards raises Closed."""
        with self.opened() as engine:
            engine.save(ALICE, ["likes tea"])
            engine.close()
            engine.close()
            calls = (
                lambda: engine.save(ALICE, ["more"]),
                lambda: engine.search(ALICE, "tea"),
                lambda: engine.get_all(ALICE),
                lambda: engine.clear(ALICE),
                lambda: engine.stats(),
            )
            for call in calls:
                try:
                    call()
                except Closed:
                    continue
                raise AssertionError("a closed backend answered")


def _refuses(call: Callable[[], object]) -> bool:
    try:
        call()
    except InvalidInput:
        return True
    return False


def _after_a_moment() -> datetime:
    """Give a time that lies between what was done before and what comes after."""
    time.sleep(0.002)
    between = datetime.now(timezone.utc)
    time.sleep(0.002)
    return between
