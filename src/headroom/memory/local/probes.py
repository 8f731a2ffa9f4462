"""Whether a shortcut finds the true neighbours, tried on the user's own vectors before any search relies on it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ..protocols import Vectors

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

ENOUGH = 0.99
"""The share of true neighbours that a shortcut must find."""
_PROBES = 32
_NEAREST = 10


class Probes:
    """Points whose ten nearest among some rows are known."""

    def __init__(self, rows: Vectors) -> None:
        """Choose points half-way between two `rows`: like questions, they are near some and on none."""
        step = max(1, len(rows) // _PROBES // 2)
        ends = rows[::step][: 2 * _PROBES]
        middles = ends[0::2] + ends[1::2]
        lengths = np.linalg.norm(middles, axis=1, keepdims=True)
        full = lengths[:, 0] > 0  # rows of zeros have no vector
        self.points: Vectors = np.asarray(middles[full] / lengths[full], np.float32)
        self._true = [top(scores, _NEAREST) for scores in self.points @ rows.T]

    def share_in(self, candidates: Iterable[Ints]) -> float:
        """Tell which share of the true nearest is among the candidates for each point."""
        shares = [np.isin(true, found).mean() for true, found in zip(self._true, candidates, strict=True)]
        return float(np.mean(shares or [0.0]))


def top(scores: Floats, k: int) -> Ints:
    """Give the positions of the k highest scores, in any order."""
    return np.argpartition(scores, len(scores) - k)[len(scores) - k :]
