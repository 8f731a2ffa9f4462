"""A growing array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


class Column:
    """A growing array; `values` is a view of what is filled, and stays valid when the array grows."""

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self._room = np.empty(64, dtype)
        self._length = 0

    @property
    def values(self) -> npt.NDArray[Any]:
        return self._room[: self._length]

    def extend(self, values: Sequence[object]) -> None:
        needed = self._length + len(values)
        if needed > len(self._room):
            room = np.empty(max(needed, 2 * len(self._room)), self._room.dtype)
            room[: self._length] = self.values
            self._room = room
        self._room[self._length : needed] = values
        self._length = needed

    @property
    def nbytes(self) -> int:
        return self._room.nbytes
