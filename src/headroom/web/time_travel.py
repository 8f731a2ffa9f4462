"""What was known on a day, and what is different between two."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone

from starlette.requests import Request
from starlette.responses import Response

from . import drawing
from .difference import difference
from .rendering import page
from .room import Room
from .timeline import Span, Stop

_SHOWN = 200


def show(request: Request) -> Response:
    """Show the slider, and under it what was known then, or how two days differ."""
    room: Room = request.app.state.room
    now = datetime.now(timezone.utc)
    begun = room.memory.begun()
    if begun is None:
        return page(request, "time.html", span=None)
    span = Span(begun=begun, now=now, zone=room.zone)
    at = _stop(span, request.query_params, "at")
    other = _stop(span, request.query_params, "with") if request.query_params.get("compare") else None
    shown = _known(room, at) if other is None else _changes(room, at, other)
    plot = drawing.area(room.memory.counts(), span.stop(0).moment, now, "How many memories there were over time")
    return page(request, "time.html", span=span, at=at, other=other, plot=plot, **shown)


def _stop(span: Span, params: Mapping[str, str], name: str) -> Stop:
    given = params.get(name, "")
    return span.stop(int(given) if given.isdecimal() and len(given) < 12 else span.last)


def _known(room: Room, at: Stop) -> dict[str, object]:
    known = room.memory.get_all(as_of=at.moment, limit=_SHOWN)
    return {"known": known, "count": room.memory.count(as_of=at.moment)}


def _changes(room: Room, one: Stop, other: Stop) -> dict[str, object]:
    early, late = sorted((one, other), key=lambda stop: stop.step)
    versions = room.memory.changed(early.moment, late.moment)
    return {"early": early, "late": late, "changes": difference(versions, early.moment, late.moment)}
