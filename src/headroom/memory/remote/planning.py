"""What a write will change, worked out over what is known. Pure: the same rules as the local file, over points."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ...errors import InvalidInput
from ..protocols import Entry, Vector, Write
from ..records import Applied, Reader, Record, Scope, Source
from ..rules.duplicates import fingerprint, folded
from ..rules.times import moment, now
from ..rules.visibility import Rule, audience, visible
from .points import EMBED, LIVE, Point, new_rev

_NAMESPACE = uuid.UUID("6f5c9f0e-3d0b-5f0e-9a52-5a1f6d3b8f11")
_MICROSECOND = timedelta(microseconds=1)


@dataclass(slots=True)
class Plan:
    """What is to be stored: new points with their vectors, and new versions of points that are known."""

    applied: list[Applied] = field(default_factory=list)
    inserts: dict[str, Point] = field(default_factory=dict)
    vectors: dict[str, Vector | None] = field(default_factory=dict)
    updates: dict[str, Point] = field(default_factory=dict)


def plan(writer: Reader, writes: Sequence[Write], known: Iterable[Point], at: int) -> Plan:
    """Work out what `writes` change, given the points of equal text and those that are to be replaced.

    Raise InvalidInput if a strict write has nothing to replace.
    """
    planned, points = Plan(), {point.id: point for point in known}
    for write in writes:
        planned.applied.append(_write(planned, points, writer, write, at))
    return planned


def lets_through(rule: Rule, record: Record) -> bool:
    """Return whether one clause of `rule` holds for `record`."""
    return any(all(getattr(record, name) in allowed for name, allowed in clause.items()) for clause in rule)


def is_present(point: Point, at: int) -> bool:
    """Return whether a memory is complete, and neither history nor expired."""
    expires = point.record.expires_at
    return point.state == LIVE and point.record.valid_until is None and (expires is None or expires > moment(at))


def same_text(points: Iterable[Point], mark: int, rule: Rule, at: int) -> list[Point]:
    """List the present memories of one fingerprint among what `rule` says, the broadest first."""
    found = [p for p in points if p.fingerprint == mark and is_present(p, at) and lets_through(rule, p.record)]
    return sorted(found, key=lambda p: (p.record.scope is not Scope.USER, p.seq))


def ended_by(point: Point, successor: Point) -> Point:
    """Return `point` as history, superseded by `successor` from the time on when that holds."""
    return replace(_ended(point, successor.record.created_at, successor.id), rev=new_rev())


def _write(planned: Plan, points: dict[str, Point], writer: Reader, write: Write, at: int) -> Applied:
    seen = visible(writer)
    named = (points.get(memory_id) for memory_id in write.replaces)
    ended = {p.id: p for p in named if p and is_present(p, at) and lets_through(seen, p.record)}
    if write.strict and not ended:
        raise InvalidInput(f"there is no present memory with the id {write.replaces[0]!r} for this user")
    if write.entry is None:
        for point in ended.values():
            _put(planned, points, _ended(point, moment(at), None))
        return Applied(id=None, merged=False, ended=tuple(ended))
    target = _duplicate(points, writer, write.entry, at, ended)
    merged = target is not None
    target = _new(points, writer, write.entry) if target is None else _merged(target, writer, write.entry)
    ended.pop(target.id, None)
    target = replace(target, replaces=tuple(dict.fromkeys((*target.replaces, *ended))))
    _put(planned, points, target, write.entry.vector)
    for point in ended.values():
        _put(planned, points, _ended(point, moment(write.entry.created_at), target.id))
    return Applied(id=target.id, merged=merged, ended=tuple(ended))


def _put(planned: Plan, points: dict[str, Point], point: Point, vector: Vector | None = None) -> None:
    """Note a change; a point that is new in this plan stays new, and keeps the vector that it has."""
    if point.id in planned.inserts or point.id not in points:
        planned.inserts[point.id] = point
        planned.vectors.setdefault(point.id, vector)
    else:
        planned.updates[point.id] = replace(point, rev=new_rev())
    points[point.id] = point


def _ended(point: Point, at: datetime, successor: str | None) -> Point:
    record = point.record
    until = max(at, record.created_at + _MICROSECOND)
    return replace(point, record=replace(record, valid_until=until, superseded_by=successor))


def _duplicate(
    points: Mapping[str, Point], writer: Reader, entry: Entry, at: int, ended: Mapping[str, Point]
) -> Point | None:
    """Find the present memory of equal folded text that everybody sees who would see the new one.

    One that the new text is to replace counts only if not a letter differs: a correction of its spelling is wanted.
    """
    mark = fingerprint(writer.user_id, entry.content)
    for point in same_text(points.values(), mark, audience(entry.scope, writer), at):
        content = point.record.content
        if content != entry.content and (point.id in ended or folded(content) != folded(entry.content)):
            continue
        if point.record.scope is entry.scope or _adds_nothing(entry, point.record):
            return point
    return None


def _adds_nothing(entry: Entry, record: Record) -> bool:
    """Return whether a memory of a broader scope may stand for `entry`: what is said in a session alone stays there."""
    expires = record.expires_at
    lives_as_long = expires is None or (entry.expires_at is not None and moment(entry.expires_at) <= expires)
    return lives_as_long and not (entry.metadata or entry.entities or entry.relationships)


def _new(points: Mapping[str, Point], writer: Reader, entry: Entry) -> Point:
    mark = fingerprint(writer.user_id, entry.content)
    created = moment(entry.created_at)
    record = Record(
        id=_new_id(points, writer, entry.scope, mark),
        content=entry.content,
        user_id=writer.user_id,
        scope=entry.scope,
        session_id=writer.session_id,
        agent_id=writer.agent_id,
        turn_id=writer.turn_id,
        importance=entry.importance,
        metadata=entry.metadata,
        created_at=created,
        valid_until=None,
        superseded_by=None,
        expires_at=None if entry.expires_at is None else moment(entry.expires_at),
        entities=entry.entities,
        relationships=tuple(dict.fromkeys(entry.relationships)),
        sources=(_source(writer, entry),),
    )
    todo = (EMBED,) if entry.vector is None else ()
    return Point(record=record, seq=_clock.next(), fingerprint=mark, rev=new_rev(), todo=todo)


def _new_id(points: Mapping[str, Point], writer: Reader, scope: Scope, mark: int) -> str:
    """Make the id out of the text and who sees it, so that two who store the same at once make one memory.

    What is history already keeps its own id: the next one is counted up.
    """
    clause = audience(scope, writer)[-1]
    place = json.dumps(
        {name: [value and str(getattr(value, "value", value)) for value in clause[name]] for name in clause}
    )
    for count in range(len(points) + 1):
        made = str(uuid.uuid5(_NAMESPACE, f"{writer.user_id}\x1f{place}\x1f{mark}\x1f{count}"))
        if made not in points:
            return made
    raise AssertionError("unreachable: there are more names than points")


def _merged(point: Point, writer: Reader, entry: Entry) -> Point:
    """Let a memory that is known have one more source, and what the new one knows beyond it."""
    record, expires = point.record, entry.expires_at
    latest = None if record.expires_at is None or expires is None else max(record.expires_at, moment(expires))
    record = replace(
        record,
        importance=max(record.importance, entry.importance),
        metadata={**record.metadata, **entry.metadata},
        expires_at=latest,
        entities=tuple(dict.fromkeys((*record.entities, *entry.entities))),
        relationships=tuple(dict.fromkeys((*record.relationships, *entry.relationships))),
        sources=(*record.sources, _source(writer, entry)),
    )
    return replace(point, record=record)


def _source(writer: Reader, entry: Entry) -> Source:
    return Source(
        agent_id=writer.agent_id,
        session_id=writer.session_id,
        turn_id=writer.turn_id,
        created_at=moment(entry.created_at),
    )


class _Clock:
    """Microseconds that no two calls in this process share."""

    def __init__(self) -> None:
        self._last, self._lock = 0, threading.Lock()

    def next(self) -> int:
        with self._lock:
            self._last = max(self._last + 1, now())
            return self._last


_clock = _Clock()
