"""What becomes of stored memories: forgotten, restored, accepted, rejected, updated, or put back as they were. Pure.

Each function looks at memories with all that happened to them, and returns those that change, as they are to be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import EllipsisType
from typing import Any

from ..protocols import Amendment, Entry, Story
from ..records import Action, Draft, Event, Json, Origin, Reader, Record, Source
from .times import end_of, moment

Stories = Sequence[Story]
_CREATIONS = (Action.SAVED, Action.HELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """The fields that an update changes; None leaves one as it is. An expiry of None removes it, `...` leaves it."""

    metadata: Mapping[str, Json] | None = None
    importance: float | None = None
    entities: tuple[str, ...] | None = None
    expires_at: datetime | EllipsisType | None = ...
    merge: bool = True
    """Add to metadata and entities; False replaces them."""

    def __bool__(self) -> bool:
        given = (self.metadata, self.importance, self.entities)
        return any(value is not None for value in given) or self.expires_at is not ...

    def of(self, record: Record) -> Record:
        """Return `record` with these fields."""
        changed: dict[str, Any] = {}
        if self.metadata is not None:
            changed["metadata"] = {**record.metadata, **self.metadata} if self.merge else dict(self.metadata)
        if self.entities is not None:
            changed["entities"] = tuple(dict.fromkeys((*(record.entities if self.merge else ()), *self.entities)))
        if self.importance is not None:
            changed["importance"] = self.importance
        if self.expires_at is not ...:
            changed["expires_at"] = self.expires_at
        return replace(record, **changed)


def reworded(record: Record, content: str, origin: Origin = Origin.APPLICATION) -> Draft:
    """Return the next version of a memory, as it is to be stored: another text, and all else as it was."""
    return Draft(
        content,
        scope=record.scope,
        importance=record.importance,
        entities=record.entities,
        relationships=record.relationships,
        metadata=record.metadata,
        expires_at=record.expires_at,
        origin=origin,
    )


def is_present(record: Record, at: datetime) -> bool:
    """Return whether a memory is neither history, nor held, nor expired."""
    return record.valid_until is None and record.held_until is None and not _is_over(record.expires_at, at)


def is_pending(record: Record, at: datetime) -> bool:
    """Return whether a memory waits for a review."""
    return record.valid_until is None and record.held_until is not None and not _is_over(record.held_until, at)


def forget(stories: Stories, *, at: datetime) -> list[Amendment]:
    """Hide present memories; their history is kept."""
    return [
        Amendment(record=_ended(record, at), action=Action.FORGOTTEN) for record, _ in stories if is_present(record, at)
    ]


def restore(stories: Stories, *, at: datetime) -> list[Amendment]:
    """Undo a forget or a rejection. What was superseded stays history, and what has expired stays hidden."""
    return [
        Amendment(record=replace(record, valid_until=None), action=Action.RESTORED)
        for record, _ in stories
        if record.valid_until is not None and record.superseded_by is None and not _is_over(record.expires_at, at)
    ]


def accept(stories: Stories, *, held_id: str, at: datetime) -> list[Amendment]:
    """Let a held memory be seen from now on, and end those that it was to replace."""
    held = next((record for record, _ in stories if record.id == held_id and is_pending(record, at)), None)
    if held is None:
        return []
    ended = [
        Amendment(record=replace(_ended(record, at), superseded_by=held.id), action=Action.REPLACED)
        for record, _ in stories
        if record.id in held.would_replace and is_present(record, at)
    ]
    accepted = replace(held, held_until=None, would_replace=())
    return [Amendment(record=accepted, action=Action.ACCEPTED, before=_before(held, accepted)), *ended]


def reject(stories: Stories, *, at: datetime) -> list[Amendment]:
    """Turn held memories down: they are hidden, and erased when their time for a review is over."""
    return [
        Amendment(record=_ended(record, at), action=Action.REJECTED) for record, _ in stories if is_pending(record, at)
    ]


def update(stories: Stories, *, fields: Fields) -> list[Amendment]:
    """Change fields of memories in place."""
    changes = ((record, fields.of(record)) for record, _ in stories)
    return [
        Amendment(record=new, action=Action.UPDATED, before=_before(old, new)) for old, new in changes if old != new
    ]


def merge(record: Record, entry: Entry, writer: Reader) -> Amendment:
    """Let a memory that is known have one more source, and what the new one knows beyond it.

    The higher importance, the later expiry (none is the latest), new metadata over old, all entities and relationships.
    """
    source = Source(
        agent_id=writer.agent_id,
        session_id=writer.session_id,
        turn_id=writer.turn_id,
        created_at=moment(entry.created_at),
        origin=entry.origin,
    )
    expiries = [record.expires_at, None if entry.expires_at is None else moment(entry.expires_at)]
    ending = [expiry for expiry in expiries if expiry is not None]
    merged = replace(
        record,
        importance=max(record.importance, entry.importance),
        metadata={**record.metadata, **entry.metadata},
        entities=tuple(dict.fromkeys((*record.entities, *entry.entities))),
        relationships=tuple(dict.fromkeys((*record.relationships, *entry.relationships))),
        expires_at=max(ending) if len(ending) == 2 else None,
        sources=(*record.sources, source),
    )
    return Amendment(record=merged, action=Action.MERGED, before=_before(record, merged))


def take_back(stories: Stories, *, concerns: Callable[[Event], bool], at: datetime) -> list[Amendment]:
    """Undo the events that `concerns` picks, and only these.

    The newest events of a memory are undone up to the first that is not picked: what others changed since stays as they
    left it. A memory that was replaced comes back only if nobody else has had to do with its successor since.
    """
    untouched = {record.id for record, events in stories if events and concerns(events[-1])}
    amendments = []
    for record, events in stories:
        undone = record
        for event in reversed(events):
            if not concerns(event):
                break
            undone = _without(undone, event, untouched, at)
        if undone != record:
            amendments.append(Amendment(record=undone, action=_named(record, undone), before=_before(record, undone)))
    return amendments


def _without(record: Record, event: Event, untouched: set[str], at: datetime) -> Record:
    """Return `record` as it was before `event`."""
    action = event.action
    if action in (*_CREATIONS, Action.RESTORED):
        return _ended(record, at) if record.valid_until is None else record
    if action in (Action.FORGOTTEN, Action.REJECTED):
        return replace(record, valid_until=None) if record.superseded_by is None else record
    if action is Action.REPLACED:
        free = record.superseded_by is None or record.superseded_by in untouched
        return replace(record, valid_until=None, superseded_by=None) if free else record
    if action is Action.MERGED:
        record = _without_source(record, event)
    return _put_back(record, event.before or {})


def _without_source(record: Record, event: Event) -> Record:
    """Drop the source that `event` added; the first source made the memory, and stays."""
    who = (event.agent_id, event.session_id, event.turn_id)
    for place in range(len(record.sources) - 1, 0, -1):
        source = record.sources[place]
        if (source.agent_id, source.session_id, source.turn_id) == who:
            return replace(record, sources=record.sources[:place] + record.sources[place + 1 :])
    return record


def _named(old: Record, new: Record) -> Action:
    """Name what an undo did to a memory."""
    if old.valid_until is None and new.valid_until is not None:
        return Action.FORGOTTEN if new.held_until is None else Action.REJECTED
    return Action.RESTORED if new.valid_until is None and old.valid_until is not None else Action.UPDATED


def _ended(record: Record, at: datetime) -> Record:
    """Make a memory history; it has held for a moment at least."""
    return replace(record, valid_until=end_of(record.created_at, at))


def _is_over(until: datetime | None, at: datetime) -> bool:
    return until is not None and until <= at


# What a field was before, as an event keeps it.


def _before(old: Record, new: Record) -> Mapping[str, Json]:
    before: dict[str, Json] = {}
    for name in ("importance", "metadata"):
        if getattr(old, name) != getattr(new, name):
            before[name] = getattr(old, name)
    for name in ("entities", "would_replace"):
        if getattr(old, name) != getattr(new, name):
            before[name] = list(getattr(old, name))
    for name in ("expires_at", "held_until"):
        value = getattr(old, name)
        if value != getattr(new, name):
            before[name] = None if value is None else value.isoformat()
    return before


def _put_back(record: Record, before: Mapping[str, Json]) -> Record:
    fields: dict[str, Any] = dict(before)
    for name in ("entities", "would_replace"):
        if name in fields:
            fields[name] = tuple(fields[name])
    for name in ("expires_at", "held_until"):
        if fields.get(name) is not None:
            fields[name] = datetime.fromisoformat(fields[name])
    return replace(record, **fields)
