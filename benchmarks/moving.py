"""Export and import a store of many memories; print how long it takes, and how much memory at most.

    python -m benchmarks.moving 1000000

The memories are made: 80 characters of common words, and random unit vectors of 384 numbers. Each step runs
in a process of its own, whose peak of resident memory is compared with that of the same process before it began.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

from headroom.memory.config import MemoryConfig
from headroom.memory.embedders.cached import CachedEmbedder
from headroom.memory.engine import Engine
from headroom.memory.local.backend import LocalBackend
from headroom.memory.records import Draft, Reader
from headroom.testing import HashEmbedder

_WIDTH, _BATCH, _USERS = 384, 4096, 100
_WORDS = "the user likes tea coffee python berlin lisbon monday work garden music old new house river book dog".split()
_MEBIBYTE = 1 << 20


def main(count: int) -> None:
    """Make a store, then export it, import it into a new one, and print both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _step(folder, "fill", count)
        for step in ("export", "restore"):
            print(_step(folder, step, count), flush=True)
        sizes = {file: os.stat(folder / file).st_size / _MEBIBYTE for file in ("old.db", "new.db", "all.jsonl")}
        print(", ".join(f"{file} {size:,.0f} MiB" for file, size in sizes.items()))


def _step(folder: Path, step: str, count: int) -> str:
    program = [sys.executable, "-m", "benchmarks.moving", str(count), step, str(folder)]
    return subprocess.run(program, capture_output=True, text=True, check=True).stdout.strip()


def run(count: int, step: str, folder: Path) -> None:
    """Do one step in this process, and print what it took."""
    embedder = HashEmbedder(_WIDTH)
    path = folder / ("new.db" if step == "restore" else "old.db")
    engine = Engine(LocalBackend(MemoryConfig(db_path=path), embedder), CachedEmbedder(embedder, 0))
    before, began = _peak(), perf_counter()
    if step == "fill":
        _fill(engine, count)
    elif step == "export":
        assert engine.export(folder / "all.jsonl") == count
    else:
        assert engine.import_from(folder / "all.jsonl").added == count
    seconds, grown = perf_counter() - began, _peak() - before
    print(f"{step}: {count:,} memories in {seconds:,.0f} s, {grown:,.0f} MiB above {before:,.0f} MiB")
    engine.close()


def _fill(engine: Engine, count: int) -> None:
    chance = np.random.default_rng(1)
    for start in range(0, count, _BATCH):
        size = min(_BATCH, count - start)
        vectors = chance.standard_normal((size, _WIDTH)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        drafts = [Draft(f"{' '.join(chance.choice(_WORDS, 12))} {start + n}") for n in range(size)]
        engine.store(Reader(user_id=f"user {start // _BATCH % _USERS}"), drafts, vectors)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (_MEBIBYTE if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        run(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
