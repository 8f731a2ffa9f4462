"""A deterministic embedder, the bundled one, and the contract of every embedder."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np

from ..memory.config import MemoryConfig
from ..memory.embedders.table import make_embedder
from ..memory.protocols import Embedder, Vector, Vectors


def bundled_embedder() -> Embedder:
    """Return the embedder that `Memory()` uses. It is shared within the process, so do not close it."""
    return make_embedder(MemoryConfig())


class HashEmbedder:
    """Embed a text as the sum of fixed random vectors of its words: needs no model; texts that share words are near."""

    def __init__(self, width: int = 64) -> None:
        self.width = width
        self.id = f"hash-of-words@{width}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed `texts` into a (len(texts), width) float32 array of unit rows; a blank text gives a zero row."""
        rows = np.zeros((len(texts), self.width), np.float32)
        for row, text in zip(rows, texts, strict=True):
            if words := re.findall(r"\w+", text.casefold()) or text.split():
                total = np.sum([_direction(word, self.width) for word in words], axis=0)
                row[:] = total / np.linalg.norm(total)
        return rows

    def embed_query(self, text: str) -> Vector:
        """Embed one question in the same way, into a vector of shape (width,)."""
        row: Vector = self.embed([text])[0]
        return row

    def close(self) -> None:
        """Do nothing: there is nothing to free."""


@lru_cache(maxsize=10_000)
def _direction(word: str, width: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    seed = int.from_bytes(hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).digest(), "big")
    return np.random.default_rng(seed).standard_normal(width)


class EmbedderContract(ABC):
    """What every embedder must guarantee. Subclass it in a test module, say how to make yours, and run pytest:

    class TestMine(EmbedderContract):
        def make_embedder(self):
            return Mine()
    """

    TEXTS = (
        "User prefers dark mode and uses Python",
        "I moved from Berlin to Madrid in May, and the cats came along.",
        "x",
        "何が好きですか",
        "The migration keeps a dual-write period of four weeks, and then removes the old tables. " * 4,
    )

    @abstractmethod
    def make_embedder(self) -> Embedder:
        """Return a new embedder; the test closes it."""

    def test_it_has_the_methods_of_an_embedder(self) -> None:
        """It fits the Protocol, and its id and width stay as they are."""
        embedder = self.make_embedder()
        assert isinstance(embedder, Embedder)
        assert embedder.id
        assert embedder.id == self.make_embedder().id
        assert embedder.width > 0
        embedder.close()

    def test_rows_are_unit_float32_in_the_order_of_the_texts(self) -> None:
        """A batch gives one finite unit float32 row a text, in order."""
        embedder = self.make_embedder()
        rows = embedder.embed(self.TEXTS)
        assert rows.dtype == np.float32
        assert rows.shape == (len(self.TEXTS), embedder.width)
        assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3)
        assert _cosines(embedder.embed(self.TEXTS[::-1]), rows[::-1]).min() >= 0.9999
        embedder.close()

    def test_a_blank_text_gives_a_zero_row(self) -> None:
        """A text of nothing but white space is a zero row, alone, between others and as a question."""
        embedder = self.make_embedder()
        rows = embedder.embed(["", "something", " \n\t"])
        assert rows.any(axis=1).tolist() == [False, True, False]
        assert not embedder.embed([""]).any()
        question = embedder.embed_query("  ")
        assert question.shape == (embedder.width,)
        assert not question.any()
        embedder.close()

    def test_no_texts_give_no_rows(self) -> None:
        """An empty batch is an array of no rows and the full width."""
        embedder = self.make_embedder()
        assert embedder.embed([]).shape == (0, embedder.width)
        embedder.close()

    def test_the_same_text_gives_the_same_vector_alone_and_in_any_batch(self) -> None:
        """Neither the other texts of a batch nor the embedder's instance change a text's vector."""
        embedder = self.make_embedder()
        rows = embedder.embed(self.TEXTS)
        alone = np.concatenate([embedder.embed([text]) for text in self.TEXTS])
        assert _cosines(rows, alone).min() >= 0.9999
        embedder.close()
        again = self.make_embedder()
        assert _cosines(again.embed(self.TEXTS * 3), np.tile(rows, (3, 1))).min() >= 0.9999
        again.close()

    def test_a_question_is_a_unit_vector(self) -> None:
        """A question gives one finite unit float32 vector, each time the same."""
        embedder = self.make_embedder()
        question = embedder.embed_query("Where does the user live?")
        assert question.dtype == np.float32
        assert question.shape == (embedder.width,)
        assert abs(float(np.linalg.norm(question)) - 1) < 1e-3
        assert _cosines(question[None], embedder.embed_query("Where does the user live?")[None]).min() >= 0.9999
        embedder.close()

    def test_many_threads_get_the_vectors_that_one_gets(self) -> None:
        """Calls from many threads at once give what they give one after the other."""
        embedder = self.make_embedder()
        expected = embedder.embed(self.TEXTS)
        with ThreadPoolExecutor(8) as pool:
            for rows in pool.map(embedder.embed, [self.TEXTS] * 16):
                assert _cosines(rows, expected).min() >= 0.9999
        embedder.close()

    def test_closing_twice_is_fine(self) -> None:
        """Closing a closed embedder, or one that was never used, does nothing."""
        embedder = self.make_embedder()
        embedder.close()
        embedder.close()


def _cosines(left: Vectors, right: Vectors) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    cosines: np.ndarray[tuple[int], np.dtype[np.float32]] = (left * right).sum(axis=1)
    return cosines
