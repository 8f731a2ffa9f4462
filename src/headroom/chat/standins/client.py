"""Stand-ins for a client and for the parts of it that lead to its resources."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from ...errors import InvalidInput
from ..apis.api import Api
from ..apis.completions import Completions
from ..apis.responses import Responses
from ..client_memory import AsyncChatMemory, ChatMemory
from ..turns import Turns
from .call import is_async
from .forward import Forward, Method, Replacement, if_target_has_it
from .resource import Resource

ROUTES: Final[Mapping[str, Api]] = {
    "chat.completions": Completions(),
    "beta.chat.completions": Completions(),
    "responses": Responses(),
}
"""Where a client has an API with memory. A new provider is a file in `apis/` and a line here."""


class Node(Forward):
    """Stand in for a part of a client that leads to resources, such as `client.chat`."""

    __slots__ = ("_path", "_turns")
    resembles = True

    def __init__(self, target: Any, turns: Turns, path: str = "") -> None:
        super().__init__(target)
        object.__setattr__(self, "_turns", turns)
        object.__setattr__(self, "_path", path)

    def _of_target(self, name: str) -> Any:
        above = self._path
        path = f"{above}.{name}" if above else name
        if path in ROUTES:
            return self._child(name, getattr(self._target, name), lambda _, at: Resource(at, self._turns, ROUTES[path]))
        if any(route.startswith(f"{path}.") for route in ROUTES):
            return self._child(name, getattr(self._target, name), lambda _, at: Node(at, self._turns, path))
        return super()._of_target(name)


class ClientWithMemory(Node):
    """Stand in for a client. What is written to it reaches the client, and closing it closes the client."""

    __slots__ = ("_memory",)

    def __init__(self, target: Any, turns: Turns) -> None:
        super().__init__(target, turns)
        object.__setattr__(self, "_memory", None)

    @property
    def memory(self) -> ChatMemory | AsyncChatMemory:
        """The user's memories; awaitable if the client is asynchronous."""
        memory: ChatMemory | AsyncChatMemory | None = self._memory
        if memory is None:
            kind = AsyncChatMemory if is_async(self._target.chat.completions.create) else ChatMemory
            memory = kind(self._turns)
            object.__setattr__(self, "_memory", memory)
        return memory

    def _copied(self, method: Callable[..., Any]) -> Method:
        turns = self._turns
        return Method(method, lambda *args, **kwargs: ClientWithMemory(method(*args, **kwargs), turns))

    replaced: ClassVar[Mapping[str, Replacement]] = {"copy": _copied, "with_options": _copied}

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


def check_client(client: Any) -> Any:
    """Return the client to stand in for: that behind a stand-in, as one user's memory is not added to another's.

    Raise InvalidInput if it has no `chat.completions.create()`.
    """
    if issubclass(type(client), ClientWithMemory):
        client = client._target
    found = client
    for name in ("chat", "completions", "create"):
        part = getattr(found, name, None)
        if part is None or (name == "create" and not callable(part)):
            lacking = "it" if found is client else f"its {'chat' if name == 'completions' else 'chat.completions'}"
            raise InvalidInput(
                f"a client must have chat.completions.create(), and {lacking} has no {name} "
                f"({type(client).__module__}.{type(client).__qualname__}); pass a client that speaks OpenAI's API"
            )
        found = part
    return client
