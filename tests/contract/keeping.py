"""The backend contract, first part: what is kept, merged, superseded and erased."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import datetime, timedelta, timezone

from headroom.memory.records import Change, Draft, Reader, Record, Relationship, Scope

from ..asking import find, listed
from .opened import ALICE, BOB, Opened, after_a_moment, misses, refuses


class Keeping(Opened):
    """What a backend keeps."""

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
            record = engine.get(memory_id, reader=writer)
            assert record is not None
            assert listed(engine, writer) == [record]
            (result,) = find(engine, writer, "Apollo")
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
            assert engine.stats(ALICE)["total"] == 1

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
            assert [record.metadata for record in listed(engine, ALICE)] == [{}]
            passing = Draft("leaves soon", scope=Scope.USER, expires_at=datetime.now(timezone.utc) + timedelta(hours=1))
            (brief,) = engine.save(ALICE, [passing])
            assert engine.save(session, [Draft("leaves soon", scope=Scope.SESSION)]) != [brief]

    def test_a_batch_is_stored_whole_or_not_at_all(self) -> None:
        """One draft that cannot be stored keeps all others out."""
        with self.opened() as engine:
            assert refuses(lambda: engine.save(ALICE, ["fine", "  "]))
            assert refuses(lambda: engine.save(ALICE, ["fine", Draft("broken", scope=Scope.SESSION)]))
            assert listed(engine, ALICE) == []

    def test_an_update_supersedes_and_keeps_history(self) -> None:
        """The present is the new version; the old one is history, points to it, and held until it came."""
        with self.opened() as engine:
            (first,) = engine.save(ALICE, [Draft("lives in Berlin", importance=0.8, metadata={"a": 1})])
            between = after_a_moment()
            second = engine.update(first, "lives in Madrid", reader=ALICE)
            third = engine.update(second, "lives in Lisbon")
            assert [record.content for record in listed(engine, ALICE)] == ["lives in Lisbon"]
            for memory_id in (first, second, third):
                versions = engine.history(memory_id)
                assert [version.id for version in versions] == [first, second, third]
            assert [version.superseded_by for version in versions] == [second, third, None]
            assert versions[0].valid_until == versions[1].created_at
            assert (versions[2].importance, versions[2].metadata) == (0.8, {"a": 1})
            assert [result.content for result in find(engine, ALICE, "lives")] == ["lives in Lisbon"]
            assert [result.content for result in find(engine, ALICE, "lives", as_of=between)] == ["lives in Berlin"]
            assert engine.stats(ALICE)["superseded"] == 2
            assert misses(lambda: engine.update(first, "lives in Rome"))
            assert misses(lambda: engine.update("no such id", "lives in Rome"))

    def test_a_memory_of_the_ends_of_the_calendar(self) -> None:
        """One of the year 1 and one of the last microsecond are updated, searched as of any time, and deleted."""
        for created in (datetime.min, datetime.max):
            at = created.replace(tzinfo=timezone.utc)
            with self.opened() as engine:
                (first,) = engine.save(ALICE, [Draft("lives in Rome", created_at=at)])
                second = engine.update(first, "lives in Oslo", ALICE)
                old, new = engine.history(second, ALICE)
                assert (old.id, new.id, old.created_at) == (first, second, at)
                assert old.valid_until is not None
                assert old.valid_until >= at
                for moment in (at, datetime.now(timezone.utc)):
                    assert all(found.id in (first, second) for found in find(engine, ALICE, "lives", as_of=moment))
                assert engine.forget(second, ALICE)
                assert engine.delete(second, ALICE)
                assert engine.history(second, ALICE) == []

    def test_clear_of_an_agent_and_a_turn(self) -> None:
        """Two ids that no scope is bound to together clear what that agent saved in that turn, and nothing else."""
        writer = Reader(user_id="alice", agent_id="a", turn_id="t")
        other = Reader(user_id="alice", agent_id="b", turn_id="t")
        with self.opened() as engine:
            engine.save(writer, [Draft("of the turn", scope=Scope.TURN), Draft("of the agent", scope=Scope.AGENT)])
            engine.save(other, [Draft("of another agent", scope=Scope.TURN)])
            engine.save(ALICE, ["of the user"])
            assert engine.clear(writer) == 1
            left = {record.content for record in listed(engine, Reader(user_id="alice", owner=True))}
            assert left == {"of the agent", "of another agent", "of the user"}

    def test_an_update_may_change_letters_alone(self) -> None:
        """A correction of case or punctuation is a new version; the very same text changes nothing."""
        with self.opened() as engine:
            (first,) = engine.save(ALICE, ["likes iphones"])
            second = engine.update(first, "Likes iPhones.")
            assert [record.content for record in listed(engine, ALICE)] == ["Likes iPhones."]
            assert [version.id for version in engine.history(second)] == [first, second]
            assert engine.update(second, "Likes iPhones.") == second
            assert [version.id for version in engine.history(second)] == [first, second]

    def test_of_updates_at_once_one_wins(self) -> None:
        """A memory has one successor: the other updates raise, and leave nothing behind."""
        with self.opened() as engine:
            (first,) = engine.save(ALICE, ["counts to zero"])

            def update(n: int) -> bool:
                return not misses(lambda: engine.update(first, f"counts to {n}"))

            with ThreadPoolExecutor(8) as pool:
                assert sum(pool.map(update, range(1, 9))) == 1
            assert len(listed(engine, ALICE)) == 1
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
            assert [record.content for record in listed(engine, ALICE)] == ["lives in Madrid"]
            assert {record.content for record in listed(engine, session)} == {
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
            assert find(engine, ALICE, "tea") == []
            assert engine.restore(tea) is True
            assert [result.id for result in find(engine, ALICE, "tea")] == [tea]
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
            assert engine.delete(second, reader=ALICE) is True
            assert engine.delete(second) is False
            assert engine.get(first) is None
            assert engine.get(second) is None
            assert engine.history(first) == []
            assert find(engine, ALICE, "lives") == []
            assert engine.stats(ALICE)["total"] == engine.stats(ALICE)["superseded"] == 0

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
                assert {record.content for record in listed(engine, both)} == left, cleared
                assert len(listed(engine, BOB)) == 1
