"""Memory: the async face of a store of memories."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from os import PathLike
from pathlib import Path
from types import EllipsisType, TracebackType
from typing import Any

from ..errors import Closed, InvalidInput
from ..runtime.threads import in_thread
from .config import MemoryConfig
from .engine import Engine
from .open import acquire, backup, reembed, rekey, release, restore_backup
from .portable.readers.table import OWN_FORMAT
from .portable.restoring import Imported
from .protocols import Embedder
from .query import Listing, Query, State
from .records import (
    Draft,
    Event,
    Everything,
    Json,
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
from .rules.checks import one_of
from .rules.filters import Where, parse
from .rules.times import zone_of


class Memory:
    """Memories of any number of users, in one local file or in Qdrant and Neo4j.

    In every call, `user_id` says whose memories, and `session_id`, `agent_id` and `turn_id` say who looks or writes:
    memories of narrower scopes are seen only with their own ids, by search and by id alike. With `owner=True` the user
    looks at all that is theirs: every session, agent and turn. A call by id without `user_id` is the application's own,
    and finds everybody's. Each call runs whole on a worker thread.

    Examples:
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
        qdrant_url: str | None = None,
        qdrant_api_key: str | None = None,
        neo4j_uri: str | None = None,
        neo4j_user: str | None = None,
        neo4j_password: str | None = None,
        read_only: bool | None = None,
        encryption_key: str | None = None,
        embedder: Embedder | None = None,
    ) -> None:
        """Open the memory; equal settings in one process share one open file, or the connections to one server.

        What is given overrides `config`; `embedder` is an object of your own that fits the Embedder protocol. Loads no
        model. Raise a StoreError if the file cannot be used; if it is a ServerUnavailable or ServerRefused, it names
        the server.
        """
        given = {
            "backend": backend,
            "db_path": db_path,
            "qdrant_url": qdrant_url,
            "qdrant_api_key": qdrant_api_key,
            "neo4j_uri": neo4j_uri,
            "neo4j_user": neo4j_user,
            "neo4j_password": neo4j_password,
            "read_only": read_only,
            "encryption_key": encryption_key,
        }
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        config = replace(config or MemoryConfig(), **changes)
        self.config = config
        self._engine: Engine | None = acquire(config, embedder)

    @property
    def opened(self) -> Engine | None:
        """The synchronous core; None after `close`."""
        return self._engine

    @property
    def engine(self) -> Engine:
        """The synchronous core. Raises Closed after `close`."""
        if self._engine is None:
            raise Closed
        return self._engine

    @property
    def redacted(self) -> dict[str, int]:
        """How many secrets of each kind were taken out of what was to be stored, since the memory was opened."""
        return dict(self.engine.redacted)

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
        origin: Origin | str = Origin.APPLICATION,
    ) -> str:
        """Store one memory and return its id; durable when this returns.

        A text that the same readers already know (but for case, spaces and final punctuation) gets one more source
        and has the id that it had; of its metadata the new values stand, of importance the higher, of expiry the later.
        At user scope `agent_id` and `session_id` only say where it comes from. `importance` is 0 to 1, times are aware
        datetimes. Raise InvalidInput before anything is written.
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
            origin=origin,
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
        owner: bool = False,
        top_k: int = 10,
        min_score: float = 0.0,
        include_graph: bool = False,
        as_of: datetime | None = None,
        saved_by: str | None = None,
        origin: Origin | str | None = None,
        where: Where | None = None,
        timezone: str | None = None,
    ) -> list[SearchResult]:
        """Find at most `top_k` memories for `query`, best first; a blank query finds none.

        `include_graph` adds memories that share an entity with the best ones. `as_of` looks at what held at that
        time. `saved_by` keeps what one agent said, `origin` what came from there, and `where` what a filter of metadata
        and of the record's own fields lets through, such as `{"kind": "note", "record.importance": {"$gte": 0.5}}`. All
        filters hold inside the search: they never make the list shorter than it need be. `timezone`, such as
        "Europe/Berlin", is where the days that the question names begin and end; None is the system's.
        """
        asked = Query(
            reader=Reader(user_id=user_id, session_id=session_id, agent_id=agent_id, turn_id=turn_id, owner=owner),
            text=query,
            top_k=top_k,
            min_score=min_score,
            include_graph=include_graph,
            as_of=as_of,
            where=parse(where, saved_by=saved_by, origin=origin),
            zone=zone_of(timezone),
        )
        return await in_thread(self.engine.search, asked)

    # By id. With `user_id`, what no search would show to this user, session, agent and turn is not found; without it,
    # the memories of all users are.

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
        """Look up one memory, present, held or history."""
        return await in_thread(self.engine.get, memory_id, _reader(user_id, session_id, agent_id, turn_id, owner))

    async def get_many(
        self,
        memory_ids: Sequence[str],
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        agent_id: str | None = None,
        turn_id: str | None = None,
        owner: bool = False,
    ) -> list[Record | None]:
        """Look up memories in the order of their ids; None for each that is not found."""
        return await in_thread(self.engine.get_many, memory_ids, _reader(user_id, session_id, agent_id, turn_id, owner))

    async def update(
        self,
        memory_id: str,
        content: str | None = None,
        *,
        metadata: Mapping[str, Json] | None = None,
        importance: float | None = None,
        entities: Sequence[str] | None = None,
        expires_at: datetime | EllipsisType | None = ...,
        merge: bool = True,
        user_id: str | None = None,
        session_id: str | None = None,
        agent_id: str | None = None,
        turn_id: str | None = None,
        owner: bool = False,
    ) -> str:
        """Change a memory and return the id of the version that is present now.

        A new `content` makes a new version, and the old one becomes history; the other fields change in place. What is
        not named stays. `metadata` and `entities` are added to what is there, or replace it with `merge=False`; an
        `expires_at` of None removes the expiry. Raise NotFound if there is no such present memory.
        """
        fields = Fields(
            metadata=metadata,
            importance=importance,
            entities=None if entities is None else tuple(entities),
            expires_at=expires_at,
            merge=merge,
        )
        reader = _reader(user_id, session_id, agent_id, turn_id, owner)
        return await in_thread(self.engine.update, memory_id, content, reader, fields=fields)

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
        """List the versions of a memory, oldest first; empty if there is none."""
        return await in_thread(self.engine.history, memory_id, _reader(user_id, session_id, agent_id, turn_id, owner))

    async def forget(
        self,
        memory_id: str,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        agent_id: str | None = None,
        turn_id: str | None = None,
        owner: bool = False,
    ) -> bool:
        """Hide a memory; its history is kept, and `restore` undoes it. False if there was nothing to hide."""
        return await in_thread(self.engine.forget, memory_id, _reader(user_id, session_id, agent_id, turn_id, owner))

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
        """Undo a forget. False if there was nothing to undo."""
        return await in_thread(self.engine.restore, memory_id, _reader(user_id, session_id, agent_id, turn_id, owner))

    async def accept(self, memory_id: str, *, user_id: str | None = None) -> str:
        """Let a held memory be seen from now on, and end what it was to replace; return its id.

        Raise NotFound if no such memory waits, in any session of the user.
        """
        return await in_thread(self.engine.accept, memory_id, _owner(user_id))

    async def reject(self, memory_id: str, *, user_id: str | None = None) -> None:
        """Turn a held memory down: it is hidden, and erased when its 30 days are over.

        Raise NotFound if no such memory waits, in any session of the user.
        """
        await in_thread(self.engine.reject, memory_id, _owner(user_id))

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
        """Erase a memory with the versions that it replaced: no byte of them stays in the file."""
        return await in_thread(self.engine.delete, memory_id, _reader(user_id, session_id, agent_id, turn_id, owner))

    async def delete_many(
        self, memory_ids: Sequence[str] | None = None, *, where: Where | None = None, user_id: str | None = None
    ) -> int:
        """Erase memories with the versions that they replaced, in one transaction; return how many.

        Either by their ids, or all that a filter lets through of the user's memories in any session: present, held and
        history. Raise InvalidInput if the filter is empty: that is `clear`.
        """
        if one_of(memory_ids, where):
            return await in_thread(self.engine.delete_many, memory_ids or (), _owner(user_id))
        if user_id is None:
            raise InvalidInput("delete_many by a filter needs user_id: whose memories are to be erased?")
        return await in_thread(self.engine.clear, Reader(user_id=user_id), parse(where))

    # By user.

    async def get_all(
        self,
        user_id: str,
        *,
        session_id: str | None = None,
        agent_id: str | None = None,
        turn_id: str | None = None,
        owner: bool = False,
        where: Where | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> list[Record]:
        """List the present memories that the reader sees, newest first; `after` is the last id of the page before."""
        reader = Reader(user_id=user_id, session_id=session_id, agent_id=agent_id, turn_id=turn_id, owner=owner)
        listing = Listing(reader=reader, where=parse(where), limit=limit, after=after)
        return await in_thread(self.engine.get_all, listing)

    async def count(
        self,
        user_id: str,
        *,
        session_id: str | None = None,
        agent_id: str | None = None,
        turn_id: str | None = None,
        owner: bool = False,
        where: Where | None = None,
    ) -> int:
        """Count the present memories that the reader sees, or those that a filter lets through."""
        reader = Reader(user_id=user_id, session_id=session_id, agent_id=agent_id, turn_id=turn_id, owner=owner)
        return await in_thread(self.engine.count, Listing(reader=reader, where=parse(where)))

    async def pending(self, user_id: str, *, limit: int | None = None, after: str | None = None) -> list[Record]:
        """List the memories of a user that wait for a review, in any session, newest first.

        No search sees them, and they are erased after 30 days.
        """
        reader = Reader(user_id=user_id, owner=True)
        return await in_thread(self.engine.get_all, Listing(reader=reader, state=State.HELD, limit=limit, after=after))

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

    async def events(self, user_id: str, *, turn_id: str | None = None, since: datetime | None = None) -> list[Event]:
        """List what happened to a user's memories in any session, newest first: who did what when, without any text.

        An event is kept for as long as the memory that it names.
        """
        return await in_thread(self.engine.events, Reader(user_id=user_id, owner=True), turn_id=turn_id, since=since)

    async def undo(self, user_id: str, *, turn_id: str | None = None, since: datetime | None = None) -> Undone:
        """Take back all that a turn stored, replaced and forgot, or all that was done since a time, and only that.

        What was stored is hidden with its history. What others changed since stays as they left it.
        """
        reader = Reader(user_id=user_id, owner=True)
        return await in_thread(self.engine.undo, reader, turn_id=turn_id, since=since)

    async def users(self) -> list[str]:
        """List the users who have memories, held ones included, or kept turns, in the order of their ids."""
        return await in_thread(self.engine.users)

    async def near_duplicates(self, user_id: str, *, threshold: float = 0.85) -> list[Similar]:
        """Group the memories of a user, in any session, that say nearly the same; the closest groups first.

        Each comes with its cosine to the newest of its group. Texts that differ in a number, a name or a negation are
        in no group, however near they are. Nothing is changed: what is to go is for a person to say.
        """
        return await in_thread(self.engine.near_duplicates, Reader(user_id=user_id, owner=True), threshold=threshold)

    async def everything(self, user_id: str) -> Everything:
        """Return all there is of a user: memories of every scope, history, what is held, events, and kept turns."""
        return await in_thread(self.engine.everything, user_id)

    async def warm(self, user_id: str | None = None) -> None:
        """Load the model, and with `user_id` what a search of that user needs, so that no first chat waits for it.

        For servers, before they take requests. Raise ModelUnavailable if the model is not on this machine.
        """
        await in_thread(self.engine.warm, None if user_id is None else Reader(user_id=user_id))

    async def stats(
        self,
        user_id: str | None = None,
        *,
        session_id: str | None = None,
        agent_id: str | None = None,
        turn_id: str | None = None,
        owner: bool = False,
    ) -> Stats:
        """Count the memories that the given reader sees, or all: `total` are present, `superseded` are history."""
        return await in_thread(self.engine.stats, _reader(user_id, session_id, agent_id, turn_id, owner))

    async def export(
        self,
        path: str | PathLike[str],
        user_id: str | None = None,
        *,
        overwrite: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Write all memories of a user, or of all users, to a file of JSON Lines; return how many they are.

        It holds whatever the store knows of them: vectors, history, sources, what is held, and what happened. Only its
        owner can read it. `progress` is called with how many are done, and how many there are. Raise InvalidInput if
        the file is there already and `overwrite` is not set.
        """
        return await in_thread(self.engine.export, Path(path), user_id, overwrite=overwrite, progress=progress)

    async def import_from(
        self,
        path: str | PathLike[str],
        user_id: str | None = None,
        *,
        source: str = OWN_FORMAT,
        namespace: str | None = None,
        redact_secrets: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Imported:
        """Import a file that `export` wrote, or one of another program; return how many memories came of it.

        `source` is "headroom", "mem0", "chatgpt", "claude", "langgraph" or "markdown". The memories go to `user_id`, or
        to the users that the file names. They are seen when all are stored, not before. No memory that is there is
        overwritten, and importing the same file again adds none. `namespace` is for LangGraph, such as
        "memories/{user_id}"; `redact_secrets` takes passwords and keys out of what another program kept. Raise
        UnreadableImport if the file cannot be read.
        """
        return await in_thread(
            self.engine.import_from,
            Path(path),
            user_id,
            source=source,
            namespace=namespace,
            redact_secrets=redact_secrets,
            progress=progress,
        )

    async def discard_imports(self) -> int:
        """Erase what imports left behind that were stopped and never completed; return how many memories."""
        return await in_thread(self.engine.discard_imports)

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
        many there are. Raise StoreUnavailable if the disk is too small.
        """
        return await in_thread(reembed, config, embedder, progress)

    async def backup(self, target: str | PathLike[str], *, overwrite: bool = False) -> None:
        """Copy the file to `target` while programs go on writing: complete, checked, and for its owner alone.

        A copy of an encrypted file has the same key. Raise InvalidInput if there is such a file already, unless
        `overwrite`, and StoreUnavailable if the disk is full.
        """
        await in_thread(partial(backup, self.config, target, overwrite=overwrite))

    @staticmethod
    async def restore_backup(
        source: str | PathLike[str], config: MemoryConfig | None = None, *, overwrite: bool = False
    ) -> None:
        """Put a copy of the backup `source` where `config` names its file, which nobody may have open.

        Everything is checked before the file is exchanged. Raise InvalidInput if there is a file already, unless
        `overwrite`, StoreUnavailable if somebody has it open, and NotADatabase or WrongKey if `source` cannot be read.
        """
        await in_thread(partial(restore_backup, config or MemoryConfig(), source, overwrite=overwrite))

    @staticmethod
    async def rekey(config: MemoryConfig, encryption_key: str | None) -> None:
        """Encrypt the file that `config` names, change its key, or decrypt it if `encryption_key` is None.

        `config` has the key that the file has now, if any; nobody may have the file open. A kill at any instant
        leaves the file under the old key or under the new one. What was in clear may stand in freed blocks of the
        disk. Raise WrongKey if `config` has not its key, and StoreUnavailable if somebody has it open.
        """
        await in_thread(rekey, config, encryption_key)

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


def _owner(user_id: str | None) -> Reader | None:
    return None if user_id is None else Reader(user_id=user_id, owner=True)
