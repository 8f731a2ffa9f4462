"""`client.memory`: the user's memories, and what the chat does with them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from ..memory.records import Stats
from ..memory.rules.filters import Where
from ..memory.user_memory import AsyncUserMemory, UserMemory
from ..runtime.threads import in_thread
from .last_turn import LastTurn
from .turn import Half, Turns


class ChatStats(Stats):
    """Counts of memories, and of what waits to be one."""

    waiting: int
    """Facts of chats that could not be stored yet."""


class ChatMemory(UserMemory):
    """The memories of one user, as seen from one client. Blocking; works inside a running event loop."""

    def __init__(self, turns: Turns) -> None:
        self._bind(turns.place.engine, turns.place.reader)
        self._turns = turns

    @property
    def last_turn(self) -> LastTurn | None:
        """What the latest chat turn of this client recalled, stored and skipped; None before the first one."""
        return self._turns.last

    def off(self, *halves: Half) -> AbstractContextManager[None]:
        """Leave memory out of the requests made in a `with` block, in this thread or task: a private chat.

        >>> with client.memory.off():             # neither recalls nor learns
        >>> with client.memory.off("extract"):    # recalls, learns nothing
        """
        return self._turns.off(*halves)

    def stats(self) -> ChatStats:
        """Count the user's memories: `total` are present, `superseded` history, `waiting` could not be stored yet."""
        return {**super().stats(), "waiting": self._turns.place.shared.waiting.count(self.reader.user_id)}

    def delete(self, memory_id: str) -> bool:
        """Erase a memory with the versions that it replaced. False where the user has none of this id."""
        self._turns.place.shared.recent.forget(self.reader.user_id)
        return super().delete(memory_id)

    def delete_many(self, memory_ids: Sequence[str] | None = None, *, where: Where | None = None) -> int:
        """Erase memories, by their ids or by a filter, in one transaction. See `Memory.delete_many`."""
        self._turns.place.shared.recent.forget(self.reader.user_id)
        return super().delete_many(memory_ids, where=where)

    def clear(self, *, session_id: str | None = None, agent_id: str | None = None) -> int:
        """Erase all memories of the user, or only those bound to a session or an agent; return how many."""
        shared = self._turns.place.shared
        shared.recent.forget(self.reader.user_id)
        if session_id is None and agent_id is None:
            shared.waiting.forget(self.reader.user_id)
        return super().clear(session_id=session_id, agent_id=agent_id)


class AsyncChatMemory(AsyncUserMemory):
    """The same with awaitable methods."""

    def __init__(self, turns: Turns) -> None:
        self._chat = ChatMemory(turns)
        super().__init__(self._chat)

    @property
    def last_turn(self) -> LastTurn | None:
        """What the latest chat turn of this client recalled, stored and skipped; None before the first one."""
        return self._chat.last_turn

    def off(self, *halves: Half) -> AbstractContextManager[None]:
        """Leave memory out of the requests made in a `with` block; see `ChatMemory.off`."""
        return self._chat.off(*halves)

    async def stats(self) -> ChatStats:
        """Count the user's memories; see `ChatMemory.stats`."""
        return await in_thread(self._chat.stats)

    async def delete(self, memory_id: str) -> bool:
        """Erase a memory; see `ChatMemory.delete`."""
        return await in_thread(self._chat.delete, memory_id)

    async def delete_many(self, memory_ids: Sequence[str] | None = None, *, where: Where | None = None) -> int:
        """Erase memories; see `ChatMemory.delete_many`."""
        return await in_thread(self._chat.delete_many, memory_ids, where=where)

    async def clear(self, *, session_id: str | None = None, agent_id: str | None = None) -> int:
        """Erase memories; see `ChatMemory.clear`."""
        return await in_thread(self._chat.clear, session_id=session_id, agent_id=agent_id)
