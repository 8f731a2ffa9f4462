"""An embedder that does not answer: memories are accepted, found by their words, and embedded later."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from headroom.errors import EmbedderError, EmbedderUnavailable
from headroom.memory import Memory, MemoryConfig, VectorBackend
from headroom.memory.protocols import Vector, Vectors
from headroom.memory.records import Reader
from headroom.testing import HashEmbedder

pytestmark = pytest.mark.quick


class Remote:
    """An embedder whose server can be down, and that does not know its width before it has answered."""

    id = "remote"

    def __init__(self) -> None:
        self.down = False
        self.error: type[EmbedderError] = EmbedderUnavailable
        self._server = HashEmbedder()

    @property
    def width(self) -> int:
        return self._answering().width

    def embed(self, texts: Sequence[str]) -> Vectors:
        return self._answering().embed(texts)

    def embed_query(self, text: str) -> Vector:
        return self._answering().embed_query(text)

    def close(self) -> None:
        self._server.close()

    def _answering(self) -> HashEmbedder:
        if self.down:
            raise self.error("the server does not answer")
        return self._server


async def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline, "not done within a minute"
        await asyncio.sleep(0.01)


def waiting(memory: Memory) -> int:
    return memory.engine.stats(Reader(user_id="alice"))["without_vector"]


@pytest.mark.parametrize("backend", [VectorBackend.AUTO, VectorBackend.SQLITE_VEC])
async def test_a_memory_is_kept_and_found_by_its_words_while_the_embedder_is_down(
    tmp_path: Path, backend: VectorBackend
) -> None:
    """From the very first memory on, saving and searching go on without the server; `stats` tells what waits."""
    embedder = Remote()
    embedder.down = True
    config = MemoryConfig(db_path=tmp_path / "memory.db", vector_backend=backend)
    async with Memory(config, embedder=embedder) as memory:
        await memory.save("Alice plays the cello", user_id="alice")
        found = await memory.search("cello", user_id="alice")
        assert [result.content for result in found] == ["Alice plays the cello"]
        assert await memory.search("violin", user_id="alice") == []
        assert waiting(memory) == 1


async def test_what_waits_is_embedded_once_the_server_answers(tmp_path: Path) -> None:
    """The next call that reaches the server brings the missing vectors along, in the background."""
    embedder = Remote()
    async with Memory(db_path=tmp_path / "memory.db", embedder=embedder) as memory:
        await memory.save("Alice likes tea", user_id="alice")
        embedder.down = True
        await memory.save_many([f"Alice visited town {i}" for i in range(300)], user_id="alice")
        before = {result.content: result.score for result in await memory.search("town 7", user_id="alice")}
        embedder.down = False
        await memory.search("anything", user_id="alice")
        await wait_until(lambda: waiting(memory) == 0)
        after = {result.content: result.score for result in await memory.search("town 7", user_id="alice")}
        assert after["Alice visited town 7"] > before["Alice visited town 7"]


async def test_waiting_outlives_the_process(tmp_path: Path) -> None:
    """A memory that still waited at close gets its vector after the file is opened again."""
    path = tmp_path / "memory.db"
    embedder = Remote()
    embedder.down = True
    async with Memory(db_path=path, embedder=embedder) as memory:
        await memory.save("Alice plays the cello", user_id="alice")
    async with Memory(db_path=path, embedder=Remote()) as memory:
        await memory.search("anything", user_id="alice")
        await wait_until(lambda: waiting(memory) == 0)


async def test_an_erased_memory_waits_no_longer(tmp_path: Path) -> None:
    """Deleting a memory that waits leaves nothing behind that could bring it back."""
    embedder = Remote()
    embedder.down = True
    async with Memory(db_path=tmp_path / "memory.db", embedder=embedder) as memory:
        memory_id = await memory.save("Alice plays the cello", user_id="alice")
        assert await memory.delete(memory_id, user_id="alice")
        assert waiting(memory) == 0
        embedder.down = False
        assert memory.engine.embed_waiting() == 0
        assert await memory.search("cello", user_id="alice") == []


async def test_an_embedder_that_fails_for_good_stores_nothing(tmp_path: Path) -> None:
    """Only a server that does not answer makes memories wait; any other failure is the caller's to see."""
    embedder = Remote()
    async with Memory(db_path=tmp_path / "memory.db", embedder=embedder) as memory:
        embedder.down, embedder.error = True, EmbedderError
        with pytest.raises(EmbedderError):
            await memory.save("Alice plays the cello", user_id="alice")
        assert (await memory.stats("alice"))["total"] == 0


class Picky(Remote):
    """One whose server refuses some texts for good, as with a status of 400."""

    refuses = "poison"

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked = [*getattr(self, "asked", []), *texts]
        if not self.down and any(self.refuses in text for text in texts):
            raise EmbedderError("400: this text cannot be embedded")
        return super().embed(texts)


async def test_one_refused_text_keeps_no_other_from_its_vector(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is found by its words alone, is given up after three tries, and the log names its id and not its text."""
    embedder = Picky()
    async with Memory(db_path=tmp_path / "memory.db", embedder=embedder) as memory:
        embedder.down = True
        ids = [await memory.save(f"{word} number {n}", "alice") for n in range(20) for word in ("tea", "poison")]
        embedder.down = False
        engine = memory.engine
        assert engine.embed_waiting() == 20
        assert waiting(memory) == 20
        assert [engine.embed_waiting() for _ in range(40)] == [0] * 40
        embedder.asked.clear()
        assert engine.embed_waiting() == 0
        assert embedder.asked == []
        assert await memory.search("poison number 7", "alice")
        await memory.save("coffee", "alice")
        assert waiting(memory) == 20
    logged = [record.getMessage() for record in caplog.records if "by its words alone" in record.getMessage()]
    assert len(logged) == 20
    assert all(any(memory_id in line for memory_id in ids) for line in logged)
    assert "poison" not in "".join(logged)


async def test_a_server_that_refuses_everything_is_not_asked_for_each(tmp_path: Path) -> None:
    """A key that is no longer accepted is no text's fault: few are tried a time, and all get their vectors later."""
    embedder = Picky()
    async with Memory(db_path=tmp_path / "memory.db", embedder=embedder) as memory:
        embedder.down = True
        for n in range(20):
            await memory.save(f"tea number {n}", "alice")
        embedder.down, embedder.refuses = False, ""
        embedder.asked.clear()
        assert memory.engine.embed_waiting() == 0
        assert len(embedder.asked) < 20 + 4
        embedder.refuses = "poison"
        assert memory.engine.embed_waiting() == 20
