"""The facts that are held until a person has looked at them."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from .memories import origin_name
from .rendering import go, page
from .room import room_of


def listing(request: Request) -> Response:
    """Show what waits, with where it came from."""
    return page(request, "review.html", waiting=room_of(request).memory.pending(), origin_name=origin_name)


def accept(request: Request, form: Mapping[str, str]) -> Response:
    """Make a held fact a memory; if its text was edited, in the new wording."""
    memory, memory_id = room_of(request).memory, request.path_params["memory_id"]
    content = form.get("content", "")
    accepted = memory.get(memory_id)
    memory.accept(memory_id)
    if content.strip() and accepted is not None and content.strip() != accepted.content.strip():
        memory.update(memory_id, content)
    return go(request, "/review?done=accepted")


def reject(request: Request, form: Mapping[str, str]) -> Response:
    """Drop a held fact."""
    room_of(request).memory.reject(request.path_params["memory_id"])
    return go(request, "/review?done=rejected")
