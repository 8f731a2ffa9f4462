"""The facts that are held until a person has looked at them."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from ...errors import NotFound
from ...memory.records import Origin, Record
from ...memory.rules.checks import LONGEST_CONTENT, check_text
from ...memory.user_memory import UserMemory
from ..rendering import go, page
from ..room import room_of
from .memories import found, origin_name

_SHOWN = 100


def listing(request: Request) -> Response:
    """Show what waits, with where it came from and what it would replace."""
    memory = room_of(request).memory
    waiting = memory.pending(limit=_SHOWN)
    replaced = memory.get_many([memory_id for record in waiting for memory_id in record.would_replace])
    by_id = {record.id: record for record in replaced if record is not None and record.valid_until is None}
    return page(request, "review.html", waiting=waiting, by_id=by_id, origin_name=origin_name)


def accept(request: Request, form: Mapping[str, str]) -> Response:
    """Make a held fact a memory; if its text was edited, in the new wording."""
    memory, held = room_of(request).memory, found(request)
    content = form.get("content", "").strip()
    if not content or content == held.content.strip():
        memory.accept(held.id)
    else:
        _accept_as(memory, held, content)
    return go(request, "/review?done=accepted")


def _accept_as(memory: UserMemory, held: Record, content: str) -> None:
    """Accept a fact and correct it at once; what was known by itself meanwhile is not there to be corrected."""
    check_text("content", content, LONGEST_CONTENT)  # before the fact is accepted as it was
    accepted = memory.accept(held.id)
    try:
        memory.update(accepted, content)
    except NotFound:
        memory.add(content, importance=held.importance, entities=held.entities, origin=Origin.USER)


def reject(request: Request, form: Mapping[str, str]) -> Response:
    """Drop a held fact."""
    room_of(request).memory.reject(request.path_params["memory_id"])
    return go(request, "/review?done=rejected")
