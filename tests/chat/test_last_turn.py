"""Keeping turns: only if asked, ids and scores, and the message only if that is asked for too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headroom import Memory
from headroom.errors import InvalidInput, StoreUnavailable
from headroom.memory.engine import Engine
from headroom.memory.records import KeptTurn

from ..memory.children import bytes_of
from ..server import Server
from .clients import each, settled
from .test_turn import block, said

pytestmark = pytest.mark.quick

Make = Callable[..., Any]


def kept(client: Any) -> list[KeptTurn]:
    turns: list[KeptTurn] = client.memory.owner.turns()
    return turns


def test_no_turn_is_kept_unless_asked(server: Server, remembering: Make) -> None:
    """By default nothing is kept of a turn but what the reply taught."""
    client = remembering()
    server.script(block('{"content": "Likes tea"}'))
    client.chat.completions.create(**said("I like tea"))
    assert kept(client) == []


def test_a_turn_is_kept_by_ids_and_scores(server: Server, remembering: Make) -> None:
    """What was shown, with its scores, and what the reply stored, replaced and forgot is kept, and no text."""
    client = remembering(record_turns="ids")
    berlin, tea = client.memory.add("Lives in Berlin"), client.memory.add("Drinks tea")
    shown = {note.id: place for place, note in enumerate(client.memory.recall("Hello", top_k=5), 1)}
    server.script(
        block(
            f'{{"content": "Lives in Madrid", "replaces": [{shown[berlin]}]}}',
            f'{{"forget": [{shown[tea]}]}}',
        )
    )
    client.chat.completions.create(**said("Hello"))
    (turn,) = kept(client)
    last = client.memory.last_turn
    assert turn.turn_id == last.turn_id
    assert turn.user_id == "alice"
    assert [(note.id, note.score) for note in turn.notes] == [(note.id, note.score) for note in last.recalled]
    assert all(min(1, max(0, sum(note.parts))) == pytest.approx(note.score, abs=0.001) for note in turn.notes)
    assert turn.stored == tuple(stored.id for stored in last.stored)
    assert (turn.replaced, turn.forgotten) == ((berlin,), (tea,))
    assert turn.asked is None


def test_what_waits_for_a_review_is_told_apart(server: Server, remembering: Make) -> None:
    """A fact that is held is named as held, and not as stored."""
    client = remembering(record_turns="ids", review="all")
    server.script(block('{"content": "Likes tea"}'))
    client.chat.completions.create(**said("I like tea"))
    (turn,) = kept(client)
    assert turn.stored == ()
    assert turn.held == tuple(record.id for record in client.memory.pending())


def test_a_turn_that_recalled_and_taught_nothing_is_kept_too(server: Server, remembering: Make) -> None:
    """That nothing fitted is worth seeing as well."""
    client = remembering(record_turns="ids")
    server.script("Hello.")
    client.chat.completions.create(**said("Hello"))
    (turn,) = kept(client)
    assert (turn.notes, turn.stored) == ((), ())


def test_the_message_is_kept_only_if_asked(server: Server, remembering: Make, tmp_path: Path) -> None:
    """With "ids" the words of the message are in no file; with "text" they are kept, cut at 2,000 characters."""
    for how, expected in (("ids", None), ("text", "zanzibar " + "x" * 1991)):
        client = remembering(record_turns=how, user_id=how)
        server.script("Yes.")
        client.chat.completions.create(**said("zanzibar " + "x" * 5000))
        assert kept(client)[0].asked == expected
        on_disk = bytes_of(tmp_path / "memory.db")
        assert (b"zanzibar" in on_disk) == (how == "text")


def test_a_kept_message_holds_no_secret(server: Server, remembering: Make) -> None:
    """What `redact` changes or drops is changed or dropped here too, and known forms of secrets are taken out."""

    def without_names(text: str) -> str | None:
        return None if "private" in text else text.replace("Ann", "[name]")

    client = remembering(record_turns="text", redact=without_names)
    for message in ("Ann's password is hunter2horse", "this is private"):
        server.script("Yes.")
        client.chat.completions.create(**said(message))
    dropped, kept_one = (turn.asked for turn in kept(client))
    assert dropped is None
    assert kept_one is not None
    assert kept_one.startswith("[name]'s password is [redacted")


def test_a_private_chat_leaves_no_turn(server: Server, remembering: Make) -> None:
    """While memory is off, wholly or by half, no turn is kept."""
    client = remembering(record_turns="text")
    server.script("One.", "Two.")
    with client.memory.off():
        client.chat.completions.create(**said("Hello"))
    with client.memory.off("extract"):
        client.chat.completions.create(**said("Hello"))
    assert kept(client) == []


def test_a_tool_loop_is_one_turn(server: Server, remembering: Make) -> None:
    """Requests that go on with the same message belong to one turn, with the message and all that they stored."""
    client = remembering(record_turns="text")
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Look it up"}]
    server.script(block('{"content": "The first fact"}'), block('{"content": "The second fact"}'))
    client.chat.completions.create(model="m", messages=messages)
    messages += [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "found"},
    ]
    client.chat.completions.create(model="m", messages=messages)
    (turn,) = kept(client)
    assert turn.asked == "Look it up"
    assert (len(turn.stored), len(turn.held)) == (1, 1)  # what came with the tool waits for a review


@pytest.mark.parametrize("name", ["OpenAI", "AsyncOpenAI"])
async def test_a_streamed_turn_is_kept(server: Server, remembering: Make, memory: Memory, name: str) -> None:
    """A stream that was read to its end is kept like a plain reply, sync and async."""
    client = remembering(name, record_turns="ids")
    server.script(block('{"content": "Likes tea"}'))
    stream = await settled(client.chat.completions.create(**said("I like tea"), stream=True))
    async for _ in each(stream):
        pass
    (turn,) = await settled(client.memory.turns())
    assert len(turn.stored) == 1


def test_a_turn_that_cannot_be_kept_breaks_no_chat(
    server: Server, remembering: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The reply comes and the fact is stored; `last_turn` names the step that failed."""
    client = remembering(record_turns="ids", on_error="warn")

    def locked(self: Engine, turn: KeptTurn) -> None:
        raise StoreUnavailable(path=tmp_path, reason="locked")

    monkeypatch.setattr(Engine, "keep_turn", locked)
    server.script(block('{"content": "Likes tea"}'))
    reply = client.chat.completions.create(**said("I like tea"))
    assert reply.choices[0].message.content == "Noted."
    assert client.memory.last_turn.failed == {"record": "StoreUnavailable"}
    assert len(client.memory.last_turn.stored) == 1


def test_an_erased_memory_takes_the_message_with_it(server: Server, remembering: Make, tmp_path: Path) -> None:
    """The words of a kept message are in no byte of the file any more once a memory that its turn names is erased."""
    client = remembering(record_turns="text")
    server.script(block('{"content": "Goes to Zanzibar"}'))
    client.chat.completions.create(**said("quokkas live elsewhere"))
    client.memory.delete(client.memory.last_turn.stored[0].id)
    assert kept(client) == []
    assert b"quokkas" not in bytes_of(tmp_path / "memory.db")


@pytest.mark.parametrize("value", [True, "all", 1])
def test_a_wrong_way_to_record_is_refused(remembering: Make, value: object) -> None:
    """Only None, "ids" and "text" are known."""
    with pytest.raises(InvalidInput, match="record_turns"):
        remembering(record_turns=value)
