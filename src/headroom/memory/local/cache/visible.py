"""What one kind of reader sees of a user's memories, and what is true of all of it together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...protocols import Bools, Ints, Vector
from ..nearest.matrix import VectorIndex

Lengths = npt.NDArray[np.int32]

FOREVER = np.iinfo(np.int64).max
SAMPLE = 256
"""Memories that tell what a user's memories are like in general."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Some of a user's memories, by position. Kept for the next search: each value costs a pass over all of them."""

    allowed: Bools
    places: Ints
    """The positions that are allowed, ascending."""
    middle: Vector
    """The mean of a sample of their vectors."""
    length: float
    """The mean length of a sample of their texts, in words; at least 1."""
    oldest: int
    """When the first of them was told, in microseconds."""
    until: int
    """When the first of them expires, in microseconds: the view holds up to then."""

    @classmethod
    def of(cls, allowed: Bools, vectors: VectorIndex, *, length: Lengths, created_at: Ints, expires_at: Ints) -> View:
        """Look at the memories that `allowed` marks."""
        places = np.flatnonzero(allowed)
        sample = some(places)
        return cls(
            allowed=allowed,
            places=places,
            middle=vectors.rows(sample).sum(axis=0) / max(len(sample), 1),
            length=max(float(length[sample].sum()) / max(len(sample), 1), 1.0),
            oldest=int(created_at[places].min(initial=FOREVER)),
            until=int(expires_at[places].min(initial=FOREVER)),
        )

    def grown(
        self, allowed: Bools, vectors: VectorIndex, *, length: Lengths, created_at: Ints, expires_at: Ints
    ) -> View:
        """Look at the memories that `allowed` marks, which begins with those of this view.

        The result is that of `of`; only the sample is read anew, and only if it is another one now.
        """
        new = np.flatnonzero(allowed[len(self.allowed) :]) + len(self.allowed)
        places = np.concatenate([self.places, new])
        if _step(places) != _step(self.places) or len(some(places)) != len(some(self.places)):
            return View.of(allowed, vectors, length=length, created_at=created_at, expires_at=expires_at)
        return replace(
            self,
            allowed=allowed,
            places=places,
            oldest=min(self.oldest, int(created_at[new].min(initial=FOREVER))),
            until=min(self.until, int(expires_at[new].min(initial=FOREVER))),
        )

    def seen(self, positions: Ints) -> Ints:
        """Keep of some positions those that are allowed."""
        return positions if len(self.places) == len(self.allowed) else positions[self.allowed[positions]]

    @property
    def nbytes(self) -> int:
        """Bytes of memory held."""
        return self.allowed.nbytes + self.places.nbytes + self.middle.nbytes


def some(places: Ints) -> Ints:
    """Take a sample, evenly."""
    return places[:: _step(places)]


def _step(places: Ints) -> int:
    return max(1, len(places) // SAMPLE)
