"""Another process that saves: `python -m benchmarks.speed.writer PATH USER VECTORS`, one memory for each line it reads.

A line holds the number of a row of the file VECTORS. Once that memory is durable, the number is printed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from headroom.memory import MemoryConfig
from headroom.memory.engine import Engine
from headroom.memory.open import acquire, release
from headroom.memory.protocols import Vectors
from headroom.memory.records import Reader


def main(path: str, user: str, vectors: str) -> None:
    """Save what is asked for until there are no more lines."""
    rows = np.load(vectors)
    engine = acquire(MemoryConfig(db_path=Path(path)))
    print("ready", flush=True)
    for line in sys.stdin:
        save(engine, user, rows, int(line))
        print(int(line), flush=True)
    release(engine)


def save(engine: Engine, user: str, vectors: Vectors, index: int) -> None:
    """Save one memory, whose text nothing asks for: it is found by its vector."""
    engine.store(Reader(user_id=user), [text_of(index)], vectors[index : index + 1])


def text_of(index: int) -> str:
    """Name a memory."""
    return f"noted{index}"


if __name__ == "__main__":
    main(*sys.argv[1:])
