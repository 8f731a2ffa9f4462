"""One call of an SDK's method that takes messages: the request with memory, and its reply."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from ..apis.api import Api
from ..turn import Turn
from ..turns import Turns
from .stream import Source, receive, receive_async


class Call:
    """Send a request with what memory adds. If the provider refuses it for that, send the caller's own once.

    Whether the call is asynchronous is known from the method, and for a method that hides it from what it returns:
    an awaitable. What a reply could do besides (some streams can be iterated over in both ways) says nothing.
    """

    def __init__(
        self,
        turns: Turns,
        turn: Turn,
        api: Api,
        method: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        self._turns, self._turn, self._api, self._method = turns, turn, api, method
        self._args, self._kwargs = args, settled(api, kwargs)

    def run(self) -> Any:
        """Make the call of a synchronous method."""
        written = self._turn.begin(self._api, self._kwargs)
        try:
            reply = self._send(written)
        except Exception as exc:
            if not self._turn.may_be_refused(exc):
                raise
            refusal = exc
        else:
            if inspect.isawaitable(reply):
                return self._finish(reply)
            return receive(self._source(later=False), reply)
        own = self._send(self._kwargs)
        self._turn.was_refused(refusal)
        return own

    async def run_async(self) -> Any:
        """Make the call of an asynchronous method."""
        written = await self._turn.begin_async(self._api, self._kwargs)
        return await self._finish(self._sent(written))

    async def _finish(self, coming: Awaitable[Any]) -> Any:
        """Receive a reply that is still to come."""
        try:
            with self._turns.entered():
                reply = await coming
        except Exception as exc:
            if not self._turn.may_be_refused(exc):
                raise
            refusal = exc
        else:
            return await receive_async(self._source(later=True), reply)
        own = await self._sent(self._kwargs)
        self._turn.was_refused(refusal)
        return own

    def _send(self, kwargs: Mapping[str, Any]) -> Any:
        with self._turns.entered():
            return self._method(*self._args, **kwargs)

    async def _sent(self, kwargs: Mapping[str, Any]) -> Any:
        """Send, and wait for the reply; a plain value that a mock returns is taken as it is."""
        with self._turns.entered():
            coming = self._method(*self._args, **kwargs)
            return await coming if inspect.isawaitable(coming) else coming

    def _source(self, *, later: bool) -> Source:
        streamed = bool(self._kwargs.get("stream"))
        return Source(api=self._api, turn=self._turn, later=later, streamed=streamed)


def settled(api: Api, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Turn messages that come as any iterable into a list, which can be read twice."""
    messages = kwargs.get(api.conversation)
    if isinstance(messages, (str, bytes, list, tuple, Mapping)) or not isinstance(messages, Iterable):
        return kwargs
    return {**kwargs, api.conversation: list(messages)}


def is_async(call: Callable[..., Any]) -> bool:
    """Return whether calling gives a coroutine; the SDKs hide it behind a decorator."""
    return inspect.iscoroutinefunction(inspect.unwrap(call))
