"""The backend contract, fourth part: what was known when, how it grew, and what chat turns did."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from headroom.memory.engine import Engine
from headroom.memory.query import Listing, State
from headroom.memory.records import Change, Draft, KeptNote, KeptTurn, Parts, Reader, Record, Scope

from .opened import ALICE, BOB, Opened, after_a_moment, refuses

OWNER = Reader(user_id="alice", owner=True)
START = datetime(2025, 3, 1, 12, tzinfo=timezone.utc)
LATER = datetime(2999, 1, 1, tzinfo=timezone.utc)


def on(day: int) -> datetime:
    """Return noon of a day, counted from START."""
    return START + timedelta(days=day)


def known(engine: Engine, moment: datetime, reader: Reader = ALICE) -> list[str]:
    """List the texts that were known at a moment."""
    return texts(engine.get_all(Listing(reader=reader, as_of=moment)))


def texts(records: list[Record]) -> list[str]:
    return [record.content for record in records]


def turn(turn_id: str, **what: object) -> KeptTurn:
    """Make a turn of alice."""
    return KeptTurn(**{"user_id": "alice", "turn_id": turn_id, "at": START, **what})  # type: ignore[arg-type]


def kept(engine: Engine, reader: Reader = OWNER, **page: object) -> list[str]:
    """List the ids of the kept turns."""
    return [each.turn_id for each in engine.turns(reader, **page)]  # type: ignore[arg-type]


class LookingBack(Opened):
    """What a backend tells of the past."""

    def test_a_list_shows_what_was_known_at_a_moment(self) -> None:
        """A version is listed from when it was made until it was superseded, was forgotten or expired."""
        with self.opened() as engine:
            (first,) = engine.save(ALICE, [Draft("Deploys on Tuesdays", created_at=on(0))])
            engine.save(ALICE, [Draft("Here for long", created_at=on(1), expires_at=LATER)])
            correction = Change(draft=Draft("Deploys on Fridays", created_at=on(6)), replaces=(first,))
            engine.apply(ALICE, [correction])
            engine.apply(ALICE, [Change(draft=Draft("held", created_at=on(1)), held=True)])
            engine.save(BOB, [Draft("Bob's", created_at=on(0))])
            assert known(engine, on(0) - timedelta(microseconds=1)) == []
            assert known(engine, on(0)) == ["Deploys on Tuesdays"]
            assert known(engine, on(2)) == ["Here for long", "Deploys on Tuesdays"]
            assert known(engine, on(7)) == ["Deploys on Fridays", "Here for long"]
            assert known(engine, LATER) == ["Deploys on Fridays"]
            assert engine.count(Listing(reader=ALICE, as_of=on(2))) == 2
            assert texts(engine.get_all(Listing(reader=ALICE, as_of=on(2), limit=1))) == ["Here for long"]
            assert refuses(lambda: known(engine, START.replace(tzinfo=None)))

    def test_a_list_of_the_past_keeps_to_the_scopes(self) -> None:
        """What a reader does not see now it does not see as it was either; the owner sees all."""
        with self.opened() as engine:
            session = Reader(user_id="alice", session_id="s")
            engine.save(session, [Draft("of the session", scope=Scope.SESSION, created_at=on(0))])
            assert known(engine, on(1)) == []
            assert known(engine, on(1), session) == known(engine, on(1), OWNER) == ["of the session"]

    def test_a_list_shows_what_began_or_ended_between_two_moments(self) -> None:
        """The first moment is not counted and the second is; what only stayed is not listed."""
        with self.opened() as engine:
            (first,) = engine.save(ALICE, [Draft("version 1", created_at=on(0))])
            engine.save(ALICE, [Draft("stays", created_at=on(0)), Draft("expires", created_at=on(0), expires_at=LATER)])
            engine.apply(ALICE, [Change(draft=Draft("version 2", created_at=on(2)), replaces=(first,))])

            def changed(earlier: datetime, later: datetime) -> set[str]:
                return set(texts(engine.get_all(Listing(reader=ALICE, changed=(earlier, later)))))

            assert changed(on(1), on(2)) == {"version 1", "version 2"}
            assert changed(on(2), LATER) == {"expires"}
            assert changed(on(0), on(1)) == set()
            assert changed(on(0) - timedelta(days=1), on(0)) == {"version 1", "stays", "expires"}

    def test_the_forgotten_can_be_listed(self) -> None:
        """Forgotten memories are listed by themselves, without what was superseded, and leave the list by a restore."""
        with self.opened() as engine:
            first, second = engine.save(ALICE, ["the first", "the second"])
            engine.update(second, "the second, corrected", reader=ALICE)
            engine.forget(first, reader=ALICE)
            forgotten = Listing(reader=ALICE, state=State.FORGOTTEN)
            assert texts(engine.get_all(forgotten)) == ["the first"]
            engine.restore(first, reader=ALICE)
            assert engine.get_all(forgotten) == []

    def test_growth_counts_after_each_step(self) -> None:
        """Days without a change are left out, history counts until it ended, and held memories do not count."""
        with self.opened() as engine:
            assert engine.growth(ALICE) == []
            (first, *_) = engine.save(ALICE, [Draft(f"day 0, {n}", created_at=on(0)) for n in range(3)])
            engine.save(ALICE, [Draft("day 5", created_at=on(5), expires_at=LATER)])
            engine.apply(ALICE, [Change(draft=Draft("day 2", created_at=on(2)), replaces=(first,))])
            engine.apply(ALICE, [Change(draft=Draft("held", created_at=on(1)), held=True)])
            engine.save(BOB, [Draft("Bob's", created_at=on(1))])
            assert engine.growth(ALICE) == [(on(0), 3), (on(2), 3), (on(5), 4)]
            assert [total for _, total in engine.growth(ALICE, timedelta(days=36500))] == [4]
            assert refuses(lambda: engine.growth(ALICE, timedelta()))

    def test_counts_say_where_memories_came_from(self) -> None:
        """Present memories are counted by the origin of each of their sources."""
        with self.opened() as engine:
            engine.save(ALICE, [Draft("one", origin="user"), Draft("two", origin="tool"), "three"])
            engine.save(ALICE, [Draft("one", origin="tool")])
            assert engine.stats(ALICE)["by_origin"] == {"user": 1, "tool": 2, "application": 1}

    def test_a_turn_is_read_as_it_was_kept(self) -> None:
        """Ids, scores, parts and the message come back; a turn that is kept again gets what is new."""
        with self.opened() as engine:
            one, two, three = engine.save(ALICE, ["one", "two", "three"])
            notes = (
                KeptNote(id=two, score=0.5, parts=Parts(vector=0.3, words=0.2)),
                KeptNote(id=one, score=0.1, parts=Parts()),
            )
            whole = turn(
                "t", session_id="s", agent_id="a", asked="What?", notes=notes, stored=(three,), forgotten=(one,)
            )
            engine.keep_turn(whole)
            assert engine.turns(OWNER) == [whole]
            engine.keep_turn(turn("t", at=on(1), held=(two,)))
            (again,) = engine.turns(OWNER)
            assert (again.at, again.asked, again.notes) == (START, "What?", notes)
            assert (again.stored, again.held) == ((three,), (two,))

    def test_turns_come_newest_first_in_pages(self) -> None:
        """`before` goes on behind a turn; a turn that is not known has none behind it."""
        with self.opened() as engine:
            for day in (2, 0, 3, 1):
                engine.keep_turn(turn(f"day {day}", at=on(day)))
            assert kept(engine) == ["day 3", "day 2", "day 1", "day 0"]
            assert [turn.turn_id for turn in engine.everything("alice").turns] == kept(engine)
            assert kept(engine, limit=2) == ["day 3", "day 2"]
            assert kept(engine, limit=2, before="day 2") == ["day 1", "day 0"]
            assert kept(engine, before="no such turn") == []
            assert refuses(lambda: kept(engine, limit=0))

    def test_a_turn_is_seen_by_its_own_user_only(self) -> None:
        """Another user sees nothing; without the owner's view one sees those of the same session and agent."""
        with self.opened() as engine:
            engine.keep_turn(turn("here", session_id="s"))
            engine.keep_turn(turn("elsewhere", session_id="other"))
            assert set(kept(engine)) == {"here", "elsewhere"}
            assert kept(engine, Reader(user_id="alice", session_id="s")) == ["here"]
            assert kept(engine, ALICE) == kept(engine, Reader(user_id="bob", owner=True)) == []

    def test_a_turn_goes_with_any_memory_that_it_names(self) -> None:
        """Whatever part a memory had in a turn, erasing the memory erases the turn; forgetting it does not."""
        with self.opened() as engine:
            ids = engine.save(ALICE, [f"memory {n}" for n in range(6)])
            roles = ("stored", "held", "replaced", "forgotten")
            for role, memory_id in zip(roles, ids, strict=False):
                engine.keep_turn(turn(role, **{role: (memory_id,)}))
            engine.keep_turn(turn("shown", notes=(KeptNote(id=ids[4], score=0.2, parts=Parts()),)))
            engine.keep_turn(turn("stays", stored=(ids[5],)))
            engine.forget(ids[0], reader=ALICE)
            assert len(kept(engine)) == 6
            for erased, memory_id in enumerate(ids[:5], 1):
                engine.delete(memory_id, reader=ALICE)
                assert len(kept(engine)) == 6 - erased
            assert kept(engine) == ["stays"]

    def test_a_turn_that_names_what_is_erased_is_not_kept(self) -> None:
        """A memory may be erased while the turn goes on: then the turn is not kept, nor what was kept of it before."""
        with self.opened() as engine:
            one, two = engine.save(ALICE, ["one", "two"])
            engine.keep_turn(turn("t", stored=(one,)))
            engine.delete(two, reader=ALICE)
            engine.keep_turn(turn("t", stored=(two,)))
            assert kept(engine) == []

    def test_clearing_takes_the_turns_along(self) -> None:
        """A session's turns go with the session, all of them with the user; the end of a turn takes none of its own."""
        with self.opened() as engine:
            after_a_moment()
            engine.keep_turn(turn("in the session", session_id="s", asked="Hello?"))
            engine.keep_turn(turn("elsewhere"))
            engine.end_turn(Reader(user_id="alice", turn_id="elsewhere"))
            assert len(kept(engine)) == 2
            engine.clear(Reader(user_id="alice", session_id="s"))
            assert kept(engine) == ["elsewhere"]
            engine.clear(ALICE)
            assert kept(engine) == []

    def test_a_turn_needs_ids(self) -> None:
        """An id that cannot be one is refused before anything is kept."""
        with self.opened() as engine:
            assert refuses(lambda: engine.keep_turn(turn("")))
            assert kept(engine) == []
