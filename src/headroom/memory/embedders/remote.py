"""The embedder behind an API: what is sent, in which batches, and what may come back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from ...errors import EmbedderError
from ..protocols import Vector, Vectors
from .texts import utf8


class EmbeddingsApi(Protocol):
    """One provider's API for embeddings. Safe to call from many threads."""

    @property
    def id(self) -> str:
        """Name of the provider and the model."""

    @property
    def width(self) -> int | None:
        """Length of a vector, where it is known without asking."""

    @property
    def most_texts(self) -> int:
        """How many texts one request may hold."""

    @property
    def most_bytes(self) -> int:
        """How many bytes of UTF-8 the texts of one request may hold together."""

    @property
    def most_bytes_a_text(self) -> int:
        """How many bytes of UTF-8 one text may hold; of a longer one the beginning is sent."""

    def ask(self, texts: list[str]) -> Sequence[Sequence[float]]:
        """Return one vector a text, in order; none of them is blank. Raise EmbedderError where that fails."""

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
        """Length of a vector; asks the API once where it is not known."""
        if self._width is None:
            self._width = len(self._api.ask(["width"])[0])
        return self._width

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed `texts` into a (len(texts), width) float32 array of unit rows; a blank text gives a zero row."""
        rows = np.zeros((len(texts), self.width), np.float32)
        sent = {number: _beginning(text, self._api.most_bytes_a_text) for number, text in enumerate(texts)}
        for batch in _batches({number: text for number, text in sent.items() if text}, self._api):
            rows[list(batch)] = self._unit_rows(self._api.ask(list(batch.values())), len(batch))
        return rows

    def embed_query(self, text: str) -> Vector:
        """Embed one question, in the same way as a text."""
        row: Vector = self.embed([text])[0]
        return row

    def close(self) -> None:
        """Close the API's connections."""
        self._api.close()

    def _unit_rows(self, answer: Sequence[Sequence[float]], count: int) -> Vectors:
        widths = {len(row) for row in answer}
        if len(answer) != count or widths != {self.width}:
            raise EmbedderError(
                f"{self.id} answered {len(answer)} vectors of width {sorted(widths)} "
                f"where {count} of {self.width} were expected; check embedder_model and vector_dimension"
            )
        rows: Vectors = np.array(answer, np.float32)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        if not (np.isfinite(lengths) & (lengths > 0)).all():
            raise EmbedderError(f"{self.id} answered a vector that is zero or not finite")
        rows /= lengths
        return rows


def _beginning(text: str, most_bytes: int) -> str:
    return utf8(text.strip())[:most_bytes].decode("utf-8", "ignore")


def _batches(texts: dict[int, str], api: EmbeddingsApi) -> Iterator[dict[int, str]]:
    """Cut numbered texts into batches that one request may hold, in order."""
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
