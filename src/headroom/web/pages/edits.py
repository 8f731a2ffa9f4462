"""Changing one memory: a new version, forgetting and taking that back, and erasing, which asks first."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from ...errors import InvalidInput, NotFound
from ..rendering import go, page
from ..room import room_of
from .memories import found, show_one


def edit(request: Request, form: Mapping[str, str]) -> Response:
    """Save a new version of the text."""
    record, content = found(request), form.get("content", "")
    if content.strip() == record.content.strip():
        return go(request, f"/memories/{record.id}")
    try:
        new_id = room_of(request).memory.update(record.id, content)
    except InvalidInput as exc:
        return show_one(request, record, problem=str(exc), typed=content, status=400)
    except NotFound:
        changed = "It was changed meanwhile, such as in another tab, so your version was not saved."
        return show_one(request, found(request), problem=changed, typed=content, status=409)
    return go(request, f"/memories/{new_id}?done=edited")


def forget(request: Request, form: Mapping[str, str]) -> Response:
    """Hide a memory from every search; its history is kept."""
    record = found(request)
    forgotten = room_of(request).memory.forget(record.id)
    return go(request, f"/memories/{record.id}{'?done=forgotten' if forgotten else ''}")


def restore(request: Request, form: Mapping[str, str]) -> Response:
    """Take a forget back."""
    record = found(request)
    restored = room_of(request).memory.restore(record.id)
    return go(request, f"/memories/{record.id}{'?done=restored' if restored else ''}")


def ask_to_erase(request: Request) -> Response:
    """Show what would be erased, before anything is."""
    record = found(request)
    return page(request, "erase.html", record=record, count=len(room_of(request).memory.history(record.id)))


def erase(request: Request, form: Mapping[str, str]) -> Response:
    """Remove a memory and its versions from the file."""
    room_of(request).memory.delete(found(request).id)
    return go(request, "/?done=erased")
