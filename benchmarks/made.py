"""Made vectors for sizes that would take hours to embed, with the spectrum of the real model's.

Uniform directions on a sphere are all equally far from each other and make any approximate index look bad or good
for the wrong reason. Real embeddings have a mean, a few hundred directions of very different variance, and clusters.
So: mean and covariance are those of a few thousand embedded sentences; the share of that variance which lies between
clusters is what makes the tenth neighbour as near as it is among the real ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headroom.memory.protocols import Vectors

_MEMBERS = 25
"""Memories about one thing, on average."""
_SHARES = np.linspace(0.0, 0.95, 20)
_PROBES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeVectors:
    """A source of unit rows: a normal distribution around cluster centres, which are normal themselves."""

    mean: Vectors
    """Shape (width,)."""
    root: Vectors
    """Shape (width, width): a square root of the covariance."""
    shared: float
    """The share of the variance that lies between clusters."""

    @classmethod
    def like(cls, real: Vectors, seed: int = 0) -> MadeVectors:
        """Fit the source to some thousand embedded texts: an (n, width) array."""
        mean = real.mean(axis=0)
        values, directions = np.linalg.eigh(np.cov((real - mean).T.astype(np.float64)))
        root = (directions * np.sqrt(np.maximum(values, 0))).T.astype(np.float32)
        wanted = _tenth_neighbour(real)
        sources = [cls(mean=mean, root=root, shared=float(share)) for share in _SHARES]
        gaps = [abs(_tenth_neighbour(source.rows(len(real), seed)) - wanted) for source in sources]
        return sources[int(np.argmin(gaps))]

    def rows(self, count: int, seed: int, among: int | None = None) -> Vectors:
        """Make a (count, width) array of unit rows, of a population of `among` memories (`count` if None).

        Rows of one seed and population share their clusters with no other seed's.
        """
        random = np.random.default_rng(seed)
        centres = random.standard_normal((max(1, (among or count) // _MEMBERS), len(self.mean)), np.float32)
        mine = centres[random.integers(0, len(centres), count)]
        own = random.standard_normal((count, len(self.mean)), np.float32)
        mixed = np.sqrt(np.float32(self.shared)) * mine + np.sqrt(np.float32(1 - self.shared)) * own
        rows = self.mean + mixed @ self.root
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def _tenth_neighbour(rows: Vectors) -> float:
    """Return the median cosine of a row and its tenth neighbour."""
    probes = rows[:: max(1, len(rows) // _PROBES)]
    cosines = np.sort(probes @ rows.T, axis=1)
    return float(np.median(cosines[:, -min(11, len(rows))]))
