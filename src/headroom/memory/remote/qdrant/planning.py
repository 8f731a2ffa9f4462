"""What a write or an amendment will change, worked out over the points that are known. Pure."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ....errors import NotFound
from ...protocols import Amendment, Decision, Entry, Vector, Write
from ...records import Action, Applied, Event, Json, Reader, Record, Scope, Source
from ...rules import amending
from ...rules.duplicates import fingerprint, folded, says_again
from ...rules.times import end_of, micros, moment, now
from ...rules.visibility import Rule, audience, sees
from .points import EMBED, Point, new_rev

_NOWHERE = uuid.UUID(int=0)


@dataclass(slots=True)
class Plan:
    """What is to be stored: new points with their vectors, and new versions of points that are known."""

    applied: list[Applied] = field(default_factory=list)
    amendments: list[Amendment] = field(default_factory=list)
    inserts: dict[str, Point] = field(default_factory=dict)
    vectors: dict[str, Vector | None] = field(default_factory=dict)
    updates: dict[str, Point] = field(default_factory=dict)


class Planner:
    """Plans over the points that are known: those of equal text, and those that are named."""

    def __init__(self, actor: Reader, known: Iterable[Point], at: int, *, namespace: uuid.UUID = _NOWHERE) -> None:
        """`namespace` is what new ids are made from."""
        self.plan = Plan()
        self._actor, self._at, self._namespace = actor, moment(at), namespace
        self._points = {point.id: point for point in known}

    def apply(self, writes: Sequence[Write]) -> Plan:
        """Plan writes. Raise NotFound if a strict one has nothing to replace."""
        for write in writes:
            self.plan.applied.append(self._write(write))
        return self.plan

    def amend(self, memory_ids: Sequence[str], decision: Decision) -> Plan:
        """Plan what `decision` says of the memories that the actor sees."""
        named = [self._points[memory_id] for memory_id in memory_ids if memory_id in self._points]
        stories = [point.story for point in named if sees(self._actor, point.record)]
        # What ends comes first: it makes room for another memory of the same text.
        for amendment in sorted(decision(stories), key=lambda one: _is_shown(one.record)):
            point = self._points[amendment.record.id]
            if _is_shown(amendment.record) and not _is_shown(point.record) and self._is_known(point):
                continue
            self._put(self._happened(replace(point, record=amendment.record), amendment.action, amendment.before))
            self.plan.amendments.append(amendment)
        return self.plan

    def _write(self, write: Write) -> Applied:
        named = (self._points.get(memory_id) for memory_id in write.replaces)
        ended = {p.id: p for p in named if p and self._is_present(p) and sees(self._actor, p.record)}
        entry = write.entry
        if write.strict and not ended:
            raise NotFound(memory_id=write.replaces[0])
        if entry is None:
            for point in ended.values():
                self._put(self._ended(point, self._at, None))
            return Applied(id=None, merged=False, ended=tuple(ended))
        known = self._duplicate(entry, ended)
        held = entry.held_until is not None and (known is None or known.record.held_until is not None)
        target = self._new(entry, tuple(ended) if held else ()) if known is None else self._merged(known, entry)
        if not held:
            ended.pop(target.id, None)
            target = replace(target, replaces=tuple(ended))
        self._put(target, entry.vector)
        if held:
            return Applied(id=target.id, merged=known is not None, ended=(), held=True)
        if known is None:
            self._drop_pending(entry, target.fingerprint)
        for point in ended.values():
            self._put(self._ended(point, moment(entry.created_at), target.id))
        return Applied(id=target.id, merged=known is not None, ended=tuple(ended))

    def _put(self, point: Point, vector: Vector | None = None) -> None:
        """Note a change; a point that is new in this plan stays new, and keeps the vector that it has."""
        if point.id in self.plan.inserts or point.id not in self._points:
            self.plan.inserts[point.id] = point
            self.plan.vectors.setdefault(point.id, vector)
        else:
            point = self.plan.updates[point.id] = replace(point, rev=new_rev())
        self._points[point.id] = point

    def _drop_pending(self, entry: Entry, mark: int) -> None:
        """Turn down what waits for a review and says what is now stored: nobody need decide on it any more."""
        waiting = self._same_text(mark, audience(entry.scope, self._actor), held=True)
        same = [point for point in waiting if folded(point.record.content) == folded(entry.content)]
        for amendment in amending.reject([point.story for point in same], at=self._at):
            point = replace(self._points[amendment.record.id], record=amendment.record)
            self._put(self._happened(point, amendment.action))

    def _ended(self, point: Point, at: datetime, successor: str | None) -> Point:
        ended = replace(point, record=end(point.record, at, successor))
        return self._happened(ended, Action.FORGOTTEN if successor is None else Action.REPLACED)

    def _merged(self, point: Point, entry: Entry) -> Point:
        amendment = amending.merge(point.record, entry, self._actor)
        return self._happened(replace(point, record=amendment.record), amendment.action, amendment.before)

    def _new(self, entry: Entry, would_replace: tuple[str, ...]) -> Point:
        writer, mark = self._actor, fingerprint(self._actor.user_id, entry.content)
        made = moment(entry.created_at)
        ids = {"session_id": writer.session_id, "agent_id": writer.agent_id, "turn_id": writer.turn_id}
        record = Record(
            id=self._new_id(entry.scope, mark),
            content=entry.content,
            user_id=writer.user_id,
            scope=entry.scope,
            **ids,
            importance=entry.importance,
            metadata=entry.metadata,
            created_at=made,
            valid_until=None,
            superseded_by=None,
            expires_at=None if entry.expires_at is None else moment(entry.expires_at),
            entities=entry.entities,
            relationships=tuple(dict.fromkeys(entry.relationships)),
            sources=(Source(**ids, created_at=made, origin=entry.origin),),
            held_until=None if entry.held_until is None else moment(entry.held_until),
            would_replace=would_replace,
        )
        todo = (EMBED,) if entry.vector is None else ()
        point = Point(record=record, events=(), seq=clock.next(), fingerprint=mark, rev=new_rev(), todo=todo)
        return self._happened(point, Action.SAVED if entry.held_until is None else Action.HELD)

    def _happened(self, point: Point, action: Action, before: Mapping[str, Json] | None = None) -> Point:
        who = self._actor
        event = Event(
            memory_id=point.id,
            action=action,
            at=self._at,
            agent_id=who.agent_id,
            session_id=who.session_id,
            turn_id=who.turn_id,
            before=before or None,
        )
        return replace(point, events=(*point.events, event))

    def _is_present(self, point: Point) -> bool:
        return not point.staged and amending.is_present(point.record, self._at)

    def _duplicate(self, entry: Entry, ended: Mapping[str, Point]) -> Point | None:
        """Find the memory that the entry says again; what is to be held may also be held already, or turned down."""
        mark, rule = fingerprint(self._actor.user_id, entry.content), audience(entry.scope, self._actor)
        known = self._same_text(mark, rule)
        if entry.held_until is not None:
            known += self._same_text(mark, rule, held=True)

        def again(point: Point) -> bool:
            record = point.record
            expires = None if record.expires_at is None else micros(record.expires_at)
            return says_again(entry, record.content, record.scope, expires, replaced=point.id in ended)

        return next(filter(again, known), None)

    def _same_text(self, mark: int, rule: Rule, *, held: bool = False) -> list[Point]:
        """List present memories of one fingerprint among what `rule` says, or held ones, the broadest first."""

        def fits(point: Point) -> bool:
            record = point.record
            waits = record.held_until is not None and record.held_until > self._at and not point.staged
            return waits if held else self._is_present(point)

        alike = (point for point in self._points.values() if point.fingerprint == mark)
        found = [point for point in alike if fits(point) and _lets_through(rule, point.record)]
        return sorted(found, key=lambda point: (point.record.scope is not Scope.USER, point.seq))

    def alike(self, mark: int, scope: Scope) -> list[Point]:
        """List present memories of one fingerprint that everybody sees who would see one written at `scope`."""
        return self._same_text(mark, audience(scope, self._actor))

    def _is_known(self, point: Point) -> bool:
        """Return whether a present memory says the same to the same readers."""
        record = point.record
        writer = Reader(
            user_id=record.user_id, session_id=record.session_id, agent_id=record.agent_id, turn_id=record.turn_id
        )
        alike = self._same_text(point.fingerprint, audience(record.scope, writer))
        return any(other.id != point.id for other in alike)

    def _new_id(self, scope: Scope, mark: int) -> str:
        """Make the id out of the text and who sees it, so that two who store the same at once make one memory.

        What is history already keeps its own id: the next one is counted up.
        """
        clause = audience(scope, self._actor)[-1]
        seen_by = {name: [str(getattr(value, "value", value)) for value in clause[name]] for name in sorted(clause)}
        place = json.dumps([self._actor.user_id, seen_by, mark])
        for count in range(len(self._points) + 1):
            made = str(uuid.uuid5(self._namespace, f"{place}{count}"))
            if made not in self._points:
                return made
        raise AssertionError("unreachable: there are more names than points")


def present_alike(points: Iterable[Point], mark: int, scope: Scope, writer: Reader) -> list[Point]:
    """List present memories of one fingerprint that everybody sees who would see one written at `scope`."""
    return Planner(writer, points, now()).alike(mark, scope)


def end(record: Record, at: datetime, successor: str | None) -> Record:
    """Return a memory as history: superseded by `successor`, or forgotten. It has held for a moment at least."""
    return replace(record, valid_until=end_of(record.created_at, at), superseded_by=successor)


def _lets_through(rule: Rule, record: Record) -> bool:
    return any(all(getattr(record, name) in allowed for name, allowed in clause.items()) for clause in rule)


def _is_shown(record: Record) -> bool:
    return record.valid_until is None and record.held_until is None


class _Clock:
    """Microseconds that no two calls in this process share."""

    def __init__(self) -> None:
        self._last, self._lock = 0, threading.Lock()

    def next(self) -> int:
        with self._lock:
            self._last = max(self._last + 1, now())
            return self._last


clock = _Clock()
