"""The first turns of a process: the model's load counts for no recall, is waited for once, and is bounded."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from headroom import Memory, MemoryConfig, with_memory
from headroom.memory.embedders import cached
from headroom.memory.user_memory import UserMemory
from headroom.testing import HashEmbedder

from ..server import Server, says
from .clients import make_client, settled
from .first_turns import CHATS, counted

ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "What is my cat called?"}]}
BLOCK = '\n\n<memory>\n[{"content": "User has a dog"}]\n</memory>'


class SlowToLoad(HashEmbedder):
    """An embedder on this machine whose model takes until `loaded` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.loads = 0
        self.loading, self.loaded = threading.Event(), threading.Event()
        self._lock = threading.Lock()

    def embed_query(self, text: str) -> Any:
        with self._lock:
            if not self.loaded.is_set():
                self.loads += 1
                self.loading.set()
                self.loaded.wait(30)
        return super().embed_query(text)


@pytest.fixture
def embedder(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowToLoad]:
    """What every configuration gets in this test."""
    slow = SlowToLoad()
    monkeypatch.setattr("headroom.memory.open.make_embedder", lambda config: slow)
    yield slow
    slow.loaded.set()


@pytest.fixture
def config(tmp_path: Path) -> MemoryConfig:
    return MemoryConfig(db_path=tmp_path / "memory.db")


def remember(config: MemoryConfig) -> None:
    """Store a note by an embedder that is loaded."""
    with UserMemory("alice", config=config, embedder=HashEmbedder()) as memory:
        memory.add("User has a cat called Rex")


@pytest.mark.parametrize("name", ["OpenAI", "AsyncOpenAI"])
def test_the_first_recall_is_not_late_because_of_the_load(
    name: str, embedder: SlowToLoad, config: MemoryConfig, server: Server
) -> None:
    """A load that takes longer than `recall_timeout` delays the first chat, which has its notes."""

    async def first() -> None:
        real = make_client(name, server.url)
        client = with_memory(real, "alice", config=config, recall_timeout=2.0)
        remember(config)
        threading.Timer(3.0, embedder.loaded.set).start()
        await settled(client.chat.completions.create(**ASK))
        assert client.memory.last_turn.failed == {}
        assert client.memory.last_turn.ms["load"] > 0
        assert "User has a cat called Rex" in server.last.messages[-1]["content"]
        await settled(client.chat.completions.create(**ASK))
        assert "load" not in client.memory.last_turn.ms
        await settled(real.close())

    asyncio.run(first())


def test_first_chats_at_once_wait_for_one_load(embedder: SlowToLoad, config: MemoryConfig, server: Server) -> None:
    """They do not queue behind each other: one load, for which all wait together, and each has its notes."""
    remember(config)
    with make_client("OpenAI", server.url) as real:
        server.script(*[says("Nice." + BLOCK)] * 20)

        def chat(_: int) -> Any:
            client = with_memory(real, "alice", config=config, recall_timeout=30)
            client.chat.completions.create(**ASK)
            return client.memory.last_turn

        with ThreadPoolExecutor(20) as pool:
            turns = pool.map(chat, range(20))
            assert embedder.loading.wait(30)
            threading.Timer(0.5, embedder.loaded.set).start()
            assert all([note.content for note in turn.recalled] for turn in turns)
        assert embedder.loads == 1


def test_the_load_is_bounded(
    embedder: SlowToLoad, config: MemoryConfig, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that does not come delays the chats that begin meanwhile, not those after; all of them learn."""
    monkeypatch.setattr(cached, "LOADING_PATIENCE", 0.2)
    with make_client("OpenAI", server.url) as real:
        client = with_memory(real, "alice", config=config, recall_timeout=0.1)
        for n in range(2):
            server.script("Nice." + BLOCK.replace("dog", f"dog number {n}"))
            client.chat.completions.create(**ASK)
            assert client.memory.last_turn.failed["recall"] == "TimeoutError"
        embedder.loaded.set()
        deadline = time.monotonic() + 60
        while (client.memory.stats()["waiting"] or client.memory.count() < 2) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(client.memory.get_all()) == 2


def of_memory(config: MemoryConfig, real: Any) -> None:
    async def warm() -> None:
        async with Memory(config) as memory:
            await memory.warm()
            await memory.warm("alice")

    asyncio.run(warm())


def of_user_memory(config: MemoryConfig, real: Any) -> None:
    with UserMemory("alice", config=config) as memory:
        memory.warm()


def of_a_client(config: MemoryConfig, real: Any) -> None:
    with_memory(real, "alice", config=config).memory.warm()


@pytest.mark.parametrize("warm", [of_memory, of_user_memory, of_a_client])
def test_warm(
    warm: Callable[[MemoryConfig, Any], None], embedder: SlowToLoad, config: MemoryConfig, server: Server
) -> None:
    """`warm()` loads the model, so that no chat waits for it; it writes nothing."""
    with make_client("OpenAI", server.url) as real:
        client = with_memory(real, "alice", config=config)
        threading.Timer(0.2, embedder.loaded.set).start()
        warm(config, real)
        assert embedder.loads == 1
        client.chat.completions.create(**ASK)
        assert "load" not in client.memory.last_turn.ms
        assert client.memory.get_all() == []


@pytest.mark.parametrize("way", ["cold", "warm"])
def test_a_hundred_first_chats_at_once(way: str, tmp_path: Path) -> None:
    """With the bundled model in a fresh process every reply is right, and every fact is kept."""
    run = [sys.executable, "-m", "tests.chat.first_turns", str(tmp_path), way]
    done = subprocess.run(run, capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["right"] == CHATS
    assert counted(tmp_path) == CHATS
    assert "lost" not in done.stderr


def test_without_a_limit_on_recall(embedder: SlowToLoad, config: MemoryConfig, server: Server) -> None:
    """The first chat waits for the model as long as it takes."""
    with make_client("OpenAI", server.url) as real:
        client = with_memory(real, "alice", config=config, recall_timeout=None)
        remember(config)
        threading.Timer(0.5, embedder.loaded.set).start()
        client.chat.completions.create(**ASK)
        assert [note.content for note in client.memory.last_turn.recalled] == ["User has a cat called Rex"]
