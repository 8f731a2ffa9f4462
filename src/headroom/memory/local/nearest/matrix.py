"""Nearest vectors of one user, over a matrix in memory."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Protocol

import numpy as np

from ....runtime.threads import submit
from ...protocols import Bools, Floats, Ints, Vector, Vectors
from .arrays import grown, product
from .projection import Projection, candidates


class VectorIndex(Protocol):
    """Vectors by position, 0 upwards."""

    holds_rows: bool
    """It keeps vectors of its own: `add` and `put` bring them."""
    keeps_work: bool
    """There may be something to do in `close`."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory held."""

    def add(self, vectors: Vectors) -> None:
        """Append rows; their positions follow those before."""

    def put(self, position: int, vector: Vector) -> None:
        """Exchange one row; zeros wipe it."""

    def search(self, query: Vector, allowed: Bools, k: int) -> tuple[Ints, Floats]:
        """Find the k allowed positions of the highest cosine, in any order, with their cosines."""

    def cosines(self, query: Vector, positions: Ints) -> Floats:
        """Compare `query` with the vectors at `positions`."""

    def rows(self, positions: Ints) -> Vectors:
        """Return the vectors at `positions`, shape (len(positions), width); zeros if there is none."""

    def close(self) -> None:
        """Do no more work in the background, and keep what spares the next one work. Searching goes on."""


class Matrix:
    """All vectors in one float32 matrix, compared one by one: 0.05 ms a query at 1,000 rows of 384.

    From LARGE rows on, a projection picks the candidates, if it proves itself on the user's own vectors.
    It is fitted in the background: no search waits for it.
    """

    LARGE = 4096
    holds_rows = True
    keeps_work = False

    def __init__(self, width: int, room: int = 64) -> None:
        """`room` is how many rows are soon to come: each time that it is used up, all are copied."""
        self._rows = np.zeros((max(room, 64), width), np.float32)
        self._count = 0
        self._projection: Projection | None = None
        self._fitting: Future[Projection | None] | None = None
        self._fitted_at = 0
        self._changed: list[int] = []

    @property
    def nbytes(self) -> int:
        return self._rows.nbytes + (self._projection.nbytes if self._projection else 0)

    def add(self, vectors: Vectors) -> None:
        self._rows = grown(self._rows, self._count, vectors)
        self._count += len(vectors)
        if self._projection:
            self._projection.add(vectors)

    def put(self, position: int, vector: Vector) -> None:
        self._rows[position] = vector
        self._changed.append(position)
        if self._projection:
            self._projection.put(position, vector)

    def search(self, query: Vector, allowed: Bools, k: int) -> tuple[Ints, Floats]:
        self._fit()
        if self._projection is None:
            return best(product(self._rows[: self._count], query), allowed, k)
        places, _ = best(self._projection.scores(query), allowed, max(candidates(self._count), 4 * k))
        return best_of(places, self.cosines(query, places), k)

    def cosines(self, query: Vector, positions: Ints) -> Floats:
        return product(self._rows[positions], query)

    def rows(self, positions: Ints) -> Vectors:
        return np.asarray(self._rows[positions])

    def close(self) -> None:
        """Nothing is kept."""

    def _fit(self) -> None:
        """Begin to fit a projection if there are many rows, or twice as many as at the last; take it when done."""
        if self._fitting is None:
            if self._count >= max(self.LARGE, 2 * self._fitted_at):
                self._fitted_at, self._changed = self._count, []
                self._fitting = submit(Projection.fit, self._rows[: self._count])
        elif self._fitting.done():
            fitted, self._fitting = self._fitting.result(), None
            if fitted is not None:
                fitted.add(self._rows[self._fitted_at : self._count])
                for position in self._changed:
                    fitted.put(position, self._rows[position])
            self._projection = fitted


_SAMPLED = 2_000


def best(scores: Floats, allowed: Bools, k: int) -> tuple[Ints, Floats]:
    """Pick the k allowed positions of the highest score, in any order."""
    if len(scores) > _SAMPLED:
        # A bar from every 16th score leaves few to sort; if it proves too high, all are looked at.
        sample = scores[::16][allowed[::16]]
        rank = k // 8 + 8  # the k-th best is near the k/16-th of the sample: twice that is on the safe side
        if len(sample) > rank:
            places = np.flatnonzero(allowed & (scores >= np.partition(sample, len(sample) - rank)[len(sample) - rank]))
            if len(places) >= k:
                return best_of(places, scores[places], k)
    places = np.flatnonzero(allowed)
    return best_of(places, scores[places], k)


def best_of(places: Ints, scores: Floats, k: int) -> tuple[Ints, Floats]:
    """Keep the k of the highest score, in any order."""
    if len(places) > k:
        kept = np.argpartition(scores, len(places) - k)[len(places) - k :]
        places, scores = places[kept], scores[kept]
    return places, scores
