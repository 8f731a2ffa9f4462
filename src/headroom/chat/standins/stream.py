"""Stand-ins for the SDKs' streams and raw responses: the memory block is hidden, the facts are stored at the end."""

from __future__ import annotations

import functools
import inspect
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ..apis.api import Api
from ..turn import Turn
from .forward import Forward, Replacement, if_target_has_it


def receive(api: Api, turn: Turn, reply: Any) -> Any:
    """Return `reply` without its memory block, its facts stored; a stream or raw response as its stand-in."""
    shown = _show(api, turn, reply)
    if shown is reply:
        turn.finish()
    return shown


async def receive_async(api: Api, turn: Turn, reply: Any) -> Any:
    """Do the same as `receive` without blocking the event loop."""
    shown = _show(api, turn, reply)
    if shown is reply:
        await turn.finish_async()
    return shown


def _show(api: Api, turn: Turn, reply: Any) -> Any:
    if not turn.instructed:
        return reply
    if api.is_reply(reply):
        with turn.step("parse"):
            api.clean(reply, turn.texts)
        return reply
    if hasattr(reply, "__aiter__"):
        return AsyncMemoryStream(reply, api, turn)
    if hasattr(reply, "__next__"):  # a pydantic model can be iterated over too
        return MemoryStream(reply, api, turn)
    return RawResponse(reply, api, turn) if hasattr(reply, "parse") else reply


class _Stream(Forward):
    """What both streams share: chunks go in as they arrive and come out clean."""

    __slots__ = ("_chunks", "_cleaner", "_ready", "_turn")

    def __init__(self, target: Any, chunks: Any, api: Api, turn: Turn) -> None:
        super().__init__(target)
        object.__setattr__(self, "_chunks", chunks)
        object.__setattr__(self, "_cleaner", api.cleaner(turn.texts))
        object.__setattr__(self, "_ready", deque())
        object.__setattr__(self, "_turn", turn)

    def _push(self, chunk: Any) -> None:
        """Make ready what may be shown of `chunk`; the chunk itself where cleaning fails."""
        shown = [chunk]
        with self._turn.step("parse"):
            shown = self._cleaner.feed(chunk)
        self._ready.extend(shown)

    def _end(self) -> None:
        """Make ready what was held back until it was clear that no block begins there."""
        with self._turn.step("parse"):
            self._ready.extend(self._cleaner.close())

    def __del__(self) -> None:
        turn = getattr(self, "_turn", None)
        if turn is not None:
            turn.abandon()


class MemoryStream(_Stream):
    """Stand in for a stream. Facts are stored once, when it ends, breaks or is closed."""

    __slots__ = ()

    def __init__(self, target: Any, api: Api, turn: Turn) -> None:
        super().__init__(target, target, api, turn)

    def __iter__(self) -> MemoryStream:
        return self

    def __next__(self) -> Any:
        while not self._ready:
            try:
                self._push(next(self._chunks))
            except StopIteration:
                self._end()
                self._turn.finish()
                if not self._ready:
                    raise
            except BaseException:
                self._turn.finish()
                raise
        return self._ready.popleft()

    @if_target_has_it
    def __enter__(self) -> MemoryStream:
        self._target.__enter__()
        return self

    @if_target_has_it
    def __exit__(self, *exc: Any) -> Any:
        try:
            return self._target.__exit__(*exc)
        finally:
            self._turn.finish()

    def _closing(self, close: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(close)
        def closed(*args: Any, **kwargs: Any) -> Any:
            try:
                return close(*args, **kwargs)
            finally:
                self._turn.finish()

        return closed

    replaced: ClassVar[Mapping[str, Replacement]] = {"close": _closing}


class AsyncMemoryStream(_Stream):
    """Stand in for an asynchronous stream. Facts are stored once, when it ends, breaks or is closed."""

    __slots__ = ()

    def __init__(self, target: Any, api: Api, turn: Turn) -> None:
        super().__init__(target, target if hasattr(target, "__anext__") else aiter(target), api, turn)

    def __aiter__(self) -> AsyncMemoryStream:
        return self

    async def __anext__(self) -> Any:
        while not self._ready:
            try:
                self._push(await anext(self._chunks))
            except StopAsyncIteration:
                self._end()
                await self._turn.finish_async()
                if not self._ready:
                    raise
            except BaseException:
                await self._turn.finish_async()
                raise
        return self._ready.popleft()

    @if_target_has_it
    async def __aenter__(self) -> AsyncMemoryStream:
        await self._target.__aenter__()
        return self

    @if_target_has_it
    async def __aexit__(self, *exc: Any) -> Any:
        try:
            return await self._target.__aexit__(*exc)
        finally:
            await self._turn.finish_async()

    def _closing(self, close: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(close)
        async def closed(*args: Any, **kwargs: Any) -> Any:
            try:
                return await close(*args, **kwargs)
            finally:
                await self._turn.finish_async()

        return closed

    replaced: ClassVar[Mapping[str, Replacement]] = {"close": _closing, "aclose": _closing}


class RawResponse(Forward):
    """Stand in for a raw response: what `parse()` gives is clean, and stored; its bytes are the wire's own."""

    __slots__ = ("_dialect", "_parsed", "_turn")

    def __init__(self, target: Any, api: Api, turn: Turn) -> None:
        super().__init__(target)
        object.__setattr__(self, "_dialect", api)
        object.__setattr__(self, "_turn", turn)
        object.__setattr__(self, "_parsed", {})

    def _parse(self, parse: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(parse)
        def parsed(*args: Any, **kwargs: Any) -> Any:
            body = parse(*args, **kwargs)
            return self._receive_async(body) if inspect.isawaitable(body) else self._receive(body)

        return parsed

    def _receive(self, body: Any) -> Any:
        """Clean `body` once: the SDKs give the same object to whoever parses again."""
        if id(body) not in self._parsed:
            self._parsed[id(body)] = body, receive(self._dialect, self._turn, body)
        return self._parsed[id(body)][1]

    async def _receive_async(self, coming: Any) -> Any:
        body = await coming
        if id(body) not in self._parsed:
            self._parsed[id(body)] = body, await receive_async(self._dialect, self._turn, body)
        return self._parsed[id(body)][1]

    def _close(self, close: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(close)
        def closed(*args: Any, **kwargs: Any) -> Any:
            done = close(*args, **kwargs)
            if inspect.isawaitable(done):
                return self._finish_async(done)
            self._turn.finish()
            return done

        return closed

    async def _finish_async(self, closing: Any) -> Any:
        try:
            return await closing
        finally:
            await self._turn.finish_async()

    replaced: ClassVar[Mapping[str, Replacement]] = {"parse": _parse, "close": _close}
