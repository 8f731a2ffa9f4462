"""What a broken connection or a killed process left undone, done afterwards. Every step may be done twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from qdrant_client import models as m

from ..records import Action
from ..rules.times import now
from .neo4j.graph import Graph
from .qdrant.collection import PAGE, Collection
from .qdrant.conditions import between, every, has
from .qdrant.planning import end
from .qdrant.points import END, LINK, STAGED, Point, new_rev

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
            half_replaced=self._each(every(has("todo", END)), self._finish, mend),
            half_written=self._each(_abandoned(), self._drop, mend),
            not_linked=0 if self._graph is None else self._each(every(has("todo", LINK)), self._link, mend),
            not_forgotten=0 if self._graph is None else self._forget(mend),
        )

    def _each(self, where: m.Filter, work: Callable[[Sequence[Point]], None], mend: bool) -> int:
        if not mend:
            return self._collection.count(where)
        done = 0
        while points := list(self._collection.find(where, limit=PAGE)):
            work(points)
            done += len(points)
        return done

    def _finish(self, points: Sequence[Point]) -> None:
        """End what these memories replace, unless another one has done so."""
        for point in points:
            old = self._collection.get(point.replaces)
            present = [each for each in old.values() if each.record.valid_until is None]
            self._collection.update([_ended(each, point) for each in present], old)
            self._note_done(replace(point, replaces=()), END)

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


def _ended(point: Point, successor: Point) -> Point:
    """Return a memory as the one that was to replace it left it."""
    made = successor.events[0] if successor.events else None
    record = end(point.record, successor.record.created_at, successor.id)
    event = None if made is None else replace(made, memory_id=point.id, action=Action.REPLACED, before=None)
    return replace(point, record=record, events=(*point.events, *([event] if event else [])), rev=new_rev())


def _abandoned() -> m.Filter:
    return every(has("state", STAGED), between("seq", lt=now() - _ABANDONED))
