"""UserMemory: the synchronous face, the memory of one user; and the same with awaitable methods."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from functools import update_wrapper
from os import PathLike
from pathlib import Path
from types import EllipsisType, TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar

from ..errors import Closed
from ..runtime.threads import in_thread
from .config import MemoryConfig
from .engine import Engine
from .open import acquire, release
from .portable.readers.table import OWN_FORMAT
from .portable.restoring import Imported
from .protocols import Embedder
from .query import Listing, Query, State
from .records import (
    Draft,
    Event,
    Everything,
    Json,
    KeptTurn,
    Origin,
    Reader,
    Record,
    Relationship,
    Scope,
    SearchResult,
    Similar,
    Stats,
    Undone,
)
from .rules.amending import Fields
from .rules.checks import check_reader, one_of
from .rules.filters import Where, parse
from .rules.times import zone_of

P = ParamSpec("P")
R = TypeVar("R")
Self = TypeVar("Self", bound="UserMemory")


class UserMemory:
    """The memories of one user, as seen from one session and agent. Blocking; works inside a running event loop.

    Examples:
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
        timezone: str | None = None,
    ) -> None:
        """Open the memory of `user_id`; equal settings in one process share one open file. Close it with `close`.

        `db_path` overrides that of `config`; `embedder` is an object of your own that fits the Embedder protocol.
        `timezone`, such as "Europe/Berlin", is where the user's days begin and end; None is the system's. Loads no
        model. Raise InvalidInput if an id cannot be one, and a StoreError if the file cannot be used.
        """
        reader = check_reader(Reader(user_id=user_id, session_id=session_id, agent_id=agent_id))
        config = config or MemoryConfig()
        if db_path is not None:
            config = replace(config, db_path=db_path)
        zone = zone_of(timezone)
        self._bind(acquire(config, embedder), reader, zone)
        self._opened_here = True

    @classmethod
    def over(cls: type[Self], engine: Engine, reader: Reader, zone: tzinfo | None = None) -> Self:
        """Return the memory of `reader` over an engine that somebody else opened and closes."""
        memory = cls.__new__(cls)
        memory._bind(engine, reader, zone)
        return memory

    def _bind(self, engine: Engine, reader: Reader, zone: tzinfo | None = None) -> None:
        self._engine: Engine | None = engine
        self.reader = check_reader(reader)
        self.zone = zone
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
        origin: Origin | str | None = None,
        where: Where | None = None,
        timezone: str | None = None,
    ) -> list[SearchResult]:
        """Find the memories nearest to `query`, best first; a blank query finds none. See `Memory.search`."""
        return self.engine.search(
            Query(
                reader=self.reader,
                text=query,
                top_k=top_k,
                min_score=min_score,
                include_graph=include_graph,
                as_of=as_of,
                where=parse(where, saved_by=saved_by, origin=origin),
                zone=zone_of(timezone) or self.zone,
            )
        )

    def recall(self, message: str, *, top_k: int = 10, within: float | None = None) -> list[SearchResult]:
        """Find the memories that a chat should be reminded of by `message`, best first; none is a good answer.

        If at most `top_k` memories are visible, all of them; else those that stand out for this message. If its vector
        takes longer than `within` seconds, words alone decide.
        """
        return self.engine.recall(self.reader, message, top_k=top_k, zone=self.zone, within=within)

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
        origin: Origin | str = Origin.APPLICATION,
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
            origin=origin,
        )
        return self.engine.save(self.reader, [draft])[0]

    def add_many(self, items: Iterable[str | Draft]) -> list[str]:
        """Store many memories and return their ids in order. See `Memory.save_many`."""
        return self.engine.save(self.reader, items)

    def get(self, memory_id: str) -> Record | None:
        """Look up one of the memories that this reader sees, present, held or history."""
        return self.engine.get(memory_id, self.reader)

    def get_many(self, memory_ids: Sequence[str]) -> list[Record | None]:
        """Look up memories in the order of their ids; None for each that is not found."""
        return self.engine.get_many(memory_ids, self.reader)

    def get_all(
        self,
        *,
        where: Where | None = None,
        limit: int | None = None,
        after: str | None = None,
        as_of: datetime | None = None,
    ) -> list[Record]:
        """List the present memories, newest first; `after` is the last id of the page before.

        With `as_of`, those that were present at that moment.
        """
        listing = Listing(reader=self.reader, where=parse(where), limit=limit, after=after, as_of=as_of)
        return self.engine.get_all(listing)

    def count(self, *, where: Where | None = None, as_of: datetime | None = None) -> int:
        """Count the present memories, or those that a filter lets through; with `as_of`, as they were then."""
        return self.engine.count(Listing(reader=self.reader, where=parse(where), as_of=as_of))

    def changes(self, earlier: datetime, later: datetime, *, limit: int | None = None) -> list[Record]:
        """List the versions that began or ended after `earlier` and not after `later`, newest first."""
        return self.engine.get_all(Listing(reader=self.reader, changed=(earlier, later), limit=limit))

    def forgotten(self, *, limit: int | None = None, after: str | None = None) -> list[Record]:
        """List the memories that were forgotten, newest first; `restore` brings them back."""
        return self.engine.get_all(Listing(reader=self.reader, state=State.FORGOTTEN, limit=limit, after=after))

    def update(
        self,
        memory_id: str,
        content: str | None = None,
        *,
        metadata: Mapping[str, Json] | None = None,
        importance: float | None = None,
        entities: Sequence[str] | None = None,
        expires_at: datetime | EllipsisType | None = ...,
        merge: bool = True,
    ) -> str:
        """Change a memory and return the id of the version that is present now. See `Memory.update`."""
        fields = Fields(
            metadata=metadata,
            importance=importance,
            entities=None if entities is None else tuple(entities),
            expires_at=expires_at,
            merge=merge,
        )
        return self.engine.update(memory_id, content, self.reader, fields=fields)

    def forget(self, memory_id: str) -> bool:
        """Hide a memory; its history is kept, and `restore` undoes it. False if there was nothing to hide."""
        return self.engine.forget(memory_id, self.reader)

    def restore(self, memory_id: str) -> bool:
        """Undo a forget. False if there was nothing to undo."""
        return self.engine.restore(memory_id, self.reader)

    def pending(self, *, limit: int | None = None, after: str | None = None) -> list[Record]:
        """List the memories that wait for a review, newest first. No search sees them; they go after 30 days."""
        return self.engine.get_all(Listing(reader=self.reader, state=State.HELD, limit=limit, after=after))

    def accept(self, memory_id: str) -> str:
        """Let a held memory be seen from now on, and end what it was to replace; return its id.

        Raise NotFound if no such memory waits.
        """
        return self.engine.accept(memory_id, self.reader)

    def reject(self, memory_id: str) -> None:
        """Turn a held memory down: it is hidden, and erased when its 30 days are over.

        Raise NotFound if no such memory waits.
        """
        self.engine.reject(memory_id, self.reader)

    def history(self, memory_id: str) -> list[Record]:
        """List the versions of a memory, oldest first."""
        return self.engine.history(memory_id, self.reader)

    def delete(self, memory_id: str) -> bool:
        """Erase a memory with the versions that it replaced. False if this reader sees none of this id."""
        return self.engine.delete(memory_id, self.reader)

    def delete_many(self, memory_ids: Sequence[str] | None = None, *, where: Where | None = None) -> int:
        """Erase memories in one transaction: by the ids of those that this reader sees, or by a filter.

        A filter reaches the user's memories of every session and agent, as `clear` does. See `Memory.delete_many`.
        """
        if one_of(memory_ids, where):
            return self.engine.delete_many(memory_ids or (), self.reader)
        return self.engine.clear(Reader(user_id=self.reader.user_id), parse(where))

    def clear(self, *, session_id: str | None = None, agent_id: str | None = None) -> int:
        """Erase all memories of the user, or only those bound to a session or an agent; return how many."""
        return self.engine.clear(Reader(user_id=self.reader.user_id, session_id=session_id, agent_id=agent_id))

    def events(self, *, turn_id: str | None = None, since: datetime | None = None) -> list[Event]:
        """List what happened to the memories that this reader sees, newest first: who did what when, without any text.

        `owner.events()` lists those of every session and agent.
        """
        return self.engine.events(self.reader, turn_id=turn_id, since=since)

    def undo(self, turn_id: str | None = None, *, since: datetime | None = None) -> Undone:
        """Take back all that a turn stored, replaced and forgot, and only that. See `Memory.undo`."""
        return self.engine.undo(self.reader, turn_id=turn_id, since=since)

    def turns(self, *, limit: int = 20, before: str | None = None) -> list[KeptTurn]:
        """List the chat turns that were kept, newest first; `before` is the last id of the page before.

        Turns are kept only if `with_memory(record_turns=...)` asks for it.
        """
        return self.engine.turns(self.reader, limit=limit, before=before)

    def growth(self, step: timedelta = timedelta(days=1)) -> list[tuple[datetime, int]]:
        """Count the user's present memories after each step of time in which any came or went.

        Each count stands with the moment at which the first change of its step happened, oldest first.
        """
        return self.engine.growth(self.reader, step)

    def export(
        self,
        path: str | PathLike[str],
        *,
        overwrite: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Write all memories of the user to a file of JSON Lines; return how many they are. See `Memory.export`."""
        return self.engine.export(Path(path), self.reader.user_id, overwrite=overwrite, progress=progress)

    def import_from(
        self,
        path: str | PathLike[str],
        *,
        source: str = OWN_FORMAT,
        namespace: str | None = None,
        redact_secrets: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Imported:
        """Import a file into this user's memory, whoever it was exported from. See `Memory.import_from`."""
        return self.engine.import_from(
            Path(path),
            self.reader.user_id,
            source=source,
            namespace=namespace,
            redact_secrets=redact_secrets,
            progress=progress,
        )

    def near_duplicates(self, *, threshold: float = 0.85) -> list[Similar]:
        """Group the memories that say nearly the same, with their cosines. See `Memory.near_duplicates`."""
        return self.engine.near_duplicates(self.reader, threshold=threshold)

    def everything(self) -> Everything:
        """Return all there is of the user: memories of every scope, history, what is held, events, and kept turns."""
        return self.engine.everything(self.reader.user_id)

    @property
    def redacted(self) -> dict[str, int]:
        """How many secrets of each kind were taken out of what was to be stored, since the memory was opened."""
        return dict(self.engine.redacted)

    @property
    def owner(self) -> UserMemory:
        """The same memory as its owner sees it: every session, agent and turn of the user."""
        return UserMemory.over(self.engine, replace(self.reader, owner=True), self.zone)

    def warm(self) -> None:
        """Load the model and what a search of this user needs, so that the first chat need not wait for it.

        Raise ModelUnavailable if the model is not on this machine, and a StoreError if the file cannot be used.
        """
        self.engine.warm(self.reader)

    def stats(self) -> Stats:
        """Count the memories that this reader sees: `total` are present, `superseded` are history."""
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
    get_many = _awaitable(UserMemory.get_many)
    get_all = _awaitable(UserMemory.get_all)
    count = _awaitable(UserMemory.count)
    changes = _awaitable(UserMemory.changes)
    forgotten = _awaitable(UserMemory.forgotten)
    update = _awaitable(UserMemory.update)
    forget = _awaitable(UserMemory.forget)
    restore = _awaitable(UserMemory.restore)
    pending = _awaitable(UserMemory.pending)
    accept = _awaitable(UserMemory.accept)
    reject = _awaitable(UserMemory.reject)
    history = _awaitable(UserMemory.history)
    delete = _awaitable(UserMemory.delete)
    delete_many = _awaitable(UserMemory.delete_many)
    clear = _awaitable(UserMemory.clear)
    events = _awaitable(UserMemory.events)
    undo = _awaitable(UserMemory.undo)
    turns = _awaitable(UserMemory.turns)
    growth = _awaitable(UserMemory.growth)
    export = _awaitable(UserMemory.export)
    import_from = _awaitable(UserMemory.import_from)
    near_duplicates = _awaitable(UserMemory.near_duplicates)
    everything = _awaitable(UserMemory.everything)
    warm = _awaitable(UserMemory.warm)
    stats = _awaitable(UserMemory.stats)
    close = _awaitable(UserMemory.close)

    @property
    def redacted(self) -> dict[str, int]:
        """How many secrets of each kind were taken out of what was to be stored, since the memory was opened."""
        return self.bound.redacted

    @property
    def owner(self) -> AsyncUserMemory:
        """The same memory as its owner sees it: every session, agent and turn of the user."""
        return AsyncUserMemory(self.bound.owner)
