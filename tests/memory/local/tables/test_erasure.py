"""Delete deletes: of an erased memory no byte stays in the file or beside it."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from headroom.memory.engine import Engine
from headroom.memory.records import Change, Draft, Reader, Scope

from ....asking import find, listed
from ...children import bytes_of, child, in_child
from ...conftest import make_engine

ALICE = Reader(user_id="alice")
SECRET = Draft(
    "Her passphrase is Xylophagous Quokkaverse",
    entities=("Quintessa",),
    relationships=(("Quintessa", "guards", "Vaultworth"),),
    metadata={"Codeword": "Zephyrine"},
)
TRACES = "xylophag quokkavers quintessa vaultworth codeword zephyrin passphras".split()
"""Rare words of it, as far as their stems go."""


def traces(path: Path, words: Sequence[str] = TRACES) -> list[str]:
    """Return which words stand in the file or beside it, in any case."""
    raw = bytes_of(path).lower()
    return [word for word in words if word.encode() in raw]


def store(engine: Engine, draft: Draft = SECRET, reader: Reader = ALICE) -> str:
    """Save a secret among memories that stay, and look for it, so that every index and cache has it."""
    engine.save(reader, [f"an ordinary fact, number {n}" for n in range(30)])
    (memory_id,) = engine.save(reader, [draft])
    engine.save(reader, [f"a later fact, number {n}" for n in range(30)])
    assert find(engine, reader, "passphrase Xylophagous", include_graph=True)[0].id == memory_id
    return memory_id


@pytest.mark.quick
def test_a_deleted_memory_is_in_no_byte(engine: Engine, path: Path) -> None:
    """After `delete` its words, stems, entities, edges and metadata are neither in the file nor in its log."""
    memory_id = store(engine)
    assert traces(path) == TRACES
    assert engine.delete(memory_id)
    assert traces(path) == []
    assert len(listed(engine, ALICE)) == 60


def test_its_versions_and_sources_go_with_it(engine: Engine, path: Path) -> None:
    """What it replaced and who said it again are erased together with it."""
    memory_id = store(engine)
    engine.save(Reader(user_id="alice", session_id="Ypsilonian"), [SECRET])
    newer = engine.update(memory_id, "Her passphrase is Wolframite now")
    engine.apply(ALICE, [Change(draft=Draft("Her passphrase was Thaumaturgy"), replaces=(newer,))])
    (newest,) = (record.id for record in listed(engine, ALICE) if "Thaumaturgy" in record.content)
    words = [*TRACES, "ypsilonian", "wolframit", "thaumaturg"]
    assert traces(path, words) == words
    assert engine.delete(newest)
    assert traces(path, words) == []


@pytest.mark.parametrize(
    "cleared", [Reader(user_id="alice"), Reader(user_id="alice", session_id="s")], ids=["user", "session"]
)
def test_what_is_cleared_is_in_no_byte(engine: Engine, path: Path, cleared: Reader) -> None:
    """`clear` of a user or of a session leaves nothing of it."""
    reader = Reader(user_id="alice", session_id="s")
    store(engine, Draft(SECRET.content, scope=Scope.SESSION, metadata=SECRET.metadata), reader)
    assert engine.clear(cleared) > 0
    assert traces(path, ["xylophag", "quokkavers", "codeword", "zephyrin"]) == []


def test_a_long_text_is_erased_to_its_end(engine: Engine, path: Path) -> None:
    """A text of many pages leaves none of them behind."""
    words = [f"zq{random.Random(n).randrange(16**10):010x}" for n in range(2000)]
    (memory_id,) = engine.save(ALICE, [" ".join(words)])
    assert engine.delete(memory_id)
    assert traces(path, words) == []


def test_nothing_stays_behind_when_memories_grow_and_move(engine: Engine, path: Path) -> None:
    """Rows that merges made longer were copied from page to page: no copy outlives them."""
    chance = random.Random(5)
    marks = [f"zq{chance.randrange(16**12):012x}" for _ in range(100)]
    ids = engine.save(ALICE, [Draft(f"{mark} is a mark", metadata={"m": mark}) for mark in marks])
    for n in range(150):
        mark = chance.choice(marks)
        grown = {f"key {n}": mark * chance.randrange(1, 30)}
        engine.save(ALICE, [Draft(f"{mark} is a mark", metadata=grown, entities=[f"E{mark}{n}"])])
    chance.shuffle(ids)
    assert all(engine.delete(memory_id) for memory_id in ids)
    assert traces(path, marks) == []


def test_expired_memories_are_erased_on_open(path: Path) -> None:
    """What has expired goes when the file is opened next, from every byte."""
    engine = make_engine(path)
    soon = datetime.now(timezone.utc) + timedelta(seconds=2)
    engine.save(ALICE, ["stays", Draft(SECRET.content, expires_at=soon)])
    engine.close()
    time.sleep(max(0.0, (soon - datetime.now(timezone.utc)).total_seconds()) + 0.05)
    engine = make_engine(path)
    assert traces(path) == []
    assert [record.content for record in listed(engine, ALICE)] == ["stays"]
    engine.close()


def test_turn_memories_of_a_day_ago_are_erased_on_open(path: Path) -> None:
    """A turn that nobody ended is ended by the next who opens the file a day later; fresh ones stay."""
    turn = Reader(user_id="alice", turn_id="t")
    engine = make_engine(path)
    yesterday = datetime.now(timezone.utc) - timedelta(hours=25)
    engine.save(turn, [Draft(SECRET.content, scope=Scope.TURN, created_at=yesterday), Draft("new", scope=Scope.TURN)])
    engine.close()
    engine = make_engine(path)
    assert traces(path) == []
    assert [record.content for record in listed(engine, turn)] == ["new"]
    engine.end_turn(turn)
    assert listed(engine, turn) == []
    engine.close()


READING = """
engine = open_engine()
with engine._backend._database.read() as cursor:
    cursor.execute("select count(*) from memories").fetchall()
    tell("reading")
    wait()
tell("done")
wait()
engine.save(ALICE, ["written by the reader"])
tell("written")
wait()
engine.close()
"""


def test_another_process_that_has_the_file_open_is_no_hindrance(engine: Engine, path: Path) -> None:
    """Others that hold the file open, searching now and then, keep nothing of what is deleted."""
    searching = "engine = open_engine()\nwhile wait() != 'end': tell(len(find(engine, ALICE, 'passphrase')))"
    memory_id = store(engine)
    with child(searching, path) as other:
        other.tell()
        assert int(other.hear()) > 0
        assert engine.delete(memory_id)
        assert traces(path) == []


def gone(engine: Engine, path: Path, seconds: float = 30) -> bool:
    """Wait until the store says that nothing erased is left, and see that it is so."""
    deadline = time.monotonic() + seconds
    while engine.stats()["erasing"] and time.monotonic() < deadline:
        time.sleep(0.01)
    return not engine.stats()["erasing"] and traces(path) == []


def test_a_read_at_that_very_moment_delays_the_erasure_until_it_ends(engine: Engine, path: Path) -> None:
    """While another process reads, the log must stay: `delete` returns, `stats` says so, and then nobody need write."""
    memory_id = store(engine)
    with child(READING, path) as other:
        assert other.hear() == "reading"
        assert engine.delete(memory_id)
        assert engine.stats()["erasing"] == 1
        assert traces(path) != []
        engine.save(ALICE, ["while it still reads"])
        other.tell()
        assert other.hear() == "done"
        assert gone(engine, path)


def test_an_erasure_that_nobody_is_in_the_way_of_is_done_at_once(engine: Engine, path: Path) -> None:
    """When `delete` returns, `stats` says that nothing is left to erase."""
    memory_id = store(engine)
    assert engine.stats()["erasing"] == 0
    assert engine.delete(memory_id)
    assert engine.stats()["erasing"] == 0
    assert traces(path) == []


def test_a_short_read_at_that_moment_is_waited_for(engine: Engine, path: Path) -> None:
    """A search elsewhere that ends soon leaves nothing behind."""
    memory_id = store(engine)
    with child(READING.replace("wait()", "__import__('time').sleep(0.2)", 1), path) as other:
        assert other.hear() == "reading"
        assert engine.delete(memory_id)
        assert gone(engine, path)


def test_whoever_writes_next_finishes_it(path: Path) -> None:
    """If the deleting process is gone, the other's next write empties the log."""
    engine = make_engine(path)
    memory_id = store(engine)
    with child(READING, path) as other:
        assert other.hear() == "reading"
        assert engine.delete(memory_id)
        engine.close()
        assert traces(path) != []
        other.tell()
        other.tell()
        assert (other.hear(), other.hear()) == ("done", "written")
        assert traces(path) == []


def test_at_rest_the_log_is_empty(engine: Engine, path: Path) -> None:
    """Soon after the last write the file alone holds everything: a copy of it taken then is whole."""
    engine.save(ALICE, ["likes tea"])
    log = Path(f"{path}-wal")
    assert log.stat().st_size > 0
    deadline = time.monotonic() + 60
    while log.stat().st_size and time.monotonic() < deadline:
        time.sleep(0.05)
    copied = (
        "import shutil; shutil.copy(path, path + '.copy'); path += '.copy'; tell(len(listed(open_engine(), ALICE)))"
    )
    assert in_child(copied, path) == "1"


def test_an_erasure_while_the_program_ends(path: Path) -> None:
    """When no thread can be started any more, deleting works on, and closing the file leaves nothing behind."""
    ending = """
import atexit, threading
from headroom.memory.local.file import log

class NoThread(threading.Thread):
    def start(self):
        raise RuntimeError("can't create new thread at interpreter shutdown")

log.threading = type("T", (), {**vars(threading), "Thread": NoThread})
engine = open_engine()
(memory_id,) = engine.save(ALICE, ["Her passphrase is Xylophagous"])
engine.delete(memory_id)
engine.save(ALICE, ["stays"])
engine.close()
"""
    assert in_child(ending, path) == ""
    assert traces(path) == []


def test_a_cleared_user_leaves_no_name(engine: Engine, path: Path) -> None:
    """After `clear` of a whole user the id of the user is in no byte, and the user begins anew."""
    reader = Reader(user_id="Quetzalcoatlus")
    engine.save(reader, ["likes tea"])
    engine.save(ALICE, ["stays"])
    find(engine, reader, "tea")
    assert traces(path, ["quetzalcoatlus"]) != []
    assert engine.clear(reader) == 1
    assert traces(path, ["quetzalcoatlus"]) == []
    assert find(engine, reader, "tea") == []
    assert engine.users() == ["alice"]
    (again,) = engine.save(reader, ["likes coffee"])
    assert [record.id for record in listed(engine, reader)] == [again]
    assert [result.content for result in find(engine, reader, "likes")] == ["likes coffee"]


def test_a_user_who_has_only_a_name_is_forgotten_too(engine: Engine, path: Path) -> None:
    """A user whose memories were deleted one by one still has a name in the file; `clear` removes it."""
    reader = Reader(user_id="Quetzalcoatlus")
    (memory_id,) = engine.save(reader, ["likes tea"])
    engine.delete(memory_id)
    assert engine.clear(reader) == 0
    assert traces(path, ["quetzalcoatlus"]) == []


def test_a_user_who_comes_back_is_another_one_to_other_processes(engine: Engine, path: Path) -> None:
    """Columns that another process keeps of a cleared user are never taken for those of the user who came back."""
    searching = (
        "engine = open_engine()\nwhile wait() != 'end': tell(*[r.content for r in find(engine, ALICE, 'likes')])"
    )
    engine.save(ALICE, ["likes tea"])
    with child(searching, path) as other:
        for text in ("coffee", "juice", "water"):
            other.tell()
            assert other.hear().startswith("likes")
            engine.clear(ALICE)
            engine.save(ALICE, [f"likes {text}"])
            other.tell()
            assert other.hear() == f"likes {text}"


def test_whoever_opens_next_finishes_it(path: Path) -> None:
    """A process that was killed before the log was empty left it to the next one that opens the file."""
    killed = """
engine = open_engine()
engine.clear(ALICE)
tell("cleared")
wait()
"""
    engine = make_engine(path)
    store(engine)
    engine.close()
    with child(READING, path) as reader:
        assert reader.hear() == "reading"
        with child(killed, path) as other:
            assert other.hear() == "cleared"
            other.kill()
        reader.kill()
    assert traces(path) == TRACES
    make_engine(path).close()
    assert traces(path) == []


def test_the_caches_of_another_process_forget_it(engine: Engine, path: Path) -> None:
    """A search elsewhere that had it in its indexes does not find it any more."""
    searching = (
        "engine = open_engine()\nwhile wait() != 'end': tell(*[r.id for r in find(engine, ALICE, 'passphrase')])"
    )
    memory_id = store(engine)
    with child(searching, path) as other:
        other.tell()
        assert memory_id in other.hear()
        engine.delete(memory_id)
        other.tell()
        assert memory_id not in other.hear()
