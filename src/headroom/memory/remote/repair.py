"""What a broken connection or a killed process left undone, done afterwards. Every step may be done twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from qdrant_client import models as m

from ..rules.times import now
from .collection import PAGE, Collection
from .conditions import between, has
from .graph import Graph
from .planning import ended_by
from .points import END, LINK, STAGED, Point, new_rev

_ABANDONED = 600_000_000
"""Microseconds after which a write that is not complete belongs to a process that is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """How many of each were found and put right."""

    half_replaced: int = 0
    """Memories whose predecessors had not ended."""
    half_written: int = 0
    """Memories of a bulk load that was cut off before it was complete: nobody saw them."""
    not_linked: int = 0
    """Memories that the graph did not know."""
    not_forgotten: int = 0
    """Erased memories that the graph still knew."""


class Repairs:
    """What is noted in the collection as still to be done."""

    def __init__(self, collection: Collection, graph: Graph | None) -> None:
        self._collection, self._graph = collection, graph

    def run(self, *, mend: bool = True) -> Mended:
        """Put right what is noted, or only count it."""
        return Mended(
            half_replaced=self._each(m.Filter(must=[has("todo", END)]), self._finish, mend),
            half_written=self._each(_abandoned(), self._drop, mend),
            not_linked=0 if self._graph is None else self._each(m.Filter(must=[has("todo", LINK)]), self._link, mend),
            not_forgotten=0 if self._graph is None else self._forget(mend),
        )

    def _each(self, where: m.Filter, work: object, mend: bool) -> int:
        if not mend:
            return self._collection.count(where)
        done = 0
        while points := list(self._collection.find(where, limit=PAGE)):
            work(points)  # type: ignore[operator]
            done += len(points)
        return done

    def _finish(self, points: Sequence[Point]) -> None:
        """End what these memories replace, unless another one has done so."""
        for point in points:
            old = self._collection.get(point.replaces)
            ended = [ended_by(each, point) for each in old.values() if each.record.valid_until is None]
            self._collection.update(ended, old)
            self._note_done(point, END)

    def _drop(self, points: Sequence[Point]) -> None:
        self._collection.erase(points, mourn=self._graph is not None)

    def _link(self, points: Sequence[Point]) -> None:
        if self._graph is not None:
            self._graph.link(points)
        for point in points:
            self._note_done(point, LINK)

    def _note_done(self, point: Point, what: str) -> None:
        left = tuple(each for each in point.todo if each != what)
        self._collection.update([replace(point, todo=left, rev=new_rev())], {point.id: point})

    def _forget(self, mend: bool) -> int:
        """Let the graph forget what was erased; what was stored again since is linked anew."""
        done = 0
        while stones := self._collection.tombstones():
            if not mend:
                return len(stones)
            gone = set(stones.values())
            again = self._collection.get(gone)
            if self._graph is not None:
                self._graph.unlink(gone - set(again))
                self._graph.link(again.values())
            self._collection.bury(gone)
            done += len(stones)
        return done


def _abandoned() -> m.Filter:
    return m.Filter(must=[has("state", STAGED), between("seq", lt=now() - _ABANDONED)])
