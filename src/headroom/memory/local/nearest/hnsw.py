"""Approximate nearest vectors of one user by hnswlib (Malkov & Yashunin 2018), built in the background.

Until the graph is built, search is exact; vectors that came in since are compared exactly beside it.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from typing import Any

import numpy as np

from ....runtime.extras import need
from ....runtime.threads import submit
from ...config import MemoryConfig
from ...protocols import Bools, Floats, Ints, Vector
from .matrix import Matrix, best_of
from .projection import ENOUGH, Probes

_logger = logging.getLogger("headroom")

_STEP = 200
"""Rows that are linked in one go, a quarter of a second among 100,000: so long a closing process waits."""
_AHEAD = 2000
"""Rows that are not linked yet and are compared one by one beside the graph; with more, all are."""
_SPARE = 2
"""Times as many as are asked for: half of the memories may be hidden from a reader."""
_BROADER = (1, 2, 4, 8, 16)
"""How much broader than the configuration says a search through the graph may become, to find what it must."""
_CHANGED = 0.1
"""The share of the rows after which a graph is tried anew."""
_WORN = 0.2
"""The share of dead points beyond which a graph is built anew."""


class Hnsw(Matrix):
    """A Matrix with a graph over its rows.

    A thread of the pool changes the graph in steps, under a lock, because hnswlib searches no graph that changes. A
    search that finds the lock taken does not wait: it goes without the graph.
    """

    keeps_work = True
    WORTH = 20_000
    """Rows below which a projection, or exact search, is as fast and nothing is built."""

    def __init__(self, width: int, config: MemoryConfig, room: int = 64) -> None:
        """Raise MissingExtra if hnswlib is not installed."""
        super().__init__(width, room)
        self._module = need("hnswlib", "hnsw")
        self._config = config
        self._graph: Any = None
        self._graph_bytes = 0
        self._linked = 0
        self._stale: set[int] = set()
        self._breadth = 0  # of a search that has proved to find enough; 0 while none has
        self._proved_at = 0
        self._lost = 0
        self._changing, self._working = threading.Lock(), threading.Lock()
        self._closed = False

    @property
    def nbytes(self) -> int:
        return super().nbytes + self._graph_bytes

    @property
    def busy(self) -> bool:
        """Whether a thread is at work on the graph."""
        return self._working.locked()

    @property
    def linked(self) -> int:
        """How many rows are in the graph."""
        return self._linked

    def put(self, position: int, vector: Vector) -> None:
        if not np.array_equal(self._rows[position], vector):
            super().put(position, vector)
            self._stale.add(position)

    def search(self, query: Vector, allowed: Bools, k: int) -> tuple[Ints, Floats]:
        if self._count >= self.WORTH:
            self._begin()
            wanted = min(max(_SPARE * k, self._breadth), self._count)
            if wanted < allowed.sum() and allowed.mean() > 0.5:
                places = self._near(query, wanted)
                places = places[allowed[places]]
                if len(places) >= k:
                    return best_of(places, self.cosines(query, places), k)
        return super().search(query, allowed, k)

    def close(self) -> None:
        """Stop building."""
        self._closed = True

    def _fit(self) -> None:
        # A projection answers while a graph is built, or if it is no good; loading one takes less time than fitting.
        building = self._graph is not None and self._count - self._linked > _AHEAD
        useless = self._proved_at and not self._breadth
        if building or useless or self._count < self.WORTH or self._fitting is not None:
            super()._fit()

    def _near(self, query: Vector, wanted: int) -> Ints:
        """Ask the graph; find nothing if it is not ready, or at work."""
        nothing = np.empty(0, np.int64)
        if not self._changing.acquire(blocking=False):
            return nothing
        try:
            late = np.concatenate([np.fromiter(self._stale, np.int64), np.arange(self._linked, self._count)])
            if not self._breadth or len(late) > _AHEAD:
                return nothing
            self._graph.set_ef(wanted)
            near = self._graph.knn_query(query[None, :], k=wanted, num_threads=1)[0][0]
        except RuntimeError:  # it holds, or reaches, fewer than so many
            return nothing
        finally:
            self._changing.release()
        return np.unique(np.concatenate([near.astype(np.int64), late]))

    def _begin(self) -> None:
        """Have the rest linked, if there is one and nobody is at it."""
        done = self._graph is not None and not self._stale and self._linked == self._count
        if not done and not self._closed and self._working.acquire(blocking=False):
            self._go_on()

    def _go_on(self) -> None:
        # One step at a time, so that others have their turn on the pool, and a process can end.
        try:
            submit(self._step)
        except RuntimeError:  # the interpreter ends
            self._working.release()

    def _step(self) -> None:
        more = False
        try:
            with self._changing:
                more = not self._closed and self._advance()
        finally:
            if more:
                self._go_on()
            else:
                self._working.release()

    def _advance(self) -> bool:
        """Begin a graph, or link some rows; return False if none are left."""
        if self._graph is None:
            self._graph = self._empty(self._count)
            self._graph_bytes = self._graph.index_file_size()
        elif self._lost > _WORN * self._linked:
            self._graph = self._empty(self._count)
            self._linked = self._lost = self._breadth = self._proved_at = 0
            self._stale.clear()
        elif self._stale or self._linked < self._count:
            self._link(self._next())
        else:
            if self._linked > (1 + _CHANGED) * self._proved_at:
                self._prove()
            return False
        return True

    def _empty(self, count: int) -> Any:
        graph = self._module.Index(space="ip", dim=self._rows.shape[1])
        room = count + count // 4 + _STEP
        graph.init_index(room, M=self._config.hnsw_m, ef_construction=self._config.hnsw_ef_construction)
        return graph

    def _next(self) -> Ints:
        """Take the positions to link next."""
        if self._stale:
            return np.array([self._stale.pop() for _ in range(min(_STEP, len(self._stale)))], np.int64)
        start, self._linked = self._linked, min(self._linked + _STEP, self._count)
        return np.arange(start, self._linked)

    def _link(self, positions: Ints) -> None:
        rows = self._rows[positions]
        full = rows.any(axis=1)
        for position in positions[~full].tolist():
            with suppress(RuntimeError):  # it was not linked
                self._graph.mark_deleted(position)
                self._lost += 1
        needed = self._graph.get_current_count() + len(rows)
        if needed > self._graph.get_max_elements():
            self._graph.resize_index(needed + needed // 4)
        if full.any():
            self._graph.add_items(rows[full], positions[full], num_threads=1)
        self._graph_bytes = self._graph.index_file_size()

    def _prove(self) -> None:
        """Find how broad a search finds the true neighbours; if none does, the graph is not used."""
        self._proved_at, self._breadth = self._linked, 0
        probes = Probes(self._rows[: self._linked])
        for broader in _BROADER:
            breadth = broader * self._config.hnsw_ef_search
            self._graph.set_ef(breadth)
            with suppress(RuntimeError):  # it holds, or reaches, fewer than so many
                found = self._graph.knn_query(probes.points, k=breadth, num_threads=1)[0]
                if probes.share_in(found.astype(np.int64)) >= ENOUGH:
                    self._breadth = breadth
                    return
        _logger.info("a graph of %d vectors is not used: it finds too few of the nearest", self._linked)
