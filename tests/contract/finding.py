"""The backend contract, second part: who finds what, in which order."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

from headroom.memory.records import Change, Draft, Reader, Scope

from ..asking import find, listed
from .opened import ALICE, BOB, Opened, misses


class Finding(Opened):
    """What a backend gives, and to whom."""

    def test_a_result_explains_its_cosine(self) -> None:
        """`explain` has the cosine of the memory's vector and the question's, and parts that sum to the score."""
        with self.opened() as engine:
            engine.save(ALICE, ["likes green tea", "plays chess"])
            for result in find(engine, ALICE, "green tea"):
                (row,) = engine._backend.vectors([result.id], ALICE)
                assert row is not None
                expected = float(row @ engine._embedding.question("green tea", None))
                explained = result.explain()
                assert abs(explained.pop("cosine") - expected) < 0.01
                assert abs(sum(explained.values()) - result.score) < 1e-6 or result.score in (0.0, 1.0)

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
                found = find(engine, reader, "kept")
                assert {result.content.removeprefix("kept for ") for result in found} == seen, reader
                assert {record.content.removeprefix("kept for ") for record in listed(engine, reader)} == seen, reader

    def test_what_a_reader_does_not_see_is_not_reached_by_its_id(self) -> None:
        """By id as by search: every operation by id takes what the reader does not see for one that does not exist."""
        session = Reader(user_id="alice", session_id="s")
        agent = Reader(user_id="alice", session_id="s", agent_id="a")
        with self.opened() as engine:
            (memory_id,) = engine.save(session, [Draft("kept for the session", scope=Scope.SESSION)])
            engine.save(agent, [Draft("kept for the agent", scope=Scope.AGENT)])
            for stranger in (ALICE, Reader(user_id="alice", session_id="other"), Reader(user_id="alice", turn_id="s")):
                assert engine.get(memory_id, stranger) is None
                assert engine.history(memory_id, stranger) == []
                assert engine.stats(stranger)["total"] == 0
                assert engine.delete(memory_id, stranger) is False
                assert misses(lambda stranger=stranger: engine.update(memory_id, "changed", stranger))  # type: ignore[misc]
                assert misses(lambda stranger=stranger: listed(engine, stranger, after=memory_id))  # type: ignore[misc]
                engine.apply(session, [Change(draft=None, replaces=(memory_id,))])
                assert engine.restore(memory_id, stranger) is False
                assert engine.restore(memory_id, session) is True
            assert [engine.stats(reader)["total"] for reader in (session, agent, None)] == [1, 2, 2]
            second = engine.update(memory_id, "kept for the session, corrected", session)
            assert [record.id for record in engine.history(memory_id, agent)] == [memory_id, second]
            assert engine.delete(second, session) is True

    def test_the_owner_sees_and_reaches_everything_of_one_user(self) -> None:
        """A reader that looks as the owner finds, lists, counts and reaches memories of every session and agent."""
        owner = Reader(user_id="alice", owner=True)
        writer = Reader(user_id="alice", session_id="s", agent_id="a", turn_id="t")
        with self.opened() as engine:
            ids = [engine.save(writer, [Draft(f"kept for {scope.value}", scope=scope)])[0] for scope in Scope]
            engine.save(BOB, ["kept for bob"])
            assert {result.id for result in find(engine, owner, "kept")} == set(ids)
            assert {record.id for record in listed(engine, owner)} == set(ids)
            assert engine.stats(owner)["total"] == len(ids)
            assert engine.get(ids[1], Reader(user_id="bob", owner=True)) is None
            for memory_id in ids:
                second = engine.update(memory_id, f"changed {memory_id}", owner)
                assert len(engine.history(memory_id, owner)) == 2
                assert engine.delete(second, owner) is True
            assert engine.stats(owner)["total"] == 0

    def test_another_users_id_is_not_found(self) -> None:
        """If a user is given, every operation by id takes a foreign id for one that does not exist."""
        with self.opened() as engine:
            (memory_id,) = engine.save(ALICE, ["alice has a cat"])
            engine.apply(ALICE, [Change(draft=None, replaces=(memory_id,))])
            assert engine.get(memory_id, reader=BOB) is None
            assert engine.history(memory_id, reader=BOB) == []
            assert engine.restore(memory_id, reader=BOB) is False
            assert engine.restore(memory_id, reader=ALICE) is True
            assert engine.delete(memory_id, reader=BOB) is False
            assert misses(lambda: engine.update(memory_id, "bob has a cat", reader=BOB))
            assert misses(lambda: listed(engine, BOB, after=memory_id))
            (done,) = engine.apply(BOB, [Change(draft=None, replaces=(memory_id,))])
            assert done.ended == ()
            assert [record.content for record in listed(engine, ALICE)] == ["alice has a cat"]

    def test_an_expired_memory_is_not_seen(self) -> None:
        """From `expires_at` on it is neither found, listed, counted, merged with nor updated."""
        with self.opened() as engine:
            soon = datetime.now(timezone.utc) + timedelta(seconds=3)
            (memory_id,) = engine.save(ALICE, [Draft("the code is 1234", expires_at=soon)])
            assert len(find(engine, ALICE, "code")) == 1
            time.sleep(max(0.0, (soon - datetime.now(timezone.utc)).total_seconds()) + 0.01)
            assert find(engine, ALICE, "code") == []
            assert listed(engine, ALICE) == []
            assert engine.stats(ALICE)["total"] == 0
            assert misses(lambda: engine.update(memory_id, "the code is 5678"))
            assert engine.save(ALICE, ["the code is 1234"]) != [memory_id]

    def test_a_list_is_newest_first_and_comes_in_pages(self) -> None:
        """By `created_at`, then by the order of saving; `after` goes on behind a memory, whatever was saved since."""
        start = datetime(2024, 1, 1, tzinfo=timezone.utc)
        with self.opened() as engine:
            dates = [start + timedelta(days=n % 5) for n in range(10)]
            ids = engine.save(ALICE, [Draft(f"fact {n}", created_at=date) for n, date in enumerate(dates)])
            order = [ids[n] for n in (9, 4, 8, 3, 7, 2, 6, 1, 5, 0)]
            assert [record.id for record in listed(engine, ALICE)] == order
            pages: list[str] = []
            while page := listed(engine, ALICE, limit=3, after=pages[-1] if pages else None):
                pages += [record.id for record in page]
                engine.save(ALICE, [f"saved after a page of {len(pages)}"])
            assert pages == order
            assert misses(lambda: listed(engine, ALICE, after="no such id"))

    def test_a_search_keeps_to_its_filters(self) -> None:
        """`top_k`, `min_score`, `saved_by` (any source) and `where` (every key) hold, each alone and together."""
        claude, codex = (Reader(user_id="alice", agent_id=name) for name in ("claude", "codex"))
        with self.opened() as engine:
            engine.save(claude, [Draft("tea is green", metadata={"kind": "drink", "hot": True})])
            engine.save(claude, [Draft("tea is black", metadata={"kind": "drink", "hot": False})])
            engine.save(codex, ["tea is black", Draft("tea has leaves", metadata={"kind": "plant", "tags": ["x"]})])

            def found(**filters: object) -> set[str]:
                return {result.content for result in find(engine, ALICE, "tea", **filters)}  # type: ignore[arg-type]

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
            first, second, _ = find(engine, ALICE, "tea is green")
            above = find(engine, ALICE, "tea is green", min_score=(first.score + second.score) / 2)
            assert [result.id for result in above] == [first.id]

    def test_scores_fall_from_the_best_within_0_and_1(self) -> None:
        """The nearest text comes first, and a score is comparable within its query."""
        with self.opened() as engine:
            engine.save(ALICE, [f"a cat of {n} years" for n in range(20)] + ["User prefers dark mode"])
            results = find(engine, ALICE, "dark mode")
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
            assert len(find(engine, small, "the cat sat on mat", top_k=5)) == 5
            assert len(find(engine, BOB, "the cat sat on mat")) == 0

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
            alone = find(engine, ALICE, "apollo ships in may", top_k=8)
            joined = find(engine, ALICE, "apollo ships in may", top_k=100, include_graph=True)
            assert not {"zzz yyy xxx", "qqq rrr sss"} & {result.content for result in alone}
            assert {"zzz yyy xxx", "qqq rrr sss"} <= {result.content for result in joined}
            assert "hidden" not in {result.content for result in joined}
            scores = [result.score for result in joined]
            assert scores == sorted(scores, reverse=True)
            assert len(find(engine, ALICE, "apollo ships in may", top_k=8, include_graph=True)) == 8
            few = find(engine, ALICE, "apollo ships in may", include_graph=True, where={"k": 1})
            assert {result.content for result in few} == {"apollo ships in may", "qqq rrr sss"}
            high = find(engine, ALICE, "apollo ships in may", top_k=100, include_graph=True, min_score=0.9)
            assert all(result.score >= 0.9 for result in high)

    def test_who_has_few_memories_is_reminded_of_all(self) -> None:
        """With at most `top_k` visible memories a chat recalls all, best first, whatever was said."""
        with self.opened() as engine:
            engine.save(ALICE, ["likes tea", "has a cat", "lives in Berlin"])
            recalled = engine.recall(ALICE, "Where does the cat live?", top_k=3)
            assert {note.content for note in recalled} == {"likes tea", "has a cat", "lives in Berlin"}
            assert recalled[0].content == "has a cat"
            assert engine.recall(BOB, "Where does the cat live?", top_k=3) == []
