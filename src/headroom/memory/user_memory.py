"""UserMemory: the synchronous face, the memory of one user; and the same with awaitable methods."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import update_wrapper
from os import PathLike
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar

from ..errors import Closed
from ..runtime.threads import in_thread
from .config import MemoryConfig
from .engine import Engine
from .open import acquire, release
from .protocols import Embedder
from .records import Draft, Json, Reader, Record, Relationship, Scope, SearchResult
from .rules.checks import check_reader

P = ParamSpec("P")
R = TypeVar("R")
Self = TypeVar("Self", bound="UserMemory")


class UserMemory:
    """The memories of one user, as seen from one session and agent. Blocking; works inside a running event loop.

    >>> with UserMemory("alice") as memory:
    ...     memory.add("User prefers dark mode")
    ...     results = memory.search("Which theme?")
    """

    def __init__(
        self,
        user_id: str,
        session_id: str | None = None,
        agent_id: str | None = None,
        *,
        config: MemoryConfig | None = None,
        db_path: str | PathLike[str] | None = None,
        embedder: Embedder | None = None,
    ) -> None:
        """Open the memory of `user_id`; equal settings in one process share one open file. Close it with `close`.

        `db_path` overrides that of `config`; `embedder` is an object of your own that fits the Embedder protocol.
        Loads no model. Raise InvalidInput if an id cannot be one, and a StoreError if the file cannot be used.
        """
        reader = check_reader(Reader(user_id=user_id, session_id=session_id, agent_id=agent_id))
        config = config or MemoryConfig()
        if db_path is not None:
            config = replace(config, db_path=db_path)
        self._bind(acquire(config, embedder), reader)
        self._opened_here = True

    @classmethod
    def over(cls: type[Self], engine: Engine, reader: Reader) -> Self:
        """Return the memory of `reader` over an engine that somebody else opened and closes."""
        memory = cls.__new__(cls)
        memory._bind(engine, reader)
        return memory

    def _bind(self, engine: Engine, reader: Reader) -> None:
        self._engine: Engine | None = engine
        self.reader = check_reader(reader)
        self._opened_here = False

    @property
    def engine(self) -> Engine:
        """The synchronous core. Raise Closed after `close`."""
        if self._engine is None:
            raise Closed
        return self._engine

    def close(self) -> None:
        """Let go of the file; the last holder of equal settings closes it. Closing twice is fine."""
        engine, self._engine = self._engine, None
        if engine is not None and self._opened_here:
            release(engine)

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

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

    def recall(self, message: str, *, top_k: int = 10) -> list[SearchResult]:
        """Find the memories that a chat should be reminded of by `message`, best first; none is a good answer.

        If at most `top_k` memories are visible, all of them; else those that stand out for this message.
        """
        return self.engine.recall(self.reader, message, top_k=top_k)

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
        return self.engine.get(memory_id, self.reader)

    def get_all(self, *, limit: int | None = None, after: str | None = None) -> list[Record]:
        """List the present memories, newest first; `after` is the last id of the page before."""
        return self.engine.get_all(self.reader, limit=limit, after=after)

    def update(self, memory_id: str, content: str) -> str:
        """Supersede a memory by a new version and return its id; the old one becomes history."""
        return self.engine.update(memory_id, content, self.reader)

    def history(self, memory_id: str) -> list[Record]:
        """List the versions of a memory, oldest first."""
        return self.engine.history(memory_id, self.reader)

    def restore(self, memory_id: str) -> bool:
        """Undo a forget. False where there was nothing to undo."""
        return self.engine.restore(memory_id, self.reader)

    def delete(self, memory_id: str) -> bool:
        """Erase a memory with the versions that it replaced. False where the user has none of this id."""
        return self.engine.delete(memory_id, self.reader)

    def clear(self, *, session_id: str | None = None, agent_id: str | None = None) -> int:
        """Erase all memories of the user, or only those bound to a session or an agent; return how many."""
        return self.engine.clear(Reader(user_id=self.reader.user_id, session_id=session_id, agent_id=agent_id))

    def stats(self) -> dict[str, int]:
        """Count the user's memories: `total` are present, `superseded` are history."""
        return self.engine.stats(self.reader)


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
    recall = _awaitable(UserMemory.recall)
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
    close = _awaitable(UserMemory.close)
