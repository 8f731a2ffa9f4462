"""The saved graph of one user: which of its links still hold for the memories as they are now."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np

from ...errors import Closed, StoreError
from ..protocols import Vectors
from .database import Database, integers
from .hnsw_files import GraphFiles, Kind, Marks, Saved, marks_of
from .hnsw_links import Links
from .nearest import Ints

_logger = logging.getLogger("headroom")

WORN = 0.2
"""The share of a graph's elements that may be taken out before it is made anew: each leaves a gap."""
_BATCH = 8192


class UserGraph:
    """Loads and saves the graph of one user, whose elements are positions in memory and memories on disk."""

    def __init__(self, files: GraphFiles, database: Database, user: int, kind: Kind, seqs: Callable[[], Ints]) -> None:
        """`seqs` tells the memory of each position, ascending."""
        self._files, self._database, self._user, self._kind = files, database, user, kind
        self._seqs = seqs

    def there(self) -> bool:
        """Tell whether there is a file."""
        return self._files.has(self._user)

    def load(self, rows: Vectors) -> tuple[Links, Ints, int] | None:
        """Give the links between `rows` that still hold, their positions, and how many elements were lost in all.

        None where there is no file, or what it says of the vectors is true for too few.
        """
        saved = self._files.load(self._user, self._kind)
        if saved is None or not len(rows):
            return None
        seqs = self._seqs()[: len(rows)]
        places = np.minimum(np.searchsorted(seqs, saved.seqs), len(seqs) - 1)
        kept = (seqs[places] == saved.seqs) & (_marks(rows, places) == saved.marks)
        lost = saved.lost + int((~kept).sum())
        if lost > WORN * kept.sum():
            _logger.info("a graph is made anew: of %d memories in its file, %d hold", len(kept), kept.sum())
            return None
        return saved.links if kept.all() else saved.links.only(kept), places[kept], lost

    def save(self, links: Links, positions: Ints, rows: Vectors, lost: int) -> None:
        """Keep the links between those `positions` of `rows` that have a vector and are still stored."""
        seqs, marks = self._seqs()[positions], _marks(rows, positions)
        try:
            with self._database.read() as cursor:
                found = integers(cursor.execute("select seq from memories where user = ?", (self._user,)))
            stored = np.array(found, np.int64)
            here = np.isin(seqs, stored)
            kept = here & (marks > 0)
            if kept.any():
                lost += int((~here & (marks > 0)).sum())
                saved = Saved(links=links.only(kept), seqs=seqs[kept], marks=marks[kept], lost=lost)
                self._put(saved, int((stored <= saved.seqs.max()).sum()))
        except (Closed, StoreError) as exc:
            _logger.info("a graph is not kept: %s", type(exc).__name__)

    def _put(self, saved: Saved, count: int) -> None:
        """Keep what is `saved` where the memories up to its last are still so many: none was erased meanwhile."""
        new = self._files.write(self._user, self._kind, saved)
        if new is None:
            return
        try:
            with self._database.write() as cursor:  # as long as this lasts nobody erases
                upto = "select count(*) from memories where user = ? and seq <= ?"
                if cursor.execute(upto, (self._user, int(saved.seqs.max()))).get == count:
                    self._files.take(self._user, new)
        finally:
            new.unlink(missing_ok=True)


def _marks(rows: Vectors, places: Ints) -> Marks:
    parts = [marks_of(rows[places[start : start + _BATCH]]) for start in range(0, len(places), _BATCH)]
    return np.concatenate(parts) if parts else np.empty(0, np.uint8)
