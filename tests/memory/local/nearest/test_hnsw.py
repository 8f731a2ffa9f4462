"""HNSW: built behind the searches, and never trusted unseen."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headroom.memory.engine import Engine
from headroom.memory.local.nearest import hnsw
from headroom.memory.local.nearest.hnsw import Hnsw
from headroom.memory.local.nearest.matrix import Matrix
from headroom.memory.protocols import Write
from headroom.memory.records import Draft, Reader
from headroom.memory.rules.checks import entry_of

from ....asking import find
from ...children import in_child
from ...conftest import make_engine
from .test_matrix import clustered, recall, wait_until

pytest.importorskip("hnswlib", reason="the extra hnsw is not installed")

ALICE = Reader(user_id="alice")
WIDTH = 64
COUNT = 600


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a graph be worth while for few rows, and be linked in many steps."""
    monkeypatch.setattr(Hnsw, "WORTH", 200)
    monkeypatch.setattr(hnsw, "_STEP", 50)


@pytest.fixture
def rows() -> np.ndarray:
    return clustered(2 * COUNT, WIDTH)


@pytest.fixture
def opened(path: Path) -> Iterator[Callable[..., Engine]]:
    """Open the file, as often as a test likes."""
    engines: list[Engine] = []

    def open_(**settings: object) -> Engine:
        engines.append(make_engine(path, **{"vector_backend": "hnsw", **settings}))
        return engines[-1]

    yield open_
    for engine in engines:
        engine.close()


def fill(engine: Engine, vectors: np.ndarray, reader: Reader = ALICE, first: int = 0) -> list[str]:
    """Store one memory a vector."""
    return engine.store(reader, [f"fact number {first + n}" for n in range(len(vectors))], vectors)


def graph(engine: Engine) -> Hnsw:
    """Search once, and give the index of the first user when its thread has come to rest."""
    find(engine, ALICE, "fact number 7")
    index = engine._backend._indexes._columns[1].vectors  # type: ignore[attr-defined]
    assert isinstance(index, Hnsw)
    wait_until(lambda: not index.busy)
    return index


def finds(engine: Engine, vectors: np.ndarray) -> float:
    """Return which share of the true ten nearest of some questions is found."""
    return recall(graph(engine), vectors, clustered(20, WIDTH, seed=1), np.ones(len(vectors), bool))


def test_a_graph_is_built_behind_the_searches_and_then_answers_them(
    opened: Callable[..., Engine], rows: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While hnswlib builds, search is exact; afterwards it finds at least 95 of 100, and filters hold."""
    engine = opened()
    fill(engine, rows)
    index = graph(engine)
    assert index.linked == len(rows)
    with monkeypatch.context() as patched:
        patched.setattr(Matrix, "search", None)
        assert finds(engine, rows) >= 0.95
    few = np.zeros(len(rows), bool)
    few[:40] = True
    assert recall(index, rows, clustered(20, WIDTH, seed=1), few) == 1


def test_a_search_is_as_broad_as_it_must_be(opened: Callable[..., Engine]) -> None:
    """If neighbours are hard to find, the graph is searched more broadly than it was configured."""
    rng = np.random.default_rng(3)
    hard = rng.standard_normal((3 * COUNT, WIDTH)).astype(np.float32)
    hard /= np.linalg.norm(hard, axis=1, keepdims=True)
    engine = opened(hnsw_ef_search=20)
    fill(engine, hard)
    assert graph(engine)._breadth > 20
    assert finds(engine, hard) >= 0.95


def test_a_graph_that_finds_too_few_is_not_used(
    opened: Callable[..., Engine], rows: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    """A graph that loses neighbours of the user's own vectors answers nothing, and search stays exact."""
    caplog.set_level(logging.INFO, "headroom")
    engine = opened(hnsw_ef_search=1, hnsw_m=2, hnsw_ef_construction=1)
    fill(engine, rows)
    assert finds(engine, rows) == 1
    assert "is not used" in caplog.text


def test_a_search_never_waits_for_the_graph(opened: Callable[..., Engine], rows: np.ndarray) -> None:
    """While the graph is being changed, by whatever is as slow as it likes, search answers exactly."""
    engine = opened()
    fill(engine, rows)
    index = graph(engine)
    with index._changing:
        assert recall(index, rows, clustered(20, WIDTH, seed=1), np.ones(len(rows), bool)) == 1


def test_only_rows_stored_since_are_linked(opened: Callable[..., Engine], rows: np.ndarray) -> None:
    """New rows are found before and after they are in the graph."""
    engine = opened()
    fill(engine, rows[:COUNT])
    assert graph(engine).linked == COUNT
    fill(engine, rows[COUNT : COUNT + 30], first=COUNT)
    index = graph(engine)
    assert index.linked == COUNT + 30
    assert finds(engine, rows[: COUNT + 30]) >= 0.95
    index.close()
    fill(engine, rows[COUNT + 30 :], first=COUNT + 30)
    assert finds(engine, rows) >= 0.95
    assert index.linked == COUNT + 30


def test_what_is_erased_is_not_found(opened: Callable[..., Engine], rows: np.ndarray) -> None:
    """A memory that is erased is marked as deleted in the graph, and no search returns it."""
    engine = opened()
    ids = fill(engine, rows)
    graph(engine)
    assert engine.delete(ids[17])
    assert graph(engine)._lost == 1
    found = {result.content for result in find(engine, ALICE, "fact number 17", top_k=2 * COUNT)}
    assert "fact number 17" not in found
    assert len(found) == 2 * COUNT - 1


def test_a_worn_graph_is_made_anew(opened: Callable[..., Engine], rows: np.ndarray) -> None:
    """If a fifth of a graph was deleted, what is left is linked afresh, and found."""
    engine = opened()
    ids = fill(engine, rows)
    graph(engine)
    for memory_id in ids[: COUNT // 2]:
        engine.delete(memory_id)
    index = graph(engine)
    assert index._lost == 0
    everything = np.arange(len(rows)) >= COUNT // 2
    assert recall(index, rows, clustered(20, WIDTH, seed=1), everything) >= 0.95


def test_a_vector_that_came_late_is_linked(opened: Callable[..., Engine], rows: np.ndarray) -> None:
    """A memory that waited for its vector while the graph was built is found by it afterwards."""
    engine = opened()
    waiting = Write(entry=replace(entry_of(Draft("waits"), rows[0]), vector=None))
    (applied,) = engine._backend.apply(ALICE, [waiting])
    fill(engine, rows[1:COUNT])
    assert graph(engine).linked == COUNT
    engine._backend.put_vectors({str(applied.id): rows[0]})
    assert finds(engine, rows[:COUNT]) >= 0.95
    assert not graph(engine)._stale


ENDING = """
import time
from headroom.memory.local.nearest import hnsw
hnsw.Hnsw.WORTH, hnsw._STEP = 200, 20
engine = open_engine(vector_backend="hnsw")
find(engine, ALICE, "fact number 7", top_k=5)
index = engine._backend._indexes._columns[1].vectors
while not index.linked:
    time.sleep(0.001)
tell(index.linked)
"""


def test_a_process_ends_in_the_middle_of_building(opened: Callable[..., Engine], rows: np.ndarray, path: Path) -> None:
    """The end of a process does not wait for its graphs."""
    fill(opened(), rows)
    assert 0 < int(in_child(ENDING, path)) <= len(rows)


FORKED = """
import os
from headroom.memory.local.nearest import hnsw
hnsw.Hnsw.WORTH, hnsw._STEP = 200, 20
engine = open_engine(vector_backend="hnsw")
everything = {result.content for result in find(engine, ALICE, "fact number 7", top_k=2000)}
if not os.fork():
    for n in range(20):
        assert {result.content for result in find(engine, ALICE, "fact number 7", top_k=2000)} == everything
    engine.close()
    os._exit(0)
assert os.wait()[1] == 0
engine.close()
tell(len(everything))
"""


def test_a_fork_while_a_graph_is_built_harms_neither(
    opened: Callable[..., Engine], rows: np.ndarray, path: Path
) -> None:
    """The child, which has none of the threads that build, searches and builds for itself."""
    fill(opened(), rows)
    assert in_child(FORKED, path) == str(len(rows))
    assert finds(opened(), rows) >= 0.95
