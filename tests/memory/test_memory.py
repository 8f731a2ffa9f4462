"""The async face: every method, each of its parameters, on a real file."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from headroom.memory import Draft, Memory, MemoryConfig, Record, Relationship, Scope, SearchResult
from headroom.testing import HashEmbedder

pytestmark = pytest.mark.quick


async def test_save_takes_every_parameter(memory: Memory) -> None:
    """All that can be said about a memory is kept and comes back with it."""
    created, expires = datetime(2024, 1, 2, tzinfo=timezone.utc), datetime(2999, 1, 1, tzinfo=timezone.utc)
    memory_id = await memory.save(
        "Ann leads Apollo",
        "alice",
        session_id="s",
        agent_id="a",
        turn_id="t",
        scope="agent",
        importance=1,
        entities=["Ann", "Apollo"],
        relationships=[{"source": "Ann", "relation": "leads", "target": "Apollo"}],
        metadata={"origin": "chat"},
        created_at=created,
        expires_at=expires,
    )
    record = await memory.get(memory_id)
    assert isinstance(record, Record)
    assert (record.id, record.content, record.user_id) == (memory_id, "Ann leads Apollo", "alice")
    assert (record.session_id, record.agent_id, record.turn_id, record.scope) == ("s", "a", "t", Scope.AGENT)
    assert (record.importance, record.metadata) == (1.0, {"origin": "chat"})
    assert (record.created_at, record.expires_at) == (created, expires)
    assert set(record.entities) == {"Ann", "Apollo"}
    assert record.relationships == (Relationship("Ann", "leads", "Apollo"),)


async def test_a_plain_save_is_a_user_memory_of_now(memory: Memory) -> None:
    """Defaults: user scope, importance a half, created now, never expiring, nothing else."""
    before = datetime.now(timezone.utc)
    record = await memory.get(await memory.save("likes tea", user_id="alice"))
    assert record is not None
    assert (record.scope, record.importance, record.metadata) == (Scope.USER, 0.5, {})
    assert before <= record.created_at <= datetime.now(timezone.utc)
    assert record.created_at.utcoffset() == timedelta(0)
    assert record.expires_at is record.valid_until is record.session_id is None
    assert record.entities == record.relationships == ()


async def test_save_many_takes_texts_and_drafts_of_any_iterable(memory: Memory) -> None:
    """Ids come in order, whatever yields the items; more than one transaction's worth is fine."""
    items = (f"fact {n}" if n % 2 else Draft(f"fact {n}", importance=0.9) for n in range(1500))
    ids = await memory.save_many(items, "alice", session_id="s")
    assert len(set(ids)) == 1500
    for n in (0, 1, 1023, 1024, 1499):
        record = await memory.get(ids[n])
        assert record is not None
        assert (record.content, record.session_id) == (f"fact {n}", "s")
        assert record.importance == (0.5 if n % 2 else 0.9)
    assert await memory.save_many([], "alice") == []


async def test_search_gives_results_with_a_score(memory: Memory) -> None:
    """A result has `.content`, `.score`, `.id` and all fields of the record."""
    memory_id = await memory.save("User prefers dark mode", "alice", importance=0.7)
    (result,) = await memory.search("dark mode", "alice")
    assert isinstance(result, SearchResult)
    assert (result.id, result.content, result.importance) == (memory_id, "User prefers dark mode", 0.7)
    assert 0 < result.score <= 1


async def test_the_ids_of_a_search_say_who_looks(memory: Memory) -> None:
    """Each narrower memory is found with its own id only, and user memories always."""
    for scope in Scope:
        await memory.save(f"kept for {scope.value}", "alice", session_id="s", agent_id="a", turn_id="t", scope=scope)

    async def found(**ids: str) -> set[str]:
        return {result.scope.value for result in await memory.search("kept", "alice", **ids)}

    assert await found() == {"user"}
    assert await found(session_id="s") == {"user", "session"}
    assert await found(session_id="s", agent_id="a") == {"user", "session", "agent"}
    assert await found(turn_id="t") == {"user", "turn"}
    assert await found(session_id="x", agent_id="a", turn_id="x") == {"user"}


async def test_what_one_agent_saved_the_other_finds(memory: Memory) -> None:
    """An agent's id on a user memory is provenance, and `saved_by` filters on it."""
    await memory.save("Project uses uv, not pip", user_id="team", agent_id="claude")
    (result,) = await memory.search("package manager uv", user_id="team", agent_id="codex")
    assert (result.content, result.agent_id) == ("Project uses uv, not pip", "claude")
    assert len(await memory.search("uv", "team", saved_by="claude")) == 1
    assert await memory.search("uv", "team", saved_by="codex") == []
    await memory.save("project uses uv, not pip.", user_id="team", agent_id="codex")
    (result,) = await memory.search("uv", "team", saved_by="codex")
    assert [source.agent_id for source in result.sources] == ["claude", "codex"]


async def test_search_narrows_by_every_filter(memory: Memory) -> None:
    """`top_k`, `min_score`, `where`, `as_of` and `include_graph` each do what they say."""
    old = await memory.save("tea is green", "alice", metadata={"kind": "drink"}, entities=["Tea"])
    await asyncio.sleep(0.002)
    then = datetime.now(timezone.utc)
    await asyncio.sleep(0.002)
    await memory.save("zzz yyy", "alice", entities=["tea"])
    await memory.save_many([f"tea number {n}" for n in range(12)], "alice")
    assert len(await memory.search("tea", "alice")) == 10
    assert len(await memory.search("tea", "alice", top_k=3)) == 3
    assert [result.id for result in await memory.search("tea", "alice", where={"kind": "drink"})] == [old]
    assert [result.id for result in await memory.search("tea", "alice", as_of=then)] == [old]
    assert await memory.search("tea", "alice", as_of=then - timedelta(days=1)) == []
    best, second, *_ = await memory.search("tea is green", "alice")
    bar = (best.score + second.score) / 2
    assert [result.id for result in await memory.search("tea is green", "alice", min_score=bar)] == [old]
    linked = await memory.search("tea is green", "alice", include_graph=True, top_k=100)
    assert "zzz yyy" in {result.content for result in linked}


async def test_get_all_is_present_only_newest_first_in_pages(memory: Memory) -> None:
    """History, expired and foreign memories are not listed; `limit` and `after` page through the rest."""
    ids = await memory.save_many([f"fact {n}" for n in range(5)], "alice")
    await memory.save("foreign", "bob")
    await memory.update(ids[0], "fact 0, corrected")
    listed = [record.content for record in await memory.get_all("alice")]
    assert listed == ["fact 0, corrected", "fact 4", "fact 3", "fact 2", "fact 1"]
    first = await memory.get_all("alice", limit=2)
    second = await memory.get_all("alice", limit=2, after=first[-1].id)
    assert [record.content for record in (*first, *second)] == listed[:4]
    await memory.save("in session", "alice", session_id="s", scope="session")
    assert len(await memory.get_all("alice")) == 5
    assert len(await memory.get_all("alice", session_id="s")) == 6


async def test_update_history_forget_and_restore(memory: Memory) -> None:
    """The old version stays readable by its id and in the history, and says what came after it."""
    first = await memory.save("lives in Berlin", "alice", entities=["Berlin"])
    second = await memory.update(first, "lives in Madrid", user_id="alice")
    old, new = await memory.history(second, user_id="alice")
    assert (old.id, old.superseded_by, old.valid_until) == (first, second, new.created_at)
    assert (new.id, new.superseded_by, new.valid_until) == (second, None, None)
    assert await memory.get(first) == old
    assert new.entities == ("Berlin",)
    assert await memory.restore(first) is False


async def test_delete_and_clear_count_what_they_erase(memory: Memory) -> None:
    """`delete` tells whether there was something, `clear` how much; another user's memory is not touched."""
    memory_id, _ = await memory.save_many(["one", "two"], "alice")
    await memory.save("three", "alice", session_id="s", scope="session")
    await memory.save("foreign", "bob")
    assert await memory.delete(memory_id, user_id="bob") is False
    assert await memory.delete(memory_id, user_id="alice") is True
    assert await memory.delete(memory_id) is False
    assert await memory.clear("alice", session_id="s") == 1
    assert await memory.clear("alice") == 1
    assert await memory.clear("alice") == 0
    assert (await memory.stats())["total"] == 1


async def test_stats_count_one_user_or_all(memory: Memory) -> None:
    """Present and superseded memories, of the user that is named or of everybody."""
    first = await memory.save("one", "alice")
    await memory.update(first, "two")
    await memory.save("three", "bob")
    alice, everybody = await memory.stats("alice"), await memory.stats()
    assert (alice["total"], alice["superseded"]) == (1, 1)
    assert (everybody["total"], everybody["superseded"]) == (2, 1)
    assert everybody["file_bytes"] > 0
    assert (await memory.stats("nobody"))["total"] == 0


async def test_all_ways_to_make_one(path: Path, headroom_home: Path) -> None:
    """`Memory()`, with a config, with keywords, and with both: keywords win."""
    default = Memory()
    assert (headroom_home / "memory.db").is_file()
    configured = Memory(MemoryConfig(db_path=path, cache_max_size=5))
    named = Memory(backend="local", db_path=path)
    both = Memory(MemoryConfig(db_path=headroom_home / "ignored.db", cache_max_size=5), db_path=path)
    own = Memory(db_path=path.with_name("own.db"), embedder=HashEmbedder())
    assert configured.config == both.config
    assert configured.engine is both.engine is not named.engine
    assert not (headroom_home / "ignored.db").exists()
    await own.save("likes tea", "alice")
    assert (await own.search("tea", "alice"))[0].content == "likes tea"
    for memory in (default, configured, named, both, own):
        await memory.close()


async def test_many_calls_at_once(memory: Memory) -> None:
    """Saves and searches that run side by side all count, and equal texts become one memory."""
    ids = await asyncio.gather(*(memory.save(f"fact {n % 10}", "alice") for n in range(60)))
    assert len(set(ids)) == 10
    found = await asyncio.gather(*(memory.search(f"fact {n}", "alice") for n in range(10)))
    assert all(len(results) == 10 for results in found)
    assert sum(len(record.sources) for record in await memory.get_all("alice")) == 60
