"""Trio: an asynchronous client has its memory there too."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from headroom import Memory, with_memory
from headroom.memory.protocols import Vector
from headroom.testing import HashEmbedder

from ..server import Server
from .clients import make_client

trio = pytest.importorskip("trio")
pytestmark = pytest.mark.quick

FACT = "User prefers Python for backend work"
REPLY = f'Python it is.\n<memory>\n[{{"content": "{FACT}"}}]\n</memory>'
ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "I prefer Python for backend work"}]}


def on_trio(name: str, server: Server, memory: Memory, work: Callable[[Any], Awaitable[None]], **options: Any) -> None:
    """Run `work` on a client with memory, in a trio loop."""

    async def main() -> None:
        async with memory, make_client(name, server.url) as client:
            await work(with_memory(client, "alice", memory=memory, **options))

    trio.run(main)


# A stream of the SDK, with memory or without, leaves generators unfinished at [DONE], which trio tells.
@pytest.mark.filterwarnings("ignore:Async generator '(openai|groq|http):ResourceWarning")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["AsyncOpenAI", "AsyncAzureOpenAI", "AsyncGroq"])
def test_a_turn(name: str, stream: bool, server: Server, tmp_path: Path) -> None:
    """A fact is stored when the reply is there, recalled in the next turn, and found through `client.memory`."""

    async def work(client: Any) -> None:
        server.script(REPLY)
        reply = await client.chat.completions.create(**ASK, stream=stream)
        if stream:
            assert "".join([chunk.choices[0].delta.content or "" async for chunk in reply]) == "Python it is."
        else:
            assert reply.choices[0].message.content == "Python it is."
        assert [found.content for found in await client.memory.search("Python")] == [FACT]
        await client.chat.completions.create(**ASK)
        assert FACT in server.last.messages[-1]["content"]

    memory = Memory(db_path=tmp_path / "memory.db", embedder=HashEmbedder())
    on_trio(name, server, memory, work, on_error="raise", recall_timeout=60)


class Stuck(HashEmbedder):
    """An embedder that takes longer over a question than a chat waits."""

    def embed_query(self, text: str) -> Vector:
        time.sleep(0.5)
        return super().embed_query(text)


def test_recall_slower_than_its_timeout(server: Server, tmp_path: Path) -> None:
    """The chat goes on without notes, as on asyncio."""

    async def work(client: Any) -> None:
        for n in range(6):
            await client.memory.add(f"fact number {n}")
        reply = await client.chat.completions.create(**ASK)
        assert reply.choices[0].message.content == "OK"
        assert client.memory.last_turn.failed == {"recall": "TimeoutError"}

    memory = Memory(db_path=tmp_path / "memory.db", embedder=Stuck())
    on_trio("AsyncOpenAI", server, memory, work, recall_timeout=0.05)
    assert server.last.messages[-1]["content"].endswith(ASK["messages"][-1]["content"])
    assert "Notes about" not in server.last.messages[-1]["content"]
