"""Equal settings share one engine; it opens once, closes with its last holder, and is never shared once it is dead."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from headroom.errors import Closed, EmbedderMismatch, InvalidInput, StoreUnwritable
from headroom.memory import Memory, MemoryConfig
from headroom.memory.open import _IDLE, acquire, release
from headroom.memory.records import Reader
from headroom.testing import HashEmbedder

from .children import in_child

pytestmark = pytest.mark.quick

ALICE = Reader(user_id="alice")


@pytest.fixture
def embedder() -> HashEmbedder:
    return HashEmbedder()


async def test_equal_settings_share_one_engine(path: Path, embedder: HashEmbedder) -> None:
    """Two memories of equal settings are one inside: what one saves, the other finds without reading the file anew."""
    one = Memory(MemoryConfig(db_path=path), embedder=embedder)
    two = Memory(db_path=str(path), embedder=embedder)
    other = Memory(MemoryConfig(db_path=path, cache_max_size=5), embedder=embedder)
    assert one.engine is two.engine is not other.engine
    await one.save("likes tea", "alice")
    for memory in (two, other):
        assert [result.content for result in await memory.search("tea", "alice")] == ["likes tea"]
    for memory in (one, two, other):
        await memory.close()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
async def test_the_last_holder_closes(path: Path, embedder: HashEmbedder, order: tuple[int, ...]) -> None:
    """Closing one in any order, and twice, never closes it for the others; the closed one says so in every call."""
    memories = [Memory(db_path=path, embedder=embedder) for _ in order]
    for position in order:
        for memory in memories:
            if memory is memories[position] or memory._engine is not None:
                await memory.save("likes tea", "alice")
        await memories[position].close()
        await memories[position].close()
        with pytest.raises(Closed, match="make a new one"):
            await memories[position].search("tea", "alice")
    assert sorted(os.listdir(path.parent)) == ["memory.db"]


async def test_every_call_of_a_closed_memory_says_so(path: Path, embedder: HashEmbedder) -> None:
    """Closed is raised by all methods, before their arguments are looked at."""
    memory = Memory(db_path=path, embedder=embedder)
    await memory.close()
    calls = (
        memory.save("text", "alice"),
        memory.save_many(["text"], "alice"),
        memory.search("text", "alice"),
        memory.get("id"),
        memory.get_all("alice"),
        memory.update("id", "text"),
        memory.history("id"),
        memory.restore("id"),
        memory.delete("id"),
        memory.clear("alice"),
        memory.stats(),
    )
    for call in calls:
        with pytest.raises(Closed):
            await call


async def test_with_closes(path: Path, embedder: HashEmbedder) -> None:
    """`async with` closes at its end, even if the block raises."""
    memory = Memory(db_path=path, embedder=embedder)

    async def fail() -> None:
        async with memory:
            await memory.save("likes tea", "alice")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    with pytest.raises(Closed):
        await memory.stats()
    async with Memory(db_path=path, embedder=embedder) as again:
        assert (await again.stats())["total"] == 1


def test_an_engine_that_lingers_is_found_again(path: Path, embedder: HashEmbedder) -> None:
    """The last holder may leave it open: the next one gets the same; only a few wait in this way."""
    config = MemoryConfig(db_path=path)
    engine = acquire(config, embedder)
    release(engine, linger=True)
    assert acquire(config, embedder) is engine
    release(engine, linger=True)
    for n in range(_IDLE):
        release(acquire(MemoryConfig(db_path=path.with_name(f"{n}.db")), embedder), linger=True)
    with pytest.raises(Closed):
        engine.stats()
    newer = acquire(config, embedder)
    assert newer is not engine
    release(newer)
    for n in range(_IDLE):
        release(acquire(MemoryConfig(db_path=path.with_name(f"{n}.db")), embedder))


def test_giving_back_too_often_harms_nobody(path: Path, embedder: HashEmbedder) -> None:
    """A second release of a closed engine does nothing, also to the new one of the same settings."""
    config = MemoryConfig(db_path=path)
    engine = acquire(config, embedder)
    release(engine)
    newer = acquire(config, embedder)
    release(engine)
    assert newer.stats()["total"] == 0
    release(newer)


def test_an_engine_whose_file_is_gone_is_not_shared(path: Path, embedder: HashEmbedder) -> None:
    """After the file was deleted, the next memory of equal settings begins a new one; an idle engine is closed."""
    config = MemoryConfig(db_path=path)
    held = acquire(config, embedder)
    held.save(ALICE, ["likes tea"])
    path.unlink()
    newer = acquire(config, embedder)
    assert newer is not held
    assert newer.stats()["total"] == 0
    release(newer, linger=True)
    path.unlink()
    newest = acquire(config, embedder)
    assert newest is not newer
    with pytest.raises(Closed):
        newer.stats()
    release(held)
    assert newest.save(ALICE, ["likes coffee"])
    release(newest)


def test_the_default_folder_is_for_its_owner_alone(headroom_home: Path, embedder: HashEmbedder) -> None:
    """`Memory()` makes the folder of the default file, with mode 0700, and the file in it."""
    before = os.umask(0)
    try:
        engine = acquire(MemoryConfig(), embedder)
    finally:
        os.umask(before)
    assert stat.S_IMODE(headroom_home.stat().st_mode) == 0o700
    assert (headroom_home / "memory.db").is_file()
    release(engine)


def test_a_default_folder_that_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, embedder: HashEmbedder
) -> None:
    """If HEADROOM_HOME lies below a file, the error names the place."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("HEADROOM_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(StoreUnwritable, match=r"home/memory\.db"):
        acquire(MemoryConfig(), embedder)


def test_a_failed_opening_is_not_remembered(path: Path, embedder: HashEmbedder) -> None:
    """Once the fault is gone, the same settings work."""
    path.mkdir()
    with pytest.raises(StoreUnwritable):
        acquire(MemoryConfig(db_path=path), embedder)
    path.rmdir()
    release(acquire(MemoryConfig(db_path=path), embedder))


def test_another_embedder_on_one_file_is_refused(path: Path, embedder: HashEmbedder) -> None:
    """Also while the file is open in this process with the one that wrote it."""
    engine = acquire(MemoryConfig(db_path=path), embedder)
    engine.save(ALICE, ["likes tea"])
    with pytest.raises(EmbedderMismatch):
        acquire(MemoryConfig(db_path=path), HashEmbedder(32))
    assert engine.stats()["total"] == 1
    release(engine)


@pytest.mark.parametrize(
    "wrong",
    [
        object(),
        HashEmbedder,
        "onnx",
        SimpleNamespace(embed=len, embed_query=len, close=len),
        SimpleNamespace(embed=len, embed_query=len, close=len, id="a"),
        SimpleNamespace(embed=len, embed_query=len, id="a", width=3),
    ],
    ids=["object", "class", "name", "no id", "no width", "no close"],
)
def test_an_embedder_of_your_own_must_fit(path: Path, wrong: object) -> None:
    """What lacks a part of the protocol is refused, with a list of what is needed, before the file is made."""
    with pytest.raises(InvalidInput, match=r"embedder must have id, width, embed\(\)"):
        Memory(db_path=path, embedder=wrong)  # type: ignore[arg-type]
    assert not path.exists()


def test_what_nobody_closed_is_closed_at_exit(path: Path) -> None:
    """A program that ends without closing leaves one whole file, and no log beside it."""
    script = """
import asyncio
from headroom.memory import Memory
memory = Memory(db_path=path, embedder=HashEmbedder())
asyncio.run(memory.save("likes tea", "alice"))
"""
    in_child(script, path)
    assert os.listdir(path.parent) == ["memory.db"]
    assert in_child("tell(open_engine().stats()['total'])", path) == "1"


def test_opening_loads_no_model(headroom_home: Path) -> None:
    """`Memory()` and its first listing import neither onnxruntime nor the tokenizers."""
    script = """
import asyncio
from headroom.memory import Memory
memory = Memory()
asyncio.run(memory.get_all("alice"))
asyncio.run(memory.clear("alice"))
assert not {"onnxruntime", "tokenizers", "openai"} & set(sys.modules)
"""
    in_child(script, headroom_home)
