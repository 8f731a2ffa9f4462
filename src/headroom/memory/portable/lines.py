"""The lines of an export: JSON, one memory a line, between a header and an end.

    {"headroom": "export", "version": 1, "id": ..., "embedder": ..., "exported_at": ..., "user_id": null}
    {"id": ..., "content": ..., "user_id": ..., ..., "sources": [...], "events": [...], "vector": "..."}
    {"turn": {"user_id": ..., "turn_id": ..., "at": ..., "notes": [...], "stored": [...], ...}}
    {"end": 1000000}

Times are ISO 8601 in UTC with microseconds. A vector is its float32 numbers, little-endian, in base64, so that it comes
back bit for bit; a memory without one waits for it. Fields that are empty are left out. The memories stand in the order
in which they were stored, and behind them the chat turns that were kept. The last line says how many memories there
are: a file that was cut short is noticed.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeVar

import numpy as np

from ..protocols import Stored, Vector
from ..records import EFFECTS, Action, Event, KeptNote, KeptTurn, Origin, Parts, Record, Relationship, Scope, Source
from ..rules.checks import LONGEST_CONTENT, LONGEST_ID, check_json, check_share, check_text

VERSION = 1
"""Of the format. A newer version is refused; an older one is read for ever."""

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first line: where the memories come from."""

    id: str
    """Of this export."""
    embedder: str
    """The id of the embedder that made the vectors."""
    exported_at: datetime
    user_id: str | None
    """Whose memories; None for those of all users."""
    version: int = VERSION


def header_line(header: Header) -> str:
    """Write the first line."""
    fields = {"headroom": "export", "version": header.version, "id": header.id, "embedder": header.embedder}
    fields |= {"exported_at": _time(header.exported_at), "user_id": header.user_id}
    return json.dumps(fields, ensure_ascii=False)


def end_line(count: int) -> str:
    """Write the last line: how many memories there were."""
    return json.dumps({"end": count})


def memory_line(stored: Stored) -> str:
    """Write a memory whole, in one line."""
    record = stored.record
    fields: dict[str, Any] = {
        "id": record.id,
        "content": record.content,
        "user_id": record.user_id,
        "scope": record.scope.value,
        "session_id": record.session_id,
        "agent_id": record.agent_id,
        "turn_id": record.turn_id,
        "importance": record.importance,
        "metadata": dict(record.metadata),
        "created_at": _time(record.created_at),
        "valid_until": _time(record.valid_until),
        "superseded_by": record.superseded_by,
        "expires_at": _time(record.expires_at),
        "held_until": _time(record.held_until),
        "would_replace": list(record.would_replace),
        "entities": list(record.entities),
        "relationships": [list(edge) for edge in record.relationships],
        "sources": [_source_fields(source) for source in record.sources],
        "events": [_event_fields(event) for event in stored.events],
    }
    if stored.vector is not None:
        fields["vector"] = base64.b64encode(np.ascontiguousarray(stored.vector, "<f4").tobytes()).decode()
    return json.dumps(
        {name: value for name, value in fields.items() if value not in (None, [], {})}, ensure_ascii=False
    )


def turn_line(turn: KeptTurn) -> str:
    """Write a kept turn in one line."""
    fields = {name: value for name in turn.__slots__ if (value := getattr(turn, name))}
    notes = [{"id": note.id, "score": note.score, "parts": note.parts._asdict()} for note in turn.notes]
    return json.dumps({"turn": fields | {"at": _time(turn.at), "notes": notes}}, ensure_ascii=False)


def is_turn(line: str) -> bool:
    """Return whether a line holds a kept turn, without parsing it."""
    return line.lstrip("{ \t").startswith('"turn"')


def parse_header(line: str) -> Header:
    """Read the first line. Raise ValueError if it is none, or of a newer version."""
    fields = _object(line)
    if fields.get("headroom") != "export":
        raise ValueError("it does not begin with the header of an export")
    if not isinstance(fields.get("version"), int) or not 1 <= fields["version"] <= VERSION:
        raise ValueError(
            f"it has version {fields.get('version')!r}, and this library reads up to {VERSION}: upgrade it"
        )
    return Header(
        id=check_text("id", fields.get("id"), LONGEST_ID),
        embedder=str(fields.get("embedder")),
        exported_at=_moment(fields.get("exported_at")),
        user_id=fields.get("user_id"),
        version=fields["version"],
    )


def parse_line(line: str) -> Stored | KeptTurn | int:
    """Read a memory, a kept turn, or the count of the last line.

    Raise ValueError, which InvalidInput is, if it is none of them.
    """
    fields = _object(line)
    try:
        if set(fields) == {"turn"}:
            return _turn(fields["turn"])
        return int(fields["end"]) if set(fields) == {"end"} else _memory(fields)
    except (KeyError, TypeError, AttributeError, OverflowError) as exc:
        raise ValueError(f"a field is missing or of another kind ({type(exc).__name__})") from None


def _memory(fields: Mapping[str, Any]) -> Stored:
    record = Record(
        id=check_text("id", fields["id"], LONGEST_ID),
        content=check_text("content", fields["content"], LONGEST_CONTENT),
        user_id=check_text("user_id", fields["user_id"], LONGEST_ID),
        scope=Scope(fields["scope"]),
        session_id=_id(fields, "session_id"),
        agent_id=_id(fields, "agent_id"),
        turn_id=_id(fields, "turn_id"),
        importance=check_share("importance", fields["importance"]),
        metadata=check_json("metadata", fields.get("metadata", {})),
        created_at=_moment(fields["created_at"]),
        valid_until=_moment_or_none(fields.get("valid_until")),
        superseded_by=_id(fields, "superseded_by"),
        expires_at=_moment_or_none(fields.get("expires_at")),
        held_until=_moment_or_none(fields.get("held_until")),
        would_replace=tuple(check_text("an id", one, LONGEST_ID) for one in fields.get("would_replace", ())),
        entities=tuple(check_text("an entity", one, LONGEST_ID) for one in fields.get("entities", ())),
        relationships=tuple(_relationship(edge) for edge in fields.get("relationships", ())),
        sources=tuple(_source(source) for source in fields["sources"]),
    )
    if not record.sources:
        raise ValueError("it has no source")
    events = tuple(_event(record.id, event) for event in fields.get("events", ()))
    return Stored(record, events, _vector(fields.get("vector")))


def _turn(fields: Mapping[str, Any]) -> KeptTurn:
    return KeptTurn(
        user_id=check_text("user_id", fields["user_id"], LONGEST_ID),
        turn_id=check_text("turn_id", fields["turn_id"], LONGEST_ID),
        at=_moment(fields["at"]),
        session_id=_id(fields, "session_id"),
        agent_id=_id(fields, "agent_id"),
        asked=None if fields.get("asked") is None else check_text("asked", fields["asked"], LONGEST_CONTENT),
        notes=tuple(map(_note, fields.get("notes", ()))),
        **{name: tuple(check_text("an id", one, LONGEST_ID) for one in fields.get(name, ())) for name in EFFECTS},
    )


def _note(fields: Mapping[str, Any]) -> KeptNote:
    parts = {name: float(share) for name, share in fields["parts"].items() if name in Parts._fields}
    score = check_share("score", fields["score"])
    return KeptNote(id=check_text("id", fields["id"], LONGEST_ID), score=score, parts=Parts(**parts))


def _source_fields(source: Source) -> dict[str, str]:
    fields = {"agent_id": source.agent_id, "session_id": source.session_id, "turn_id": source.turn_id}
    said = {"created_at": _time(source.created_at), "origin": source.origin.value}
    return _present(fields | said)


def _event_fields(event: Event) -> dict[str, Any]:
    fields = {"agent_id": event.agent_id, "session_id": event.session_id, "turn_id": event.turn_id}
    return _present({"action": event.action.value, "at": _time(event.at), "before": event.before} | fields)


def _source(fields: Mapping[str, Any]) -> Source:
    return Source(
        agent_id=_id(fields, "agent_id"),
        session_id=_id(fields, "session_id"),
        turn_id=_id(fields, "turn_id"),
        created_at=_moment(fields["created_at"]),
        origin=Origin(fields["origin"]),
    )


def _event(memory_id: str, fields: Mapping[str, Any]) -> Event:
    return Event(
        memory_id=memory_id,
        action=Action(fields["action"]),
        at=_moment(fields["at"]),
        agent_id=_id(fields, "agent_id"),
        session_id=_id(fields, "session_id"),
        turn_id=_id(fields, "turn_id"),
        before=None if "before" not in fields else check_json("before", fields["before"]),
    )


def _relationship(edge: Sequence[str]) -> Relationship:
    source, relation, target = (check_text("a relationship's part", part, LONGEST_ID) for part in edge)
    return Relationship(source, relation, target)


def _vector(encoded: str | None) -> Vector | None:
    if encoded is None:
        return None
    vector = np.frombuffer(base64.b64decode(encoded, validate=True), "<f4").astype(np.float32)
    if not np.isfinite(vector).all():
        raise ValueError("its vector has a number that is not finite")
    return vector


def _object(line: str) -> dict[str, Any]:
    if not line.strip():
        raise ValueError("it is empty")
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON") from None
    if not isinstance(fields, dict):
        raise ValueError("it is no JSON object")
    return fields


def _present(fields: Mapping[str, _Value | None]) -> dict[str, _Value]:
    return {name: value for name, value in fields.items() if value is not None}


def _id(fields: Mapping[str, Any], name: str) -> str | None:
    return None if fields.get(name) is None else check_text(name, fields[name], LONGEST_ID)


def _time(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(timezone.utc).isoformat(timespec="microseconds")


def _moment(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError("a time is missing")
    read = datetime.fromisoformat(value)
    if read.tzinfo is None:
        raise ValueError("a time has no zone")
    return read.astimezone(timezone.utc)


def _moment_or_none(value: object) -> datetime | None:
    return None if value is None else _moment(value)
