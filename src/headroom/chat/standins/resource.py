"""Stand-ins for the resources of an API that take messages: `create`, `parse` and `stream` with memory."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from ..apis.api import Api
from ..turn import Turn, Turns
from .forward import Forward, Replacement, if_target_has_it
from .stream import receive, receive_async


class Resource(Forward):
    """Stand in for one resource of a client, such as `client.chat.completions`."""

    __slots__ = ("_api", "_turns")

    def __init__(self, target: Any, turns: Turns | _Begun, api: Api) -> None:
        super().__init__(target)
        object.__setattr__(self, "_turns", turns)
        object.__setattr__(self, "_api", api)

    def _create(self, call: Callable[..., Any]) -> Callable[..., Any]:
        return self._remembering(call, extract=True)

    def _parse(self, call: Callable[..., Any]) -> Callable[..., Any]:
        return self._remembering(call, extract=False)  # typed output has no place for a block

    def _remembering(self, call: Callable[..., Any], *, extract: bool) -> Callable[..., Any]:
        """Wrap a method that takes messages and gives a reply."""

        @functools.wraps(call)
        def remembering(*args: Any, **kwargs: Any) -> Any:
            turn = self._turns.new(extract=extract)
            return self._receive(turn, call(*args, **turn.begin(self._api, self._settled(kwargs))))

        @functools.wraps(call)
        def remembering_async(*args: Any, **kwargs: Any) -> Any:
            # The turn begins here and not when it is awaited, so that a switch that is off now counts.
            return self._awaited(call, self._turns.new(extract=extract), args, self._settled(kwargs))

        return remembering_async if is_async(call) else remembering

    async def _awaited(self, call: Callable[..., Any], turn: Turn, args: Any, kwargs: dict[str, Any]) -> Any:
        return await self._receive(turn, call(*args, **await turn.begin_async(self._api, kwargs)))

    def _receive(self, turn: Turn, reply: Any) -> Any:
        """Return `reply` with its memory block taken in; await it first where it is still to come."""
        return self._receive_async(turn, reply) if inspect.isawaitable(reply) else receive(self._api, turn, reply)

    async def _receive_async(self, turn: Turn, coming: Any) -> Any:
        return await receive_async(self._api, turn, await coming)

    def _settled(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Turn messages that can be read only once into a list."""
        messages = kwargs.get(self._api.conversation)
        return {**kwargs, self._api.conversation: list(messages)} if isinstance(messages, Iterator) else kwargs

    def _stream(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap the SDK's stream helper: run it on a stand-in, so that the request it makes has memory too."""
        helper = getattr(call, "__func__", None)
        if helper is None:
            return call

        @functools.wraps(call)
        def stream(*args: Any, **kwargs: Any) -> Any:
            begun = _Begun(self._turns)
            return StreamManager(helper(type(self)(self._target, begun, self._api), *args, **kwargs), begun)

        return stream

    def _retrieve(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap the method that gives an earlier reply again: the block that is stored with it stays hidden."""

        @functools.wraps(call)
        def retrieved(*args: Any, **kwargs: Any) -> Any:
            return self._receive(self._turns.only_reading(), call(*args, **kwargs))

        return retrieved

    replaced: ClassVar[Mapping[str, Replacement]] = {
        "create": _create,
        "parse": _parse,
        "retrieve": _retrieve,
        "stream": _stream,
    }


class _Begun:
    """Makes turns, and keeps them for whoever has to finish them."""

    def __init__(self, turns: Turns | _Begun) -> None:
        self._turns = turns
        self.turns: list[Turn] = []

    def new(self, *, extract: bool) -> Turn:
        self.turns.append(self._turns.new(extract=extract))
        return self.turns[-1]

    def only_reading(self) -> Turn:
        return self._turns.only_reading()


class StreamManager(Forward):
    """Stand in for what the SDK's stream helper returns: facts are stored at the latest when its block ends."""

    __slots__ = ("_begun",)

    def __init__(self, target: Any, begun: _Begun) -> None:
        super().__init__(target)
        object.__setattr__(self, "_begun", begun)

    @if_target_has_it
    def __enter__(self) -> Any:
        return self._target.__enter__()

    @if_target_has_it
    def __exit__(self, *exc: Any) -> Any:
        try:
            return self._target.__exit__(*exc)
        finally:
            for turn in self._begun.turns:
                turn.finish()

    @if_target_has_it
    async def __aenter__(self) -> Any:
        return await self._target.__aenter__()

    @if_target_has_it
    async def __aexit__(self, *exc: Any) -> Any:
        try:
            return await self._target.__aexit__(*exc)
        finally:
            for turn in self._begun.turns:
                await turn.finish_async()


def is_async(call: Callable[..., Any]) -> bool:
    """Tell whether calling gives a coroutine; the SDKs hide it behind a decorator."""
    return inspect.iscoroutinefunction(inspect.unwrap(call))
