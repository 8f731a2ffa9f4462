"""What a type checker makes of `with_memory`; checked by mypy in `test_typing`, never run."""

from __future__ import annotations

from groq import AsyncGroq, Groq
from openai import AsyncAzureOpenAI, AsyncOpenAI, AsyncStream, AzureOpenAI, OpenAI, Stream
from openai.types import Embedding
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from typing_extensions import assert_type

from headroom import Memory, MemoryConfig, with_memory
from headroom.chat import AsyncChatMemory, ChatMemory, LastTurn
from headroom.chat.client_memory import ChatStats
from headroom.memory import Record, SearchResult


class Duck:
    """A client that we know nothing of."""

    def greet(self) -> str:
        return "hi"


def clients_stay_what_they_are() -> None:
    openai: OpenAI = with_memory(OpenAI(), "alice")
    azure: AzureOpenAI = with_memory(AzureOpenAI(), user_id="alice", session_id="s", agent_id="a")
    slow: AsyncOpenAI = with_memory(AsyncOpenAI(), "alice", config=MemoryConfig(), top_k=3)
    slow_azure: AsyncAzureOpenAI = with_memory(AsyncAzureOpenAI(), "alice", memory=Memory())
    groq: Groq = with_memory(Groq(), "alice", redact=str.strip)
    slow_groq: AsyncGroq = with_memory(AsyncGroq(), "alice", on_error="raise", small_model=True)
    assert_type(with_memory(Duck(), "alice").greet(), str)
    del openai, azure, slow, slow_azure, groq, slow_groq


def calls_keep_their_types() -> None:
    client = with_memory(OpenAI(), "alice")
    assert_type(client.chat.completions.create(model="m", messages=[]), ChatCompletion)
    assert_type(client.chat.completions.create(model="m", messages=[], stream=True), Stream[ChatCompletionChunk])
    assert_type(client.with_options(timeout=1).memory, ChatMemory)
    assert_type(client.embeddings.create(model="m", input="x").data[0], Embedding)


def memory_is_typed() -> None:
    client = with_memory(OpenAI(), "alice")
    assert_type(client.memory, ChatMemory)
    assert_type(client.memory.search("x", top_k=5), list[SearchResult])
    assert_type(client.memory.add("x", importance=0.9), str)
    assert_type(client.memory.get_all(), list[Record])
    assert_type(client.memory.stats(), ChatStats)
    assert_type(client.memory.last_turn, LastTurn)
    assert_type(client.memory.last_turn.recalled, tuple[SearchResult, ...])
    assert_type(with_memory(AzureOpenAI(), "alice").memory, ChatMemory)
    assert_type(with_memory(Groq(), "alice").memory, ChatMemory)


async def memory_is_awaitable_where_the_client_is() -> None:
    client = with_memory(AsyncOpenAI(), "alice")
    assert_type(client.memory, AsyncChatMemory)
    assert_type(await client.memory.search("x", top_k=5), list[SearchResult])
    assert_type(await client.memory.stats(), ChatStats)
    assert_type(await client.memory.delete("x"), bool)
    assert_type(
        await client.chat.completions.create(model="m", messages=[], stream=True), AsyncStream[ChatCompletionChunk]
    )
    assert_type(with_memory(AsyncAzureOpenAI(), "alice").memory, AsyncChatMemory)
    assert_type(with_memory(AsyncGroq(), "alice").memory, AsyncChatMemory)


def wrong_calls_are_seen() -> None:
    with_memory(OpenAI())  # type: ignore[call-overload]  # no user
    with_memory(OpenAI(), "alice", top_k="5")  # type: ignore[call-overload]  # no number
    with_memory(OpenAI(), "alice", small_model="ollama")  # type: ignore[call-overload]  # no such server
    with_memory(OpenAI(), "alice").memory.serch("x")  # type: ignore[attr-defined]  # no such method
