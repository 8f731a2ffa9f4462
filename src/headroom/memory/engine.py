"""The synchronous core: every operation on memories, once, over an embedder and a backend."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from ..errors import EmbedderUnavailable, InvalidInput
from ..runtime.threads import submit
from .embedders.cached import CachedEmbedder, unit_rows
from .protocols import Backend, Query, Vector, Vectors, Write
from .records import Applied, Change, Draft, Json, Reader, Record, SearchResult
from .rules.checks import (
    LONGEST_ID,
    check_draft,
    check_json,
    check_reader,
    check_share,
    check_text,
    entry_of,
)
from .rules.times import micros, now, require_aware

_log = logging.getLogger("headroom")

_TRANSACTION = 1024
"""Memories of a bulk load that become durable together."""
_BATCH = 256
"""Waiting memories that get their vectors in one transaction."""
_LONGEST_QUESTION = 8192
"""Characters of a question that are looked at."""


class Engine:
    """Memories over a backend and an embedder. Blocking, and safe from many threads.

    A text is embedded before a transaction begins, never within one.
    """

    def __init__(self, backend: Backend, embedder: CachedEmbedder) -> None:
        self._backend, self._embedder = backend, embedder
        self._behind = bool(backend.unembedded(1))
        self._last_calls: list[Callable[[Engine], None]] = []

    def before_close(self, call: Callable[[Engine], None]) -> None:
        """Call `call` when this engine closes, while it can still store. It must not raise."""
        self._last_calls.append(call)

    def save(self, writer: Reader, drafts: Iterable[str | Draft]) -> list[str]:
        """Store memories and give their ids in order; what is known already gives the id it has.

        Everything is checked before anything is written. Then each 1,024 memories become durable together.
        """
        checked = self._checked(writer, drafts)
        ids: list[str] = []
        for start in range(0, len(checked), _TRANSACTION):
            changes = [Change(draft=draft) for draft in checked[start : start + _TRANSACTION]]
            ids += [str(applied.id) for applied in self._apply(writer, changes)]
        return ids

    def apply(self, writer: Reader, changes: Sequence[Change]) -> list[Applied]:
        """Store, correct and forget in one transaction. Ids in `replaces` that `writer` does not see are left alone."""
        drafts = self._checked(writer, [change.draft for change in changes if change.draft is not None])
        in_order = iter(drafts)
        checked = [
            change if change.draft is None else Change(draft=next(in_order), replaces=change.replaces)
            for change in changes
        ]
        return self._apply(writer, checked)

    def store(self, writer: Reader, drafts: Iterable[str | Draft], vectors: Vectors) -> list[str]:
        """Store memories whose vectors are known: an (n, width) float32 array of unit rows. For imports."""
        checked = self._checked(writer, drafts)
        rows = unit_rows(vectors, (len(checked), self._embedder.width), "the caller")
        writes = [Write(entry=entry_of(draft, row)) for draft, row in zip(checked, rows, strict=True)]
        ids: list[str] = []
        for start in range(0, len(writes), _TRANSACTION):
            ids += [str(done.id) for done in self._backend.apply(writer, writes[start : start + _TRANSACTION])]
        return ids

    def search(
        self,
        reader: Reader,
        query: str,
        *,
        top_k: int = 10,
        min_score: float = 0.0,
        include_graph: bool = False,
        as_of: datetime | None = None,
        saved_by: str | None = None,
        where: Mapping[str, Json] | None = None,
    ) -> list[SearchResult]:
        """Find the memories nearest to `query`, best first; a blank query finds none."""
        check_reader(reader)
        _check_count("top_k", top_k)
        if saved_by is not None:
            check_text("saved_by", saved_by, LONGEST_ID)
        question = _question(query)
        moment = require_aware("as_of", as_of)
        if not question.strip():
            return []
        return self._backend.search(
            Query(
                reader=reader,
                text=question,
                vector=self._embed_question(question),
                top_k=top_k,
                min_score=check_share("min_score", min_score),
                include_graph=include_graph,
                as_of=moment,
                saved_by=saved_by,
                where=None if where is None else check_json("where", where),
            )
        )

    def recall(self, reader: Reader, message: str, *, top_k: int) -> list[SearchResult]:
        """Find the memories that a chat should be reminded of by `message`, best first; none is a good answer.

        With at most `top_k` visible memories all of them; above that, those that stand out for this message.
        """
        question = _question(message)
        if not question.strip():
            return []
        vector = self._embed_question(question)
        return self._backend.search(Query(reader=reader, text=question, vector=vector, top_k=top_k, notes_only=True))

    def get(self, memory_id: str, reader: Reader | None = None) -> Record | None:
        """Look up one memory, present or history; one that `reader` does not see is not found."""
        return self._backend.get(memory_id, _checked(reader))

    def get_all(self, reader: Reader, *, limit: int | None = None, after: str | None = None) -> list[Record]:
        """List the present memories that `reader` sees, newest first."""
        check_reader(reader)
        if limit is not None:
            _check_count("limit", limit)
        return self._backend.page(reader, limit=limit, after=after)

    def update(self, memory_id: str, content: str, reader: Reader | None = None) -> str:
        """Supersede a memory by a new version of its content and return the new id; the old one becomes history.

        Raise InvalidInput if there is no such present memory that `reader` sees.
        """
        old = self.get(memory_id, reader)
        if old is None or old.valid_until is not None or (old.expires_at and micros(old.expires_at) <= now()):
            raise InvalidInput(f"there is no present memory with the id {memory_id!r} for this user")
        writer = Reader(user_id=old.user_id, session_id=old.session_id, agent_id=old.agent_id, turn_id=old.turn_id)
        draft = Draft(
            content,
            scope=old.scope,
            importance=old.importance,
            entities=old.entities,
            relationships=old.relationships,
            metadata=old.metadata,
            expires_at=old.expires_at,
        )
        change = Change(draft=check_draft(draft, writer), replaces=(memory_id,))
        (applied,) = self._apply(writer, [change], strict=True)
        return str(applied.id)

    def history(self, memory_id: str, reader: Reader | None = None) -> list[Record]:
        """List the versions of a memory that `reader` sees, oldest first; empty if there is none."""
        return self._backend.history(memory_id, _checked(reader))

    def restore(self, memory_id: str, reader: Reader | None = None) -> bool:
        """Undo a forget; return False if there was nothing to undo."""
        return self._backend.revive(memory_id, _checked(reader))

    def delete(self, memory_id: str, reader: Reader | None = None) -> bool:
        """Erase a memory with the versions that it replaced; return False if there is none."""
        self._embedder.clear()
        return self._backend.delete(memory_id, _checked(reader))

    def clear(self, reader: Reader) -> int:
        """Erase all memories of the user, or those bound to the session, agent or turn that is given."""
        check_reader(reader)
        self._embedder.clear()
        return self._backend.clear(reader)

    def end_turn(self, reader: Reader) -> None:
        """Erase the memories of turn scope that are bound to `reader.turn_id`."""
        if reader.turn_id is not None and self._backend.clear(Reader(user_id=reader.user_id, turn_id=reader.turn_id)):
            self._embedder.clear()

    def embed_waiting(self) -> int:
        """Embed the memories that were stored while the embedder did not answer; return how many."""
        done = 0
        try:
            while waiting := self._backend.unembedded(_BATCH):
                vectors = self._embedder.embed([content for _, content in waiting])
                self._backend.put_vectors(
                    {memory_id: row for (memory_id, _), row in zip(waiting, vectors, strict=True)}
                )
                done += len(waiting)
        except EmbedderUnavailable:
            self._behind = True
        return done

    def stats(self, reader: Reader | None = None) -> dict[str, int]:
        """Count the memories that `reader` sees, or all of everybody: `total` are present, `superseded` history."""
        return self._backend.stats(_checked(reader))

    def usable(self) -> bool:
        """Tell whether the store is still there; False where its file was deleted or exchanged."""
        return self._backend.usable()

    def close(self) -> None:
        """Close the backend. The embedder may be shared, and stays."""
        for call in self._last_calls:
            call(self)
        self._embedder.clear()
        self._backend.close()

    def _checked(self, writer: Reader, drafts: Iterable[str | Draft]) -> list[Draft]:
        check_reader(writer)
        if isinstance(drafts, (str, bytes)):
            raise InvalidInput("several memories must come as a list; to save one text call save()")
        return [check_draft(draft, writer) for draft in drafts]

    def _apply(self, writer: Reader, changes: Sequence[Change], *, strict: bool = False) -> list[Applied]:
        vectors = iter(self._embed_now([change.draft.content for change in changes if change.draft is not None]))
        writes = [
            Write(
                entry=None if change.draft is None else entry_of(change.draft, next(vectors)),
                replaces=change.replaces,
                strict=strict,
            )
            for change in changes
        ]
        return self._backend.apply(writer, writes)

    def _embed_now(self, texts: Sequence[str]) -> Sequence[Vector | None]:
        """Embed texts, or None for each where the embedder's server does not answer."""
        if not texts:
            return []
        try:
            vectors = self._embedder.embed(texts)
        except EmbedderUnavailable as exc:
            _log.warning("%d memories wait for their vectors: %s", len(texts), exc)
            self._behind = True
            return [None] * len(texts)
        self._catch_up()
        return list(vectors)

    def _embed_question(self, question: str) -> Vector | None:
        try:
            vector = self._embedder.embed_query(question)
        except EmbedderUnavailable as exc:
            _log.warning("searching by words alone: %s", exc)
            return None
        self._catch_up()
        return vector

    def _catch_up(self) -> None:
        """The embedder answers: embed what waits, in the background."""
        if self._behind:
            self._behind = False
            submit(self.embed_waiting)


def _check_count(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 2**31:
        raise InvalidInput(f"{name} must be a whole number of at least 1, not {value!r}")


def _checked(reader: Reader | None) -> Reader | None:
    return None if reader is None else check_reader(reader)


def _question(text: object) -> str:
    """Make any text safe to look for: a chat may send what could not be stored."""
    if not isinstance(text, str):
        raise InvalidInput(f"query must be text, not {type(text).__name__}")
    return text[:_LONGEST_QUESTION].replace("\x00", " ").encode("utf-8", "replace").decode()
