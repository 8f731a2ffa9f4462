"""Places a memory can live in: no home, any user id, a temporary folder only, many forked workers."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import headroom

from .mounts import read_only

SOURCE = str(Path(headroom.__file__).parents[1])
ASK = """
import asyncio, os, sys, tempfile
sys.path.insert(0, {source!r})
from headroom.memory import Memory, MemoryConfig
from headroom.memory.local.backend import LocalBackend
from headroom.testing import HashEmbedder

def opened(**settings):
    return Memory(MemoryConfig(**settings), embedder=HashEmbedder())

async def main():
{body}

async def load(folder):
    async with opened(db_path=folder + "/memory.db") as memory:
        await memory.save("anything", "anybody")
        await memory.search("anything", "anybody")

if {user}:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(load(folder))  # what is imported late, while this user may read the library
    os.setgroups([])
    os.setgid({user})
    os.setuid({user})
asyncio.run(main())
"""
SAVE = """
async with opened() as memory:
    print(len(await memory.save("likes tea", "alice")))
"""
SEARCH = """
async with opened() as memory:
    print((await memory.search("tea", "alice"))[0].content)
"""


def run(body: str, *, user: int | None = None, cwd: Path, **environment: str) -> str:
    """Run a program with an environment of its own, as another user if asked, and return what it prints."""
    code = ASK.format(source=SOURCE, user=user or 0, body=textwrap.indent(textwrap.dedent(body), "    "))
    kept = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, **environment},
        cwd=cwd,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that any user can reach, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become any user")
def test_a_container_with_any_user_id_and_no_home(home: Path) -> None:
    """A user id that has no name and no home writes to the folder that HEADROOM_HOME names, and only there."""
    os.chown(home, 1_000_650_000, 0)
    for body, printed in ((SAVE, "36"), (SEARCH, "likes tea")):
        assert run(body, user=1_000_650_000, cwd=home, HEADROOM_HOME=str(home)) == printed
    assert os.listdir(home) == ["memory.db"]
    assert os.stat(home / "memory.db").st_mode & 0o777 == 0o600


def test_a_function_that_can_write_to_a_temporary_folder_only(tmp_path: Path) -> None:
    """It puts a backup there when it starts, works on that, and backs it up when it ends; elsewhere it only reads."""
    (tmp_path / "bundle").mkdir()
    (tmp_path / "tmp").mkdir()
    bundled, working = tmp_path / "bundle" / "memory.db", tmp_path / "tmp" / "memory.db"
    run(SAVE.replace("opened()", f"opened(db_path={str(bundled)!r})"), cwd=tmp_path)
    with read_only(tmp_path / "bundle"):
        reading = SEARCH.replace("opened()", f"opened(db_path={str(bundled)!r}, read_only=True)")
        assert run(reading, cwd=tmp_path / "tmp") == "likes tea"
        body = f"""
            await Memory.restore_backup({str(bundled)!r}, MemoryConfig(db_path={str(working)!r}))
            async with opened(db_path={str(working)!r}) as memory:
                await memory.save("likes coffee", "alice")
                await memory.backup({str(tmp_path / "tmp" / "out.db")!r})
                print(sorted(record.content for record in await memory.get_all("alice")))
        """
        assert run(body, cwd=tmp_path / "tmp") == "['likes coffee', 'likes tea']"
    assert os.listdir(tmp_path / "bundle") == ["memory.db"]
    assert sorted(os.listdir(tmp_path / "tmp")) == ["memory.db", "out.db"]


FORKING = """
import os, sys
sys.path.insert(0, {source!r})
from headroom.memory import MemoryConfig
from headroom.memory.user_memory import UserMemory
from headroom.testing import HashEmbedder

embedder = HashEmbedder()
memory = UserMemory("alice", config=MemoryConfig(db_path={path!r}{key}), embedder=embedder)
memory.add("from the parent")
pids = []
for n in range(4):
    pid = os.fork()
    if not pid:
        try:
            for i in range(20):
                memory.add(f"from worker {{n}}, {{i}}")
                assert memory.search(f"from worker {{n}}, {{i}}", top_k=100)
            memory.close()
            os._exit(0)
        except BaseException as exc:
            print(repr(exc), file=sys.stderr, flush=True)
            os._exit(1)
    pids.append(pid)
memory.add("meanwhile")
assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * 4
print(memory.stats()["total"])
memory.close()
"""


@pytest.mark.parametrize("key", ["", ", encryption_key='a passphrase'"])
def test_a_server_that_forks_its_workers(path: Path, key: str) -> None:
    """A memory that was opened before the fork is used on by all workers and the parent, encrypted or not."""
    code = FORKING.format(source=SOURCE, path=str(path), key=key)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "82"), done.stderr
    assert os.listdir(path.parent) == ["memory.db"]
