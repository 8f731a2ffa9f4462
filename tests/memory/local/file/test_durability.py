"""What was acknowledged is durable, and no operation is ever there by half."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack
from pathlib import Path

import apsw
import pytest

from headroom.memory.engine import Engine
from headroom.memory.records import Change, Draft, Reader

from ....asking import listed
from ...children import child, in_child
from ...conftest import make_engine

ALICE = Reader(user_id="alice")

# Forks a writer, kills it at some instant, and looks at what it left; the writer acknowledges through a pipe.
KILLING = """
import os, random, signal, time
import apsw

def write(acknowledge):
    engine = open_engine()
    (chain,) = engine.save(ALICE, [f"{os.getpid()} version 0"])
    for n in range(1, 10_000):
        ids = engine.save(ALICE, [Draft(f"{os.getpid()} batch {n} item {i}", entities=["E"]) for i in range(4)])
        acknowledge("saved", n)
        chain = engine.update(chain, f"{os.getpid()} version {n}")
        acknowledge("updated", n)
        engine.update(ids[0], f"{os.getpid()} batch {n} item 0 corrected")
        if n % 2:
            for memory_id in ids[1:]:
                engine.delete(memory_id)
            engine.delete(engine.history(ids[0])[-1].id)
            acknowledge("deleted", n)

def check_file():
    open_engine().close()  # a process that was killed before the first table was there leaves an empty file
    plain = apsw.Connection(path)
    assert plain.execute("pragma integrity_check").get == "ok"
    plain.execute("insert into words (words) values ('integrity-check')")
    counts = "select (select count(*) from memories), (select count(*) from vectors), (select count(*) from words)"
    assert len(set(plain.execute(counts).get)) == 1, plain.execute(counts).get
    for table in ("vectors", "sources", "mentions", "relationships"):
        assert plain.execute(f"select count(*) from {table} where memory not in (select seq from memories)").get == 0
    plain.close()

def check(pid, acknowledged):
    engine = open_engine()
    records = [record for record in listed(engine, ALICE) if record.content.startswith(f"{pid} ")]
    versions = [record for record in records if " version " in record.content]
    assert len(versions) <= 1
    newest = max((n for what, n in acknowledged if what == "updated"), default=0)
    if versions:
        history = [int(record.content.split()[-1]) for record in engine.history(versions[0].id)]
        assert history in ([*range(newest + 1)], [*range(newest + 2)]), (newest, history)
    for n in {n for what, n in acknowledged if what == "saved"} | {newest + 1}:
        left = [record for record in records if f"{pid} batch {n} item" in record.content]
        if ("deleted", n) in acknowledged:
            assert not left, (n, left)
        elif ("saved", n) in acknowledged and not n % 2:
            assert len(left) == 4, (n, left)
        elif ("saved", n) not in acknowledged:
            assert len(left) in (0, 4), (n, left)
        for record in left:
            assert record.id in [found.id for found in find(engine, ALICE, record.content)]
    engine.close()

acknowledged_in_all = 0
for round in range(int(arguments[0])):
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        write(lambda what, n: os.write(writing, f"{what} {n}\\n".encode()))
        os._exit(1)
    os.close(writing)
    first = os.read(reading, 1).decode() if round % 4 else ""  # else it may die while it opens the file
    time.sleep(random.uniform(0, 0.1))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    lines = (first + os.fdopen(reading).read()).splitlines()
    acknowledged = {(what, int(n)) for what, n in (line.split() for line in lines)}
    acknowledged_in_all += len(acknowledged)
    assert apsw.Connection(path).execute("pragma integrity_check").get == "ok"
    check_file()
    check(pid, acknowledged)
tell(acknowledged_in_all)
"""


def test_a_process_killed_at_any_instant_loses_nothing_it_acknowledged(path: Path) -> None:
    """After kill -9 amid saves, updates and deletes the file is sound, whole, and knows all that was acknowledged."""
    assert int(in_child(KILLING, path, 20)) >= 15


SAVING = """
engine = open_engine()
for n in range(int(arguments[1])):
    text = f"{arguments[0]} says {n}"
    engine.save(ALICE, [text])
    assert text in [result.content for result in find(engine, ALICE, text, top_k=50)]
engine.close()
"""


def test_two_processes_write_and_search_at_once(path: Path) -> None:
    """Neither loses a memory, and each finds at once what it has just saved."""
    with child(SAVING, path, "one", 40) as one, child(SAVING, path, "two", 40) as two:
        assert one.end() == two.end() == ""
    engine = make_engine(path)
    assert len(listed(engine, ALICE)) == 80
    engine.close()


ANSWERING = """
engine = open_engine()
while question := wait():
    tell(*sorted(result.content for result in find(engine, ALICE, question, top_k=100)), sep="|")
engine.close()
"""


def test_the_next_search_of_another_process_knows_all_changes(engine: Engine, path: Path) -> None:
    """What one process saves, updates, forgets, restores, deletes and clears, the other's next search goes by."""
    (tea, cat) = engine.save(ALICE, ["fact tea", "fact cat"])
    with child(ANSWERING, path) as other:

        def found() -> str:
            other.tell("fact")
            return other.hear()

        assert found() == "fact cat|fact tea"
        engine.save(ALICE, ["fact dog"])
        assert found() == "fact cat|fact dog|fact tea"
        engine.update(tea, "fact coffee")
        assert found() == "fact cat|fact coffee|fact dog"
        engine.apply(ALICE, [Change(draft=None, replaces=(cat,))])
        assert found() == "fact coffee|fact dog"
        engine.restore(cat)
        assert found() == "fact cat|fact coffee|fact dog"
        engine.delete(cat)
        assert found() == "fact coffee|fact dog"
        engine.clear(ALICE)
        assert found() == ""


def test_a_process_that_fell_behind_the_log_of_changes_reads_anew(
    engine: Engine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the log of changes was cut before another process read it, that process still sees no deleted memory."""
    monkeypatch.setattr("headroom.memory.local.tables.history.CHANGES_KEPT", 5)
    ids = engine.save(ALICE, [f"fact {n}" for n in range(20)])
    behind = "from headroom.memory.local.cache import users\nusers.CHANGES_KEPT = 5\n" + ANSWERING
    with child(behind, path) as other:
        other.tell("fact")
        assert len(other.hear().split("|")) == 20
        for memory_id in ids[:15]:
            engine.delete(memory_id)
        other.tell("fact")
        assert other.hear().split("|") == sorted(f"fact {n}" for n in range(15, 20))


def test_the_log_of_changes_stays_short(engine: Engine, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is changed, the log keeps its newest entries only."""
    monkeypatch.setattr("headroom.memory.local.tables.history.CHANGES_KEPT", 5)
    for memory_id in engine.save(ALICE, [f"fact {n}" for n in range(20)]):
        engine.delete(memory_id)
    plain = apsw.Connection(str(path))
    assert plain.execute("select count(*) from changes").get == 5
    plain.close()


@pytest.mark.quick
def test_any_sqlite_reads_and_checks_the_file(engine: Engine, path: Path) -> None:
    """A plain connection without extensions reads texts and words, and finds the file sound."""
    engine.save(ALICE, ["User prefers dark mode", Draft("东京塔很高", entities=["东京塔"])])
    engine.delete(engine.save(ALICE, ["gone"])[0])
    plain = apsw.Connection(str(path))
    assert plain.execute("pragma integrity_check").get == "ok"
    plain.execute("insert into words (words) values ('integrity-check')")
    assert plain.execute("select content from memories order by seq").fetchall() == [
        ("User prefers dark mode",),
        ("东京塔很高",),
    ]
    assert plain.execute("""select count(*) from words where words match '"1:dark"'""").get == 1
    plain.close()


def test_the_standard_library_reads_and_checks_the_file(engine: Engine, path: Path) -> None:
    """So does Python's own sqlite3; one before SQLite 3.42 reads everything but the text index, and says so."""
    engine.save(ALICE, ["User prefers dark mode"])
    engine.delete(engine.save(ALICE, ["gone"])[0])
    engine.close()
    plain = sqlite3.connect(path)
    if not plain.execute("select sqlite_compileoption_used('ENABLE_FTS5')").fetchone()[0]:
        pytest.skip("this Python's sqlite3 has no FTS5")
    words = """select rowid from words where words match '"1:dark"'"""
    try:
        assert plain.execute("pragma integrity_check").fetchone() == ("ok",)
        assert plain.execute("select content from memories").fetchall() == [("User prefers dark mode",)]
        if sqlite3.sqlite_version_info >= (3, 42):
            assert plain.execute(words).fetchall() == [(1,)]
        else:
            with pytest.raises(sqlite3.DatabaseError):
                plain.execute(words).fetchall()
    finally:
        plain.close()


MANY = """
me = arguments[0]
agent = Reader(user_id="alice", agent_id=f"agent {me}")
engine = open_engine()
tell("ready")
wait()
texts = [f"fact {n} of everybody" if n % 5 == 0 else f"fact {n} of agent {me}" for n in range(1000)]
for start in range(0, 1000, 10):
    engine.save(agent, texts[start : start + 10])
engine.close()
tell("done")
"""


def test_eight_processes_lose_none_and_double_none(path: Path) -> None:
    """Each writes 1,000 facts, 200 of them the same as all others: there are 8 x 800 + 200, with all their sources."""
    with ExitStack() as stack:
        writers = [stack.enter_context(child(MANY, path, number)) for number in range(8)]
        for writer in writers:
            assert writer.hear() == "ready"
        for writer in writers:
            writer.tell()
        for writer in writers:
            assert writer.hear() == "done"
    engine = make_engine(path)
    records = listed(engine, ALICE)
    assert len(records) == len({record.content for record in records}) == 8 * 800 + 200
    for record in records:
        agents = [source.agent_id for source in record.sources]
        assert len(set(agents)) == len(agents) == (8 if record.content.endswith("everybody") else 1)
    assert engine.stats(ALICE)["by_agent"] == {f"agent {number}": 1000 for number in range(8)}
    engine.close()
