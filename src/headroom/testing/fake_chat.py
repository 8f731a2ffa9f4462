"""A chat client that answers from a script: for tests of an application that uses `with_memory`."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from types import TracebackType
from typing import Any

from ..memory.records import Json

__all__ = ["AsyncFakeChat", "FakeChat", "reply_that_teaches"]


def reply_that_teaches(text: str, *facts: str) -> str:
    """Return the reply of a model that answers `text` and asks memory to keep `facts`."""
    block = json.dumps([{"content": fact} for fact in facts], ensure_ascii=False)
    return f"{text}\n<memory>\n{block}\n</memory>"


class _Script:
    """The replies to give, and the requests that came."""

    def __init__(self, *replies: str) -> None:
        self.requests: list[dict[str, Any]] = []
        """The keyword arguments of each request, in order, as they arrived: with what memory added."""
        self._replies = deque(replies)

    @property
    def last_message(self) -> str:
        """The text of the last message of the latest request. Raise AssertionError before the first request."""
        assert self.requests, "no request was made yet"
        content: object = self.requests[-1]["messages"][-1]["content"]
        return content if isinstance(content, str) else json.dumps(content)

    def script(self, *replies: str) -> None:
        """Answer the next requests with `replies`; after the last one every request is answered with "OK"."""
        self._replies.extend(replies)

    def _next(self, request: dict[str, Any]) -> str:
        self.requests.append(request)
        return self._replies.popleft() if self._replies else "OK"


class FakeChat(_Script):
    """An OpenAI-compatible client for tests: it opens no connection, needs no key, and answers from a script.

    It has `chat.completions.create`, plain and with `stream=True`, and returns the objects of the OpenAI SDK. A stream
    comes in pieces of a few characters.

    Examples:
        >>> client = with_memory(FakeChat(reply_that_teaches("Noted.", "User likes tea")), user_id="alice")
        >>> client.chat.completions.create(model="any", messages=[{"role": "user", "content": "I like tea"}])
        >>> client.memory.get_all()[0].content
        'User likes tea'
    """

    def __init__(self, *replies: str) -> None:
        super().__init__(*replies)
        self.chat = _Chat(self)

    def __enter__(self) -> FakeChat:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Do nothing: no connection is open."""


class AsyncFakeChat(_Script):
    """The same with an awaitable `create`, whose streams are read with `async for`."""

    def __init__(self, *replies: str) -> None:
        super().__init__(*replies)
        self.chat = _AsyncChat(self)

    async def __aenter__(self) -> AsyncFakeChat:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Do nothing: no connection is open."""


class _Chat:
    def __init__(self, script: _Script) -> None:
        self.completions = _Completions(script)


class _AsyncChat:
    def __init__(self, script: _Script) -> None:
        self.completions = _AsyncCompletions(script)


class _Completions:
    def __init__(self, script: _Script) -> None:
        self._script = script

    def create(self, **request: Any) -> Any:
        """Answer one request."""
        text = self._script._next(request)
        return _chunks(text, request) if request.get("stream") else _completion(text, request)


class _AsyncCompletions:
    def __init__(self, script: _Script) -> None:
        self._script = script

    async def create(self, **request: Any) -> Any:
        """Answer one request."""
        text = self._script._next(request)
        return _later(_chunks(text, request)) if request.get("stream") else _completion(text, request)


async def _later(chunks: Iterator[Any]) -> AsyncIterator[Any]:
    for chunk in chunks:
        yield chunk


_PIECE = 5
"""Characters of a streamed piece: few, so that a test sees a tag that is cut."""


def _completion(text: str, request: Mapping[str, Any]) -> Any:
    from openai.types.chat import ChatCompletion

    message: Json = {"role": "assistant", "content": text}
    choice: Json = {"index": 0, "message": message, "finish_reason": "stop"}
    return ChatCompletion.model_validate({**_head(request, "chat.completion"), "choices": [choice]})


def _chunks(text: str, request: Mapping[str, Any]) -> Iterator[Any]:
    from openai.types.chat import ChatCompletionChunk

    pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    for piece in [*pieces, None]:
        delta: Json = {} if piece is None else {"role": "assistant", "content": piece}
        choice: Json = {"index": 0, "delta": delta, "finish_reason": "stop" if piece is None else None}
        yield ChatCompletionChunk.model_validate({**_head(request, "chat.completion.chunk"), "choices": [choice]})


def _head(request: Mapping[str, Any], kind: str) -> dict[str, Json]:
    return {"id": "fake", "object": kind, "created": 0, "model": str(request.get("model", "fake"))}
