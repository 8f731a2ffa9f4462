"""Replies as servers beside OpenAI's give them: content in parts, thinking inside it, chunks that lack a delta."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from headroom import Memory, with_memory

from ...server import Server, says
from ..clients import each, settled

pytestmark = pytest.mark.quick

Make = Callable[..., Any]
FACT = "User prefers Python"
BLOCK = f'\n\n<memory>\n[{{"content": "{FACT}"}}]\n</memory>'
ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "I prefer Python"}]}


async def facts(client: Any) -> list[str]:
    return [record.content for record in await settled(client.memory.get_all())]


def fields(part: Any) -> dict[str, Any]:
    return dict(part) if isinstance(part, dict) else part.model_dump()


THINKING = {"type": "thinking", "thinking": [{"type": "text", "text": '<memory>["no"]</memory>'}]}
PARTS: dict[str, tuple[list[Any], list[Any]]] = {
    "one text": ([{"type": "text", "text": f"Fine.{BLOCK}"}], [{"type": "text", "text": "Fine."}]),
    "thinking before it": (
        [THINKING, {"type": "text", "text": f"Fine.{BLOCK}"}],
        [THINKING, {"type": "text", "text": "Fine."}],
    ),
    "a block of its own": (
        [{"type": "text", "text": "Fine."}, {"type": "text", "text": BLOCK}],
        [{"type": "text", "text": "Fine."}],
    ),
    "a block across parts": (
        [{"type": "text", "text": f"Fine.{BLOCK[:20]}"}, {"type": "text", "text": BLOCK[20:]}],
        [{"type": "text", "text": "Fine."}],
    ),
    "a reference after it": (
        [{"type": "text", "text": f"Fine.{BLOCK}"}, {"type": "reference", "reference_ids": [1]}],
        [{"type": "text", "text": "Fine."}, {"type": "reference", "reference_ids": [1]}],
    ),
}


@pytest.mark.parametrize("name", ["OpenAI", "AsyncOpenAI"])
@pytest.mark.parametrize(("content", "visible"), PARTS.values(), ids=PARTS)
async def test_content_in_parts(
    name: str, content: list[Any], visible: list[Any], server: Server, remembering: Make
) -> None:
    """The block goes out of its parts, the others stay as they are, and the fact is stored."""
    client = remembering(name)
    server.script(says(None, message={"content": content}))
    reply = await settled(client.chat.completions.create(**ASK))
    assert [fields(part) for part in reply.choices[0].message.content] == visible
    assert await facts(client) == [FACT]


@pytest.mark.parametrize("name", ["OpenAI", "AsyncOpenAI"])
@pytest.mark.parametrize(("content", "visible"), PARTS.values(), ids=PARTS)
async def test_content_in_parts_streamed(
    name: str, content: list[Any], visible: list[Any], server: Server, remembering: Make
) -> None:
    """The same when each part is a chunk."""
    client = remembering(name)
    chunks = [chunk({"content": [part]}) for part in content] + [chunk({}, "stop")]
    real = client._target
    real.chat.completions.create = streaming(chunks, later=name.startswith("Async"))
    stream = await settled(client.chat.completions.create(**ASK, stream=True))
    shown = [
        part for one in [c async for c in each(stream)] for part in one["choices"][0]["delta"].get("content") or ()
    ]
    assert shown == visible
    assert await facts(client) == [FACT]


def test_parts_without_a_block_are_untouched(server: Server, remembering: Make) -> None:
    """The very list comes back, empty texts and all."""
    content = [THINKING, {"type": "text", "text": ""}, {"type": "text", "text": "Fine.\n"}]
    server.script(says(None, message={"content": content}))
    reply = remembering().chat.completions.create(**ASK)
    assert reply.choices[0].message.content == content


def chunk(delta: Any, finish_reason: str | None = None) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": 0, "finish_reason": finish_reason}
    return {"choices": [choice if delta is None else {**choice, "delta": delta}]}


def streaming(chunks: list[Any], *, later: bool = False) -> Callable[..., Any]:
    """Make a `create` that streams plain dicts, as small clients do."""

    def create(**_: Any) -> Iterator[Any]:
        return iter(copy.deepcopy(chunks))

    async def create_later(**_: Any) -> Any:
        async def stream() -> Any:
            for one in copy.deepcopy(chunks):
                yield one

        return stream()

    return create_later if later else create


def objects(value: Any) -> Any:
    return json.loads(json.dumps(value), object_hook=lambda fields: SimpleNamespace(**fields))


def dicts(value: Any) -> Any:
    return value


ENDINGS = {
    "no delta": chunk(None, "stop"),
    "an empty delta": chunk({}, "stop"),
    "a delta of None": {"choices": [{"index": 0, "delta": None, "finish_reason": "stop"}]},
}


@pytest.mark.parametrize("made", [dicts, objects])
@pytest.mark.parametrize("held", ["Use the tag\n<", "Fine.\n\n", "Look:\n```", "Look:\n<memory> is a tag"])
@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_a_last_chunk_without_a_delta(ending: Any, held: str, made: Callable[[Any], Any], memory: Memory) -> None:
    """What was held back until it was clear that no block begins there is shown with the finish reason."""
    chunks = [chunk({"role": "assistant", "content": held[:3]}), chunk({"content": held[3:]}), ending]
    create = streaming([made(one) for one in chunks])
    client = with_memory(
        SimpleNamespace(chat=SimpleNamespace(completions=SimpleNamespace(create=create))),
        "alice",
        memory=memory,
        on_error="raise",
        recall_timeout=60,
    )
    shown = [json.loads(json.dumps(one, default=vars)) for one in client.chat.completions.create(**ASK, stream=True)]
    deltas = [one["choices"][0].get("delta") or {} for one in shown]
    assert "".join(delta.get("content") or "" for delta in deltas) == held
    assert shown[-1]["choices"][0]["finish_reason"] == "stop"
    assert [delta.get("role") for delta in deltas].count("assistant") == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("reply", "visible", "known"),
    [
        (f'<think>\nDraft: <memory>\n<memory>["no"]</memory>\n</think>\n\nFine.{BLOCK}', None, [FACT]),
        (f"Fine.\n\n```json{BLOCK[1:]}\n```", "Fine.", [FACT]),
        ("Fine.\n<memory>[{broken", "Fine.", []),
    ],
    ids=["thinking", "a fence at the end", "unreadable"],
)
async def test_what_models_write(
    reply: str, visible: str | None, known: list[str], stream: bool, server: Server, remembering: Make
) -> None:
    """Thinking is shown and not learned; a block in a last fence is learned; what cannot be read is named."""
    client = remembering()
    server.script(says(reply, pieces=list(reply)))
    got = client.chat.completions.create(**ASK, stream=stream)
    text = "".join(c.choices[0].delta.content or "" for c in got) if stream else got.choices[0].message.content
    assert text == (reply.removesuffix(BLOCK) if visible is None else visible)
    assert await facts(client) == known
    assert bool(client.memory.last_turn.skipped) == (not known)
