"""Finding the nearest vectors: every way of it against the plain one."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from headroom.memory.config import MemoryConfig, VectorBackend
from headroom.memory.local.nearest.matrix import Matrix, VectorIndex, best
from headroom.memory.local.nearest.projection import Projection
from headroom.memory.open import acquire, release
from headroom.memory.records import Reader
from headroom.testing import HashEmbedder

from ....asking import find

WIDTH = 64


def clustered(count: int, width: int = WIDTH, seed: int = 0) -> np.ndarray:
    """Unit rows with a falling spectrum, as those of sentences have."""
    rng = np.random.default_rng(seed)
    basis, _ = np.linalg.qr(rng.standard_normal((width, width)))
    rows = (rng.standard_normal((count, width)) * 0.93 ** np.arange(width)) @ basis.T
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def truth(rows: np.ndarray, query: np.ndarray, allowed: np.ndarray, k: int) -> set[int]:
    places = np.flatnonzero(allowed)
    return set(places[np.argsort(-(rows[places] @ query))[:k]].tolist())


def recall(index: VectorIndex, rows: np.ndarray, queries: np.ndarray, allowed: np.ndarray, k: int = 10) -> float:
    found = [set(index.search(query, allowed, k)[0].tolist()) for query in queries]
    true = [truth(rows, query, allowed, k) for query in queries]
    return float(np.mean([len(f & t) / len(t) for f, t in zip(found, true, strict=True)]))


@pytest.mark.quick
def test_a_matrix_finds_exactly_the_nearest_that_are_allowed() -> None:
    """The k nearest are chosen among what may be seen, however rare that is, also while the matrix grows."""
    rows, queries = clustered(3000), clustered(20, seed=1)
    index = Matrix(WIDTH)
    for start in range(0, 3000, 700):
        index.add(rows[start : start + 700])
        known = min(start + 700, 3000)
        allowed = np.zeros(known, bool)
        allowed[::13] = True
        assert recall(index, rows[:known], queries, allowed) == 1


@pytest.mark.quick
def test_a_wiped_row_is_far_from_everything() -> None:
    """A deleted memory's vector is gone from the matrix."""
    rows = clustered(50)
    index = Matrix(WIDTH)
    index.add(rows)
    index.put(7, np.zeros(WIDTH, np.float32))
    assert float(index.cosines(rows[7], np.array([7]))[0]) == 0


@pytest.mark.quick
@pytest.mark.parametrize("share", [1.0, 0.5, 0.001])
def test_the_bar_from_a_sample_changes_no_answer(share: float) -> None:
    """Picking the best of many gives the same as sorting all, for any share that is allowed."""
    rng = np.random.default_rng(5)
    scores = rng.standard_normal(60_000).astype(np.float32)
    allowed = rng.random(60_000) < share
    places, values = best(scores, allowed, 10)
    expected = np.sort(scores[allowed])[-10:]
    np.testing.assert_array_equal(np.sort(values), expected)
    assert allowed[places].all()


def test_a_projection_finds_the_nearest_among_many() -> None:
    """From LARGE rows on, candidates come from a projection, and 99 of 100 neighbours are still found."""
    rows, queries = clustered(Matrix.LARGE + 4000, 384), clustered(50, 384, seed=1)
    index = Matrix(384)
    index.add(rows[: Matrix.LARGE])
    everything = np.ones(Matrix.LARGE, bool)
    index.search(queries[0], everything, 10)
    index.put(17, rows[99])
    index.add(rows[Matrix.LARGE :])
    index.put(17, rows[17])
    wait_until(lambda: index._fitting is None or index._fitting.done())
    assert recall(index, rows, queries[:3], np.ones(len(rows), bool)) >= 0.99
    assert index._projection is not None
    index.add(rows[:100])
    rows = np.concatenate([rows, rows[:100]])
    assert recall(index, rows, queries, np.ones(len(rows), bool)) >= 0.99


def test_vectors_without_principal_directions_are_searched_exactly() -> None:
    """A projection that loses neighbours of the user's own vectors is not used."""
    rows = np.random.default_rng(0).standard_normal((8000, 384)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert Projection.fit(rows) is None


@pytest.mark.parametrize("backend", list(VectorBackend))
def test_every_vector_backend_gives_the_same_memories(backend: VectorBackend, tmp_path: Path) -> None:
    """AUTO, SQLITE_VEC and HNSW find the same texts through the public door, filters included."""
    if backend is VectorBackend.HNSW:
        pytest.importorskip("hnswlib", reason="the extra hnsw is not installed")
    embedder = HashEmbedder()
    config = MemoryConfig(db_path=tmp_path / "memory.db", vector_backend=backend)
    engine = acquire(config, embedder)
    try:
        mine, theirs = Reader(user_id="alice"), Reader(user_id="bob")
        texts = [f"note {i} about subject {i % 7}" for i in range(60)]
        engine.save(mine, texts)
        engine.save(theirs, [f"{text} of another" for text in texts])
        found = [result.content for result in find(engine, mine, "note 17 about subject 3", top_k=3)]
        assert found[0] == "note 17 about subject 3"
        assert not any(text.endswith("another") for text in found)
    finally:
        release(engine)


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline, "not done within a minute"
        time.sleep(0.02)
