"""Approximate nearest vectors of one user by hnswlib (Malkov & Yashunin 2018), built in the background.

The graph is a copy that is made anew when the memory is opened; until it is complete, search is exact.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from ..config import MemoryConfig
from ..extras import need
from ..protocols import Vector, Vectors
from ..workers import submit
from .nearest import Bools, Floats, Ints, Matrix, best_of

_WORTH = 5000
"""Rows below which exact search is as fast and nothing is built."""
_STEP = 1000
_SPARE = 4


class Hnsw(Matrix):
    """A Matrix with a graph over its rows."""

    def __init__(self, width: int, config: MemoryConfig) -> None:
        """Raises MissingExtra where hnswlib is not installed."""
        super().__init__(width)
        self._module = need("hnswlib", "hnsw")
        self._config = config
        self._graph: Any = None
        self._linked = 0
        self._building = threading.Lock()

    def put(self, position: int, vector: Vector) -> None:
        super().put(position, vector)
        if position < self._linked:
            if vector.any():
                self._graph.add_items(vector[None, :], [position])
            else:
                self._graph.mark_deleted(position)

    def search(self, query: Vector, allowed: Bools, k: int) -> tuple[Ints, Floats]:
        wanted = min(_SPARE * k, self._count)
        if self._linked < self._count:
            self._build()
        elif wanted < allowed.sum() and allowed.mean() > 0.5:
            self._graph.set_ef(max(self._config.hnsw_ef_search, wanted))
            places = self._graph.knn_query(query[None, :], k=wanted)[0][0].astype(np.int64)
            places = places[allowed[places]]
            if len(places) >= k:
                return best_of(places, self.cosines(query, places), k)
        return super().search(query, allowed, k)

    def _build(self) -> None:
        if self._count >= _WORTH and self._building.acquire(blocking=False):
            submit(self._link_rows)

    def _link_rows(self) -> None:
        try:
            while self._linked < self._count:
                self._link(self._rows[self._linked : min(self._linked + _STEP, self._count)].copy())
        finally:
            self._building.release()

    def _link(self, rows: Vectors) -> None:
        if self._graph is None:
            self._graph = self._module.Index(space="ip", dim=rows.shape[1])
            self._graph.init_index(
                max_elements=2 * self._count, ef_construction=self._config.hnsw_ef_construction, M=self._config.hnsw_m
            )
        needed = self._linked + len(rows)
        if needed > self._graph.get_max_elements():
            self._graph.resize_index(2 * needed)
        self._graph.add_items(rows, np.arange(self._linked, needed), num_threads=1)
        self._linked = needed
