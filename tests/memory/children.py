"""Other processes on the same file: real ones, spoken to line by line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PRELUDE = """
import sys
from pathlib import Path
from headroom.memory import Draft, MemoryConfig
from headroom.memory.embedders.cached import CachedEmbedder
from headroom.memory.engine import Engine
from headroom.memory.local.backend import LocalBackend
from headroom.memory.query import Listing, Query
from headroom.memory.records import Change, Reader
from headroom.testing import HashEmbedder

path, *arguments = sys.argv[1:]
ALICE = Reader(user_id="alice")

def open_engine(**settings):
    embedder = HashEmbedder()
    return Engine(LocalBackend(MemoryConfig(db_path=path, **settings), embedder), CachedEmbedder(embedder, 100))

def find(engine, reader, text, **options):
    return engine.search(Query(reader=reader, text=text, **options))

def listed(engine, reader):
    return engine.get_all(Listing(reader=reader))

def tell(*words, sep=" "):
    print(*words, sep=sep, flush=True)

def wait():
    return sys.stdin.readline().strip()
"""


class Child:
    """A running Python process on a memory file."""

    def __init__(self, code: str, path: Path, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PRELUDE + code, str(path), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def hear(self) -> str:
        """Wait for its next line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self, line: str = "") -> None:
        """Send it a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def kill(self) -> list[str]:
        """Kill it at once, and give the whole lines that it had still said."""
        os.kill(self.process.pid, signal.SIGKILL)
        said, _ = self.process.communicate()
        return said.splitlines() if said.endswith("\n") else said.splitlines()[:-1]

    def end(self) -> str:
        """Wait until it is done, which it must be well; give what it still said."""
        said, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0
        return said.strip()


@contextmanager
def child(code: str, path: Path, *arguments: object) -> Iterator[Child]:
    """Start a process and see that it is gone at the end."""
    started = Child(code, path, *arguments)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.process.kill()
        started.process.communicate()


def in_child(code: str, path: Path, *arguments: object) -> str:
    """Run a process to its end and give what it said."""
    with child(code, path, *arguments) as started:
        return started.end()


def bytes_of(path: Path) -> bytes:
    """Read the file and its side files. Another process does: closing a file here would drop this one's locks."""
    code = "import sys\nfor p in sys.argv[1:]: sys.stdout.buffer.write(open(p, 'rb').read())"
    files = [name for suffix in ("", "-wal", "-shm") if os.path.exists(name := f"{path}{suffix}")]
    return subprocess.run([sys.executable, "-c", code, *files], capture_output=True, check=True).stdout
