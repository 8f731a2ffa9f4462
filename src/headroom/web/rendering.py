"""From a template and what it shows to an answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone, tzinfo
from functools import lru_cache
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ..memory.rules.times import local
from .presenting import drawing, phrasing
from .room import room_of


def page(request: Request, template: str, *, status: int = 200, **shown: Any) -> Response:
    """Render a whole page. htmx takes the part that it wants out of it, so there is one answer for both."""
    room = room_of(request)
    text = _render(
        template,
        **{
            "base": room.door.base,
            "csrf": room.door.csrf,
            "user": room.user,
            "path": request.url.path.removeprefix(room.door.base) or "/",
            "say": _Saying(room.zone),
            "done": request.query_params.get("done"),
            "held": shown["held"] if "held" in shown else room.held(),
            **shown,
        },
    )
    return HTMLResponse(text, status_code=status)


def is_for_a_part(request: Request) -> bool:
    """Return whether htmx asks, to take the part that changes out of the page and leave the frame as it is."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in headers


def go(request: Request, path: str) -> Response:
    """Send the browser to another page after a change, so that reloading it changes nothing again."""
    return RedirectResponse(f"{room_of(request).door.base}{path}", status_code=303)


def bare(template: str, *, status: int, **shown: Any) -> Response:
    """Render a page for somebody who has not come in: it shows nothing of the memory."""
    return HTMLResponse(_render(template, **shown), status_code=status)


class _Saying:
    """What templates call to put times and numbers into words, in the reader's time zone."""

    size = staticmethod(phrasing.size_name)
    number = staticmethod(phrasing.number_name)
    compared = staticmethod(phrasing.compared)
    stacked = staticmethod(drawing.stacked)
    bar = staticmethod(drawing.bar)

    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone

    def day(self, moment: datetime) -> str:
        today = local(datetime.now(timezone.utc), self._zone).date()
        return phrasing.day_name(local(moment, self._zone).date(), today)

    def moment(self, moment: datetime) -> str:
        return phrasing.moment_name(moment, self._zone)

    def clock(self, moment: datetime) -> str:
        return phrasing.clock(moment, self._zone)

    def iso(self, moment: datetime) -> str:
        return moment.isoformat(timespec="seconds")


def prepare() -> None:
    """Compile all templates, so that the first page need not wait for them."""
    for name in _environment().list_templates():
        _environment().get_template(name)


def _render(template: str, **shown: Any) -> str:
    return _environment().get_template(template).render(**shown)


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("headroom.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(_NAMES)
    return environment


_NAMES: Mapping[str, Any] = {
    "part_names": {
        "vector": "meaning",
        "words": "words",
        "context": "context",
        "fullness": "length",
        "time": "time",
        "importance": "importance",
        "recency": "recency",
        "graph": "relations",
    }
}
