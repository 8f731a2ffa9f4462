"""Writes, amendments and erasing: Qdrant is the truth, and the graph is told before a memory and after an erasure."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace

from ...errors import Closed, ServerUnavailable, StoreError
from ...runtime.forks import renew_in_child
from ...runtime.threads import submit
from ..protocols import Amendment, Decision, Write
from ..records import Applied, Reader
from ..rules.duplicates import fingerprint
from ..rules.times import now
from .neo4j.graph import Graph, digest
from .outlook import Outlooks
from .qdrant.collection import PAGE, Collection
from .qdrant.conditions import every, has, has_any, of_user
from .qdrant.planning import Plan, Planner
from .qdrant.points import LINK, Point
from .repair import Repairs

_log = logging.getLogger("headroom")

_TRIES = 20
"""Plans of one write: each time that somebody else was faster, at least that one has done its own."""
_PAUSE = 0.005
_LOCKS = 64


class Writing:
    """What changes one collection and its graph."""

    def __init__(self, collection: Collection, graph: Graph | None, outlooks: Outlooks) -> None:
        self._collection, self._graph, self._outlooks = collection, graph, outlooks
        self._repairs = Repairs(collection, graph)
        self._behind = True
        self._repairing: Future[None] | None = None
        self._renew()
        renew_in_child(self._renew)

    def apply(self, writer: Reader, writes: Sequence[Write]) -> list[Applied]:
        """Store, merge with what is known, and end what is replaced."""
        named = [memory_id for write in writes for memory_id in write.replaces]
        marks = {fingerprint(writer.user_id, write.entry.content) for write in writes if write.entry}

        def plan(unfinished: bool) -> tuple[Plan, dict[str, Point]]:
            known = self._known(writer.user_id, named, marks, unfinished=unfinished)
            return Planner(writer, known.values(), now(), namespace=self._collection.id).apply(writes), known

        return self._commit(writer.user_id, plan).applied

    def amend(self, actor: Reader, memory_ids: Sequence[str], decision: Decision) -> list[Amendment]:
        """Let `decision` say what becomes of memories."""

        def plan(unfinished: bool) -> tuple[Plan, dict[str, Point]]:
            named = self._collection.get(memory_ids)
            marks = {point.fingerprint for point in named.values()}
            known = {**self._known(actor.user_id, (), marks, unfinished=unfinished), **named}
            return Planner(actor, known.values(), now()).amend(memory_ids, decision), known

        return self._commit(actor.user_id, plan).amendments

    def erase(self, points: Iterable[Point]) -> int:
        """Erase memories: from Qdrant, which keeps a note of those in the graph, then from there; return how many."""
        total = 0
        for batch in _batched(points, PAGE):
            self._collection.erase(batch, mourn=self._graph is not None)
            total += len(batch)
            for user_id in {point.record.user_id for point in batch}:
                self._outlooks.forget(user_id)
            self._unlink([point.id for point in batch if point.linked])
        return total

    def catch_up(self) -> None:
        """Do in the background what an earlier failure left to do, in this process or another."""
        if self._behind:
            self._behind = False
            self._repairing = submit(self._repair)

    def settled(self) -> None:
        """Wait for the repairs that are under way."""
        if self._repairing is not None:
            self._repairing.result()

    def _commit(self, user_id: str, plan: Callable[[bool], tuple[Plan, dict[str, Point]]]) -> Plan:
        """Carry out a plan; if another writer was faster, make a new one."""
        self.catch_up()
        # In this process writers of one user queue up; only those of other processes can be faster.
        with self._locks[hash(user_id) % _LOCKS]:
            for tried in range(_TRIES):
                planned, known = plan(tried > _TRIES // 2)
                if not (planned.inserts or planned.updates):
                    return planned
                self._link(planned, known)
                if self._collection.commit(planned, known):
                    return planned
                time.sleep(random.random() * _PAUSE * (tried + 1))
        raise ServerUnavailable(engine="Qdrant", url=self._collection.url, reason="other writers were always faster")

    def _known(self, user_id: str, named: Sequence[str], marks: set[int], *, unfinished: bool) -> dict[str, Point]:
        """Read what a plan must know: memories of equal text, and those that are to be replaced.

        With `unfinished` also those of a write that is not complete: their ids are taken.
        """
        known = {point.id: point for point in self._collection.get(named).values() if point.record.user_id == user_id}
        if marks:
            alike = has_any("fingerprint", sorted(marks))
            where = every(has("user_id", user_id), alike) if unfinished else of_user(user_id, alike)
            known.update({point.id: point for point in self._collection.find(where)})
        return known

    def _link(self, planned: Plan, known: dict[str, Point]) -> None:
        """Tell the graph before the memory is stored, so that nothing is left to do after.

        If the graph is away, the memory is stored with a note.
        """
        if self._graph is None:
            return
        points = [*planned.inserts.values(), *planned.updates.values()]
        changed = [
            point
            for point in points
            if (digest(point) != digest(known[point.id]) if point.id in known else point.linked)
        ]
        if not changed:
            return
        try:
            self._graph.link(changed)
        except StoreError as exc:
            _log.warning("%d memories wait for the graph: %s", len(changed), exc)
            self._behind = True
            for point in changed:
                place = planned.inserts if point.id in planned.inserts else planned.updates
                place[point.id] = replace(point, todo=tuple(dict.fromkeys((*point.todo, LINK))))

    def _unlink(self, memory_ids: list[str]) -> None:
        if self._graph is None or not memory_ids:
            return
        try:
            self._graph.unlink(memory_ids)
            self._collection.bury(memory_ids)
        except StoreError as exc:
            _log.warning("%d erased memories wait for the graph: %s", len(memory_ids), exc)
            self._behind = True

    def _repair(self) -> None:
        try:
            self._repairs.run()
        except Closed:
            pass  # whoever opens the memory next looks for what is left to do
        except StoreError as exc:
            _log.warning("what is left to do waits: %s", exc)
            self._behind = True

    def _renew(self) -> None:
        self._locks = [threading.Lock() for _ in range(_LOCKS)]


def _batched(points: Iterable[Point], size: int) -> Iterator[list[Point]]:
    batch: list[Point] = []
    for point in points:
        batch.append(point)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
