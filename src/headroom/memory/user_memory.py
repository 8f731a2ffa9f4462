"""`client.memory`: a memory bound to one user and scope, synchronous; and the same with awaitable methods."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec, TypeVar

from ..runtime.threads import in_thread
from .engine import Engine
from .records import Draft, Json, Reader, Record, Relationship, Scope, SearchResult
from .rules.checks import check_reader

P = ParamSpec("P")
R = TypeVar("R")


class UserMemory:
    """The memories of one user, as seen from one session and agent. Blocking; works inside a running event loop."""

    def __init__(self, engine: Engine, reader: Reader) -> None:
        self.engine = engine
        self.reader = check_reader(reader)

    def search(
        self,
        query: str,
        *,
        top_k: int = 10,
        min_score: float = 0.0,
        include_graph: bool = False,
        as_of: datetime | None = None,
        saved_by: str | None = None,
        where: Mapping[str, Json] | None = None,
    ) -> list[SearchResult]:
        """Find the memories nearest to `query`, best first; a blank query finds none. See `Memory.search`."""
        return self.engine.search(
            self.reader,
            query,
            top_k=top_k,
            min_score=min_score,
            include_graph=include_graph,
            as_of=as_of,
            saved_by=saved_by,
            where=where,
        )

    def add(
        self,
        content: str,
        *,
        scope: Scope | str = Scope.USER,
        importance: float = 0.5,
        entities: Sequence[str] = (),
        relationships: Sequence[Relationship | tuple[str, str, str] | Mapping[str, str]] = (),
        metadata: Mapping[str, Json] | None = None,
        created_at: datetime | None = None,
        expires_at: datetime | None = None,
    ) -> str:
        """Store one memory and return its id. See `Memory.save`."""
        draft = Draft(
            content,
            scope=scope,
            importance=importance,
            entities=entities,
            relationships=relationships,
            metadata={} if metadata is None else metadata,
            created_at=created_at,
            expires_at=expires_at,
        )
        return self.engine.save(self.reader, [draft])[0]

    def add_many(self, items: Iterable[str | Draft]) -> list[str]:
        """Store many memories and return their ids in order. See `Memory.save_many`."""
        return self.engine.save(self.reader, items)

    def get(self, memory_id: str) -> Record | None:
        """Look up one of the user's memories, present or history."""
        return self.engine.get(memory_id, user_id=self.reader.user_id)

    def get_all(self, *, limit: int | None = None, after: str | None = None) -> list[Record]:
        """List the present memories, newest first; `after` is the last id of the page before."""
        return self.engine.get_all(self.reader, limit=limit, after=after)

    def update(self, memory_id: str, content: str) -> str:
        """Supersede a memory by a new version and return its id; the old one becomes history."""
        return self.engine.update(memory_id, content, user_id=self.reader.user_id)

    def history(self, memory_id: str) -> list[Record]:
        """List the versions of a memory, oldest first."""
        return self.engine.history(memory_id, user_id=self.reader.user_id)

    def restore(self, memory_id: str) -> bool:
        """Undo a forget. False where there was nothing to undo."""
        return self.engine.restore(memory_id, user_id=self.reader.user_id)

    def delete(self, memory_id: str) -> bool:
        """Erase a memory with the versions that it replaced. False where the user has none of this id."""
        return self.engine.delete(memory_id, user_id=self.reader.user_id)

    def clear(self, *, session_id: str | None = None, agent_id: str | None = None) -> int:
        """Erase all memories of the user, or only those bound to a session or an agent; return how many."""
        return self.engine.clear(Reader(user_id=self.reader.user_id, session_id=session_id, agent_id=agent_id))

    def stats(self) -> dict[str, int]:
        """Count the user's memories: `total` are present, `superseded` are history."""
        return self.engine.stats(self.reader.user_id)


def _awaitable(
    method: Callable[Concatenate[UserMemory, P], R],
) -> Callable[Concatenate[AsyncUserMemory, P], Coroutine[Any, Any, R]]:
    async def on_thread(self: AsyncUserMemory, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await in_thread(method, self.bound, *args, **kwargs)

    update_wrapper(on_thread, method)
    return on_thread


class AsyncUserMemory:
    """The same as `UserMemory` with awaitable methods: each runs whole on a worker thread."""

    def __init__(self, bound: UserMemory) -> None:
        self.bound = bound

    search = _awaitable(UserMemory.search)
    add = _awaitable(UserMemory.add)
    add_many = _awaitable(UserMemory.add_many)
    get = _awaitable(UserMemory.get)
    get_all = _awaitable(UserMemory.get_all)
    update = _awaitable(UserMemory.update)
    history = _awaitable(UserMemory.history)
    restore = _awaitable(UserMemory.restore)
    delete = _awaitable(UserMemory.delete)
    clear = _awaitable(UserMemory.clear)
    stats = _awaitable(UserMemory.stats)
