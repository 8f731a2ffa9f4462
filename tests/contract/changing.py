"""The backend contract, third part: filters and bulk, reviews, events, and taking back what a turn did."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

from headroom.memory.engine import Engine
from headroom.memory.query import Listing, State
from headroom.memory.records import Action, Change, Draft, Origin, Reader, Scope
from headroom.memory.rules.amending import Fields
from headroom.memory.rules.filters import parse

from ..asking import find, listed
from .opened import ALICE, BOB, Opened, after_a_moment, misses, refuses

FIRST, SECOND = (Reader(user_id="alice", session_id="s", agent_id="claude", turn_id=name) for name in ("one", "two"))


def texts(engine: Engine, reader: Reader = ALICE) -> set[str]:
    return {record.content for record in listed(engine, reader)}


def actions(engine: Engine, reader: Reader = ALICE) -> list[Action]:
    return [event.action for event in reversed(engine.events(reader))]


class Changing(Opened):
    """What a backend changes, and what it remembers of that."""

    def test_filters_hold_in_searches_lists_counts_and_erasing(self) -> None:
        """One rule says what a filter lets through, wherever it is asked."""
        codex = Reader(user_id="alice", agent_id="codex")
        with self.opened() as engine:
            engine.save(ALICE, [Draft("tea is green", metadata={"kind": "drink", "price": 3, "tags": ["hot", "leaf"]})])
            engine.save(codex, [Draft("tea is black", metadata={"kind": "drink", "price": 5.5}, importance=0.9)])
            engine.save(ALICE, [Draft("tea trees", metadata={"kind": "plant", "price": "3"}, entities=["Assam"])])
            engine.save(BOB, [Draft("tea of bob", metadata={"kind": "drink"})])
            cases: list[tuple[dict[str, object], set[str]]] = [
                ({"kind": "drink"}, {"tea is green", "tea is black"}),
                ({"price": {"$gte": 3}}, {"tea is green", "tea is black"}),
                ({"price": "3"}, {"tea trees"}),
                ({"price": {"$lt": 5}, "kind": {"$ne": "plant"}}, {"tea is green"}),
                ({"tags": {"$contains": "hot"}}, {"tea is green"}),
                ({"tags": {"$exists": False}}, {"tea is black", "tea trees"}),
                ({"$or": [{"tags": "leaf"}, {"record.entities": "Assam"}]}, {"tea is green", "tea trees"}),
                ({"$not": {"kind": {"$in": ["drink", "meal"]}}}, {"tea trees"}),
                ({"record.importance": {"$gt": 0.5}}, {"tea is black"}),
                ({"record.saved_by": "codex"}, {"tea is black"}),
                ({"record.created_at": {"$gt": datetime(2999, 1, 1, tzinfo=timezone.utc)}}, set()),
            ]
            for where, expected in cases:
                assert {result.content for result in find(engine, ALICE, "tea", where=where)} == expected, where
                assert {record.content for record in listed(engine, ALICE, where=where)} == expected, where
                assert engine.count(Listing(reader=ALICE, where=parse(where))) == len(expected), where
            assert engine.count(Listing(reader=ALICE)) == 3
            assert engine.clear(ALICE, parse({"kind": "drink"})) == 2
            assert texts(engine) == {"tea trees"}
            assert texts(engine, BOB) == {"tea of bob"}

    def test_many_are_looked_up_and_erased_by_their_ids(self) -> None:
        """In the order of the ids, None for each that is not found; erasing counts those that it found."""
        with self.opened() as engine:
            ids = engine.save(ALICE, [f"fact {n}" for n in range(5)])
            (foreign,) = engine.save(BOB, ["bob's own"])
            found = engine.get_many([ids[3], foreign, "no such id", ids[0]], ALICE)
            assert [record and record.content for record in found] == ["fact 3", None, None, "fact 0"]
            assert engine.delete_many([ids[3], foreign, "no such id", ids[0], ids[0]], ALICE) == 2
            assert texts(engine) == {"fact 1", "fact 2", "fact 4"}
            assert texts(engine, BOB) == {"bob's own"}
            assert engine.users() == ["alice", "bob"]

    def test_fields_change_in_place(self) -> None:
        """Metadata and entities are added or replaced as asked; text, id and history stay as they are."""
        with self.opened() as engine:
            (tea,) = engine.save(ALICE, [Draft("likes tea", metadata={"a": 1, "b": 1}, entities=["tea"])])
            soon = datetime.now(timezone.utc) + timedelta(days=1)
            assert engine.update(tea, fields=Fields(metadata={"b": 2}, entities=("cup",), importance=0.9)) == tea
            record = engine.get(tea)
            assert record is not None
            assert (record.metadata, set(record.entities), record.importance) == ({"a": 1, "b": 2}, {"tea", "cup"}, 0.9)
            engine.update(tea, fields=Fields(metadata={"c": 3}, entities=("pot",), expires_at=soon, merge=False))
            record = engine.get(tea)
            assert record is not None
            assert (record.metadata, record.entities, record.importance) == ({"c": 3}, ("pot",), 0.9)
            assert record.expires_at == soon
            engine.update(tea, fields=Fields(expires_at=None))
            record = engine.get(tea)
            assert record is not None
            assert record.expires_at is None
            assert len(engine.history(tea)) == 1
            assert [result.id for result in find(engine, ALICE, "tea", where={"c": 3})] == [tea]
            newer = engine.update(tea, "likes coffee", fields=Fields(metadata={"d": 4}))
            record = engine.get(newer)
            assert record is not None
            assert (record.content, record.metadata) == ("likes coffee", {"c": 3, "d": 4})
            assert misses(lambda: engine.update("no such id", fields=Fields(importance=1.0)))
            assert refuses(lambda: engine.update(newer))

    def test_what_is_forgotten_is_hidden_and_kept(self) -> None:
        """No search, list or count sees it; by its id and in its history it is there; `restore` undoes it once."""
        with self.opened() as engine:
            (tea,) = engine.save(ALICE, ["likes tea"])
            assert engine.forget(tea, BOB) is False
            assert engine.forget(tea, ALICE) is True
            assert engine.forget(tea) is False
            assert texts(engine) == set()
            assert find(engine, ALICE, "tea") == []
            assert [record.id for record in engine.history(tea)] == [tea]
            assert [record.id for record in listed(engine, ALICE, state=State.ALL)] == [tea]
            assert engine.restore(tea) is True
            assert texts(engine) == {"likes tea"}

    def test_a_reader_reaches_by_id_what_it_sees_by_search(self) -> None:
        """Another session's memory is not found by its id; the user's own view of everything is explicit."""
        here, there = (Reader(user_id="alice", session_id=name) for name in ("here", "there"))
        owner = Reader(user_id="alice", owner=True)
        with self.opened() as engine:
            (memory_id,) = engine.save(here, [Draft("a plan", scope=Scope.SESSION)])
            for reader in (there, ALICE, BOB):
                assert engine.get(memory_id, reader) is None
                assert engine.history(memory_id, reader) == []
                assert engine.forget(memory_id, reader) is False
                assert engine.delete(memory_id, reader) is False
                assert misses(lambda reader=reader: engine.update(memory_id, "changed", reader=reader))
            assert engine.get(memory_id, here) is not None
            assert texts(engine, owner) == {"a plan"}
            assert engine.delete(memory_id, owner) is True

    def test_every_source_says_where_it_came_from(self) -> None:
        """Sources stand in the order of saving, with their times, agents and origins; a search may ask for them."""
        claude, codex = (Reader(user_id="alice", agent_id=name) for name in ("claude", "codex"))
        with self.opened() as engine:
            (memory_id,) = engine.save(claude, [Draft("Project uses uv", origin=Origin.USER)])
            engine.save(codex, [Draft("project uses uv.", origin="tool")])
            engine.save(claude, ["Project uses uv"])
            record = engine.get(memory_id)
            assert record is not None
            assert [(source.agent_id, source.origin) for source in record.sources] == [
                ("claude", Origin.USER),
                ("codex", Origin.TOOL),
                ("claude", Origin.APPLICATION),
            ]
            times = [source.created_at for source in record.sources]
            assert times == sorted(times)
            for origin in ("user", "tool", "application"):
                assert [result.id for result in find(engine, ALICE, "uv", origin=origin)] == [memory_id]
            assert find(engine, ALICE, "uv", origin="import") == []
            assert [result.id for result in find(engine, ALICE, "uv", saved_by="codex")] == [memory_id]
            assert engine.stats(ALICE)["by_agent"] == {"claude": 1, "codex": 1}
            assert refuses(lambda: engine.save(ALICE, [Draft("x", origin="elsewhere")]))

    def test_what_is_held_is_seen_by_nobody_until_it_is_accepted(self) -> None:
        """It is in no search, list or count; its queue lists it; accepted, it is a memory like any other."""
        with self.opened() as engine:
            (held, again) = engine.apply(
                FIRST, [Change(draft=Draft("drinks milk", origin="tool"), held=True) for _ in range(2)]
            )
            assert held.held
            assert again.id == held.id
            assert held.id is not None
            assert texts(engine) == set()
            assert find(engine, ALICE, "milk") == find(engine, ALICE, "milk", as_of=after_a_moment()) == []
            assert engine.recall(ALICE, "milk", top_k=5) == []
            assert engine.stats(ALICE)["total"] == 0
            assert engine.stats(ALICE)["held"] == 1
            (waiting,) = listed(engine, ALICE, state=State.HELD)
            assert (waiting.id, waiting.content) == (held.id, "drinks milk")
            assert waiting.held_until is not None
            assert timedelta(days=29) < waiting.held_until - waiting.created_at < timedelta(days=31)
            assert misses(lambda: engine.accept(str(held.id), BOB))
            assert engine.accept(held.id, ALICE) == held.id
            assert [result.id for result in find(engine, ALICE, "milk")] == [held.id]
            assert listed(engine, ALICE, state=State.HELD) == []
            assert misses(lambda: engine.accept(str(held.id)))
            assert misses(lambda: engine.reject(str(held.id)))

    def test_what_is_rejected_does_not_come_back(self) -> None:
        """It is hidden; the same text held again is not put into the queue again; the user may still say it."""
        with self.opened() as engine:
            (held,) = engine.apply(FIRST, [Change(draft=Draft("drinks milk"), held=True)])
            engine.reject(str(held.id), ALICE)
            assert listed(engine, ALICE, state=State.HELD) == []
            (again,) = engine.apply(SECOND, [Change(draft=Draft("drinks milk"), held=True)])
            assert again.held
            assert listed(engine, ALICE, state=State.HELD) == []
            engine.save(ALICE, ["drinks milk"])
            assert texts(engine) == {"drinks milk"}

    def test_a_held_correction_corrects_when_it_is_accepted(self) -> None:
        """Until then the old memory stays as it is."""
        with self.opened() as engine:
            (berlin,) = engine.save(ALICE, ["lives in Berlin"])
            (held,) = engine.apply(FIRST, [Change(draft=Draft("lives in Madrid"), replaces=(berlin,), held=True)])
            assert held.ended == ()
            assert texts(engine) == {"lives in Berlin"}
            (waiting,) = listed(engine, ALICE, state=State.HELD)
            assert waiting.would_replace == (berlin,)
            engine.accept(waiting.id)
            assert texts(engine) == {"lives in Madrid"}
            assert [record.id for record in engine.history(waiting.id)] == [berlin, waiting.id]

    def test_what_is_known_by_now_is_not_stored_twice(self) -> None:
        """What waits leaves the queue if its text becomes known by itself, and a known text is not held."""
        with self.opened() as engine:
            (held,) = engine.apply(FIRST, [Change(draft=Draft("drinks milk"), held=True)])
            (other,) = engine.apply(FIRST, [Change(draft=Draft("drinks wine"), held=True)])
            (milk,) = engine.save(ALICE, ["Drinks milk."])
            assert [record.id for record in listed(engine, ALICE)] == [milk]
            assert [record.id for record in listed(engine, ALICE, state=State.HELD)] == [other.id]
            assert misses(lambda: engine.accept(str(held.id)))
            (known,) = engine.apply(FIRST, [Change(draft=Draft("drinks milk"), held=True)])
            assert (known.id, known.held, known.merged) == (milk, False, True)

    def test_events_say_who_did_what_when(self) -> None:
        """Oldest to newest, by ids and without text; they go with the memory that they name."""
        with self.opened() as engine:
            (tea,) = engine.save(FIRST, ["likes tea"])
            engine.save(SECOND, ["likes tea"])
            engine.update(tea, fields=Fields(metadata={"private": "words"}))
            newer = engine.update(tea, "likes green tea")
            engine.forget(newer, FIRST)
            engine.restore(newer)
            engine.apply(SECOND, [Change(draft=Draft("drinks milk"), held=True)])
            expected = [
                Action.SAVED,
                Action.MERGED,
                Action.UPDATED,
                Action.SAVED,
                Action.REPLACED,
                Action.FORGOTTEN,
                Action.RESTORED,
                Action.HELD,
            ]
            assert sorted(actions(engine)) == sorted(expected)
            events = engine.events(ALICE)
            assert [event.at for event in events] == sorted((event.at for event in events), reverse=True)
            assert "private" not in repr(events)
            assert all(event.before is None for event in events)
            (saved,) = [event for event in events if event.action is Action.SAVED and event.memory_id == tea]
            assert (saved.agent_id, saved.session_id, saved.turn_id) == ("claude", "s", "one")
            assert {event.action for event in engine.events(ALICE, turn_id="two")} == {Action.MERGED, Action.HELD}
            assert engine.events(BOB) == []
            engine.delete(newer)
            assert {event.action for event in engine.events(ALICE)} == {Action.HELD}

    def test_events_are_of_what_the_reader_sees(self) -> None:
        """Who does not see a memory does not hear what happened to it; its owner does, and its own turn."""
        session, turn = Reader(user_id="alice", session_id="s"), Reader(user_id="alice", turn_id="one")
        with self.opened() as engine:
            (shared,) = engine.save(ALICE, ["likes tea"])
            (bound,) = engine.save(session, [Draft("plans a party", scope=Scope.SESSION)])
            (passing,) = engine.save(turn, [Draft("is in a hurry", scope=Scope.TURN)])

            def named(reader: Reader, turn_id: str | None = None) -> set[str]:
                return {event.memory_id for event in engine.events(reader, turn_id=turn_id)}

            assert named(ALICE) == {shared}
            assert named(replace(session, session_id="other", agent_id="codex")) == {shared}
            assert named(session) == {shared, bound}
            assert named(ALICE, "one") == {passing}
            assert named(replace(ALICE, owner=True)) == {shared, bound, passing}

    def test_a_turn_is_taken_back_whole_and_alone(self) -> None:
        """What it stored, replaced and forgot is as it was; what other turns did stays."""
        with self.opened() as engine:
            berlin, tea, cat = engine.save(ALICE, ["lives in Berlin", Draft("likes tea", importance=0.3), "has a cat"])
            engine.save(SECOND, ["plays chess"])
            engine.apply(
                FIRST,
                [
                    Change(draft=Draft("lives in Madrid"), replaces=(berlin,)),
                    Change(draft=None, replaces=(cat,)),
                    Change(draft=Draft("Likes tea", importance=0.9, metadata={"from": "one"})),
                    Change(draft=Draft("owns a yacht")),
                    Change(draft=Draft("is the king"), held=True),
                ],
            )
            engine.save(SECOND, ["has a bike"])
            before = {"lives in Berlin", "likes tea", "has a cat", "plays chess"}
            done = engine.undo(Reader(user_id="alice", session_id="s"), turn_id="one")
            assert texts(engine) == before | {"has a bike"}
            assert set(done.restored) == {berlin, cat}
            assert done.changed == (tea,)
            assert len(done.hidden) == 3
            record = engine.get(tea)
            assert record is not None
            assert (record.importance, record.metadata, len(record.sources)) == (0.3, {}, 1)
            assert listed(engine, ALICE, state=State.HELD) == []
            again = engine.undo(ALICE, turn_id="one")
            assert (again.hidden, again.restored, again.changed) == ((), (), ())
            assert refuses(lambda: engine.undo(ALICE))

    def test_what_later_turns_changed_stays_as_they_left_it(self) -> None:
        """A fact that a later turn replaced, repeated or updated is not taken back with the turn that brought it."""
        with self.opened() as engine:
            (berlin,) = engine.save(ALICE, ["lives in Berlin"])
            (madrid, chess) = engine.apply(
                FIRST,
                [Change(draft=Draft("lives in Madrid"), replaces=(berlin,)), Change(draft=Draft("plays chess"))],
            )
            engine.apply(SECOND, [Change(draft=Draft("lives in Rome"), replaces=(str(madrid.id),))])
            engine.save(SECOND, ["plays chess"])
            engine.undo(ALICE, turn_id="one")
            assert texts(engine) == {"lives in Rome", "plays chess"}
            engine.undo(ALICE, turn_id="two")
            assert texts(engine) == {"lives in Madrid", "plays chess"}
            record = engine.get(str(chess.id))
            assert record is not None
            assert [source.turn_id for source in record.sources] == ["one"]

    def test_a_text_that_the_application_changed_is_not_of_the_turn(self) -> None:
        """A new text is of who writes it, the application or another turn, and outlives the undo of the first turn."""
        with self.opened() as engine:
            tea, chess = engine.save(FIRST, ["likes tea", "plays chess"])
            green = engine.update(tea, "likes green tea", ALICE)
            go = engine.update(chess, "plays go", SECOND)
            assert {event.memory_id for event in engine.events(ALICE, turn_id="one")} == {tea, chess}
            engine.undo(ALICE, turn_id="one")
            assert {record.id for record in listed(engine, ALICE)} == {green, go}
            engine.undo(ALICE, turn_id="two")
            assert texts(engine) == {"likes green tea", "plays chess"}

    def test_a_text_of_a_turn_stays_within_the_turn(self) -> None:
        """A memory of turn scope is seen by its turn alone, also when its text was changed."""
        with self.opened() as engine:
            (step,) = engine.save(FIRST, [Draft("is at step 1", scope=Scope.TURN)])
            later = engine.update(step, "is at step 2", FIRST)
            assert [record.id for record in listed(engine, FIRST)] == [later]
            assert listed(engine, SECOND) == []

    def test_all_since_a_time_is_taken_back(self) -> None:
        """By any turn and by the application, also an undo itself."""
        with self.opened() as engine:
            (tea,) = engine.save(ALICE, ["likes tea"])
            since = after_a_moment()
            newer = engine.update(tea, "likes coffee")
            engine.update(newer, "likes milk")
            engine.save(FIRST, ["plays chess"])
            undoing = after_a_moment()
            engine.undo(ALICE, since=since)
            assert texts(engine) == {"likes tea"}
            engine.undo(ALICE, since=undoing)
            assert texts(engine) == {"likes milk", "plays chess"}

    def test_an_undo_brings_no_text_twice(self) -> None:
        """What was said again since it was forgotten stays as it was said again."""
        with self.opened() as engine:
            (tea,) = engine.save(ALICE, ["likes tea"])
            engine.apply(FIRST, [Change(draft=None, replaces=(tea,))])
            (again,) = engine.save(ALICE, ["likes tea"])
            engine.undo(ALICE, turn_id="one")
            assert [record.id for record in listed(engine, ALICE)] == [again]

    def test_the_owner_sees_everything(self) -> None:
        """All sessions, agents and turns, what was forgotten and what it replaced, what is held, and the events."""
        with self.opened() as engine:
            for scope in Scope:
                engine.save(FIRST, [Draft(f"kept for {scope.value}", scope=scope)])
            (tea,) = engine.save(ALICE, ["likes tea"])
            coffee = engine.update(tea, "likes coffee")
            engine.forget(coffee)
            engine.apply(FIRST, [Change(draft=Draft("is the king"), held=True)])
            engine.save(BOB, ["bob's own"])
            all_of_it = engine.everything("alice")
            assert {record.content for record in all_of_it.memories} == {
                *(f"kept for {scope.value}" for scope in Scope),
                "likes tea",
                "likes coffee",
                "is the king",
            }
            assert {event.action for event in all_of_it.events} == {
                Action.SAVED,
                Action.REPLACED,
                Action.FORGOTTEN,
                Action.HELD,
            }
            owner = replace(ALICE, owner=True)
            assert {result.content for result in find(engine, owner, "kept")} == {
                f"kept for {scope.value}" for scope in Scope
            }

    def test_near_duplicates_come_in_groups_with_their_cosines(self) -> None:
        """Closest first, each compared with the first of its group; numbers, names and negations keep texts apart."""
        with self.opened() as engine:
            texts = (
                "the meeting about the budget is at 5 pm in room four",
                "the meeting about the budget is at 6 pm in room four",
                "the budget meeting about the budget is at 5 pm in room four",
                "user does not like tea with milk and sugar",
                "user does like tea with milk and sugar",
                "a cat",
            )
            ids = engine.save(ALICE, texts)
            engine.save(BOB, texts)
            (group,) = engine.near_duplicates(ALICE, threshold=0.8)
            assert {record.id for record in group.memories} == {ids[0], ids[2]}
            assert group.cosines[0] == 1.0
            assert 0.8 <= group.cosines[1] < 1
            assert engine.near_duplicates(ALICE, threshold=1.0) == []
            engine.forget(ids[0])
            assert engine.near_duplicates(ALICE, threshold=0.8) == []
            assert refuses(lambda: engine.near_duplicates(ALICE, threshold=2))
