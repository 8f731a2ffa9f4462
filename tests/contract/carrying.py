"""What every backend must keep to when memories are carried out of it and into it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from headroom.errors import InvalidInput, UnreadableImport
from headroom.memory.engine import Engine
from headroom.memory.protocols import Stored
from headroom.memory.query import Query
from headroom.memory.records import Change, Draft, Event, KeptNote, KeptTurn, Parts, Reader, Record, SearchResult
from headroom.testing.embedders import HashEmbedder

from ..asking import find, listed
from .opened import ALICE, BOB, Opened

SESSION = Reader(user_id="alice", session_id="s-1", agent_id="claude")
QUESTIONS = ("What does the user drink?", "where does she live", "Acme", "standup on monday", "dark mode python")


def fill(engine: Engine) -> None:
    """Store something of everything that there is, for two users."""
    tea, home, _ = engine.save(
        ALICE,
        [
            Draft("User drinks tea", metadata={"topic": ["food", 1, None]}, importance=0.9),
            Draft("User lives in Lisbon", entities=("Lisbon",), created_at=datetime(2024, 2, 29, tzinfo=timezone.utc)),
            Draft("User works at Acme", entities=("Acme",), relationships=(("Alice", "works at", "Acme"),)),
        ],
    )
    engine.save(SESSION, ["User drinks tea.", Draft("The standup is on Monday", scope="session")])
    engine.save(SESSION, [Draft("Uses uv", scope="agent", expires_at=datetime.now(timezone.utc) + timedelta(days=9))])
    moved = engine.update(home, "User lives in Porto")
    engine.update(moved, "User lives in Braga")
    engine.forget(engine.save(ALICE, ["User likes football"])[0])
    engine.apply(
        replace(SESSION, turn_id="t-1"), [Change(draft=Draft("Always answer in German"), replaces=(tea,), held=True)]
    )
    engine.save(BOB, ["User prefers dark mode and Python", "User drinks coffee"])


def kept(engine: Engine, reader: Reader) -> tuple[list[Record], list[Event], list[bytes | None]]:
    """Return all there is of a user, with the bytes of the vectors."""
    everything = engine.everything(reader.user_id)
    stored = {one.record.id: one for one in engine._backend.stored(reader.user_id)}
    assert set(stored) == {record.id for record in everything.memories}
    events = [event for record in everything.memories for event in stored[record.id].events]
    vectors = [stored[record.id].vector for record in everything.memories]
    return list(everything.memories), events, [None if v is None else v.tobytes() for v in vectors]


def keep_turns(engine: Engine) -> None:
    """Keep a turn of alice that names two memories, and one of bob, who has none."""
    tea, home = engine.save(ALICE, ["User drinks tea", "User lives in Lisbon"])
    at = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone.utc)
    note = KeptNote(id=tea, score=0.5, parts=Parts(vector=0.75, time=-0.25))
    engine.keep_turn(
        KeptTurn(user_id="alice", turn_id="t", at=at, session_id="s", asked="And now?", notes=(note,), stored=(home,))
    )
    engine.keep_turn(KeptTurn(user_id="bob", turn_id="t", at=at, agent_id="claude"))


def found(engine: Engine, question: str, reader: Reader) -> list[SearchResult]:
    return engine.search(Query(reader=replace(reader, owner=True), text=question, top_k=20, include_graph=True))


@contextmanager
def folder() -> Iterator[Path]:
    with TemporaryDirectory() as name:
        yield Path(name)


class Carrying(Opened):
    """Exports and imports. `identical_scores` is for backends that search exactly as the local one does."""

    identical_scores = True

    def test_what_is_exported_and_imported_is_the_same(self) -> None:
        """Memories with ids, history, sources, holds, graph, what happened to them, and their vectors bit for bit."""
        with folder() as here, self.opened() as first, self.opened() as second:
            fill(first)
            count = first.export(here / "all.jsonl")
            assert second.import_from(here / "all.jsonl").added == count == 11
            assert second.users() == first.users() == ["alice", "bob"]
            for reader in (ALICE, BOB):
                assert kept(second, reader) == kept(first, reader)
                assert second.stats(reader) | {"file_bytes": 0} == first.stats(reader) | {"file_bytes": 0}
            porto = next(r for r in first.everything("alice").memories if r.content == "User lives in Porto")
            assert [r.content for r in second.history(porto.id)] == [
                "User lives in Lisbon",
                "User lives in Porto",
                "User lives in Braga",
            ]

    def test_kept_turns_come_along(self) -> None:
        """With their notes and effects, also those of a user who has nothing else; the same file again adds none."""
        with folder() as here, self.opened() as first, self.opened() as second:
            keep_turns(first)
            first.export(here / "all.jsonl")
            assert second.import_from(here / "all.jsonl").added == 2
            for _ in range(2):
                assert second.users() == ["alice", "bob"]
                for user in ("alice", "bob"):
                    assert second.everything(user).turns == first.everything(user).turns
                second.import_from(here / "all.jsonl")
            second.export(here / "again.jsonl")
            again, whole = ((here / name).read_text("utf-8").splitlines() for name in ("again.jsonl", "all.jsonl"))
            assert again[1:] == whole[1:]
            second.clear(BOB)
            assert second.users() == ["alice"]

    def test_turns_name_the_copies_of_their_memories(self) -> None:
        """A copy for another user has ids of its own; a turn whose memory was joined with a known one stays out, since
        it would outlive that memory's erasure."""
        with folder() as here, self.opened() as engine:
            keep_turns(engine)
            engine.export(here / "alice.jsonl", "alice")
            engine.import_from(here / "alice.jsonl", "carol")
            (turn,) = engine.everything("carol").turns
            (original,) = engine.everything("alice").turns
            assert (turn.asked, turn.at, turn.notes[0].score) == (original.asked, original.at, 0.5)
            texts = {record.id: record.content for record in engine.everything("carol").memories}
            assert [texts[name] for name in turn.named()] == ["User drinks tea", "User lives in Lisbon"]
            engine.save(Reader(user_id="dave"), ["User drinks tea"])
            assert engine.import_from(here / "alice.jsonl", "dave").added == 2
            assert engine.everything("dave").turns == ()
            assert engine.delete(turn.notes[0].id)
            assert engine.everything("carol").turns == ()

    def test_searches_find_the_same_afterwards(self) -> None:
        """The same memories, in the same order with the same scores if the engine is the same."""
        with folder() as here, self.opened() as first, self.opened() as second:
            fill(first)
            first.export(here / "all.jsonl")
            second.import_from(here / "all.jsonl")
            for question in QUESTIONS:
                for reader in (ALICE, BOB):
                    before, after = found(first, question, reader), found(second, question, reader)
                    assert {one.id for one in after} == {one.id for one in before}
                    if self.identical_scores:
                        assert [(one.id, one.parts._replace(recency=0)) for one in after] == [
                            (one.id, one.parts._replace(recency=0)) for one in before
                        ]

    def test_an_export_of_an_import_is_the_same_file(self) -> None:
        """But for its header, line for line: nothing is lost on the way, whatever it is."""
        with folder() as here, self.opened() as first, self.opened() as second:
            fill(first)
            first.export(here / "one.jsonl")
            second.import_from(here / "one.jsonl")
            second.export(here / "two.jsonl")
            one, two = ((here / name).read_text().splitlines()[1:] for name in ("one.jsonl", "two.jsonl"))
            assert two == one

    def test_an_export_can_be_of_one_user(self) -> None:
        """Nothing of another user is in it."""
        with folder() as here, self.opened() as engine:
            fill(engine)
            assert engine.export(here / "bob.jsonl", "bob") == 2
            text = (here / "bob.jsonl").read_text()
            assert "coffee" in text
            assert "alice" not in text

    def test_an_import_is_seen_when_it_is_complete(self) -> None:
        """Until it is published, what is staged is in no list, search, count, look-up, history or export of anybody."""
        with folder() as here, self.opened() as first, self.opened() as second:
            fill(first)
            memories, empty = list(first._backend.stored(None)), second.stats() | {"file_bytes": 0}
            second._backend.stage("one", memories[:6])
            second._backend.stage("one", memories[6:])
            assert second.users() == []
            assert second.stats() | {"file_bytes": 0} == empty
            assert second.export(here / "none.jsonl") == 0
            for stored in memories:
                assert second.get(stored.record.id) is None
                assert second.history(stored.record.id) == []
            assert find(second, ALICE, "tea") == listed(second, ALICE) == []
            assert second._backend.unembedded(10) == []
            assert second._backend.publish("one") == len(memories)
            assert kept(second, ALICE) == kept(first, ALICE)

    def test_what_was_staged_can_be_discarded(self) -> None:
        """Then no id of it is taken any more; what others staged stays."""
        with self.opened() as first, self.opened() as second:
            fill(first)
            memories = list(first._backend.stored(None))
            ids = [stored.record.id for stored in memories]
            second._backend.stage("one", memories[:6])
            second._backend.stage("two", memories[6:])
            assert second._backend.discard("one") == 6
            assert second._backend.owners(ids)[:6] == [None] * 6
            assert second._backend.publish("two") == len(memories) - 6
            assert second.discard_imports() == 0

    def test_an_import_that_was_stopped_goes_on(self) -> None:
        """Nothing is seen of it, nothing is stored twice, and in the end it is all there."""
        with folder() as here, self.opened() as first, self.opened() as second:
            first.save(ALICE, [f"User has seen place {n}" for n in range(700)])
            first.export(here / "all.jsonl")

            def stop(done: int, total: int) -> None:
                if done > 300:
                    raise KeyboardInterrupt

            with pytest.raises(KeyboardInterrupt):
                second.import_from(here / "all.jsonl", progress=stop)
            assert second.users() == []
            seen: list[tuple[int, int]] = []
            done = second.import_from(here / "all.jsonl", progress=lambda *counts: seen.append(counts))
            assert done.added == 700
            assert seen[-1] == (700, 700)
            assert kept(second, ALICE) == kept(first, ALICE)

    def test_importing_again_adds_nothing(self) -> None:
        """The memories are known by their ids."""
        with folder() as here, self.opened() as engine:
            fill(engine)
            engine.export(here / "all.jsonl")
            before = kept(engine, ALICE)
            again = engine.import_from(here / "all.jsonl")
            assert (again.added, again.known) == (0, 11)
            assert kept(engine, ALICE) == before

    def test_an_id_that_is_taken_is_not_overwritten(self) -> None:
        """A copy for another user of the store gets ids of its own, and keeps its history; once more adds nothing."""
        with folder() as here, self.opened() as engine:
            fill(engine)
            engine.export(here / "alice.jsonl", "alice")
            before = kept(engine, ALICE)
            assert engine.import_from(here / "alice.jsonl", "carol").added == 9
            assert kept(engine, ALICE) == before
            hers = engine.everything("carol").memories
            assert {one.content for one in hers} == {record.content for record in before[0]}
            assert not {one.id for one in hers} & {record.id for record in before[0]}
            braga = next(one for one in hers if one.content == "User lives in Braga")
            assert engine.history(braga.id)[0].content == "User lives in Lisbon"
            (held,) = [one for one in hers if one.held_until is not None]
            assert {engine.get(one).content for one in held.would_replace} == {"User drinks tea"}  # type: ignore[union-attr]
            assert engine.import_from(here / "alice.jsonl", "carol").added == 0
            assert len(engine.everything("carol").memories) == 9

    def test_a_text_that_is_known_gets_more_sources(self) -> None:
        """It does not stand there twice; what searched the user before finds the new memories too."""
        with folder() as here, self.opened() as first, self.opened() as second:
            fill(first)
            first.export(here / "alice.jsonl", "alice")
            (tea,) = second.save(ALICE, ["user drinks TEA"])
            second.save(ALICE, ["User has a bicycle"])
            assert len(find(second, ALICE, "tea")) == 2
            second.import_from(here / "alice.jsonl")
            same = [one for one in second.everything("alice").memories if "tea" in one.content.lower()]
            assert [one.id for one in same] == [tea]
            assert len(same[0].sources) == 3
            assert {one.content for one in find(second, ALICE, "Where does the user live?", top_k=20)} >= {
                "User lives in Braga",
                "User has a bicycle",
            }

    def test_vectors_of_another_embedder_are_made_anew(self) -> None:
        """They cannot be compared: the text is embedded by the store's own."""
        with folder() as here, self.opened() as first, self.opened(HashEmbedder(width=32)) as second:
            fill(first)
            first.export(here / "all.jsonl")
            second.import_from(here / "all.jsonl")
            for stored in second._backend.stored(None):
                assert stored.vector is not None
                expected = HashEmbedder(width=32).embed([stored.record.content])[0]
                assert np.allclose(stored.vector, expected, atol=1e-4)
            assert find(second, BOB, "User drinks coffee")[0].content == "User drinks coffee"

    @pytest.mark.parametrize("spoil", ["cut", "end", "line", "json", "vector", "more"])
    def test_a_damaged_file_leaves_nothing(self, spoil: str) -> None:
        """It is refused with the line where it is wrong, and no memory of it stays."""
        with folder() as here, self.opened() as first, self.opened() as second:
            fill(first)
            first.export(here / "all.jsonl")
            lines = (here / "all.jsonl").read_text().splitlines()
            if spoil == "cut":
                lines = lines[:-1]
            elif spoil == "end":
                del lines[4]
            elif spoil == "line":
                lines[4] = json.dumps(json.loads(lines[4]) | {"importance": 7})
            elif spoil == "json":
                lines[4] = lines[4][:20]
            elif spoil == "vector":
                lines[4] = json.dumps(json.loads(lines[4]) | {"vector": "AAAA"})
            else:
                lines.append("{}")
            (here / "all.jsonl").write_text("\n".join(lines) + "\n")
            with pytest.raises(UnreadableImport):
                second.import_from(here / "all.jsonl")
            assert second.users() == []
            ids = [stored.record.id for stored in first._backend.stored(None)]
            assert second._backend.owners(ids) == [None] * len(ids)

    def test_memories_that_wait_for_a_vector_wait_on(self) -> None:
        """If the embedder does not answer, they are imported too, and embedded later."""
        with self.opened() as engine:
            record = Record(
                id="019b0000-0000-7000-8000-000000000001",
                content="User drinks tea",
                user_id="alice",
                scope="user",  # type: ignore[arg-type]
                session_id=None,
                agent_id=None,
                turn_id=None,
                importance=0.5,
                metadata={},
                created_at=datetime.now(timezone.utc),
                valid_until=None,
                superseded_by=None,
                expires_at=None,
                entities=(),
                relationships=(),
                sources=(),
            )
            engine.save(BOB, ["User drinks coffee"])
            (bob,) = engine._backend.stored("bob")
            record = replace(record, scope=bob.record.scope, sources=bob.record.sources)
            engine._backend.stage("one", [Stored(record, (), None)])
            engine._backend.publish("one")
            assert engine.embed_waiting() == 1
            assert [one.content for one in find(engine, ALICE, "tea")] == ["User drinks tea"]

    def test_what_another_program_kept_is_brought_along(self) -> None:
        """Each memory once, with a source each time it was said; seen when all is stored; again, it adds nothing."""
        with folder() as here, self.opened() as engine:
            engine.save(BOB, ["Drinks coffee"])
            lines = [f"Has seen place {n}" for n in range(300)]
            items = [{"memory": text, "run_id": "r-1", "created_at": "2024-05-01T10:00:00Z"} for text in lines]
            items += [{"memory": "has seen place 7.", "run_id": run} for run in ("r-2", "r-3", "r-3")]
            items += [{"memory": "Is over", "expiration_date": "2020-01-01"}]
            (here / "mem0.json").write_text(json.dumps(items))

            def stop(done: int, total: int) -> None:
                raise KeyboardInterrupt

            with pytest.raises(KeyboardInterrupt):
                engine.import_from(here / "mem0.json", "alice", source="mem0", progress=stop)
            assert engine.users() == ["bob"]
            done = engine.import_from(here / "mem0.json", "alice", source="mem0")
            assert (done.added, done.known, done.skipped) == (300, 3, 1)
            records = {record.content: record for record in engine.everything("alice").memories}
            assert set(records) == set(lines)
            seven = records["Has seen place 7"]
            assert [source.session_id for source in seven.sources] == ["r-1", "r-2", "r-3"]
            assert {source.origin.value for source in seven.sources} == {"import"}
            assert find(engine, ALICE, "Has seen place 7", top_k=1)[0].id == seven.id
            again = engine.import_from(here / "mem0.json", "alice", source="mem0")
            assert (again.added, again.known, again.skipped) == (0, 303, 1)
            assert engine.get(seven.id) == seven

    def test_what_another_program_kept_joins_what_is_known(self) -> None:
        """A text that the user knows gets one more source; a file without users, and no user named, is refused."""
        with folder() as here, self.opened() as engine:
            (tea,) = engine.save(ALICE, ["User likes tea"])
            (here / "notes.md").write_text("- user likes TEA\n- User has a bicycle\n")
            with pytest.raises(InvalidInput, match="name the user"):
                engine.import_from(here / "notes.md", source="markdown")
            assert engine.import_from(here / "notes.md", "alice", source="markdown").added == 2
            assert engine.import_from(here / "notes.md", "alice", source="markdown").added <= 1
            records = {record.content: record for record in engine.everything("alice").memories}
            assert set(records) == {"User likes tea", "User has a bicycle"}
            assert records["User likes tea"].id == tea
            assert [source.origin.value for source in records["User likes tea"].sources] == ["application", "import"]
