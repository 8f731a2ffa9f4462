"""A memory with a past: versions, a forgotten memory, several agents and scopes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headroom.memory import UserMemory
from headroom.testing import HashEmbedder

from .past import fill


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[UserMemory]:
    """The owner's view of a small memory, over a deterministic embedder."""
    with UserMemory("alice", db_path=tmp_path / "memory.db", embedder=HashEmbedder()) as opened:
        fill(opened)
        yield opened
