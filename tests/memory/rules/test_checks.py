"""Wrong input gets an error that says what to do, before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headroom.errors import HeadroomError, InvalidInput, NotFound
from headroom.memory import Draft, Memory, Relationship
from headroom.memory.engine import Engine
from headroom.memory.records import Change, Reader
from headroom.memory.rules.checks import LONGEST_CONTENT, LONGEST_ID, check_draft, check_json

from ..children import bytes_of

pytestmark = pytest.mark.quick

NOW = datetime.now(timezone.utc)
ALICE = Reader(user_id="alice")


def deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


def circle() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["self"] = value
    return value


WRONG_DRAFTS: list[tuple[dict[str, Any], str]] = [
    ({"content": ""}, "content must not be empty"),
    ({"content": " \n\t\u00a0"}, "content must not be empty"),
    ({"content": None}, "content must be text, not NoneType"),
    ({"content": b"bytes"}, "content must be text, not bytes"),
    ({"content": 5}, "content must be text, not int"),
    ({"content": "a\x00b"}, "NUL"),
    ({"content": "half \ud83d"}, "surrogate"),
    ({"content": "x" * 1_000_000}, r"1,000,000 characters.*32,768.*in pieces"),
    ({"importance": -0.1}, "importance must be a number from 0 to 1"),
    ({"importance": 1.1}, "importance must be a number from 0 to 1"),
    ({"importance": float("nan")}, "importance must be a number from 0 to 1"),
    ({"importance": 10**400}, "importance must be a number from 0 to 1"),
    ({"importance": "high"}, "importance must be a number from 0 to 1"),
    ({"importance": True}, "importance must be a number from 0 to 1"),
    ({"importance": None}, "importance must be a number from 0 to 1"),
    ({"scope": "planet"}, "unknown scope 'planet'; choose one of: user, session, agent, turn"),
    ({"scope": "session"}, "needs session_id"),
    ({"scope": "agent"}, "needs agent_id"),
    ({"scope": "turn"}, "needs turn_id"),
    ({"entities": "Ann"}, "entities must be a list, not str"),
    ({"entities": [5]}, "an entity must be text, not int"),
    ({"entities": [""]}, "an entity must not be empty"),
    ({"entities": 5}, "entities must be a list, not int"),
    ({"relationships": [("a", "b")]}, "relationship must be"),
    ({"relationships": [{"source": "a", "target": "b"}]}, "relation must be text"),
    ({"relationships": ["abc"]}, "relationship must be"),
    ({"relationships": {"source": "a"}}, "relationships must be a list, not dict"),
    ({"metadata": []}, "metadata must be a mapping"),
    ({"metadata": {1: "a"}}, "text keys"),
    ({"metadata": {"a": object()}}, "metadata must be JSON"),
    ({"metadata": {"a": float("inf")}}, "metadata must be JSON"),
    ({"metadata": {"a": "\ud83d"}}, "metadata must be JSON"),
    ({"metadata": {"a": "x" * 40_000}}, "metadata takes"),
    ({"metadata": deep(65)}, "levels deep"),
    ({"metadata": circle()}, "metadata must be JSON"),
    ({"created_at": datetime(2024, 1, 1)}, "created_at must be a datetime with a time zone"),
    ({"created_at": "2024-01-01"}, "created_at must be a datetime with a time zone"),
    ({"created_at": datetime.max.replace(tzinfo=timezone(timedelta(hours=-14)))}, "years 1 to 9999"),
    ({"expires_at": datetime(2999, 1, 1)}, "expires_at must be a datetime with a time zone"),
    ({"expires_at": NOW - timedelta(days=1)}, "expires_at is in the past"),
]


@pytest.mark.parametrize(("fields", "message"), WRONG_DRAFTS, ids=range(len(WRONG_DRAFTS)))
async def test_what_cannot_be_stored_is_refused(memory: Memory, fields: dict[str, Any], message: str) -> None:
    """`save` and `save_many` raise InvalidInput, which is a ValueError, and store nothing, not even the good ones."""
    draft = {"content": "fine", **fields}
    with pytest.raises(InvalidInput, match=message) as caught:
        await memory.save(draft.pop("content"), "alice", **draft)
    assert isinstance(caught.value, ValueError)
    with pytest.raises(InvalidInput, match=message):
        await memory.save_many(["fine", Draft(**{"content": "fine", **fields})], "alice")
    assert (await memory.stats())["total"] == 0


@pytest.mark.parametrize("value", ["", "  ", None, 5, "a\x00", "\ud800", "x" * (LONGEST_ID + 1)])
async def test_an_id_must_be_text(memory: Memory, value: Any) -> None:
    """Every method that takes a user, session, agent or turn refuses what cannot be an id."""
    calls = {
        "save": lambda **ids: memory.save("text", **ids),
        "save_many": lambda **ids: memory.save_many(["text"], **ids),
        "search": lambda **ids: memory.search("text", **ids),
        "get_all": lambda **ids: memory.get_all(**ids),
        "clear": lambda **ids: memory.clear(**ids),
    }
    for call in calls.values():
        with pytest.raises(InvalidInput, match="user_id"):
            await call(user_id=value)
        for name in ("session_id", "agent_id", "turn_id") if value is not None else ():
            with pytest.raises(InvalidInput, match=name):
                await call(**{"user_id": "alice", name: value})
    if value is not None:
        for method in (memory.get, memory.history, memory.delete, memory.restore):
            with pytest.raises(InvalidInput, match="user_id"):
                await method("some id", user_id=value)
        with pytest.raises(InvalidInput, match="user_id"):
            await memory.stats(value)
    assert (await memory.stats())["total"] == 0


WRONG_SEARCHES: list[tuple[dict[str, Any], str]] = [
    ({"query": None}, "query must be text"),
    ({"query": b"bytes"}, "query must be text"),
    *(({"top_k": value}, "top_k must be a whole number") for value in (0, -1, 1.5, "5", True, None, 10**30)),
    *(({"min_score": value}, "min_score must be a number from 0 to 1") for value in (-1, 2, "high", None)),
    ({"saved_by": ""}, "saved_by must not be empty"),
    ({"saved_by": 5}, "saved_by must be text"),
    ({"where": ["kind"]}, "where must be a mapping"),
    ({"where": {"kind": object()}}, "compares with JSON values"),
    ({"as_of": datetime(2024, 1, 1)}, "as_of must be a datetime with a time zone"),
    ({"as_of": "yesterday"}, "as_of must be a datetime with a time zone"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG_SEARCHES, ids=range(len(WRONG_SEARCHES)))
async def test_what_cannot_be_searched_for_is_refused(memory: Memory, arguments: dict[str, Any], message: str) -> None:
    """`search` raises InvalidInput for every argument that cannot be used, even if there is nothing to find."""
    with pytest.raises(InvalidInput, match=message):
        await memory.search(**{"query": "tea", "user_id": "alice", **arguments})


@pytest.mark.parametrize("limit", [0, -1, 1.5, "5", True, 10**30])
async def test_a_page_has_at_least_one_memory(memory: Memory, limit: Any) -> None:
    """`get_all` refuses a limit that is no whole number of at least 1."""
    with pytest.raises(InvalidInput, match="limit must be a whole number"):
        await memory.get_all("alice", limit=limit)


@pytest.mark.parametrize("question", ["", "   ", "\n\t", "\x00"])
async def test_a_blank_question_finds_nothing(memory: Memory, question: str) -> None:
    """That is an empty list, not an error."""
    await memory.save("likes tea", "alice")
    assert await memory.search(question, "alice") == []


@pytest.mark.parametrize(
    "question",
    [
        '"',
        "'; drop table memories; --",
        "tea AND NOT",
        "tea*",
        "terms:tea",
        "^tea",
        "NEAR(tea)",
        "tea \x00 \ud83d",
        "(" * 99,
        "tea " * 100_000,
        "\ud800",
        "🫖",
        "?" * 5000,
    ],
)
async def test_any_text_may_be_asked(memory: Memory, question: str) -> None:
    """Query syntax, broken text and very long text are only words to look for."""
    await memory.save("likes tea", "alice")
    assert len(await memory.search(question, "alice")) <= 1


@pytest.mark.parametrize("items", ["one text", b"bytes", [5], [None], [["nested"]]])
async def test_several_memories_are_texts_or_drafts(memory: Memory, items: Any) -> None:
    """A text alone is not several, and nothing else is a memory."""
    with pytest.raises(InvalidInput, match=r"must come as a list|must be text or a Draft"):
        await memory.save_many(items, "alice")


async def test_an_update_is_checked_like_a_save(memory: Memory) -> None:
    """New content that cannot be stored, or an id that is not there, changes nothing."""
    memory_id = await memory.save("likes tea", "alice")
    for content in ("", None, "a\x00", "x" * (LONGEST_CONTENT + 1)):
        with pytest.raises(InvalidInput):
            await memory.update(memory_id, content)  # type: ignore[arg-type]
    for wrong in ("no such id", "", None, 5, "\ud800"):
        with pytest.raises(NotFound, match="no present memory"):
            await memory.update(wrong, "likes coffee")  # type: ignore[arg-type]
    assert [record.content for record in await memory.get_all("alice")] == ["likes tea"]


async def test_an_id_of_nothing_is_not_found(memory: Memory) -> None:
    """Whatever is given as an id, looking, undoing and deleting by it finds nothing."""
    for wrong in ("", "no such id", "00000000-0000-0000-0000-000000000000", None, 5, "\ud800"):
        assert await memory.get(wrong) is None  # type: ignore[arg-type]
        assert await memory.history(wrong) == []  # type: ignore[arg-type]
        assert await memory.restore(wrong) is False  # type: ignore[arg-type]
        assert await memory.delete(wrong) is False  # type: ignore[arg-type]


def test_no_message_repeats_a_text() -> None:
    """An error never carries what a user said into a log."""
    secret = "the passphrase is Xylophagous"
    for draft in (Draft(secret + "\x00"), Draft(secret + "\ud83d"), Draft(secret * 5000)):
        with pytest.raises(HeadroomError) as caught:
            check_draft(draft, ALICE)
        assert "Xylophagous" not in str(caught.value)


def test_a_draft_is_taken_in_many_forms() -> None:
    """Names for enums, mappings and tuples for edges, any real number, any iterable; repeats and blanks go."""

    class Pairs(Mapping[str, Any]):
        def __getitem__(self, key: str) -> Any:
            return {"kind": ("drink", 1)}[key]

        def __iter__(self) -> Iterator[str]:
            return iter(("kind",))

        def __len__(self) -> int:
            return 1

    draft = check_draft(
        Draft(
            "text",
            scope="session",
            importance=Fraction(1, 4),  # type: ignore[arg-type]
            entities=(name for name in (" Ann", "Bob", "Ann ")),  # type: ignore[arg-type]
            relationships=[{"source": "Ann", "relation": "knows", "target": "Bob"}, ["Bob", "knows", "Ann"]],  # type: ignore[list-item]
            metadata=Pairs(),
        ),
        Reader(user_id="alice", session_id="s"),
    )
    assert draft.importance == 0.25
    assert draft.entities == ("Ann", "Bob")
    assert draft.relationships == (Relationship("Ann", "knows", "Bob"), Relationship("Bob", "knows", "Ann"))
    assert draft.metadata == {"kind": ["drink", 1]}
    assert check_draft(Draft("text", importance=np.float32(0.5)), ALICE).importance == 0.5  # type: ignore[arg-type]


def test_metadata_is_what_will_be_read_back() -> None:
    """The stored metadata is a copy, as JSON gives it back; what the caller changes afterwards is not in it."""
    given = {"list": (1, 2), "deep": deep(60), "text": "\u2028 \x07 ü"}
    taken = check_json("metadata", given)
    given["list"] = ()
    assert taken == {"list": [1, 2], "deep": deep(60), "text": "\u2028 \x07 ü"}


async def test_the_longest_content_is_stored_and_found(memory: Memory) -> None:
    """A text of the greatest length comes back whole, and its last word is found."""
    content = " ".join(f"w{n}" for n in range(10_000))[: LONGEST_CONTENT - 8] + " endword"
    memory_id = await memory.save(content, "alice")
    record = await memory.get(memory_id)
    assert record is not None
    assert record.content == content
    (found,) = await memory.search("endword", "alice")
    assert found.id == memory_id


def test_nothing_of_a_refused_save_reaches_the_file(engine: Engine, path: Path) -> None:
    """Not even the user's name is written by a call that raises."""
    before = bytes_of(path)
    stranger = Reader(user_id="somebody new")
    with pytest.raises(InvalidInput):
        engine.save(stranger, ["fine", ""])
    with pytest.raises(InvalidInput):
        engine.apply(stranger, [Change(draft=Draft("fine", scope="session"))])
    assert bytes_of(path) == before
