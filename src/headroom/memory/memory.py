"""Memory: the async face of a store of memories."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from os import PathLike
from types import TracebackType

from ..errors import Closed, InvalidInput
from ..runtime.threads import in_thread
from .config import MemoryConfig
from .engine import Engine
from .open import acquire, reembed, release
from .protocols import Embedder
from .records import Draft, Json, Reader, Record, Relationship, Scope, SearchResult


class Memory:
    """Memories of any number of users in one local file.

    In every call, `user_id` says whose memories, and `session_id`, `agent_id` and `turn_id` say who looks or writes:
    memories of narrower scopes are seen only with their own ids, by search and by id alike. With `owner=True` the user
    looks at all that is theirs: every session, agent and turn. A call by id without `user_id` is the application's own,
    and finds everybody's. Each call runs whole on a worker thread.

    >>> memory = Memory()
    >>> await memory.save("User prefers dark mode", user_id="alice")
    >>> results = await memory.search("Which theme?", user_id="alice")
    """

    def __init__(
        self,
        config: MemoryConfig | None = None,
        *,
        backend: str | None = None,
        db_path: str | PathLike[str] | None = None,
        embedder: Embedder | None = None,
    ) -> None:
        """Open the memory; equal settings in one process share one open file.

        `backend` and `db_path` override those of `config`; `embedder` is an object of your own that fits the
        Embedder protocol. Loads no model. Raises a StoreError where the file cannot be used.
        """
        config = config or MemoryConfig()
        if backend is not None:
            config = replace(config, backend=backend)
        if db_path is not None:
            config = replace(config, db_path=db_path)
        self.config = config
        self._engine: Engine | None = acquire(config, embedder)

    @property
    def engine(self) -> Engine:
        """The synchronous core. Raises Closed after `close`."""
        if self._engine is None:
            raise Closed
        return self._engine

    async def save(
        self,
        content: str,
        user_id: str,
        *,
        session_id: str | None = None,
        agent_id: str | None = None,
        turn_id: str | None = None,
        scope: Scope | str = Scope.USER,
        importance: float = 0.5,
        entities: Sequence[str] = (),
        relationships: Sequence[Relationship | tuple[str, str, str] | Mapping[str, str]] = (),
        metadata: Mapping[str, Json] | None = None,
        created_at: datetime | None = None,
        expires_at: datetime | None = None,
    ) -> str:
        """Store one memory and return its id; durable when this returns.

        A text that the same readers already know (but for case, spaces and final punctuation) gets one more source
        and gives the id it has. At user scope `agent_id` and `session_id` only say where it comes from. `importance`
        is 0 to 1, times are aware datetimes. Raises InvalidInput before anything is written.
        """
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
        writer = Reader(user_id=user_id, session_id=session_id, agent_id=agent_id, turn_id=turn_id)
        return (await in_thread(self.engine.save, writer, [draft]))[0]

    async def save_many(
        self,
        items: Iterable[str | Draft],
        user_id: str,
        *,
        session_id: str | None = None,
        agent_id: str | None = None,
        turn_id: str | None = None,
    ) -> list[str]:
        """Store many memories, texts or Drafts, and return their ids in order.

        All are checked before the first is written; then each 1,024 become durable together.
        """
        writer = Reader(user_id=user_id, session_id=session_id, agent_id=agent_id, turn_id=turn_id)
        return await in_thread(self.engine.save, writer, items)

    async def search(
        self,
        query: str,
        user_id: str,
        *,
        session_id: str | None = None,
        agent_id: str | None = None,
        turn_id: str | None = None,
        top_k: int = 10,
        min_score: float = 0.0,
        include_graph: bool = False,
        as_of: datetime | None = None,
        saved_by: str | None = None,
        where: Mapping[str, Json] | None = None,
    ) -> list[SearchResult]:
        """Find at most `top_k` memories for `query`, best first; a blank query finds none.

        `include_graph` adds memories that share an entity with the best ones. `as_of` looks at what held at that
        time. `saved_by` keeps what one agent said, `where` what has these metadata values. All filters hold inside
        the search: they never make the list shorter than it need be.
        """
        reader = Reader(user_id=user_id, session_id=session_id, agent_id=agent_id, turn_id=turn_id)
        return await in_thread(
            self.engine.search,
            reader,
            query,
            top_k=top_k,
            min_score=min_score,
            include_graph=include_graph,
            as_of=as_of,
            saved_by=saved_by,
            where=where,
        )

    async def get(
        self,
        memory_id: str,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        agent_id: str | None = None,
        turn_id: str | None = None,
        owner: bool = False,
    ) -> Record | None:
        """Look up one memory, present or history; one that the given reader does not see is not found."""
        reader = _reader(user_id, session_id, agent_id, turn_id, owner)
        return await in_thread(self.engine.get, memory_id, reader)

    async def get_all(
        self,
        user_id: str,
        *,
        session_id: str | None = None,
        agent_id: str | None = None,
        turn_id: str | None = None,
        owner: bool = False,
        limit: int | None = None,
        after: str | None = None,
    ) -> list[Record]:
        """List the present memories that the reader sees, newest first; `after` is the last id of the page before."""
        reader = Reader(user_id=user_id, session_id=session_id, agent_id=agent_id, turn_id=turn_id, owner=owner)
        return await in_thread(self.engine.get_all, reader, limit=limit, after=after)

    async def update(
        self,
        memory_id: str,
        content: str,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        agent_id: str | None = None,
        turn_id: str | None = None,
        owner: bool = False,
    ) -> str:
        """Supersede a memory by a new version and return its id; the old one becomes history."""
        reader = _reader(user_id, session_id, agent_id, turn_id, owner)
        return await in_thread(self.engine.update, memory_id, content, reader)

    async def history(
        self,
        memory_id: str,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        agent_id: str | None = None,
        turn_id: str | None = None,
        owner: bool = False,
    ) -> list[Record]:
        """List the versions of a memory that the given reader sees, oldest first; empty if there is none."""
        reader = _reader(user_id, session_id, agent_id, turn_id, owner)
        return await in_thread(self.engine.history, memory_id, reader)

    async def restore(
        self,
        memory_id: str,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        agent_id: str | None = None,
        turn_id: str | None = None,
        owner: bool = False,
    ) -> bool:
        """Undo what a model forgot; return False if there was nothing to undo."""
        reader = _reader(user_id, session_id, agent_id, turn_id, owner)
        return await in_thread(self.engine.restore, memory_id, reader)

    async def delete(
        self,
        memory_id: str,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        agent_id: str | None = None,
        turn_id: str | None = None,
        owner: bool = False,
    ) -> bool:
        """Erase a memory with the versions that it replaced, so that no byte of them stays in the file."""
        reader = _reader(user_id, session_id, agent_id, turn_id, owner)
        return await in_thread(self.engine.delete, memory_id, reader)

    async def clear(
        self,
        user_id: str,
        *,
        session_id: str | None = None,
        agent_id: str | None = None,
        turn_id: str | None = None,
    ) -> int:
        """Erase all memories of a user, or only those bound to a session, agent or turn; return how many."""
        reader = Reader(user_id=user_id, session_id=session_id, agent_id=agent_id, turn_id=turn_id)
        return await in_thread(self.engine.clear, reader)

    async def stats(
        self,
        user_id: str | None = None,
        *,
        session_id: str | None = None,
        agent_id: str | None = None,
        turn_id: str | None = None,
        owner: bool = False,
    ) -> dict[str, int]:
        """Count the memories that the given reader sees, or all: `total` are present, `superseded` are history."""
        return await in_thread(self.engine.stats, _reader(user_id, session_id, agent_id, turn_id, owner))

    @staticmethod
    async def reembed(
        config: MemoryConfig,
        *,
        embedder: Embedder | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Move the file that `config` names to the embedder that it asks for; return how many memories were embedded.

        Other programs go on searching the old vectors until all are made, and then must be opened with the new
        embedder. A run that was killed goes on where it was. `progress` is called with how many are done, and how
        many there are. Raises StoreUnavailable where the disk is too small.
        """
        return await in_thread(reembed, config, embedder, progress)

    async def close(self) -> None:
        """Let go of the file; the last holder of equal settings closes it. Closing twice is fine."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await in_thread(release, engine)

    async def __aenter__(self) -> Memory:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _reader(
    user_id: str | None, session_id: str | None, agent_id: str | None, turn_id: str | None, owner: bool
) -> Reader | None:
    """Return who looks, or None for the application itself, which names no user."""
    if user_id is None:
        if owner or (session_id, agent_id, turn_id) != (None, None, None):
            raise InvalidInput("say whose memories these are: pass user_id as well")
        return None
    return Reader(user_id=user_id, session_id=session_id, agent_id=agent_id, turn_id=turn_id, owner=owner)
