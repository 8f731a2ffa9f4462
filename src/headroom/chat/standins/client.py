"""Stand-ins for a client and for the parts of it that lead to its resources."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ..apis.completions import Completions
from ..apis.responses import Responses
from ..client_memory import AsyncChatMemory, ChatMemory
from ..turn import Turns
from .forward import Forward, Replacement, if_target_has_it
from .resource import Resource, is_async

COMPLETIONS, RESPONSES = Completions(), Responses()
"""The APIs that have memory; the `replaced` tables below say where a client has them."""


class _Node(Forward):
    """Stand in for a part of a client that leads to resources."""

    __slots__ = ("_turns",)

    def __init__(self, target: Any, turns: Turns) -> None:
        super().__init__(target)
        object.__setattr__(self, "_turns", turns)


class ChatNode(_Node):
    """Stand in for `client.chat`."""

    __slots__ = ()
    replaced: ClassVar[Mapping[str, Replacement]] = {
        "completions": lambda self, target: Resource(target, self._turns, COMPLETIONS)
    }


class BetaNode(_Node):
    """Stand in for `client.beta`."""

    __slots__ = ()
    replaced: ClassVar[Mapping[str, Replacement]] = {"chat": lambda self, target: ChatNode(target, self._turns)}


class ClientWithMemory(_Node):
    """Stand in for a client. What is written to it reaches the client, and closing it closes the client."""

    __slots__ = ("_memory",)

    def __init__(self, target: Any, turns: Turns) -> None:
        super().__init__(target, turns)
        object.__setattr__(self, "_memory", None)

    @property
    def memory(self) -> ChatMemory | AsyncChatMemory:
        """The user's memories; awaitable where the client is."""
        memory: ChatMemory | AsyncChatMemory | None = self._memory
        if memory is None:
            kind = AsyncChatMemory if is_async(self._target.chat.completions.create) else ChatMemory
            memory = kind(self._turns)
            object.__setattr__(self, "_memory", memory)
        return memory

    def _copied(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def copied(*args: Any, **kwargs: Any) -> Any:
            return ClientWithMemory(method(*args, **kwargs), self._turns)

        return copied

    replaced: ClassVar[Mapping[str, Replacement]] = {
        "chat": lambda self, target: ChatNode(target, self._turns),
        "beta": lambda self, target: BetaNode(target, self._turns),
        "responses": lambda self, target: Resource(target, self._turns, RESPONSES),
        "copy": _copied,
        "with_options": _copied,
    }

    def __copy__(self) -> ClientWithMemory:
        return ClientWithMemory(copy.copy(self._target), self._turns)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), "memory"]

    @if_target_has_it
    def __enter__(self) -> ClientWithMemory:
        self._target.__enter__()
        return self

    @if_target_has_it
    def __exit__(self, *exc: Any) -> Any:
        return self._target.__exit__(*exc)

    @if_target_has_it
    async def __aenter__(self) -> ClientWithMemory:
        await self._target.__aenter__()
        return self

    @if_target_has_it
    async def __aexit__(self, *exc: Any) -> Any:
        return await self._target.__aexit__(*exc)
