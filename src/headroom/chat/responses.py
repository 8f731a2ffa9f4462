"""Responses: where a request's items and a reply's text are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .asking import Asking
from .conversation import digest, forces_a_call, goes_on, has_tokens, is_typed, joined, last_user, prefixed, words
from .dialect import Asked, Cleaner
from .events import EventCleaner
from .fields import get, with_field
from .resource import Resource
from .texts import Texts


class Responses:
    """The dialect of `responses`."""

    conversation = "input"

    def read(self, kwargs: Mapping[str, Any]) -> Asked | None:
        """Read a request. One without a user's item goes on with the response that it names."""
        items = _items(kwargs)
        if items is None:
            return None
        last = last_user(items)
        before = kwargs.get("previous_response_id") or kwargs.get("conversation") or None
        if last < 0 and before is not None:
            known = digest(before)
        else:
            known = digest(before, [_said(item) for item in items[: last + 1] or items])
        return Asked(
            message=None if last < 0 else words(get(items[last], "content")),
            continues=last < 0 or goes_on(items, last),
            digest=known,
            has_room=_has_room({**kwargs, **(kwargs.get("extra_body") or {})}),
        )

    def write(self, kwargs: Mapping[str, Any], notes: str, asking: Asking | None) -> dict[str, Any]:
        """Return `kwargs` with `notes` in front of the last user item and the instruction below the caller's own.

        Examples for small models are left out: the provider keeps the items, and would show them as the user's.
        """
        written = dict(kwargs)
        given = kwargs.get("input")
        if notes and isinstance(given, str):
            written["input"] = notes + given
        elif notes and isinstance(given, (list, tuple)) and (last := last_user(given)) >= 0:
            items = list(given)
            content = prefixed(notes, get(items[last], "content"), "input_text")
            items[last] = with_field(items[last], "content", content)
            written["input"] = items
        if asking is not None:
            written["instructions"] = joined(kwargs.get("instructions") or None, asking.instruction)
        return written

    def is_reply(self, reply: Any) -> bool:
        """Tell a whole reply from a stream or a raw response."""
        return bool(get(reply, "object") == "response")

    def clean(self, reply: Any, texts: Texts) -> None:
        """Take the memory blocks out of every text of the reply."""
        EventCleaner(texts).clean_response(reply)

    def cleaner(self, texts: Texts) -> Cleaner:
        """Return what does the same to one stream."""
        return EventCleaner(texts)


class ResponsesWithMemory(Resource):
    """Stand in for `client.responses`."""

    __slots__ = ()
    dialect = Responses()


def _items(kwargs: Mapping[str, Any]) -> Sequence[Any] | None:
    given = kwargs.get("input")
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    return given if isinstance(given, (list, tuple)) and given else None


def _said(item: Any) -> tuple[Any, Any]:
    """Say what identifies an item: whose it is, and what is in it."""
    return get(item, "role") or get(item, "type"), get(item, "content") or get(item, "output") or get(item, "arguments")


def _has_room(body: Mapping[str, Any]) -> bool:
    """Tell whether a block has a place in the reply: not in typed output, a forced call, a reply that comes later."""
    if is_typed(get(body.get("text") or None, "format")) or body.get("background"):
        return False
    return not forces_a_call(body.get("tool_choice")) and has_tokens(body, "max_output_tokens")
