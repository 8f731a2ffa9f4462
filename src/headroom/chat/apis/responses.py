"""Responses: where a request's items and a reply's text are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..block.filter import Parsed
from ..prompt.examples import Request
from ..prompt.frame import INSTRUCTION
from .api import Asked, Cleaner, Texts
from .foreign import in_messages, in_request, is_hosted, is_in_reply
from .messages import (
    digest,
    earlier_words,
    forces_a_call,
    get,
    goes_on,
    has_tokens,
    is_typed,
    joined,
    last_user,
    parted,
    prefixed,
    put,
    said_by_user,
    with_field,
    words,
)

_LAST = ("response.completed", "response.incomplete", "response.failed")


class EventCleaner:
    """Takes the memory blocks out of one response, text by text."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._streamed: dict[int, _StreamedText] = {}
        self.finished = False
        """The response has come to its end."""

    def feed(self, event: Any) -> Sequence[Any]:
        """Return what may be shown once `event` has arrived; the events that repeat a text repeat what was shown."""
        kind = get(event, "type")
        self.finished |= kind in _LAST
        if kind == "response.output_text.delta":
            return self._text_of(event).clean(event)
        if kind == "response.output_text.done":
            held = self._text_of(event).close()
            self._clean_text(event, _part_of(event))
            return [*held, event]
        if kind == "response.content_part.done":
            self._clean_text(get(event, "part"), _part_of(event))
        elif kind == "response.output_item.done":
            self._clean_item(get(event, "item"), get(event, "output_index"))
        elif get(event, "response") is not None:
            self.clean_response(get(event, "response"))
            if kind == "response.incomplete" and get(get(event, "response"), "status") == "completed":
                event = _completed(event)
        return (event,)

    def close(self) -> Sequence[Any]:
        """Return what was held back of texts that were never said to be done."""
        return [event for text in self._streamed.values() for event in text.close()]

    def clean_response(self, response: Any) -> None:
        """Clean a whole response in place. If only a block was cut by the token limit, the response is complete."""
        put(response, "instructions", parted(get(response, "instructions"), INSTRUCTION))
        if get(response, "id"):
            self._texts.goes_on_as = digest(get(response, "id"))
        cut = [self._clean_item(item, place) for place, item in enumerate(get(response, "output") or ())]
        reason = get(get(response, "incomplete_details"), "reason")
        if get(response, "status") == "incomplete" and reason == "max_output_tokens" and cut and cut[-1]:
            put(response, "status", "completed")
            put(response, "incomplete_details", None)
            self._texts.cut = True

    def _clean_item(self, item: Any, output_index: int) -> bool:
        """Clean an item of the output in place; return whether it ends in a block that was cut."""
        cut = False
        self._texts.foreign |= is_hosted(item)
        for place, part in enumerate(get(item, "content") or ()):
            parsed = self._clean_text(part, _part(output_index, place))
            cut = parsed is not None and parsed.cut
        if cut and get(item, "status") == "incomplete":
            put(item, "status", "completed")
        return cut

    def _clean_text(self, part: Any, key: int) -> Parsed | None:
        """Clean a text in place, with its citations. Reasoning and refusals are left alone."""
        text = get(part, "text")
        self._texts.foreign |= is_in_reply(part)
        if not isinstance(text, str) or get(part, "type") not in ("output_text", "response.output_text.done"):
            return None
        parsed = self._texts.parse(text, part=key)
        if parsed.blocks:
            put(part, "text", parsed.visible)
            for annotation in get(part, "annotations") or ():
                _shift(annotation, parsed.removed)
        return parsed

    def _text_of(self, event: Any) -> _StreamedText:
        key = _part_of(event)
        if key not in self._streamed:
            self._streamed[key] = _StreamedText(self._texts, key)
        return self._streamed[key]


class _StreamedText:
    """Takes the memory blocks out of one text that comes in deltas."""

    def __init__(self, texts: Texts, key: int) -> None:
        self._filter = texts.filter(part=key)
        self._last: Any = None

    def clean(self, event: Any) -> Sequence[Any]:
        """Return the delta without what is hidden or held back; nothing if nothing is left of it."""
        self._last = event
        shown = self._filter.feed(get(event, "delta"))
        if not shown:
            return ()
        put(event, "delta", shown)
        return (event,)

    def close(self) -> Sequence[Any]:
        """Return a delta with what was held back."""
        held = self._filter.close()
        return (with_field(self._last, "delta", held),) if held else ()


def _part_of(event: Any) -> int:
    return _part(get(event, "output_index") or 0, get(event, "content_index") or 0)


def _part(output_index: int, content_index: int) -> int:
    """Number the texts of a response in their order."""
    return output_index * 10_000 + content_index


def _shift(annotation: Any, removed: Sequence[tuple[int, int]]) -> None:
    """Let a citation point at the same words in the visible text."""
    for name in ("start_index", "end_index"):
        at = get(annotation, name)
        if isinstance(at, int):
            put(annotation, name, at - sum(min(end, at) - start for start, end in removed if start < at))


def _completed(event: Any) -> Any:
    """Make an event that says the response is incomplete say that it is complete."""
    fields = {**dict(event), "type": "response.completed"}
    if isinstance(event, Mapping):
        return fields
    from openai.types.responses import ResponseCompletedEvent

    return ResponseCompletedEvent.model_construct(**fields)


class Responses:
    """The API of `responses`."""

    conversation = "input"

    def read(self, kwargs: Mapping[str, Any]) -> Asked | None:
        """Read a request; one without a user's item goes on with the response that it names."""
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
            earlier=earlier_words(items, last),
            follows=None if before is None else digest(before),
            continues=last < 0 or goes_on(items, last),
            digest=known,
            has_room=_has_room(_body(kwargs)),
            foreign=in_messages(items) or in_request(_body(kwargs)),
            said=said_by_user(items),
        )

    def write(self, kwargs: Mapping[str, Any], notes: str, request: Request | None) -> dict[str, Any]:
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
        if request is not None:
            written["instructions"] = joined(kwargs.get("instructions") or None, request.instruction)
        return written

    def is_reply(self, reply: Any) -> bool:
        """Return whether this is a whole reply, and no stream or raw response."""
        return bool(get(reply, "object") == "response")

    def clean(self, reply: Any, texts: Texts) -> None:
        """Take the memory blocks out of every text of the reply."""
        EventCleaner(texts).clean_response(reply)

    def cleaner(self, texts: Texts) -> Cleaner:
        """Return what takes the memory blocks out of one stream."""
        return EventCleaner(texts)


def _items(kwargs: Mapping[str, Any]) -> Sequence[Any] | None:
    given = kwargs.get("input")
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    return given if isinstance(given, (list, tuple)) and given else None


def _body(kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields that the server gets."""
    return {**kwargs, **(kwargs.get("extra_body") or {})}


def _said(item: Any) -> tuple[Any, Any]:
    """Return what identifies an item: whose it is, and what is in it."""
    return get(item, "role") or get(item, "type"), get(item, "content") or get(item, "output") or get(item, "arguments")


def _has_room(body: Mapping[str, Any]) -> bool:
    """Return whether a block has a place in the reply: not in typed output, a forced call, a reply that comes later."""
    if is_typed(get(body.get("text") or None, "format")) or body.get("background"):
        return False
    if forces_a_call(body.get("tool_choice")) or "message.output_text.logprobs" in (body.get("include") or ()):
        return False
    return has_tokens(body, "max_output_tokens")
