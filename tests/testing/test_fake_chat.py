"""The fake chat client: an application's test needs neither a network nor a key."""

from __future__ import annotations

import pytest

from headroom import Memory, with_memory
from headroom.testing import AsyncFakeChat, FakeChat, reply_that_teaches

pytestmark = pytest.mark.quick

ASK = {"model": "any", "messages": [{"role": "user", "content": "I like tea"}]}
REPLY = reply_that_teaches("Noted.", "User likes tea", 'User says "hi" in Zürich')


@pytest.fixture
async def memory() -> Memory:
    """A memory over the deterministic embedder."""
    from headroom.testing import HashEmbedder

    async with Memory(embedder=HashEmbedder()) as opened:
        yield opened  # type: ignore[misc]


def test_a_reply_teaches(memory: Memory) -> None:
    """What the scripted reply says is stored, the answer is clean, and the next request carries the note."""
    fake = FakeChat(REPLY)
    client = with_memory(fake, "alice", memory=memory, on_error="raise", recall_timeout=None)
    assert client.chat.completions.create(**ASK).choices[0].message.content == "Noted."
    assert {record.content for record in client.memory.get_all()} == {"User likes tea", 'User says "hi" in Zürich'}
    assert client.chat.completions.create(**ASK).choices[0].message.content == "OK"
    assert "User likes tea" in fake.last_message
    assert len(fake.requests) == 2


def test_a_stream_comes_in_pieces(memory: Memory) -> None:
    """A streamed reply is the same in pieces, with a finish reason at its end."""
    fake = FakeChat()
    fake.script(REPLY)
    client = with_memory(fake, "alice", memory=memory, on_error="raise", recall_timeout=None)
    chunks = list(client.chat.completions.create(**ASK, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Noted."
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len(client.memory.get_all()) == 2


async def test_the_async_one_does_the_same(memory: Memory) -> None:
    """`AsyncFakeChat` is awaited, and its streams are read with `async for`."""
    fake = AsyncFakeChat(REPLY, REPLY)
    client = with_memory(fake, "alice", memory=memory, on_error="raise", recall_timeout=None)
    async with fake:
        reply = await client.chat.completions.create(**ASK)
        assert reply.choices[0].message.content == "Noted."
        stream = await client.chat.completions.create(**ASK, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert text == "Noted."
    assert len(await client.memory.get_all()) == 2


def test_before_the_first_request() -> None:
    """Asking for the last message of none is an error that says so."""
    with pytest.raises(AssertionError, match="no request"):
        _ = FakeChat().last_message
