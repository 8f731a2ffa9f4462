"""The vectors of texts seen lately, kept in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import numpy.typing as npt

from ...errors import EmbedderError
from ...runtime.forks import renew_in_child
from ...runtime.threads import waiting
from ..protocols import Embedder, Vector, Vectors

LONGEST_TEXT = 10_000
"""A longer text is not kept: a thousand of a megabyte each would fill the memory for vectors nobody asks for again."""


_ROUNDING = 1e-3
"""How far from 1 the length of a vector may be that its embedder calls a unit vector."""


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
        """Return the vector of `text`, which nobody may write to, or None."""
        with self._lock:
            vector = self._vectors.get(text)
            if vector is not None:
                self._vectors.move_to_end(text)
            return vector

    def put(self, text: str, vector: Vector) -> None:
        """Keep a copy of `vector`; the text used longest ago goes where there is no room."""
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
        """Forget all."""
        with self._lock:
            self._vectors.clear()


class CachedEmbedder:
    """An embedder that asks another only for texts it has not seen lately. Questions are kept apart from texts."""

    def __init__(self, embedder: Embedder, max_texts: int, *, waits: bool = False) -> None:
        """`waits` tells that the embedder waits for a server more than it computes."""
        self._embedder = embedder
        self._asking: Callable[[], AbstractContextManager[None]] = waiting if waits else nullcontext
        self._texts = VectorCache(max_texts)
        self._queries = VectorCache(max_texts)

    @property
    def id(self) -> str:
        """The id of the embedder behind."""
        return self._embedder.id

    @property
    def width(self) -> int:
        """The width of the embedder behind."""
        return self._embedder.width

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed `texts` as the embedder behind does, asking it once for each distinct text that is not here."""
        found = {text: self._texts.get(text) for text in texts}
        missing = [text for text, vector in found.items() if vector is None]
        if missing:
            with self._asking():
                given = self._embedder.embed(missing)
            fresh = unit_rows(given, (len(missing), self.width), self.id)
            for text, row in zip(missing, fresh, strict=True):
                self._texts.put(text, row)
                found[text] = row
        rows = np.zeros((len(texts), self.width), np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[:] = found[text]
        return rows

    def embed_query(self, text: str) -> Vector:
        """Embed one question; nobody may write to the vector."""
        vector = self._queries.get(text)
        if vector is None:
            with self._asking():
                given = self._embedder.embed_query(text)
            vector = unit_rows(given, (self.width,), self.id)
            self._queries.put(text, vector)
        return vector

    def clear(self) -> None:
        """Forget all."""
        self._texts.clear()
        self._queries.clear()

    def close(self) -> None:
        """Forget all and close the embedder behind."""
        self.clear()
        self._embedder.close()


def unit_rows(given: npt.ArrayLike, shape: tuple[int, ...], embedder: str) -> Vectors:
    """Give vectors as float32 rows of length 1, zeros left as they are; raise EmbedderError where they are none."""
    try:
        vectors = np.array(given, np.float32)
    except (TypeError, ValueError) as exc:
        raise EmbedderError(f"{embedder} gave no array of numbers; nothing was stored") from exc
    if vectors.shape == shape and len(shape) == 1 and abs(vectors @ vectors - 1) < _ROUNDING:
        return vectors  # one question: nothing else needs to be looked at
    if vectors.shape != shape or not np.isfinite(vectors).all():
        raise EmbedderError(
            f"{embedder} gave vectors of shape {vectors.shape} instead of finite ones of shape {shape}; "
            "nothing was stored"
        )
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    if (np.abs(lengths - 1) > _ROUNDING).any():
        vectors /= np.where(lengths > 0, lengths, 1)
    return vectors
