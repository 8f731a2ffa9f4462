"""The embedder behind an API: what is sent, in which batches, and how the answer is checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from ...errors import EmbedderError, EmbedderUnavailable
from ..protocols import Vector, Vectors
from .texts import utf8


class EmbeddingsApi(Protocol):
    """One provider's API for embeddings. Safe to call from many threads."""

    @property
    def id(self) -> str:
        """Name of the provider and the model."""

    @property
    def width(self) -> int | None:
        """Length of a vector, or None if it is not known without asking."""

    @property
    def most_texts(self) -> int:
        """How many texts one request may hold."""

    @property
    def most_bytes(self) -> int:
        """How many bytes of UTF-8 the texts of one request may hold together."""

    @property
    def most_bytes_a_text(self) -> int:
        """How many bytes of UTF-8 one text may hold; only the beginning of a longer text is sent."""

    def ask(self, texts: list[str]) -> Sequence[Sequence[float]]:
        """Return one vector per text, in order. No text is blank.

        Raise EmbedderUnavailable if the same request may succeed later, EmbedderError if it never will.
        """

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""


class RemoteEmbedder:
    """Embed through an API. Blank texts are never sent."""

    def __init__(self, api: EmbeddingsApi) -> None:
        self._api = api
        self._width = api.width

    @property
    def id(self) -> str:
        """Name of the provider and the model."""
        return self._api.id

    @property
    def width(self) -> int:
        """Length of a vector. Asks the API once if it is not known and nothing was embedded yet."""
        if self._width is None:
            self._ask(["width"])
        assert self._width is not None
        return self._width

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed `texts` into a (len(texts), width) float32 array of unit rows; a blank text gives a zero row."""
        sent = {number: _beginning(text, self._api.most_bytes_a_text) for number, text in enumerate(texts)}
        batches = _batches({number: text for number, text in sent.items() if text}, self._api)
        answers = [(list(batch), self._ask(list(batch.values()))) for batch in batches]
        rows = np.zeros((len(texts), self.width), np.float32)
        for numbers, answer in answers:
            rows[numbers] = answer
        return rows

    def embed_query(self, text: str) -> Vector:
        """Embed one question, in the same way as a text."""
        row: Vector = self.embed([text])[0]
        return row

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed several questions in one request."""
        return self.embed(texts)

    def close(self) -> None:
        """Close the API's connections."""
        self._api.close()

    def _ask(self, texts: list[str]) -> Vectors:
        answer = self._api.ask(texts)
        try:
            rows: Vectors = np.array(answer, np.float32)
        except (TypeError, ValueError):
            raise EmbedderError(f"{self.id} answered with no vectors of one width") from None
        expected = (len(texts), self._width or (rows.shape[1] if rows.ndim == 2 else 1))
        if rows.shape != expected:
            raise EmbedderError(
                f"{self.id} answered with vectors of shape {rows.shape} instead of {expected}; "
                "check embedder_model and vector_dimension"
            )
        self._width = expected[1]
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        if not (np.isfinite(lengths) & (lengths > 0)).all():
            raise EmbedderError(f"{self.id} answered with a vector that is zero or not finite")
        rows /= lengths
        return rows


def refused(name: str, status: int, reason: str) -> EmbedderError:
    """Return the error for an HTTP status: EmbedderUnavailable if a later try may succeed."""
    passing = status in (408, 429) or status >= 500
    return (EmbedderUnavailable if passing else EmbedderError)(f"{name}: the server answered {status} ({reason})")


def _beginning(text: str, most_bytes: int) -> str:
    return utf8(text.strip())[:most_bytes].decode("utf-8", "ignore")


def _batches(texts: dict[int, str], api: EmbeddingsApi) -> Iterator[dict[int, str]]:
    """Split numbered texts into batches that fit into one request each, in order."""
    batch: dict[int, str] = {}
    size = 0
    for number, text in texts.items():
        length = len(utf8(text))
        if batch and (len(batch) == api.most_texts or size + length > api.most_bytes):
            yield batch
            batch, size = {}, 0
        batch[number] = text
        size += length
    if batch:
        yield batch
