"""The in-memory graph of one user: which memories mention which entities, and how entities are related."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import apsw

from ..file.faults import damage_noticed

_SAME_ENTITY, _RELATED_ENTITY = 0.5, 0.25
_HUB = 50
"""An entity in more memories than this (the user's own name) links nothing."""


class Graph:
    """Entities, folded in case, with their memories and neighbours. Built from the file, never written back."""

    def __init__(self) -> None:
        self._memories: defaultdict[str, set[int]] = defaultdict(set)
        self._entities: defaultdict[int, set[str]] = defaultdict(set)
        self._related: defaultdict[str, set[str]] = defaultdict(set)

    @classmethod
    @damage_noticed()
    def of_user(cls, cursor: apsw.Cursor, user: int) -> Graph:
        """Read the graph of `user`."""
        graph = cls()
        of_user = "join memories m on m.seq = t.memory where m.user = ? and m.valid_until is null"
        mentions: Any = cursor.execute(f"select memory, entity from mentions t {of_user}", (user,)).fetchall()
        edges: Any = cursor.execute(f"select memory, source, target from relationships t {of_user}", (user,)).fetchall()
        graph.add(mentions, edges)
        return graph

    @property
    def nbytes(self) -> int:
        """Bytes of memory held, roughly: 300 a mention, by measurement."""
        return 300 * sum(len(entities) for entities in self._entities.values())

    def add(self, mentions: Iterable[tuple[int, str]], edges: Iterable[tuple[int, str, str]]) -> None:
        """Add mentions (memory, entity) and edges (memory, source, target)."""
        for memory, entity in mentions:
            self._mention(memory, entity.casefold())
        for memory, source, target in edges:
            ends = source.casefold(), target.casefold()
            for end in ends:
                self._mention(memory, end)
            self._related[ends[0]].add(ends[1])
            self._related[ends[1]].add(ends[0])

    def neighbours(self, memories: Sequence[int]) -> dict[int, float]:
        """Return the memories one step from `memories`, with the share of the neighbour's score that they earn."""
        found: dict[int, float] = {}
        for memory in memories:
            for entity in self._entities.get(memory, ()):
                self._collect(entity, _SAME_ENTITY, found)
                for other in self._related.get(entity, ()):
                    self._collect(other, _RELATED_ENTITY, found)
        return {memory: weight for memory, weight in found.items() if memory not in memories}

    def _mention(self, memory: int, entity: str) -> None:
        self._memories[entity].add(memory)
        self._entities[memory].add(entity)

    def _collect(self, entity: str, weight: float, found: dict[int, float]) -> None:
        memories = self._memories.get(entity, ())
        if len(memories) <= _HUB:
            for memory in memories:
                found[memory] = max(weight, found.get(memory, 0.0))
