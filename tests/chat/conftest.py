"""What the tests of the chat share: a memory of its own for each test, and clients that have it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from headroom import Memory, with_memory
from headroom.testing import HashEmbedder

from ..server import Server
from .clients import make_client, settled


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    """A memory in this test's own folder, with an embedder that needs no model."""
    async with Memory(db_path=tmp_path / "memory.db", embedder=HashEmbedder()) as opened:
        yield opened


@pytest.fixture
async def remembering(server: Server, memory: Memory) -> AsyncIterator[Callable[..., Any]]:
    """Make a client with memory by name; a failing memory raises, so that no test passes because of fail-open.

    Recall has a minute: on a busy machine a second may not be enough.
    """
    made = []

    def make(name: str = "OpenAI", user_id: str = "alice", **options: Any) -> Any:
        client = make_client(name, server.url)
        made.append(client)
        return with_memory(client, user_id, **{"memory": memory, "on_error": "raise", "recall_timeout": 60, **options})

    yield make
    for client in made:
        await settled(client.close())
