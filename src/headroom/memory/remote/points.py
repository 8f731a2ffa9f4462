"""A memory as a point in Qdrant: its payload, its two vectors, and back to a record."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from qdrant_client import models as m

from ..protocols import Vector
from ..records import Record, Relationship, Scope, Source
from ..rules.times import micros, moment
from ..rules.words import indexed_words, mark
from .qdrant import DENSE, WORDS

FOREVER = 2**62
"""Stands for no end: a power of two, which the engine's ranges of doubles hold exactly."""

LIVE, STAGED, TOMBSTONE = "live", "staged", "tombstone"
"""States: a memory; one whose writing is not complete; what is left of an erased one until the graph knows."""

EMBED, LINK, END = "embed", "link", "end"
"""What is still to be done for a memory: make its vector, tell the graph, or end what it replaces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One version of a memory as it is stored."""

    record: Record
    seq: int
    """Its place in the order of storing: microseconds, made unique within a process."""
    fingerprint: int
    rev: int
    """A random number for each write: who reads his own knows that his write came first."""
    replaces: tuple[str, ...] = ()
    """The memories that this one ended, directly: versions are followed through it, and repaired by it."""
    state: str = LIVE
    todo: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def linked(self) -> bool:
        """Whether the graph has to know of it."""
        return bool(self.record.entities or self.record.relationships)


def new_rev() -> int:
    """Return a random number of 62 bits."""
    return random.getrandbits(62)


def payload(point: Point) -> dict[str, Any]:
    """Return what is stored of a point beside its vectors. Every key is always there, so that setting is replacing."""
    record = point.record
    return {
        "user_id": record.user_id,
        "content": record.content,
        "state": point.state,
        "todo": list(point.todo),
        "scope": record.scope.value,
        **{name: getattr(record, name) or "" for name in ("session_id", "agent_id", "turn_id")},
        "saved_by": sorted({source.agent_id for source in record.sources if source.agent_id is not None}),
        "importance": record.importance,
        # As text: the engine takes a null in a payload for "remove this".
        "metadata": json.dumps(record.metadata, ensure_ascii=False),
        "created_at": micros(record.created_at),
        "until": FOREVER if record.valid_until is None else micros(record.valid_until),
        "expires_at": FOREVER if record.expires_at is None else micros(record.expires_at),
        "superseded_by": record.superseded_by or "",
        "replaces": list(point.replaces),
        "entities": list(record.entities),
        "relationships": [list(edge) for edge in record.relationships],
        "sources": [_source_json(source) for source in record.sources],
        "seq": point.seq,
        "fingerprint": point.fingerprint,
        "rev": point.rev,
    }


def read(point_id: str, stored: Mapping[str, Any]) -> Point:
    """Return the point that was stored as a payload."""
    record = Record(
        id=point_id,
        content=stored["content"],
        user_id=stored["user_id"],
        scope=Scope(stored["scope"]),
        session_id=stored["session_id"] or None,
        agent_id=stored["agent_id"] or None,
        turn_id=stored["turn_id"] or None,
        importance=stored["importance"],
        metadata=json.loads(stored["metadata"]),
        created_at=moment(stored["created_at"]),
        valid_until=_end(stored["until"]),
        superseded_by=stored["superseded_by"] or None,
        expires_at=_end(stored["expires_at"]),
        entities=tuple(stored["entities"]),
        relationships=tuple(Relationship(*edge) for edge in stored["relationships"]),
        sources=tuple(_source(each) for each in stored["sources"]),
    )
    return Point(
        record=record,
        seq=stored["seq"],
        fingerprint=stored["fingerprint"],
        rev=stored["rev"],
        replaces=tuple(stored["replaces"]),
        state=stored["state"],
        todo=tuple(stored["todo"]),
    )


def structure(point: Point, vector: Vector | None, width: int) -> m.PointStruct:
    """Return a point ready to be sent. One that waits for its vector has zeros, which are neither near nor far."""
    dense = np.zeros(width, np.float32) if vector is None else vector
    vectors: dict[str, Any] = {DENSE: dense.tolist(), WORDS: sparse(indexed_words(point.record.content))}
    return m.PointStruct(id=point.id, vector=vectors, payload=payload(point))


def sparse(texts: list[str]) -> m.SparseVector:
    """Return the vector of words: a one for each."""
    marks = sorted(set(map(mark, texts)))
    return m.SparseVector(indices=marks, values=[1.0] * len(marks))


def dense_of(vectors: Any) -> Vector:
    """Read the embedding of a point that was fetched with its vectors."""
    return np.asarray(vectors[DENSE], np.float32)


def _end(value: int) -> Any:
    return None if value >= FOREVER else moment(value)


def _source_json(source: Source) -> list[Any]:
    return [source.agent_id or "", source.session_id or "", source.turn_id or "", micros(source.created_at)]


def _source(stored: list[Any]) -> Source:
    agent_id, session_id, turn_id, created_at = stored
    return Source(
        agent_id=agent_id or None,
        session_id=session_id or None,
        turn_id=turn_id or None,
        created_at=moment(created_at),
    )
