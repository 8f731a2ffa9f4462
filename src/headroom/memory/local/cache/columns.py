"""Arrays that grow together, row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


class Columns:
    """Named arrays of one length."""

    def __init__(self, types: Mapping[str, npt.DTypeLike]) -> None:
        self._room: dict[str, npt.NDArray[Any]] = {name: np.empty(64, dtype) for name, dtype in types.items()}
        self._length = 0
        self.values: dict[str, npt.NDArray[Any]] = {}
        """Views of what is filled, by name; one that was taken earlier stays valid when the arrays grow."""
        self._show()

    def extend(self, rows: Sequence[Sequence[object]]) -> None:
        """Append the values of each column, in the order of their names; all of them, or none if one cannot be."""
        needed = self._length + len(rows[0])
        for name, values in zip(self._room, rows, strict=True):
            if needed > len(self._room[name]):
                room = np.empty(max(needed, 2 * len(self._room[name])), self._room[name].dtype)
                room[: self._length] = self.values[name]
                self._room[name] = room
            self._room[name][self._length : needed] = values
        self._length = needed
        self._show()

    def _show(self) -> None:
        self.values = {name: room[: self._length] for name, room in self._room.items()}
        self.nbytes = sum(room.nbytes for room in self._room.values())
