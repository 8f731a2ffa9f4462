"""The vectors of an engine's texts: made now, in time for a search, or later if the embedder does not answer."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import partial

from ..errors import EmbedderError, EmbedderUnavailable
from ..runtime.threads import in_time, submit
from .embedders.cached import CachedEmbedder
from .protocols import Backend, Vector, Vectors

_log = logging.getLogger("headroom")

_BATCH = 256
"""Waiting memories that get their vectors in one transaction."""
_MOST_TRIES = 3
"""Tries of one text that the embedder refuses, before its memory goes without a vector."""


class Embedding:
    """Embed what an engine stores and searches for. Memories whose vectors could not be made wait in the backend."""

    def __init__(self, backend: Backend, embedder: CachedEmbedder) -> None:
        self._backend, self._embedder = backend, embedder
        self._refused: Counter[str] = Counter()
        """Memories whose text alone the embedder refused, and how often."""
        self.look_again()

    def look_again(self) -> None:
        """See whether memories wait for their vectors."""
        self._behind = bool(self._backend.unembedded(1))

    def memories(self, texts: Sequence[str]) -> Sequence[Vector | None]:
        """Embed the texts of memories; None for each if the embedder's server does not answer."""
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

    def question(self, text: str, within: float | None) -> Vector | None:
        """Embed a question; None if that takes longer than `within` seconds or the embedder does not answer."""
        return self._in_time(partial(self._embedder.embed_query, text), within)

    def questions(self, texts: Sequence[str], within: float | None) -> Vectors | None:
        """Embed the parts of a question as `question` does, into an array of shape (len(texts), width)."""
        return self._in_time(partial(self._embedder.embed_queries, texts), within)

    def waiting(self) -> int:
        """Embed the memories that were stored while the embedder did not answer; return how many."""
        done, passed = 0, set[str]()
        try:
            while waiting := self._unembedded(passed):
                try:
                    done += self._embed_stored(waiting)
                except EmbedderUnavailable:
                    raise
                except EmbedderError:
                    done += self._embed_each(waiting)
                passed.update(memory_id for memory_id, _ in waiting)
        except EmbedderUnavailable:
            self._behind = True
        return done

    def _unembedded(self, passed: Collection[str]) -> list[tuple[str, str]]:
        """List the next memories that wait for their vectors, but for those that were tried often enough."""
        given_up = {memory_id for memory_id, tries in self._refused.items() if tries >= _MOST_TRIES}.union(passed)
        found = self._backend.unembedded(_BATCH + len(given_up))
        return [(memory_id, content) for memory_id, content in found if memory_id not in given_up][:_BATCH]

    def _embed_stored(self, waiting: Sequence[tuple[str, str]]) -> int:
        vectors = self._embedder.embed([content for _, content in waiting])
        self._backend.put_vectors({memory_id: row for (memory_id, _), row in zip(waiting, vectors, strict=True)})
        return len(waiting)

    def _embed_each(self, waiting: Sequence[tuple[str, str]]) -> int:
        """Embed one by one: a text that the embedder refuses keeps no other from its vector."""
        done = refused = 0
        for memory_id, content in waiting:
            try:
                done += self._embed_stored([(memory_id, content)])
            except EmbedderUnavailable:
                raise
            except EmbedderError as exc:
                refused += 1
                self._refused[memory_id] += 1
                if self._refused[memory_id] == _MOST_TRIES:
                    _log.warning("memory %s is found by its words alone, as it cannot be embedded: %s", memory_id, exc)
                if refused == _MOST_TRIES and not done:  # it refuses everything
                    raise EmbedderUnavailable(str(exc)) from exc
        return done

    def _in_time(self, embed: Callable[[], Vectors], within: float | None) -> Vectors | None:
        if within is not None and within <= 0:
            return None
        try:
            vector = in_time(embed, within)
        except EmbedderUnavailable as exc:
            _log.warning("searching by words alone: %s", exc)
            return None
        except TimeoutError:
            _log.info("searching by words alone: the embedder took longer than %.1f s", within)
            return None
        self._catch_up()
        return vector

    def _catch_up(self) -> None:
        """Embed what waits, in the background: the embedder answers."""
        if self._behind:
            self._behind = False
            submit(self.waiting)
