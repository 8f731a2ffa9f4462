"""The end of a program: what waits is tried once more within a bound, and what is lost is said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from headroom.memory.user_memory import UserMemory
from headroom.testing import HashEmbedder

from ..server import Server

HOLD = "import apsw, sys; c = apsw.Connection(sys.argv[1]); c.execute('begin immediate'); print(flush=True); input()"
PROGRAM = """
import sys
from openai import OpenAI
from headroom import Memory, with_memory
from headroom.testing import HashEmbedder

memory = Memory(db_path=sys.argv[2], embedder=HashEmbedder())
client = with_memory(OpenAI(base_url=sys.argv[1] + "/v1", api_key="k"), "alice", memory=memory)
print(flush=True)
input()
for _ in range(3):
    stream = client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": "I have pets"}], stream=sys.argv[3] == "abandoned"
    )
    if sys.argv[3] == "abandoned":
        for chunk in stream:
            if "Bye" in (chunk.choices[0].delta.content or ""):
                break
print(client.memory.stats()["waiting"])
"""
FACTS = 'Nice.\n<memory>["User has a cat", "User has a dog"]</memory>\nBye.'


def run(server: Server, path: Path, way: str, *, locked: bool) -> tuple[str, str]:
    with UserMemory("alice", db_path=path, embedder=HashEmbedder()) as memory:
        memory.stats()
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, server.url, str(path), way],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    program.stdout.readline()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD if locked else "print(flush=True); input()", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    for number in range(3):
        server.script(FACTS.replace("cat", f"cat named {number}").replace("dog", f"dog named {number}"))
    out, err = program.communicate("\n", timeout=120)
    holder.communicate("\n")
    assert program.returncode == 0, err
    return out.strip(), err


def test_a_file_that_is_locked_to_the_end(server: Server, tmp_path: Path) -> None:
    """The facts are counted as long as they wait, and one line says how many of them are lost."""
    counted, said = run(server, tmp_path / "memory.db", "plain", locked=True)
    assert counted == "6"
    assert "6 facts of chats are lost" in said


def test_a_stream_that_nobody_read_to_its_end(server: Server, tmp_path: Path) -> None:
    """What it had taught is stored at the end of the program at the latest."""
    path = tmp_path / "memory.db"
    _, said = run(server, path, "abandoned", locked=False)
    assert "lost" not in said
    with UserMemory("alice", db_path=path, embedder=HashEmbedder()) as memory:
        assert len(memory.get_all()) == 6
