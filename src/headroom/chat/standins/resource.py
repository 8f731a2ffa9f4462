"""Stand-ins for the resources of an API that take messages: `create`, `parse` and `stream` with memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ..apis.api import Api
from ..turn import Turn
from ..turns import Turns
from .call import Call, is_async
from .forward import Forward, Method, Replacement, if_target_has_it


class Resource(Forward):
    """Stand in for one resource of a client, such as `client.chat.completions`."""

    __slots__ = ("_api", "_turns")
    resembles = True

    def __init__(self, target: Any, turns: Turns, api: Api) -> None:
        super().__init__(target)
        object.__setattr__(self, "_turns", turns)
        object.__setattr__(self, "_api", api)

    def _create(self, call: Callable[..., Any]) -> Method:
        return self._remembering(call, extract=True)

    def _parse(self, call: Callable[..., Any]) -> Method:
        return self._remembering(call, extract=False)  # typed output has no place for a block

    def _remembering(self, call: Callable[..., Any], *, extract: bool) -> Method:
        """Stand in for a method that takes messages and gives a reply."""
        turns, api = self._turns, self._api
        # A program may put a function of its own in the place of a method; the class still knows what it was.
        later = is_async(call) or is_async(getattr(type(self._target), getattr(call, "__name__", ""), call))

        def remembering(*args: Any, **kwargs: Any) -> Any:
            if turns.is_entered():  # a retry or a tracer around this very method: the outer call has memory
                return call(*args, **kwargs)
            # The turn begins here and not when it is awaited, so that a switch that is off now counts.
            made = Call(turns, turns.new(extract=extract), api, call, args, kwargs)
            return made.run_async() if later else made.run()

        return Method(call, remembering)

    def _stream(self, call: Callable[..., Any]) -> Any:
        """Stand in for the SDK's stream helper: run it on a stand-in, so that the request it makes has memory too."""
        helper = getattr(call, "__func__", None)
        if helper is None:
            return call
        target, turns, api = self._target, self._turns, self._api

        def stream(*args: Any, **kwargs: Any) -> Any:
            made: list[Turn] = []
            return StreamManager(helper(Resource(target, turns.collected_in(made), api), *args, **kwargs), made)

        return Method(call, stream)

    def _retrieve(self, call: Callable[..., Any]) -> Method:
        """Stand in for the method that gives an earlier reply again: the block that is stored with it stays hidden."""
        turns, api = self._turns, self._api

        def retrieved(*args: Any, **kwargs: Any) -> Any:
            made = Call(turns, turns.only_reading(), api, call, args, kwargs)
            return made.run_async() if is_async(call) else made.run()

        return Method(call, retrieved)

    replaced: ClassVar[Mapping[str, Replacement]] = {
        "create": _create,
        "parse": _parse,
        "retrieve": _retrieve,
        "stream": _stream,
    }


class StreamManager(Forward):
    """Stand in for what the SDK's stream helper returns: facts are stored at the latest when its block ends."""

    __slots__ = ("_made",)

    def __init__(self, target: Any, made: list[Turn]) -> None:
        super().__init__(target)
        object.__setattr__(self, "_made", made)

    @if_target_has_it
    def __enter__(self) -> Any:
        return self._target.__enter__()

    @if_target_has_it
    def __exit__(self, *exc: Any) -> Any:
        try:
            return self._target.__exit__(*exc)
        finally:
            for turn in self._made:
                turn.finish()

    @if_target_has_it
    async def __aenter__(self) -> Any:
        return await self._target.__aenter__()

    @if_target_has_it
    async def __aexit__(self, *exc: Any) -> Any:
        try:
            return await self._target.__aexit__(*exc)
        finally:
            for turn in self._made:
                await turn.finish_async()
