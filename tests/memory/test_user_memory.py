"""The memory of one user, the same methods blocking and awaitable."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path

import pytest

from headroom.errors import Closed, InvalidInput, NotFound
from headroom.memory import Draft
from headroom.memory.engine import Engine
from headroom.memory.records import Reader
from headroom.memory.user_memory import AsyncUserMemory, UserMemory
from headroom.testing import HashEmbedder

pytestmark = pytest.mark.quick


def test_everything_is_the_users_own(engine: Engine) -> None:
    """No method reads, changes or deletes a memory of another user, also by its id."""
    alice, bob = UserMemory.over(engine, Reader(user_id="alice")), UserMemory.over(engine, Reader(user_id="bob"))
    memory_id = alice.add("likes tea", importance=0.9)
    assert [record.id for record in alice.get_all()] == [memory_id]
    assert [result.id for result in alice.search("tea", top_k=5)] == [memory_id]
    assert bob.get_all() == bob.search("tea") == bob.history(memory_id) == []
    assert bob.get(memory_id) is None
    assert bob.delete(memory_id) is bob.restore(memory_id) is False
    assert bob.clear() == 0
    with pytest.raises(NotFound):
        bob.update(memory_id, "likes coffee")
    assert alice.stats()["total"] == 1
    assert bob.stats()["total"] == 0


def test_every_method_does_what_the_memory_does(engine: Engine) -> None:
    """add, add_many, get, update, history, restore, delete and clear, at the scope that it is bound to."""
    bound = UserMemory.over(engine, Reader(user_id="alice", session_id="s", agent_id="a"))
    first = bound.add("lives in Berlin", scope="session", entities=["Berlin"], metadata={"k": 1})
    second = bound.update(first, "lives in Madrid")
    assert [record.id for record in bound.history(first)] == [first, second]
    record = bound.get(second)
    assert record is not None
    assert (record.scope, record.session_id, record.agent_id, record.metadata) == ("session", "s", "a", {"k": 1})
    tea, coffee = bound.add_many(["likes tea", Draft("likes coffee", scope="agent")])
    assert bound.restore(tea) is False
    assert bound.search("coffee likes", saved_by="a", min_score=0.1)[0].id == coffee
    assert bound.delete(tea) is True
    assert bound.clear(session_id="s") == 3
    assert bound.clear() == 0


def test_a_reader_is_checked_when_it_is_bound(engine: Engine) -> None:
    """An id that cannot be one fails at once, not at the first chat."""
    with pytest.raises(InvalidInput, match="user_id"):
        UserMemory.over(engine, Reader(user_id=""))
    with pytest.raises(InvalidInput, match="session_id"):
        UserMemory.over(engine, Reader(user_id="alice", session_id=" "))


async def test_it_works_where_a_loop_is_running(engine: Engine) -> None:
    """The blocking face needs no loop and minds none: as in a notebook."""
    bound = UserMemory.over(engine, Reader(user_id="alice"))
    bound.add("likes tea")
    assert len(bound.search("tea")) == 1


async def test_the_awaitable_face_is_the_same(engine: Engine) -> None:
    """Every method of one is a method of the other, with the same signature, and gives the same."""
    bound = UserMemory.over(engine, Reader(user_id="alice"))
    awaitable = AsyncUserMemory(bound)
    names = [name for name, _ in inspect.getmembers(UserMemory, inspect.isfunction) if not name.startswith("_")]
    for name in names:
        assert inspect.iscoroutinefunction(getattr(AsyncUserMemory, name)), name
        assert inspect.signature(getattr(AsyncUserMemory, name)) == inspect.signature(getattr(UserMemory, name))
        assert getattr(AsyncUserMemory, name).__doc__ == getattr(UserMemory, name).__doc__
    memory_id = await awaitable.add("likes tea")
    assert await awaitable.get_all() == bound.get_all()
    assert await awaitable.search("tea") == bound.search("tea")
    newer = await awaitable.update(memory_id, "likes coffee")
    assert await awaitable.history(newer) == bound.history(newer)
    assert await awaitable.stats() == bound.stats()
    await asyncio.gather(*(awaitable.add(f"fact {n}") for n in range(5)))
    assert await awaitable.clear() == 7


def test_it_opens_a_file_of_its_own(tmp_path: Path) -> None:
    """UserMemory("alice") is a whole memory: it opens the file, shares it with others, and lets go of it."""
    with UserMemory("alice", db_path=tmp_path / "m.db", embedder=HashEmbedder()) as memory:
        memory.add("likes tea")
        assert [record.content for record in memory.recall("What do I drink?")] == ["likes tea"]
    memory.close()
    with pytest.raises(Closed):
        memory.get_all()
    with UserMemory("bob", db_path=tmp_path / "m.db", embedder=HashEmbedder()) as memory:
        assert memory.get_all() == []


def test_closing_what_is_over_an_engine_leaves_the_engine_open(engine: Engine) -> None:
    """Who opened an engine closes it: a memory over it only lets go."""
    memory = UserMemory.over(engine, Reader(user_id="alice"))
    memory.close()
    with pytest.raises(Closed):
        memory.get_all()
    assert UserMemory.over(engine, Reader(user_id="alice")).get_all() == []


def test_a_user_id_is_checked_before_a_file_is_made(tmp_path: Path) -> None:
    """A wrong id fails before anything is written."""
    with pytest.raises(InvalidInput, match="user_id"):
        UserMemory(" ", db_path=tmp_path / "m.db")
    assert not (tmp_path / "m.db").exists()
