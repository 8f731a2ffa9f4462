"""A Memory over a real server that is down: it accepts, finds by words, and catches up when the server comes."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from headroom.errors import EmbedderError, EmbedderUnavailable
from headroom.memory import Memory, MemoryConfig
from headroom.memory.records import Change, Reader

from .apis import free_port, serving


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the SDK try again without its waits, which take seconds."""
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.0)
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.0)


def config(backend: str, path: Path, port: int) -> MemoryConfig:
    settings: dict[str, Any] = (
        {"openai_base_url": f"http://127.0.0.1:{port}/v1", "openai_api_key": "sk-test", "vector_dimension": 64}
        if backend == "openai"
        else {"ollama_base_url": f"127.0.0.1:{port}"}
    )
    return MemoryConfig(db_path=path, embedder_backend=backend, **settings)


async def none_waits(memory: Memory) -> None:
    deadline = time.monotonic() + 60
    while (await memory.stats())["without_vector"]:
        assert time.monotonic() < deadline, "still waiting after a minute"
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("backend", ["openai", "ollama"])
async def test_the_first_memories_are_saved_before_the_server_was_ever_there(backend: str, tmp_path: Path) -> None:
    """Words find them at once; stats tell how many wait; the next question that is answered embeds them all."""
    port = free_port()
    async with Memory(config(backend, tmp_path / "memory.db", port)) as memory:
        await memory.save("Alice plays the cello", user_id="alice")
        await memory.save("Alice lives in Lisbon", user_id="alice")
        found = await memory.search("cello", user_id="alice")
        assert [result.content for result in found] == ["Alice plays the cello"]
        assert (await memory.stats("alice"))["without_vector"] == 2
        with serving(port):
            after = await memory.search("the cello that Alice plays", user_id="alice")
            await none_waits(memory)
            again = await memory.search("the cello that Alice plays", user_id="alice")
            assert again[0].content == "Alice plays the cello"
            assert again[0].score > after[0].score
    async with Memory(config(backend, tmp_path / "memory.db", port)) as memory:
        assert (await memory.stats())["without_vector"] == 0


@pytest.mark.parametrize("backend", ["openai", "ollama"])
async def test_a_server_that_goes_within_a_long_list_loses_nothing(backend: str, tmp_path: Path) -> None:
    """Of a list that needs several requests, what was not embedded waits as a whole and comes later."""
    port = free_port()
    texts = [f"Alice visited town {number} " + 900 * "x" for number in range(330)]
    async with Memory(config(backend, tmp_path / "memory.db", port)) as memory:
        with serving(port) as apis:
            apis.faults.extend([200, 503, 503, 503, 503])
            assert len(await memory.save_many(texts, user_id="alice")) == 330
            assert (await memory.stats())["without_vector"] == 330
            assert len(apis.received) > 1
            apis.faults.clear()
            await memory.search("town", user_id="alice")
            await none_waits(memory)
        assert (await memory.stats("alice"))["total"] == 330


@pytest.mark.parametrize(("backend", "status"), [("openai", 401), ("openai", 400), ("ollama", 400)])
async def test_a_refusal_in_the_middle_of_a_list_stores_nothing_of_it(
    backend: str, status: int, tmp_path: Path
) -> None:
    """If waiting would not help, the error is the caller's, and no half of the list is in the file."""
    texts = [f"Alice visited town {number} " + 900 * "x" for number in range(330)]
    with serving() as apis:
        port = int(apis.url.rpartition(":")[2])
        async with Memory(config(backend, tmp_path / "memory.db", port)) as memory:
            await memory.save("Alice likes tea", user_id="alice")
            apis.faults.extend([200, status])
            with pytest.raises(EmbedderError) as caught:
                await memory.save_many(texts, user_id="alice")
            assert not isinstance(caught.value, EmbedderUnavailable)
            assert not apis.faults
            stats = await memory.stats("alice")
            assert (stats["total"], stats["without_vector"]) == (1, 0)


async def test_forgetting_needs_no_server(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A change without a text asks nobody for a vector, also while the width is not known yet."""
    async with Memory(config("ollama", tmp_path / "memory.db", free_port())) as memory:
        memory_id = await memory.save("Alice plays the cello", user_id="alice")
        caplog.clear()
        memory.engine.apply(Reader(user_id="alice"), [Change(draft=None, replaces=(memory_id,))])
        assert await memory.get_all(user_id="alice") == []
        assert caplog.records == []
