"""The generic texts that messages are measured against, and their vectors with any embedder."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from headroom.errors import EmbedderUnavailable
from headroom.memory import EmbedderBackend, MemoryConfig
from headroom.memory.cohort import Cohorts, decoded, encoded, shipped, texts
from headroom.memory.embedders.onnx import OnnxEmbedder
from headroom.memory.open import acquire, release
from headroom.memory.protocols import Vectors
from headroom.memory.records import Reader
from headroom.memory.rules.search.cohort import Kind
from headroom.testing import HashEmbedder

from ..embedders.apis import serving

ALICE = Reader(user_id="alice")


class Counting(HashEmbedder):
    """Counts its calls, and does not answer while it is told not to."""

    def __init__(self, width: int = 64) -> None:
        super().__init__(width)
        self.calls: list[int] = []
        self.answers = True

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.calls.append(len(texts))
        if not self.answers:
            raise EmbedderUnavailable("not now")
        return super().embed(texts)


class Shelf:
    """A store that keeps values."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    def kept(self, name: str) -> bytes | None:
        return self.values.get(name)

    def keep(self, name: str, value: bytes) -> None:
        self.values[name] = value


def until_embedded(cohorts: Cohorts) -> None:
    for _ in range(2000):
        if cohorts.get() is not None:
            return
        time.sleep(0.01)
    pytest.fail("the cohort was never embedded")


def test_shipped_vectors_are_those_of_the_shipped_texts() -> None:
    """A change of the texts or the model needs tools/build_cohort.py; rounding to a byte changes next to nothing."""
    cohort = shipped()
    fresh = OnnxEmbedder().embed(texts().all)
    kept = np.concatenate([cohort.facts, cohort.messages])
    assert (np.einsum("ij,ij->i", fresh, kept) > 0.99).all()


def test_each_kind_and_language_has_its_texts() -> None:
    """Facts and messages stand in the order of their languages, and no kind lacks a language."""
    known = texts()
    assert list(known.fact_languages) == sorted(known.fact_languages)
    assert list(known.message_languages) == sorted(known.message_languages)
    languages = set(known.fact_languages)
    for kind in set(Kind) - {Kind.OPEN}:  # which is told by its wording in other languages than English
        assert {
            language for language, each in zip(known.message_languages, known.kinds, strict=True) if each is kind
        } == languages


def test_vectors_survive_being_packed() -> None:
    """A byte a number keeps the direction of a vector."""
    rows = np.random.default_rng(1).normal(size=(len(texts().all), 32)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert (np.einsum("ij,ij->i", rows, decoded(encoded(rows))) > 0.999).all()


def test_another_embedder_is_asked_once_and_in_one_call() -> None:
    """Its vectors are kept in the store, where the next engine finds them; others are not taken for its own."""
    embedder, shelf = Counting(), Shelf()
    until_embedded(Cohorts(embedder, shelf))
    assert embedder.calls == [len(texts().all)]
    assert Cohorts(embedder, shelf).get() is not None
    assert embedder.calls == [len(texts().all)]

    other = Counting(width=48)
    until_embedded(Cohorts(other, shelf))
    assert other.calls == [len(texts().all)]


def test_an_embedder_that_does_not_answer_is_not_asked_at_each_message() -> None:
    """Until it answers there is no cohort, and a failing server is left in peace for a while."""
    embedder = Counting()
    embedder.answers = False
    cohorts = Cohorts(embedder, object())
    for _ in range(50):
        assert cohorts.get() is None
        time.sleep(0.002)
    assert len(embedder.calls) <= 1


@pytest.mark.parametrize("scale", [0.0, np.nan, np.inf])
def test_vectors_that_say_nothing_are_not_kept(scale: float) -> None:
    """An embedder that is out of order for a moment must not spoil the file for good."""

    class Broken(Counting):
        def embed(self, texts: Sequence[str]) -> Vectors:
            return np.full_like(super().embed(texts), scale)

    embedder, shelf = Broken(), Shelf()
    cohorts = Cohorts(embedder, shelf)
    cohorts._embed()
    assert embedder.calls
    assert shelf.values == {}
    assert cohorts._cohort is None


def test_the_file_keeps_the_cohort_of_its_embedder(tmp_path: Path) -> None:
    """A second engine on the file embeds the message alone."""
    path = tmp_path / "memory.db"
    first = Counting()
    engine = acquire(MemoryConfig(db_path=path), first)
    engine.save(Reader(user_id="alice"), [f"fact number {number}" for number in range(10)])
    for _ in range(2000):
        engine.recall(Reader(user_id="alice"), "which fact?", top_k=2)
        if engine._cohorts is not None and engine._cohorts.get() is not None:  # kept before it is used
            break
        time.sleep(0.01)
    release(engine)
    second = Counting()
    engine = acquire(MemoryConfig(db_path=path), second)
    engine.recall(Reader(user_id="alice"), "which fact is it?", top_k=2)
    release(engine)
    assert len(texts().all) in first.calls
    assert len(texts().all) not in second.calls


@pytest.mark.parametrize("backend", [EmbedderBackend.OPENAI, EmbedderBackend.OLLAMA])
def test_a_server_embeds_the_texts_once_and_the_file_keeps_the_answer(tmp_path: Path, backend: EmbedderBackend) -> None:
    """OpenAI's gets them in one request, Ollama's in several; until the answer is there the older rule serves."""
    with serving() as apis:
        config = MemoryConfig(
            db_path=tmp_path / "memory.db",
            embedder_backend=backend,
            openai_api_key="sk-test",
            openai_base_url=f"{apis.url}/v1",
            ollama_base_url=apis.url,
        )
        for run in range(2):
            engine = acquire(config)
            try:
                if run == 0:
                    engine.save(ALICE, [f"Alice keeps the zeppelin number {number}" for number in range(10)])
                    found = engine.recall(ALICE, "where is the zeppelin number 7", top_k=2)
                    assert "Alice keeps the zeppelin number 7" in [note.content for note in found]
                assert engine._cohorts is not None
                until_embedded(engine._cohorts)
                assert len(engine.recall(ALICE, "where is the zeppelin number 7", top_k=2)) <= 2
            finally:
                release(engine)
        asked = Counter(text for request in apis.received for text in request["input"])
    assert all(asked[text] == 1 for text in texts().all)
    largest = max(len(request["input"]) for request in apis.received)
    assert largest == (len(texts().all) if backend is EmbedderBackend.OPENAI else 64)
