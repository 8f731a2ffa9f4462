"""A memory of each test's own, over a deterministic embedder: here meaning does not matter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from headroom.memory import Memory, MemoryConfig
from headroom.memory.embedders.cached import CachedEmbedder
from headroom.memory.engine import Engine
from headroom.memory.local.backend import LocalBackend
from headroom.testing import HashEmbedder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The memory file of this test, which is not there yet."""
    return tmp_path / "memory.db"


@pytest.fixture
async def memory(path: Path) -> AsyncIterator[Memory]:
    """A Memory on that file."""
    async with Memory(db_path=path, embedder=HashEmbedder()) as opened:
        yield opened


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    """The synchronous core on that file, shared with nobody."""
    opened = make_engine(path)
    yield opened
    opened.close()


def make_engine(path: Path, **settings: object) -> Engine:
    """Open `path` with an engine of its own."""
    embedder = HashEmbedder()
    config = MemoryConfig(db_path=path, **settings)  # type: ignore[arg-type]
    return Engine(LocalBackend(config, embedder), CachedEmbedder(embedder, 100))
