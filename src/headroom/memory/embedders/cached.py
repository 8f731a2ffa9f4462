"""A cache of the vectors of recent texts, in memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ...errors import EmbedderError
from ...runtime.forks import renew_in_child
from ...runtime.threads import submit, waiting
from ..protocols import Embedder, Vector, Vectors

LONGEST_TEXT = 10_000
"""Characters. A longer text is not cached: a thousand texts of a megabyte would fill the memory for little use."""


LOADING_PATIENCE = 10.0
"""Seconds that the first load of a model may take while somebody waits for it."""
_ROUNDING = 1e-3
"""How far the length of a vector may be from 1 before it is normalised again."""


class VectorCache:
    """A least-recently-used map from text to vector, of at most `max_texts`. Safe to call from many threads."""

    def __init__(self, max_texts: int) -> None:
        self._max_texts = max_texts
        self._start_over()
        renew_in_child(self._start_over)

    def _start_over(self) -> None:
        self._vectors: OrderedDict[str, Vector] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._vectors)

    def get(self, text: str) -> Vector | None:
        """Return the vector of `text`, read-only, or None."""
        with self._lock:
            vector = self._vectors.get(text)
            if vector is not None:
                self._vectors.move_to_end(text)
            return vector

    def put(self, text: str, vector: Vector) -> None:
        """Keep a copy of `vector`; if the cache is full, drop the text that was used longest ago."""
        if len(text) > LONGEST_TEXT:
            return
        kept = vector.copy()
        kept.flags.writeable = False
        with self._lock:
            self._vectors[text] = kept
            self._vectors.move_to_end(text)
            if len(self._vectors) > self._max_texts:
                self._vectors.popitem(last=False)

    def clear(self) -> None:
        """Clear the cache."""
        with self._lock:
            self._vectors.clear()


class Loading(NamedTuple):
    """The first load of a model, on a thread of its own; all who need the model wait for this one."""

    done: Future[None]
    until: float
    """The `time.monotonic()` at which nobody waits any longer."""


@runtime_checkable
class TakesQuestions(Protocol):
    """An embedder that takes several questions in one call."""

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions into a (len(texts), width) float32 array, each as `embed_query` does."""


class CachedEmbedder:
    """Embed through another embedder, which is asked only for texts that are not cached. Questions are cached apart."""

    def __init__(self, embedder: Embedder, max_texts: int, *, waits: bool = False) -> None:
        """Set `waits` if the embedder mostly waits for a server, so that other work may run meanwhile."""
        self._embedder = embedder
        self._asking: Callable[[], AbstractContextManager[None]] = waiting if waits else nullcontext
        self._texts = VectorCache(max_texts)
        self._queries = VectorCache(max_texts)
        self._waits = waits
        self._start_over()
        renew_in_child(self._start_over)

    def _start_over(self) -> None:
        self._lock = threading.Lock()
        self._loading: Loading | None = None
        self._is_loaded = self._waits

    def loading(self) -> Loading | None:
        """Return the load of the model, which begins now if nobody began it; None once it is over, or for a server."""
        if self._is_loaded:
            return None
        with self._lock:
            if self._loading is None:
                self._loading = Loading(submit(self._load), time.monotonic() + LOADING_PATIENCE)
        return None if self._loading.done.done() else self._loading

    def _load(self) -> None:
        self._embedder.embed_query("load")
        self._is_loaded = True

    @property
    def id(self) -> str:
        """The id of the wrapped embedder."""
        return self._embedder.id

    @property
    def width(self) -> int:
        """The width of the wrapped embedder."""
        return self._embedder.width

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed `texts` as the embedder behind does, which is asked once for each distinct text that is not cached."""
        found = {text: self._texts.get(text) for text in texts}
        missing = [text for text, vector in found.items() if vector is None]
        if missing:
            with self._asking():
                given = self._embedder.embed(missing)
            self._is_loaded = True
            fresh = unit_rows(given, (len(missing), self.width), self.id)
            for text, row in zip(missing, fresh, strict=True):
                self._texts.put(text, row)
                found[text] = row
            if len(missing) == len(texts):
                return fresh
        rows = np.zeros((len(texts), self.width), np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[:] = found[text]
        return rows

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions into a (len(texts), width) array, in one call of the embedder if it takes several at once."""
        found = {text: self._queries.get(text) for text in texts}
        missing = [text for text, vector in found.items() if vector is None]
        if len(missing) > 1 and isinstance(self._embedder, TakesQuestions):
            with self._asking():
                given = self._embedder.embed_queries(missing)
            for text, row in zip(missing, unit_rows(given, (len(missing), self.width), self.id), strict=True):
                self._queries.put(text, row)
                found[text] = row
        return np.stack([self.embed_query(text) if (row := found[text]) is None else row for text in texts])

    def embed_query(self, text: str) -> Vector:
        """Embed one question into a read-only vector of shape (width,)."""
        vector = self._queries.get(text)
        if vector is None:
            with self._asking():
                given = self._embedder.embed_query(text)
            self._is_loaded = True
            vector = unit_rows(given, (self.width,), self.id)
            self._queries.put(text, vector)
        return vector

    def clear(self) -> None:
        """Clear the cache."""
        self._texts.clear()
        self._queries.clear()

    def close(self) -> None:
        """Clear the cache and close the wrapped embedder."""
        self.clear()
        self._embedder.close()


def unit_rows(given: npt.ArrayLike, shape: tuple[int, ...], embedder: str) -> Vectors:
    """Return `given` as float32 unit rows of `shape`; zero rows stay zero. Raise EmbedderError if it cannot."""
    try:
        vectors = np.array(given, np.float32)
    except (TypeError, ValueError) as exc:
        raise EmbedderError(f"{embedder} returned no array of numbers; nothing was stored") from exc
    if vectors.shape == shape and (abs(np.einsum("...i,...i", vectors, vectors) - 1) < _ROUNDING).all():
        return vectors  # nothing else needs to be looked at
    if vectors.shape != shape or not np.isfinite(vectors).all():
        raise EmbedderError(
            f"{embedder} returned vectors of shape {vectors.shape} instead of finite ones of shape {shape}; "
            "nothing was stored"
        )
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    if (np.abs(lengths - 1) > _ROUNDING).any():
        vectors /= np.where(lengths > 0, lengths, 1)
    return vectors
