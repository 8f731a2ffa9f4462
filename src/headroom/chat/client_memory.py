"""`client.memory`: the user's memories, and what the chat does with them."""

from __future__ import annotations

from contextlib import AbstractContextManager

from ..memory.engine import Engine
from ..memory.records import Stats
from ..memory.user_memory import AsyncUserMemory, UserMemory
from ..runtime.threads import in_thread
from .last_turn import LastTurn
from .turns import Half, Turns


class ChatStats(Stats):
    """Counts of memories, and of what waits to be one."""

    waiting: int
    """Facts of chats that could not be stored yet."""


class ChatMemory(UserMemory):
    """The memories of one user, as seen from one client. Blocking; works inside a running event loop.

    If the memory's file cannot be used, the chat goes on without it, and every method here raises the StoreError.
    """

    def __init__(self, turns: Turns) -> None:
        self.reader, self.zone = turns.place.reader, turns.zone
        self._turns = turns

    @property
    def engine(self) -> Engine:
        """The synchronous core. Raise a StoreError if the file cannot be used now."""
        return self._turns.place.engine()

    @property
    def last_turn(self) -> LastTurn:
        """What the latest chat turn of this client recalled, stored and skipped; an empty one before the first."""
        return self._turns.last

    def off(self, *halves: Half) -> AbstractContextManager[None]:
        """Leave memory out of the requests made in a `with` block, in this thread or task: a private chat.

        Examples:
            >>> with client.memory.off():             # neither recalls nor learns
            >>> with client.memory.off("extract"):    # recalls, learns nothing
        """
        return self._turns.off(*halves)

    def foreign(self) -> AbstractContextManager[None]:
        """Mark the requests of a `with` block, in this thread or task, as holding text that is not the user's own.

        Such as a pasted document or a web page. As with tool results and files, which are noticed by themselves, a
        reply can then take back one note and store five facts, none of them at a raised importance. Use it for each
        request that still holds the text.

        Examples:
            >>> with client.memory.foreign():
        """
        return self._turns.foreign()

    def stats(self) -> ChatStats:
        """Count the user's memories: `total` are present, `superseded` history, `waiting` could not be stored yet."""
        return {**super().stats(), "waiting": self._turns.place.shared.waiting.count(self.reader.user_id)}

    def close(self) -> None:
        """Do nothing: the memory closes with its client."""


class AsyncChatMemory(AsyncUserMemory):
    """The same with awaitable methods."""

    def __init__(self, turns: Turns) -> None:
        self._chat = ChatMemory(turns)
        super().__init__(self._chat)

    @property
    def last_turn(self) -> LastTurn:
        """What the latest chat turn of this client recalled, stored and skipped; an empty one before the first."""
        return self._chat.last_turn

    def off(self, *halves: Half) -> AbstractContextManager[None]:
        """Leave memory out of the requests made in a `with` block; see `ChatMemory.off`."""
        return self._chat.off(*halves)

    def foreign(self) -> AbstractContextManager[None]:
        """Mark the requests of a `with` block as holding text that is not the user's; see `ChatMemory.foreign`."""
        return self._chat.foreign()

    async def stats(self) -> ChatStats:
        """Count the user's memories; see `ChatMemory.stats`."""
        return await in_thread(self._chat.stats)
