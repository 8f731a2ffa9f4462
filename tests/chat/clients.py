"""Every client that `with_memory` stands in for, made for the loopback server; and one way to drive sync and async."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from inspect import isawaitable
from types import SimpleNamespace
from typing import Any

import openai
import pytest

try:
    import groq
except ModuleNotFoundError:  # an extra for development; the installed wheel is tested without it
    groq = None  # type: ignore[assignment]

KEY = {"api_key": "test-key", "max_retries": 0}
AZURE = {**KEY, "api_version": "2024-10-21"}


class Duck:
    """The least that has memory: an object with `chat.completions.create`, and nothing of an SDK."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.chat = SimpleNamespace(completions=SimpleNamespace(create=self._create))

    def close(self) -> None:
        """Nothing is open."""

    def _create(self, **body: Any) -> Any:
        request = urllib.request.Request(
            f"{self.url}/v1/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        if body.get("stream"):
            return self._stream(request)
        with urllib.request.urlopen(request) as response:
            return _object(response.read())

    def _stream(self, request: urllib.request.Request) -> Iterator[Any]:
        with urllib.request.urlopen(request) as response:
            for line in response:
                if line.startswith(b"data: {"):
                    yield _object(line[len(b"data: ") :])


class AsyncDuck(Duck):
    """The same with a coroutine function and an asynchronous generator."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.chat = SimpleNamespace(completions=SimpleNamespace(create=self._create_later))

    async def _create_later(self, **body: Any) -> Any:
        reply = await asyncio.to_thread(self._create, **body)
        return self._pieces(reply) if body.get("stream") else reply

    async def _pieces(self, stream: Iterator[Any]) -> AsyncIterator[Any]:
        while (piece := await asyncio.to_thread(next, stream, None)) is not None:
            yield piece


def _object(data: bytes) -> Any:
    return json.loads(data, object_hook=_Fields)


class _Fields(SimpleNamespace):
    """A JSON object by attributes, as small clients give it."""

    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__(**fields)


CLIENTS: dict[str, Callable[[str], Any]] = {
    "OpenAI": lambda url: openai.OpenAI(base_url=f"{url}/v1", **KEY),
    "AsyncOpenAI": lambda url: openai.AsyncOpenAI(base_url=f"{url}/v1", **KEY),
    "AzureOpenAI": lambda url: openai.AzureOpenAI(azure_endpoint=url, **AZURE),
    "AsyncAzureOpenAI": lambda url: openai.AsyncAzureOpenAI(azure_endpoint=url, **AZURE),
    "Groq": lambda url: groq.Groq(base_url=url, **KEY),
    "AsyncGroq": lambda url: groq.AsyncGroq(base_url=url, **KEY),
    "Duck": Duck,
    "AsyncDuck": AsyncDuck,
}
END = object()
OPENAI = ("OpenAI", "AsyncOpenAI", "AzureOpenAI", "AsyncAzureOpenAI")
SDKS = (*OPENAI, "Groq", "AsyncGroq")


def make_client(name: str, url: str) -> Any:
    """Make a client; skip the test if its SDK is not installed."""
    if "Groq" in name and groq is None:
        pytest.skip("groq is not installed")
    return CLIENTS[name](url)


async def settled(value: Any) -> Any:
    """Return a value that a synchronous client gave, or await that of an asynchronous one."""
    return await value if isawaitable(value) else value


async def each(stream: Any) -> AsyncIterator[Any]:
    """Iterate over a stream of either kind."""
    if hasattr(stream, "__aiter__"):
        async for item in stream:
            yield item
    else:
        for item in stream:
            yield item


async def next_of(stream: Any) -> Any:
    """Take one item of a stream of either kind; END if there is none."""
    return await anext(stream, END) if hasattr(stream, "__anext__") else next(stream, END)


@asynccontextmanager
async def entered(manager: Any) -> AsyncIterator[Any]:
    """Enter a context manager of either kind."""
    if hasattr(manager, "__aenter__"):
        async with manager as inside:
            yield inside
    else:
        with manager as inside:
            yield inside
