"""Moving a file from one embedder to another."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import textwrap
from collections import namedtuple
from pathlib import Path

import pytest

from headroom.cli import main
from headroom.errors import EmbedderMismatch, StoreMissing, StoreUnavailable
from headroom.memory import Memory, MemoryConfig
from headroom.memory.records import Reader
from headroom.testing import HashEmbedder

from ....asking import find

CONTENTS = [f"Alice visited town {i} in year {1900 + i}" for i in range(600)]


async def filled(path: Path, contents: list[str] = CONTENTS) -> MemoryConfig:
    async with Memory(db_path=path, embedder=HashEmbedder(64)) as memory:
        await memory.save_many(contents, user_id="alice")
    return MemoryConfig(db_path=path)


@pytest.mark.quick
async def test_a_moved_file_holds_every_memory_under_the_new_embedder(tmp_path: Path) -> None:
    """All memories, history included, get vectors of the new width; progress counts up to all of them."""
    config = await filled(tmp_path / "memory.db")
    async with Memory(config, embedder=HashEmbedder(64)) as memory:
        (first, *_) = await memory.search("town 3", user_id="alice")
        await memory.update(first.id, "Alice moved to town 3", user_id="alice")
    seen: list[tuple[int, int]] = []
    count = await Memory.reembed(config, embedder=HashEmbedder(96), progress=lambda *done: seen.append(done))
    assert count == 601
    assert seen[0] == (0, 601)
    assert seen[-1] == (601, 601)
    async with Memory(config, embedder=HashEmbedder(96)) as memory:
        assert (await memory.stats())["without_vector"] == 0
        found = await memory.search(CONTENTS[500], user_id="alice", top_k=1)
        assert [result.content for result in found] == [CONTENTS[500]]
    assert await Memory.reembed(config, embedder=HashEmbedder(96)) == 0


@pytest.mark.quick
async def test_an_open_memory_searches_on_until_the_switch_and_then_says_so(tmp_path: Path) -> None:
    """While vectors are made, a program with the old embedder reads and writes; afterwards it gets EmbedderMismatch."""
    config = await filled(tmp_path / "memory.db")
    memory = Memory(config, embedder=HashEmbedder(64))
    engine = memory.engine
    reader = Reader(user_id="alice")

    def look(done: int, total: int) -> None:
        assert find(engine, reader, CONTENTS[7])[0].content == CONTENTS[7]
        engine.save(reader, [f"Alice also saw {done} of {total}"])

    try:
        # Each look saves one more, so the run ends only because it counts what is left within the switch.
        looks = iter(range(4))
        count = await Memory.reembed(
            config,
            embedder=HashEmbedder(96),
            progress=lambda d, t: look(d, t) if next(looks, None) is not None else None,
        )
        assert count == 604
        with pytest.raises(EmbedderMismatch, match="headroom reembed"):
            await memory.search("town", user_id="alice")
        with pytest.raises(EmbedderMismatch):
            await memory.save("something new", user_id="alice")
    finally:
        await memory.close()


async def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    """After kill -9 in the middle, the old embedder still works, and the next run embeds only what is left."""
    config = await filled(tmp_path / "memory.db")
    script = """
        import asyncio, os, signal, sys
        from headroom.memory import Memory, MemoryConfig
        from headroom.testing import HashEmbedder
        def kill(done, total):
            if done >= 256:
                os.kill(os.getpid(), signal.SIGKILL)
        asyncio.run(Memory.reembed(MemoryConfig(db_path=sys.argv[1]), embedder=HashEmbedder(96), progress=kill))
    """
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", textwrap.dedent(script), str(config.db_path))
    assert await killed.wait() == -signal.SIGKILL
    async with Memory(config, embedder=HashEmbedder(64)) as memory:
        assert (await memory.search(CONTENTS[7], user_id="alice"))[0].content == CONTENTS[7]
    seen: list[int] = []
    await Memory.reembed(config, embedder=HashEmbedder(96), progress=lambda done, total: seen.append(done))
    assert seen[0] == 256
    async with Memory(config, embedder=HashEmbedder(96)) as memory:
        assert (await memory.search(CONTENTS[7], user_id="alice"))[0].content == CONTENTS[7]


@pytest.mark.quick
async def test_another_embedder_throws_away_what_a_killed_run_made(tmp_path: Path) -> None:
    """Vectors of two embedders never mix, even if a first move was given up."""
    config = await filled(tmp_path / "memory.db")

    class StopError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done:
            raise StopError

    with pytest.raises(StopError):
        await Memory.reembed(config, embedder=HashEmbedder(96), progress=stop)
    seen: list[int] = []
    await Memory.reembed(config, embedder=HashEmbedder(80), progress=lambda done, total: seen.append(done))
    assert seen[0] == 0


@pytest.mark.quick
async def test_too_small_a_disk_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The free space is looked at first; the file stays as it was."""
    config = await filled(tmp_path / "memory.db")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(1, 1, 1000))
    with pytest.raises(StoreUnavailable, match="MiB"):
        await Memory.reembed(config, embedder=HashEmbedder(96))
    async with Memory(config, embedder=HashEmbedder(64)) as memory:
        assert len(await memory.search("town", user_id="alice")) == 10


@pytest.mark.quick
async def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    """A typing error in the path is an error, not an empty file."""
    with pytest.raises(StoreMissing, match="there is no memory file"):
        await Memory.reembed(MemoryConfig(db_path=tmp_path / "memroy.db"), embedder=HashEmbedder(96))
    assert os.listdir(tmp_path) == []


async def test_the_command_moves_a_file_to_the_bundled_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`headroom reembed` moves a file, says what it did, and exits with 1 and a message if it cannot."""
    config = await filled(tmp_path / "memory.db", CONTENTS[:20])
    assert main(["reembed", "--db", str(config.db_path)]) == 0
    assert "20 memories embedded" in capsys.readouterr().out
    async with Memory(config) as memory:
        assert (await memory.search("town number 7", user_id="alice"))[0].content == CONTENTS[7]
    assert main(["reembed", "--db", str(tmp_path / "none.db")]) == 1
    assert "there is no memory file" in capsys.readouterr().err
