"""A growing array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


class Column:
    """A growing array."""

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self._room = np.empty(64, dtype)
        self.values: npt.NDArray[Any] = self._room[:0]
        """A view of what is filled; one that was taken earlier stays valid when the array grows."""
        self.nbytes = self._room.nbytes

    def extend(self, values: Sequence[object]) -> None:
        length = len(self.values)
        needed = length + len(values)
        if needed > len(self._room):
            room = np.empty(max(needed, 2 * len(self._room)), self._room.dtype)
            room[:length] = self.values
            self._room, self.nbytes = room, room.nbytes
        self._room[length:needed] = values
        self.values = self._room[:needed]
