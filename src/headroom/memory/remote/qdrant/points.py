"""A memory as a point in Qdrant: its payload, its two vectors, and back to a record."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from qdrant_client import models as m

from ...protocols import Story, Vector
from ...records import Action, Event, Origin, Record, Relationship, Scope, Source
from ...rules.search.words import indexed_words, mark
from ...rules.times import micros, moment
from .connection import DENSE, WORDS
from .labels import labels

FOREVER = 2**62
"""Stands for no end: a power of two, which the engine's ranges of doubles hold exactly."""

LIVE, HELD, STAGED, IMPORT, TOMBSTONE, TURN = "live", "held", "staged", "import", "tombstone", "turn"
"""States: a memory; one that waits for a review or was turned down; one of a write, or of an import, that is not
complete; what is left of an erased one until the graph knows; and a chat turn that is kept."""
STORED = (LIVE, HELD)

EMBED, LINK, END = "embed", "link", "end"
"""What is still to be done for a memory: make its vector, tell the graph, or end what it replaces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One version of a memory as it is stored, with all that happened to it."""

    record: Record
    events: tuple[Event, ...]
    """Oldest first."""
    seq: int
    """Its place in the order of storing: microseconds, made unique within a process."""
    fingerprint: int
    rev: int
    """A random number for each write: who reads his own, here or in `revs`, knows that his write took place."""
    revs: tuple[int, ...] = ()
    """The latest ones before it."""
    replaces: tuple[str, ...] = ()
    """The memories that it has to end, as long as that is to be done."""
    staged: bool = False
    staging: str = ""
    """The import that stages it."""
    todo: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def story(self) -> Story:
        return Story(self.record, self.events)

    @property
    def linked(self) -> bool:
        """Whether the graph has to know of it."""
        return bool(self.record.entities or self.record.relationships)


def new_rev() -> int:
    """Return a random number of 62 bits."""
    return random.getrandbits(62)


def payload(point: Point) -> dict[str, Any]:
    """Return what is stored of a point beside its vectors.

    Every key is always there, so that setting is replacing, and none holds a null, which the engine takes for "remove".
    """
    record = point.record
    expires, held = _number(record.expires_at), _number(record.held_until)
    return {
        "user_id": record.user_id,
        "content": record.content,
        "state": _state(point),
        "staging": [point.staging] if point.staging else [],
        "waits": "no" if record.held_until is None else "yes",
        "todo": list(point.todo),
        "scope": record.scope.value,
        **{name: getattr(record, name) or "" for name in ("session_id", "agent_id", "turn_id")},
        "importance": record.importance,
        "metadata": json.dumps(dict(record.metadata), ensure_ascii=False),
        "labels": labels(record.metadata),
        "created_at": micros(record.created_at),
        "until": _number(record.valid_until),
        "expires_at": expires,
        "held_until": held,
        "over_at": min(expires, held),
        "superseded_by": [] if record.superseded_by is None else [record.superseded_by],
        "would_replace": list(record.would_replace),
        "replaces": list(point.replaces),
        "entities": list(record.entities),
        "relationships": [list(edge) for edge in record.relationships],
        "sources": json.dumps([_source_json(source) for source in record.sources]),
        "saved_by": sorted({source.agent_id for source in record.sources if source.agent_id is not None}),
        "origins": sorted({source.origin.value for source in record.sources}),
        "events": json.dumps([_event_json(event) for event in point.events], ensure_ascii=False),
        "turns": sorted({event.turn_id for event in point.events if event.turn_id is not None}),
        "changed_at": max((micros(event.at) for event in point.events), default=0),
        "seq": point.seq,
        "fingerprint": point.fingerprint,
        "rev": point.rev,
        "revs": list(point.revs),
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
        superseded_by=next(iter(stored["superseded_by"]), None),
        expires_at=_end(stored["expires_at"]),
        entities=tuple(stored["entities"]),
        relationships=tuple(Relationship(*edge) for edge in stored["relationships"]),
        sources=tuple(_source(each) for each in json.loads(stored["sources"])),
        held_until=_end(stored["held_until"]),
        would_replace=tuple(stored["would_replace"]),
    )
    return Point(
        record=record,
        events=tuple(events_of(point_id, stored)),
        seq=stored["seq"],
        fingerprint=stored["fingerprint"],
        rev=stored["rev"],
        revs=tuple(stored["revs"]),
        replaces=tuple(stored["replaces"]),
        staged=stored["state"] not in STORED,
        staging=next(iter(stored["staging"]), ""),
        todo=tuple(stored["todo"]),
    )


def events_of(point_id: str, stored: Mapping[str, Any]) -> list[Event]:
    """Read the events of a payload, oldest first."""
    return [
        Event(
            memory_id=point_id,
            action=Action(action),
            at=moment(at),
            agent_id=agent_id,
            session_id=session_id,
            turn_id=turn_id,
            before=before,
        )
        for action, at, agent_id, session_id, turn_id, before in json.loads(stored["events"])
    ]


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


def _state(point: Point) -> str:
    if point.staged:
        return IMPORT if point.staging else STAGED
    return LIVE if point.record.held_until is None else HELD


def _number(at: Any) -> int:
    return FOREVER if at is None else micros(at)


def _end(value: int) -> Any:
    return None if value >= FOREVER else moment(value)


def _source_json(source: Source) -> list[Any]:
    return [source.agent_id, source.session_id, source.turn_id, micros(source.created_at), source.origin.value]


def _source(stored: list[Any]) -> Source:
    agent_id, session_id, turn_id, created_at, origin = stored
    return Source(
        agent_id=agent_id,
        session_id=session_id,
        turn_id=turn_id,
        created_at=moment(created_at),
        origin=Origin(origin),
    )


def _event_json(event: Event) -> list[Any]:
    before = dict(event.before) if event.before else None
    return [event.action.value, micros(event.at), event.agent_id, event.session_id, event.turn_id, before]
