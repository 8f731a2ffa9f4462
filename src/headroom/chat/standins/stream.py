"""Stand-ins for the SDKs' streams and raw responses: the memory block is hidden, the facts are stored at the end."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ..apis.api import Api
from ..turn import Turn
from .forward import Forward, Method, Replacement, if_target_has_it


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The call that a reply belongs to."""

    api: Api
    turn: Turn
    later: bool
    """The call was asynchronous, and so is what comes of it."""
    streamed: bool
    """A stream was asked for."""


def receive(source: Source, reply: Any) -> Any:
    """Return `reply` without its memory block, its facts stored; a stream or raw response as its stand-in."""
    shown = _show(source, reply)
    if shown is reply:
        source.turn.finish()
    return shown


async def receive_async(source: Source, reply: Any) -> Any:
    """Do the same as `receive` without blocking the event loop."""
    shown = _show(source, reply)
    if shown is reply:
        await source.turn.finish_async()
    return shown


def _show(source: Source, reply: Any) -> Any:
    turn = source.turn
    if not turn.instructed:
        return reply
    if source.api.is_reply(reply):
        with turn.steps.take("parse"):
            source.api.clean(reply, turn.texts)
        return reply
    # Some streams are iterated over in both ways, as those of tracing packages; a pydantic model in one. Python looks
    # for these methods on the type: a wrapper that forwards attributes shows those of what it wraps, and lacks them.
    kind = type(reply)
    if hasattr(kind, "__aiter__") and (source.later or not hasattr(kind, "__iter__")):
        return AsyncMemoryStream(reply, source)
    if hasattr(kind, "__next__") or (source.streamed and hasattr(kind, "__iter__")):
        return MemoryStream(reply, source)
    return RawResponse(reply, source) if hasattr(reply, "parse") else reply


class _Reply:
    """A streamed reply: chunks go in as they arrive and come out clean."""

    def __init__(self, chunks: Any, source: Source) -> None:
        self.chunks, self.turn = chunks, source.turn
        self.ready: deque[Any] = deque()
        self._cleaner = source.api.cleaner(source.turn.texts)

    def push(self, chunk: Any) -> bool:
        """Make ready what may be shown of `chunk`, itself if cleaning fails; return whether the reply is at its end.

        Then its facts are stored: many readers stop at the finish reason.
        """
        shown: Sequence[Any] = [chunk]
        with self.turn.steps.take("parse"):
            shown = self._cleaner.feed(chunk)
        self.ready.extend(shown)
        return self._cleaner.finished

    def end(self) -> None:
        """Make ready what was held back until it was clear that no block begins there."""
        with self.turn.steps.take("parse"):
            self.ready.extend(self._cleaner.close())


class _Stream(Forward):
    """What both streams share."""

    __slots__ = ("_reply",)

    def __init__(self, target: Any, chunks: Any, source: Source) -> None:
        super().__init__(target)
        object.__setattr__(self, "_reply", _Reply(chunks, source))

    def __del__(self) -> None:
        try:
            reply = self._reply
        except AttributeError:  # its making failed
            return
        reply.turn.abandon()


class MemoryStream(_Stream):
    """Stand in for a stream. Facts are stored once: at its finish reason, or when it ends, breaks or is closed."""

    __slots__ = ()

    def __init__(self, target: Any, source: Source) -> None:
        super().__init__(target, target if hasattr(type(target), "__next__") else iter(target), source)

    def __iter__(self) -> MemoryStream:
        return self

    def __next__(self) -> Any:
        reply = self._reply
        while not reply.ready:
            try:
                if reply.push(next(reply.chunks)):
                    reply.turn.finish()
            except StopIteration:
                reply.end()
                reply.turn.finish()
                if not reply.ready:
                    raise
            except BaseException:
                reply.turn.finish()
                raise
        return reply.ready.popleft()

    @if_target_has_it
    def __enter__(self) -> MemoryStream:
        self._target.__enter__()
        return self

    @if_target_has_it
    def __exit__(self, *exc: Any) -> Any:
        try:
            return self._target.__exit__(*exc)
        finally:
            self._reply.turn.finish()

    def _close(self, close: Callable[..., Any]) -> Method:
        turn = self._reply.turn

        def closed(*args: Any, **kwargs: Any) -> Any:
            try:
                return close(*args, **kwargs)
            finally:
                turn.finish()

        return Method(close, closed)

    replaced: ClassVar[Mapping[str, Replacement]] = {"close": _close}


class AsyncMemoryStream(_Stream):
    """Stand in for an asynchronous stream. Facts are stored once, as `MemoryStream` does it."""

    __slots__ = ()

    def __init__(self, target: Any, source: Source) -> None:
        super().__init__(target, target if hasattr(type(target), "__anext__") else aiter(target), source)

    def __aiter__(self) -> AsyncMemoryStream:
        return self

    async def __anext__(self) -> Any:
        reply = self._reply
        while not reply.ready:
            try:
                if reply.push(await anext(reply.chunks)):
                    await reply.turn.finish_async()
            except StopAsyncIteration:
                reply.end()
                await reply.turn.finish_async()
                if not reply.ready:
                    raise
            except BaseException:
                await reply.turn.finish_async()
                raise
        return reply.ready.popleft()

    @if_target_has_it
    async def __aenter__(self) -> AsyncMemoryStream:
        await self._target.__aenter__()
        return self

    @if_target_has_it
    async def __aexit__(self, *exc: Any) -> Any:
        try:
            return await self._target.__aexit__(*exc)
        finally:
            await self._reply.turn.finish_async()

    def _close(self, close: Callable[..., Any]) -> Method:
        turn = self._reply.turn

        async def closed(*args: Any, **kwargs: Any) -> Any:
            try:
                return await close(*args, **kwargs)
            finally:
                await turn.finish_async()

        return Method(close, closed)

    replaced: ClassVar[Mapping[str, Replacement]] = {"close": _close, "aclose": _close}


class RawResponse(Forward):
    """Stand in for a raw response: what `parse()` gives is clean, and stored; its bytes are the wire's own."""

    __slots__ = ("_parsed", "_source")

    def __init__(self, target: Any, source: Source) -> None:
        super().__init__(target)
        object.__setattr__(self, "_source", source)
        object.__setattr__(self, "_parsed", {})

    def _parse(self, parse: Callable[..., Any]) -> Method:
        source, known = self._source, self._parsed

        def parsed(*args: Any, **kwargs: Any) -> Any:
            body = parse(*args, **kwargs)
            return _received_async(source, known, body) if inspect.isawaitable(body) else _received(source, known, body)

        return Method(parse, parsed)

    def _close(self, close: Callable[..., Any]) -> Method:
        turn = self._source.turn

        def closed(*args: Any, **kwargs: Any) -> Any:
            done = close(*args, **kwargs)
            if inspect.isawaitable(done):
                return _finished_async(turn, done)
            turn.finish()
            return done

        return Method(close, closed)

    replaced: ClassVar[Mapping[str, Replacement]] = {"parse": _parse, "close": _close}


Known = dict[int, tuple[Any, Any]]
"""What was parsed from one raw response: its id -> itself, and what is shown. The SDKs give the same object again."""


def _received(source: Source, known: Known, body: Any) -> Any:
    """Receive `body` once."""
    if id(body) not in known:
        known[id(body)] = body, receive(source, body)
    return known[id(body)][1]


async def _received_async(source: Source, known: Known, coming: Any) -> Any:
    body = await coming
    if id(body) not in known:
        known[id(body)] = body, await receive_async(replace(source, later=True), body)
    return known[id(body)][1]


async def _finished_async(turn: Turn, closing: Any) -> Any:
    try:
        return await closing
    finally:
        await turn.finish_async()
