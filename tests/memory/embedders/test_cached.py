"""The vectors of texts seen lately: found, bounded, dropped."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from headroom.memory.embedders.cached import LONGEST_TEXT, CachedEmbedder, VectorCache
from headroom.memory.protocols import Vector, Vectors
from headroom.testing import HashEmbedder

pytestmark = pytest.mark.quick


class Counting(HashEmbedder):
    """A deterministic embedder that notes what it is asked, and prefixes questions."""

    def __init__(self) -> None:
        super().__init__(width=8)
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        return super().embed(texts)

    def embed_query(self, text: str) -> Vector:
        return self.embed([f"query {text}"])[0]


def test_the_text_used_longest_ago_goes_first() -> None:
    """At most `max_texts` are kept; looking a text up counts as using it."""
    cache = VectorCache(2)
    for text in ("a", "b"):
        cache.put(text, np.ones(3, np.float32))
    cache.get("a")
    cache.put("c", np.ones(3, np.float32))
    assert [text for text in "abc" if cache.get(text) is not None] == ["a", "c"]
    assert len(cache) == 2


def test_what_is_kept_cannot_be_changed() -> None:
    """Neither the array that was put nor the one that is got is a way to change a kept vector."""
    cache, vector = VectorCache(2), np.ones(3, np.float32)
    cache.put("a", vector)
    vector[:] = 7
    kept = cache.get("a")
    assert kept is not None
    assert kept.tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 7


def test_very_long_texts_are_not_kept() -> None:
    """The texts are in memory too, so the bound holds only if each of them is bounded."""
    cache = VectorCache(5)
    cache.put("a" * (LONGEST_TEXT + 1), np.ones(3, np.float32))
    cache.put("a" * LONGEST_TEXT, np.ones(3, np.float32))
    assert len(cache) == 1


def test_a_cache_of_nothing_keeps_nothing() -> None:
    """Switched off, it is a cache of size 0: everything is embedded each time."""
    behind = Counting()
    embedder = CachedEmbedder(behind, 0)
    for _ in range(2):
        embedder.embed(["red"])
        embedder.embed_query("blue")
    assert behind.asked == ["red", "query blue"] * 2


def test_dropped_texts_are_forgotten() -> None:
    """`clear` takes all."""
    cache = VectorCache(5)
    for text in "abc":
        cache.put(text, np.ones(3, np.float32))
    assert [text for text in "abc" if cache.get(text) is not None] == ["a", "b", "c"]
    cache.clear()
    assert len(cache) == 0


def test_only_new_texts_are_embedded_each_once() -> None:
    """A batch asks the embedder behind for distinct texts that are not here, and keeps their order."""
    behind = Counting()
    embedder = CachedEmbedder(behind, 10)
    embedder.embed(["red", "green"])
    rows = embedder.embed(["blue", "red", "blue", ""])
    assert behind.asked == ["red", "green", "blue", ""]
    assert (rows == HashEmbedder(8).embed(["blue", "red", "blue", ""])).all()


def test_a_question_is_not_a_text() -> None:
    """The same words as a question and as a text have vectors of their own."""
    behind = Counting()
    embedder = CachedEmbedder(behind, 10)
    as_text, as_question = embedder.embed(["red"])[0], embedder.embed_query("red")
    assert not (as_text == as_question).all()
    assert (embedder.embed_query("red") == as_question).all()
    assert behind.asked == ["red", "query red"]


def test_a_batch_larger_than_the_cache_is_embedded_whole() -> None:
    """The bound is on what is kept, not on what can be asked."""
    texts = [f"text {number}" for number in range(50)]
    assert (CachedEmbedder(HashEmbedder(8), 3).embed(texts) == HashEmbedder(8).embed(texts)).all()


def test_many_threads_share_it() -> None:
    """Threads that look up and put at once get right vectors, and the bound holds."""
    embedder, plain = CachedEmbedder(HashEmbedder(8), 5), HashEmbedder(8)

    def work(number: int) -> bool:
        texts = [f"text {(number + step) % 9}" for step in range(6)]
        rows = embedder.embed(texts)
        return bool((rows == plain.embed(texts)).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(300)))
