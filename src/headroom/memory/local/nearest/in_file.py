"""Nearest vectors of one user by sqlite-vec, in the file itself: nothing is held in memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...protocols import Bools, Floats, Ints, Vector, Vectors
from ..file.database import Database
from ..tables.vector_codec import decode, high_plane
from .matrix import best, best_of


class InFile:
    """The file's own vectors, scanned in place by sqlite-vec: holds nothing, 1.1 us a row."""

    holds_rows = False
    keeps_work = False
    nbytes = 0

    def __init__(
        self, database: Database, user: int, width: int, positions: Callable[[Ints], Ints], seqs: Callable[[], Ints]
    ) -> None:
        """`positions` finds the positions of rows of the file, `seqs` tells the rows by position."""
        self._database, self._user, self._width = database, user, width
        self._positions, self._seqs = positions, seqs

    def add(self, vectors: Vectors) -> None:
        raise NotImplementedError("the rows are in the file")

    def put(self, position: int, vector: Vector) -> None:
        raise NotImplementedError("the rows are in the file")

    def search(self, query: Vector, allowed: Bools, k: int) -> tuple[Ints, Floats]:
        """Scan the high bytes of all rows, then compare the best few in full."""
        with self._database.read() as cursor:
            rows = cursor.execute(
                """select m.seq, vec_distance_cosine(vec_int8(substr(v.vector, 1, ?2)), vec_int8(?1))
                from memories m join vectors v on v.memory = m.seq where m.user = ?3""",
                (high_plane(query), len(query), self._user),
            ).fetchall()
        found = np.array(rows, np.float64).reshape(-1, 2)
        found = found[found[:, 0] <= self._seqs()[len(allowed) - 1]]  # this transaction may see later rows
        scores = np.full(len(allowed), -1, np.float32)
        scores[self._positions(found[:, 0].astype(np.int64))] = 1 - found[:, 1].astype(np.float32)
        places, _ = best(scores, allowed & (scores > -1), 2 * k)
        return best_of(places, self.cosines(query, places), k)

    def cosines(self, query: Vector, positions: Ints) -> Floats:
        return np.asarray(self.rows(positions) @ query, np.float32)

    def rows(self, positions: Ints) -> Vectors:
        with self._database.read() as cursor:
            get = "select vector from vectors where memory = ?"
            blobs = [cursor.execute(get, (int(seq),)).fetchone() for seq in self._seqs()[positions]]
        return decode([blob[0] if blob else b"" for blob in blobs], self._width)

    def close(self) -> None:
        """Nothing is held."""
