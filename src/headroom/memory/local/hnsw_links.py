"""The links of an HNSW graph without its vectors, as arrays: taken out of hnswlib, put into it, and thinned.

hnswlib gives its state as arrays when it is pickled (its `getAnnData`); each element there has its links of the
lowest level, its vector and its label in one row. A list of links is a count, then ids of elements.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..protocols import Vectors
from .nearest import Bools, Ints

Words = npt.NDArray[np.uint32]

_COUNT = 0xFFFF
"""The bits of the first word of a list that count its links; another one marks what was deleted."""
_BATCH = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Who is linked to whom among n elements, numbered from 0."""

    levels: npt.NDArray[np.int32]
    """The highest level of each element, shape (n,)."""
    base: Words
    """The list of each element on level 0, shape (n, 2 * M + 1)."""
    upper: Words
    """The lists of the levels above, element by element and upwards, shape (levels.sum(), M + 1)."""
    entry: int
    """The element where a search begins: one of the highest."""

    @classmethod
    def of(cls, graph: Any) -> tuple[Links, Ints]:
        """Take the links out of an `hnswlib.Index`, and the label of each element, shape (n,)."""
        state: dict[str, Any] = graph.__getstate__()[0]
        count, start = state["cur_element_count"], state["label_offset"]
        table = state["data_level0"].view(np.uint8).reshape(count, -1)
        links = cls(
            levels=state["element_levels"][:count],
            base=np.ascontiguousarray(table[:, : state["offset_data"]]).view(np.uint32),
            upper=state["link_lists"].view(np.uint32).reshape(-1, state["max_M"] + 1),
            entry=state["enterpoint_node"],
        )
        return links, np.ascontiguousarray(table[:, start : start + 8]).view(np.int64)[:, 0]

    def __len__(self) -> int:
        return len(self.levels)

    def sound(self) -> bool:
        """Tell whether every link leads to an element of its level: hnswlib would follow others out of its memory."""
        count, ranks = len(self), self._ranks()
        return bool(
            count > 0
            and 0 <= self.entry < count
            and (self.levels >= 0).all()
            and self.levels[self.entry] == self.levels.max()
            and len(ranks) == len(self.upper)
            and self._lead_well(self.base, np.zeros(count, np.int32))
            and self._lead_well(self.upper, ranks)
        )

    def only(self, kept: Bools) -> Links:
        """Leave out the elements that are not `kept`, of shape (n,), and every link to them."""
        numbers = np.where(kept, np.cumsum(kept) - 1, -1)
        levels = self.levels[kept]
        return Links(
            levels=levels,
            base=_thinned(self.base[kept], numbers),
            upper=_thinned(self.upper[np.repeat(kept, self.levels)], numbers),
            entry=int(numbers[self.entry] if kept[self.entry] else np.argmax(levels)),
        )

    def fill(self, empty: Any, labels: Ints, rows: Callable[[Ints], Vectors]) -> Any:
        """Make an `hnswlib.Index` like the `empty` one with these links and the vectors that `rows` gives."""
        state: dict[str, Any] = empty.__getstate__()[0]
        data, label = state["offset_data"], state["label_offset"]
        table = np.empty((len(self), state["size_data_per_element"]), np.uint8)
        table[:, :data] = self.base.view(np.uint8)
        for start in range(0, len(self), _BATCH):
            part = slice(start, start + _BATCH)
            table[part, data:label] = rows(labels[part]).view(np.uint8)
        table[:, label:] = labels[:, None].view(np.uint8)
        filled = {
            "cur_element_count": len(self),
            "max_level": int(self.levels[self.entry]),
            "enterpoint_node": self.entry,
            "ep_added": True,
            "label_lookup_external": labels.astype(np.uint64),
            "label_lookup_internal": np.arange(len(self), dtype=np.uint32),
            "element_levels": self.levels,
            "data_level0": table.reshape(-1).view(np.int8),
            "link_lists": np.ascontiguousarray(self.upper).reshape(-1).view(np.int8),
        }
        return type(empty)(params={**state, **filled})

    def _ranks(self) -> npt.NDArray[np.int32]:
        """Tell the level of each list of `upper`."""
        levels = np.maximum(self.levels, 0)
        before = np.repeat(np.cumsum(levels) - levels, levels)
        return np.asarray(np.arange(len(before)) - before + 1, np.int32)

    def _lead_well(self, lists: Words, ranks: npt.NDArray[np.int32]) -> bool:
        if (lists[:, 0] >= lists.shape[1]).any():
            return False
        ids, used = lists[:, 1:], _used(lists)
        if (ids[used] >= len(self)).any():
            return False
        return bool((self.levels[ids[used]] >= np.repeat(ranks, used.sum(axis=1))).all())


def _used(lists: Words) -> Bools:
    """Mark the places of `lists` that hold a link, without the column of counts."""
    return np.asarray(np.arange(lists.shape[1] - 1) < (lists[:, :1] & _COUNT))


def _thinned(lists: Words, numbers: Ints) -> Words:
    """Renumber the links, without those to elements that have no number any more; what is not used becomes 0."""
    used = _used(lists)
    used[used] = numbers[lists[:, 1:][used]] >= 0
    thin = np.zeros_like(lists)
    thin[:, 0] = used.sum(axis=1)
    thin[:, 1:][_used(thin)] = numbers[lists[:, 1:][used]]
    return thin
