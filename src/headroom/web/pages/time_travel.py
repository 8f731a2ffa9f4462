"""What was known on a day, and what is different between two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ...memory.records import Record
from ..presenting import drawing
from ..presenting.difference import difference
from ..presenting.timeline import Span, Stop
from ..rendering import page
from ..room import Room, room_of

_SHOWN = 200
_FOUND = 20
_COMPARED = 500


def show(request: Request) -> Response:
    """Show the slider, and under it what was known then, or how two days differ."""
    room = room_of(request)
    now = datetime.now(timezone.utc)
    points = room.memory.growth()
    if not points:
        return page(request, "time.html", span=None)
    span = Span(begun=points[0][0], now=now, zone=room.zone)
    if span.unit == "minute":
        points = room.memory.growth(timedelta(minutes=1))
    at = _stop(span, request.query_params, "at")
    other = _stop(span, request.query_params, "with") if request.query_params.get("compare") else None
    text = request.query_params.get("q", "").strip()
    shown = _known(room, at, text) if other is None else _changes(room, at, other)
    plot = drawing.area(points, points[0][0], now, "How many memories there were over time")
    return page(request, "time.html", span=span, at=at, other=other, plot=plot, text=text, **shown)


def _stop(span: Span, params: Mapping[str, str], name: str) -> Stop:
    given = params.get(name, "")
    return span.stop(int(given) if given.isdecimal() and len(given) < 12 else span.last)


def _known(room: Room, at: Stop, text: str) -> dict[str, Any]:
    known: Sequence[Record]
    if text:
        known = room.memory.search(text, as_of=at.moment, top_k=_FOUND)
    else:
        known = room.memory.get_all(as_of=at.moment, limit=_SHOWN)
    return {"known": known, "count": room.memory.count(as_of=at.moment)}


def _changes(room: Room, one: Stop, other: Stop) -> dict[str, Any]:
    early, late = sorted((one, other), key=lambda stop: stop.step)
    versions = room.memory.changes(early.moment, late.moment, limit=_COMPARED)
    changes = difference(versions, early.moment, late.moment)
    return {"early": early, "late": late, "changes": changes, "all_shown": len(versions) < _COMPARED}
