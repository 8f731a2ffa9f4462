"""Comparing the graph in Neo4j with the memories in Qdrant, and mending what differs, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from itertools import chain

from ..records import Reconciled
from ..rules.times import now
from .neo4j.graph import Graph, Listed, digest
from .qdrant.collection import PAGE, Collection
from .qdrant.conditions import expired, of_all
from .qdrant.points import Point
from .repair import Repairs

_FRESH = 600_000
"""Milliseconds in which a memory may be in the graph before it is in Qdrant: its writer tells the graph first."""


class Reconciliation:
    """One run over a whole collection. With `mend`, what differs is put right; Qdrant has the last word."""

    def __init__(
        self, collection: Collection, graph: Graph | None, erase: Callable[[Iterator[Point]], int], *, mend: bool
    ) -> None:
        self._collection, self._graph, self._erase, self._mend = collection, graph, erase, mend
        self._counts = {each.name: 0 for each in fields(Reconciled)}

    def run(self) -> Reconciled:
        """Do first what is noted as still to be done, then compare every memory with the graph."""
        noted = Repairs(self._collection, self._graph).run(mend=self._mend)
        self._counts.update(
            half_replaced=noted.half_replaced,
            half_written=noted.half_written,
            not_linked=noted.not_linked,
            not_forgotten=noted.not_forgotten,
            expired=self._expired(),
        )
        if self._graph is not None:
            self._compare(self._graph)
        return Reconciled(**self._counts)

    def _expired(self) -> int:
        where = expired(now())
        return self._erase(self._collection.find(where)) if self._mend else self._collection.count(where)

    def _compare(self, graph: Graph) -> None:
        """Walk through both in the order of the ids, as in a merge of two sorted lists."""
        known = iter(graph.listed())
        there = next(known, None)
        outdated: list[Point] = []
        orphans: list[Listed] = []
        for point in self._collection.find(of_all()):
            self._counts["memories"] += 1
            while there is not None and there.id < point.id:
                orphans.append(there)
                there = next(known, None)
            found = there if there is not None and there.id == point.id else None
            if found is not None:
                there = next(known, None)
            if (found.digest if found else None) != (digest(point) if point.linked else None):
                outdated.append(point)
            self._put_right(graph, outdated, orphans, at_least=PAGE)
        orphans.extend(chain([] if there is None else [there], known))
        self._put_right(graph, outdated, orphans, at_least=1)
        if self._mend:
            self._counts["unused_entities"] = graph.drop_unused()

    def _put_right(self, graph: Graph, outdated: list[Point], orphans: list[Listed], *, at_least: int) -> None:
        if len(outdated) + len(orphans) < at_least:
            return
        # They may have been stored, or changed, since they were listed: what counts is what there is now.
        there = self._collection.get([each.id for each in orphans])
        newest = now() // 1000 - _FRESH
        gone = [each.id for each in orphans if each.id not in there and each.at < newest]
        self._counts["outdated"] += len(outdated)
        self._counts["orphaned"] += len(gone)
        if self._mend:
            present = self._collection.get([point.id for point in outdated]).values()
            graph.link(point for point in present if point.linked)
            graph.unlink([*gone, *(point.id for point in present if not point.linked)])
        outdated.clear()
        orphans.clear()
