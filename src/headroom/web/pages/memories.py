"""The list of memories, and one memory with all that is known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from ...errors import NotFound
from ...memory.records import Origin, Record, Scope, Source
from ...memory.rules.filters import Where
from ...memory.rules.times import local
from ...memory.user_memory import UserMemory
from ..presenting.phrasing import Piece, compared, day_name, number_name
from ..rendering import is_for_a_part, page
from ..room import Room, room_of

_PAGE = 50
_AGES = (("1", "Last day"), ("7", "Last week"), ("31", "Last month"), ("366", "Last year"))
ORIGINS: Mapping[Origin, str] = {
    Origin.USER: "The user's words",
    Origin.ASSISTANT: "The assistant",
    Origin.TOOL: "A tool",
    Origin.FILE: "A file",
    Origin.IMPORT: "An import",
    Origin.APPLICATION: "An application",
    Origin.AGENT: "An agent",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the list is asked for: a text to search, and what narrows it. Empty is everything."""

    text: str
    agent: str
    origin: str
    scope: str
    since: str
    forgotten: bool

    @classmethod
    def of(cls, params: Mapping[str, str]) -> Asked:
        """Read it from the address; what cannot be is left out."""
        return cls(
            text=params.get("q", "").strip(),
            agent=params.get("agent", ""),
            origin=_one_of(params.get("origin"), [origin.value for origin in Origin]),
            scope=_one_of(params.get("scope"), [scope.value for scope in Scope]),
            since=_one_of(params.get("since"), [days for days, _ in _AGES]),
            forgotten=params.get("show") == "forgotten",
        )

    @property
    def narrowed(self) -> bool:
        """Whether this is less than everything."""
        return any((self.text, self.agent, self.origin, self.scope, self.since, self.forgotten))

    def where(self, now: datetime) -> Where | None:
        """Write the filters as `search` and `get_all` take them."""
        fields: dict[str, object] = {}
        if self.agent:
            fields["record.saved_by"] = self.agent
        if self.origin:
            fields["record.origin"] = self.origin
        if self.scope:
            fields["record.scope"] = self.scope
        if self.since:
            fields["record.created_at"] = {"$gte": (now - timedelta(days=int(self.since))).isoformat()}
        return fields or None

    def address(self, **more: str) -> str:
        """Write it as the query of an address."""
        given = {"q": self.text, "agent": self.agent, "origin": self.origin, "scope": self.scope, "since": self.since}
        given["show"] = "forgotten" if self.forgotten else ""
        return urlencode({name: value for name, value in {**given, **more}.items() if value})


def listing(request: Request) -> Response:
    """Show the memories, newest first, or those that a search finds, best first; or those that were forgotten."""
    room = room_of(request)
    asked, now = Asked.of(request.query_params), datetime.now(timezone.utc)
    found = _found(room.memory, asked, now, request.query_params.get("after"))
    shown, rest = found[:_PAGE], found[_PAGE:]
    # While somebody types, only the list is wanted; counting everything would cost more than finding some.
    counts = None if asked.narrowed and is_for_a_part(request) else room.memory.stats()
    whole = len(shown) if asked.narrowed or counts is None else counts["total"]
    return page(
        request,
        "memories.html",
        asked=asked,
        days=[("", shown)] if asked.text and shown else _by_day(shown, room, now),
        older=asked.address(after=shown[-1].id) if rest else "",
        tally=_tally(asked, whole, more=bool(rest) and asked.narrowed),
        held=counts["held"] if counts else 0,
        agents=[(name, name) for name in (counts["by_agent"] if counts else ())],
        origins=[(origin.value, name) for origin, name in ORIGINS.items()],
        scopes=[(scope.value, f"{scope.value.capitalize()} scope") for scope in Scope],
        ages=_AGES,
    )


def _found(memory: UserMemory, asked: Asked, now: datetime, after: str | None) -> Sequence[Record]:
    """Find one page of memories, and one more if there are more."""
    if asked.forgotten:
        return memory.forgotten(limit=_PAGE + 1, after=after)
    if asked.text:
        return memory.search(asked.text, top_k=_PAGE, where=asked.where(now))
    return memory.get_all(limit=_PAGE + 1, after=after, where=asked.where(now))


def _tally(asked: Asked, count: int, *, more: bool) -> str:
    if not count:
        return ""
    if asked.text:
        return f"The {count} nearest"
    noun = "memory" if count == 1 else "memories"
    return f"{number_name(count)}{' or more' if more else ''} {'forgotten ' if asked.forgotten else ''}{noun}"


def one(request: Request) -> Response:
    """Show one memory: its text, its versions, who said it and what it is related to."""
    return show_one(request, found(request))


def found(request: Request) -> Record:
    """Find the memory that the address names. Raise NotFound if the user has none of this id."""
    memory_id = request.path_params["memory_id"]
    record = room_of(request).memory.get(memory_id)
    if record is None:
        raise NotFound(memory_id=memory_id, wanted="stored")
    return record


def show_one(
    request: Request, record: Record, *, problem: str = "", typed: str | None = None, status: int = 200
) -> Response:
    """Render one memory; `problem` says why the text that was `typed` could not be saved."""
    versions = room_of(request).memory.history(record.id)
    return page(
        request,
        "memory.html",
        status=status,
        record=record,
        state=state_of(record, datetime.now(timezone.utc)),
        newer=versions[-1].id if record.superseded_by is not None else None,
        versions=with_changes(versions),
        origin_name=origin_name,
        problem=problem,
        typed=typed,
    )


def state_of(record: Record, now: datetime) -> str:
    """Return what a memory is now: "present", "replaced", "forgotten" or "expired"."""
    if record.superseded_by is not None:
        return "replaced"
    if record.valid_until is not None:
        return "forgotten"
    return "expired" if record.expires_at is not None and record.expires_at <= now else "present"


def with_changes(versions: Sequence[Record]) -> list[tuple[Record, list[Piece]]]:
    """Pair each version with how it differs from the one before, newest first."""
    older: list[Record | None] = [None, *versions[:-1]]
    pairs = [
        (version, [Piece("same", version.content)] if before is None else compared(before.content, version.content))
        for before, version in zip(older, versions, strict=True)
    ]
    return pairs[::-1]


def origin_name(source: Source) -> str:
    """Return in words where a source came from."""
    return ORIGINS[source.origin]


def _by_day(records: Sequence[Record], room: Room, now: datetime) -> list[tuple[str, list[Record]]]:
    """Group records by the day on which they were made, keeping their order."""
    today = local(now, room.zone).date()
    days = groupby(records, key=lambda record: local(record.created_at, room.zone).date())
    return [(day_name(day, today), list(group)) for day, group in days]


def _one_of(value: Any, known: Sequence[str]) -> str:
    return value if value in known else ""
