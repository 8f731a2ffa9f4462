"""How much is remembered and whose it is, taking it along, and erasing all of it."""

from __future__ import annotations

import calendar
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone, tzinfo
from pathlib import Path

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from ...memory.records import Origin
from ...memory.rules.times import local
from ..presenting import drawing
from ..presenting.phrasing import full_day
from ..rendering import go, page
from ..room import room_of
from .memories import ORIGINS

_ROWS = 8


def show(request: Request, problem: str = "", status: int = 200) -> Response:
    """Show the counts, the plots, and what can be done with everything at once."""
    room = room_of(request)
    stats, points, now = room.memory.stats(), room.memory.growth(), datetime.now(timezone.utc)
    return page(
        request,
        "overview.html",
        status=status,
        problem=problem,
        total=stats["total"],
        history=stats["superseded"],
        held=stats["held"],
        file_bytes=stats["file_bytes"],
        plot=drawing.area(points, points[0][0], now, "Memories over time") if points else "",
        first_name=full_day(local(points[0][0], room.zone).date()) if points else "",
        months=_months(points, now, room.zone),
        shares=[
            ("By agent", _shares(stats["by_agent"])),
            ("By origin", _shares({ORIGINS[Origin(name)]: count for name, count in stats["by_origin"].items()})),
        ],
    )


def export(request: Request) -> Response:
    """Send everything that is remembered as one file; the copy on disk goes when it was sent, or was not wanted."""
    memory = room_of(request).memory
    folder = tempfile.TemporaryDirectory(prefix="headroom-")
    path = Path(folder.name) / "memories.jsonl"
    try:
        memory.export(path)
    except BaseException:
        folder.cleanup()
        raise
    return FileResponse(
        path,
        filename="headroom-memories.jsonl",
        media_type="application/jsonl",
        background=BackgroundTask(folder.cleanup),
    )


def erase_everything(request: Request, form: Mapping[str, str]) -> Response:
    """Erase all memories of the user, if his name was typed."""
    room = room_of(request)
    if form.get("name", "").strip() != room.user:
        return show(request, problem="That is not the name above, so nothing was erased.", status=400)
    room.memory.clear()
    return go(request, "/?done=cleared")


def _shares(counts: Mapping[str, int]) -> list[tuple[str, int, float]]:
    """List names with their counts and their share of the largest, largest first; the small ones together."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if len(ordered) > _ROWS:
        ordered = [*ordered[: _ROWS - 1], ("all others", sum(count for _, count in ordered[_ROWS - 1 :]))]
    largest = max((count for _, count in ordered), default=1)
    return [(name, count, count / largest) for name, count in ordered]


def _months(
    points: Sequence[tuple[datetime, int]], now: datetime, zone: tzinfo | None, most: int = 24
) -> list[tuple[str, int]]:
    """Return how many memories there were at the end of each month, newest first."""
    by_month = {}
    for at, count in points:
        shown = local(at, zone)
        by_month[shown.year, shown.month] = count
    if not by_month:
        return []
    today = local(now, zone)
    (year, month), rows, count = min(by_month), [], 0
    while (year, month) <= (today.year, today.month):
        count = by_month.get((year, month), count)
        rows.append((f"{calendar.month_name[month]} {year}", count))
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return rows[: -most - 1 : -1]
