"""The page as an ASGI application: its routes, behind its door."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import HeadroomError, InvalidInput, NotFound
from .door import HEADERS, comes_from_here, header_map, names_loopback
from .pages import edits, memories, overview, review, time_travel, turns
from .rendering import bare, page, prepare
from .room import Room, room_of

_LONGEST_FORM = 1 << 20

View = Callable[[Request], Response]
Change = Callable[[Request, Mapping[str, str]], Response]


def make_app(room: Room) -> ASGIApp:
    """Build the application that shows `room.memory`. It opens and closes nothing."""
    routes = [
        Route("/enter", _enter),
        Mount("/static", StaticFiles(packages=[("headroom.web", "static")])),
        *_pages(),
        *_changes(),
    ]
    inner = Starlette(
        routes=[Mount(room.door.base, routes=routes)],
        exception_handlers={404: _missing, NotFound: _missing, HeadroomError: _failed},
    )
    inner.state.room = room
    prepare()
    return _Guarded(inner, room)


def _pages() -> list[Route]:
    return [
        Route("/", memories.listing, name="memories"),
        Route("/memories/{memory_id}", memories.one),
        Route("/memories/{memory_id}/erase", edits.ask_to_erase),
        Route("/time", time_travel.show),
        Route("/turns", turns.listing),
        Route("/review", review.listing),
        Route("/overview", overview.show),
        Route("/export", overview.export),
    ]


def _changes() -> list[Route]:
    return [
        _change("/memories/{memory_id}/edit", edits.edit),
        _change("/memories/{memory_id}/forget", edits.forget),
        _change("/memories/{memory_id}/restore", edits.restore),
        _change("/memories/{memory_id}/erase", edits.erase),
        _change("/erase", overview.erase_everything),
        _change("/turns/{turn_id}/undo", turns.undo),
        _change("/review/{memory_id}/accept", review.accept),
        _change("/review/{memory_id}/reject", review.reject),
    ]


def _change(path: str, change: Change) -> Route:
    """Make the route of something that changes the memory: only a form with the session's CSRF token reaches it."""

    async def checked(request: Request) -> Response:
        form = await _form(request)
        door = room_of(request).door
        if not door.lets_change(form.pop("csrf", "")):
            return _refused(
                "This form is not from the page that you opened. Load the page again and repeat the change.",
                base=door.base,
            )
        return await run_in_threadpool(change, request, form)

    return Route(path, checked, methods=["POST"])


async def _form(request: Request) -> dict[str, str]:
    """Read an URL-encoded form; what is sent in another way or too long has no fields."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            raise InvalidInput("the form is too long; shorten the text and send it again")
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


async def _enter(request: Request) -> Response:
    """Exchange the one-time token for the session cookie.

    The answer is a page that goes on by itself and no redirect: a link that was opened in another site's window would
    be followed without the SameSite=Strict cookie.
    """
    door = room_of(request).door
    known = door.knows(request.headers.get("cookie", ""))
    token = request.query_params.get("token", "") if request.method == "GET" else ""  # a HEAD must not use it up
    if not known and not door.enter(token):
        return _refused(
            "This link was used before, or is not complete. Start headroom ui again for a new one.", base=door.base
        )
    answer = bare("enter.html", status=200, base=door.base)
    if not known:
        answer.headers["Set-Cookie"] = door.set_cookie()
    return answer


def _refused(reason: str, *, base: str = "") -> Response:
    """Answer who may not come in; `base` brings the page's style, for those who know its path."""
    return bare("refused.html", status=403, reason=reason, base=base)


async def _missing(request: Request, exc: Exception) -> Response:
    return page(request, "missing.html", status=404)


async def _failed(request: Request, exc: Exception) -> Response:
    """Show what went wrong: the errors of this library hold no text of a user."""
    status = 400 if isinstance(exc, InvalidInput) else 503
    return page(request, "failed.html", status=status, reason=str(exc))


class _Guarded:
    """Lets through what may come in, and puts the protecting headers on every answer."""

    def __init__(self, inner: ASGIApp, room: Room) -> None:
        self._inner, self._door = inner, room.door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                names = {name for name, _ in own}
                message["headers"] = [pair for pair in message.get("headers", []) if pair[0].lower() not in names] + own
            await send(message)

        refused = self._refusal(scope)
        answer: Callable[[Scope, Receive, Send], Awaitable[None]] = self._inner if refused is None else refused
        await answer(scope, receive, protected)

    def _refusal(self, scope: Scope) -> Response | None:
        """Return what to answer to a request that may not come in; None lets it in."""
        headers = header_map(scope["headers"])
        if not names_loopback(headers.get("host", "")):
            return _refused("This page is only for this computer, at 127.0.0.1 or localhost.")
        path = scope["path"].removeprefix(self._door.base) if scope["path"].startswith(self._door.base) else None
        if path == "/enter":  # opened from anywhere: the token says who may
            return None
        if not comes_from_here(scope["method"], headers):
            return _refused("Another site sent this request.")
        if path is not None and path.startswith("/static/"):
            return None
        if path is None or not self._door.knows(headers.get("cookie", "")):
            base = "" if path is None else self._door.base
            return _refused("Open the link that headroom ui printed when it started.", base=base)
        return None
