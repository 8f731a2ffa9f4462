"""A memory that is open goes on in a forked child and in its parent."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ..memory.children import in_child

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


HOOKS = """
import gc, os
from headroom.runtime import forks

class Thing:
    def __init__(self):
        self.told = []
        forks.renew_in_child(self.renew)
        forks.pause_for_fork(self.pause, self.resume)

    def renew(self):
        self.told.append("renew")

    def pause(self):
        self.told.append("pause")

    def resume(self):
        self.told.append("resume")

def things():
    kinds = forks._before, forks._in_parent, forks._in_child
    return [sum(isinstance(one, Thing) for one in hooks) for hooks in kinds]

kept, gone = Thing(), Thing()
assert things() == [2, 2, 2]
del gone
gc.collect()
assert things() == [1, 1, 1]
pid = os.fork()
if not pid:
    assert kept.told == ["pause", "renew"]
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert kept.told == ["pause", "resume"]
"""


def test_what_lives_is_told_and_nothing_is_kept_alive(path: Path) -> None:
    """Registering holds no object: those that are gone are forgotten, all others told, each on its side of the fork."""
    in_child(HOOKS, path)


FORKING = """
import os
engine = open_engine()
engine.save(ALICE, ["saved before the fork"])
find(engine, ALICE, "saved")
pid = os.fork()
who = "parent" if pid else "child"
for n in range(10):
    engine.save(ALICE, [f"saved by the {who}, {n}"])
    assert find(engine, ALICE, f"saved by the {who}, {n}")[0].content == f"saved by the {who}, {n}"
if not pid:
    engine.close()
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
engine.save(ALICE, ["saved after the child"])
assert len(listed(engine, ALICE)) == len(find(engine, ALICE, "saved", top_k=50)) == 22
engine.close()
import apsw
assert apsw.Connection(path).execute("pragma integrity_check").get == "ok"
"""


def test_child_and_parent_go_on(path: Path) -> None:
    """After a fork both save and search on the same file, and the child's end harms nobody."""
    in_child(FORKING, path)


LEFT_ALONE = """
import os, subprocess
engine = open_engine()
engine.save(ALICE, ["before"])
reading, writing = os.pipe()
pid = os.fork()
if not pid:
    os.close(writing)
    engine.save(ALICE, ["child, first"])
    os.read(reading, 1)
    engine.save(ALICE, ["child, second"])
    os._exit(0)  # as if killed: nothing is closed
engine.save(ALICE, ["parent"])
while len(listed(engine, ALICE)) < 3:
    pass
engine.close()
subprocess.run(arguments + [path], check=True)  # another program comes and goes
os.close(writing)
assert os.waitpid(pid, 0)[1] == 0
engine = open_engine()
tell(*sorted(record.content for record in listed(engine, ALICE)), sep="|")
engine.close()
"""


def test_a_child_that_outlives_its_parents_memory_loses_nothing(path: Path) -> None:
    """Neither its parent nor another process takes itself for the last one, and deletes the log that a child uses."""
    visit = (
        "import apsw, sys; c = apsw.Connection(sys.argv[1]); c.execute('select * from memories').fetchall(); c.close()"
    )
    assert in_child(LEFT_ALONE, path, sys.executable, "-c", visit) == "before|child, first|child, second|parent"


BUSY = """
import os, threading
engine = open_engine()
stop = threading.Event()

def work(worker):
    n = 0
    while not stop.is_set():
        engine.save(ALICE, [f"{worker} says {n % 20}"])
        find(engine, ALICE, f"{worker} says {n % 20}")
        n += 1

engine.save(ALICE, ["before"])  # what is imported on first use is imported: forking amid an import is Python's affair
find(engine, ALICE, "before")
threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(4)]
for thread in threads:
    thread.start()
for round in range(10):
    pid = os.fork()
    if not pid:
        import signal
        signal.alarm(20)
        engine.save(ALICE, [f"child {round}"])
        assert find(engine, ALICE, f"child {round}", top_k=100)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
stop.set()
for thread in threads:
    thread.join()
assert {f"child {n}" for n in range(10)} <= {record.content for record in listed(engine, ALICE)}
engine.close()
"""


def test_a_fork_amid_busy_threads_leaves_no_lock_held(path: Path) -> None:
    """Whatever the parent's threads are doing at that instant, the child is not blocked by it."""
    in_child(BUSY, path)


ASYNC = """
import asyncio, multiprocessing
from headroom.memory import Memory

memory = Memory(db_path=path, embedder=HashEmbedder())

async def use(who):
    await memory.save(f"saved by the {who}", "alice")
    return {result.content for result in await memory.search("saved", "alice")}

def child():
    found = asyncio.run(use("child"))
    assert found == {"saved by the parent", "saved by the child"}, found

assert asyncio.run(use("parent")) == {"saved by the parent"}
process = multiprocessing.get_context("fork").Process(target=child)
process.start()
process.join()
assert process.exitcode == 0
assert asyncio.run(use("parent")) == {"saved by the parent", "saved by the child"}
"""


def test_a_shared_memory_goes_on_in_a_multiprocessing_child(path: Path) -> None:
    """The async face has threads of its own in the child."""
    in_child(ASYNC, path)


CROWDED = """
import asyncio, faulthandler, os, time
from headroom.memory import Memory

faulthandler.dump_traceback_later(30, exit=True)

class Slow(HashEmbedder):
    def embed(self, texts):
        time.sleep(0.002)
        return super().embed(texts)

async def save(memory, end):
    saved = 0
    while time.monotonic() < end:
        await memory.save(f"fact {saved} of {id(end)}", "alice")
        saved += 1

async def main():
    memory = Memory(db_path=path, embedder=Slow())
    saving = [asyncio.create_task(save(memory, time.monotonic() + 1.2 + n / 1e6)) for n in range(40)]
    for _ in range(8):
        await asyncio.sleep(0.12)
        pid = os.fork()
        if not pid:
            os._exit(0 if memory.engine.stats()["total"] else 1)
        assert os.waitpid(pid, 0)[1] == 0
    await asyncio.gather(*saving)
    await memory.close()

asyncio.run(main())
"""


def test_forks_amid_many_that_wait_to_write(path: Path) -> None:
    """A fork waits for writers, and none of them waits for the fork: nobody hangs."""
    in_child(CROWDED, path)
