"""Chat completions: where a request's messages and a reply's text are."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..prompt.examples import Request
from .api import Asked, Cleaner
from .messages import (
    SYSTEM,
    digest,
    forces_a_call,
    get,
    goes_on,
    has_tokens,
    index_of,
    is_typed,
    joined,
    last_user,
    prefixed,
    put,
    values,
    with_field,
    words,
)
from .reply import Texts


class ChunkCleaner:
    """Takes the memory blocks out of one stream, choice by choice."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._choices: dict[int, _ChoiceCleaner] = {}

    def feed(self, chunk: Any) -> Sequence[Any]:
        """Return the chunk without what is hidden or held back; nothing where nothing is left of it."""
        hidden = False
        for place, choice in enumerate(get(chunk, "choices") or ()):
            index = index_of(choice, place)
            if index not in self._choices:
                self._choices[index] = _ChoiceCleaner(self._texts, index)
            hidden |= self._choices[index].clean(chunk, choice)
        return () if hidden and _says_nothing(chunk) else (chunk,)

    def close(self) -> Sequence[Any]:
        """Return what was held back by choices that never said that they were finished."""
        return [chunk for choice in self._choices.values() for chunk in choice.close()]


class _ChoiceCleaner:
    """The same for one choice."""

    def __init__(self, texts: Texts, index: int) -> None:
        self._texts, self._index = texts, index
        self._filter = texts.filter(index)
        self._finished = False
        self._last: Any = None
        """The latest chunk with text: what is held back at the end goes out in a copy of it."""

    def clean(self, chunk: Any, choice: Any) -> bool:
        """Clean a choice of a chunk in place; tell whether text of it stays back."""
        delta = get(choice, "delta")
        text = get(delta, "content")
        text = text if isinstance(text, str) else ""
        finish_reason = get(choice, "finish_reason")
        if self._finished or not (text or finish_reason):
            return False
        if text:
            self._last = chunk
        shown = self._filter.feed(text)
        if finish_reason:
            shown += self._filter.close()
            self._finished = True
            if self._filter.cut and finish_reason == "length":
                put(choice, "finish_reason", "stop")
                self._texts.cut = True
        if shown != text:
            put(delta, "content", shown)
        return bool(text) and not shown

    def close(self) -> Sequence[Any]:
        """Return a chunk with what was held back, where the stream ended without a finish reason."""
        if self._finished:
            return ()
        self._finished = True
        held = self._filter.close()
        if not held:
            return ()
        chunk = copy.deepcopy(self._last)
        numbered = enumerate(get(chunk, "choices"))
        choices = [choice for place, choice in numbered if index_of(choice, place) == self._index]
        put(chunk, "choices", choices)
        put(get(choices[0], "delta"), "content", held)
        return (chunk,)


def _says_nothing(chunk: Any) -> bool:
    """Tell whether a chunk, its text gone, carries nothing else either."""
    return not get(chunk, "usage") and not any(
        get(choice, "finish_reason") or any(values(get(choice, "delta")).values()) for choice in get(chunk, "choices")
    )


class Completions:
    """The api of `chat.completions`."""

    conversation = "messages"

    def read(self, kwargs: Mapping[str, Any]) -> Asked | None:
        """Read a request; None where it has no messages."""
        messages = _messages(kwargs)
        if messages is None:
            return None
        last = last_user(messages)
        upto = messages[: last + 1] or messages
        return Asked(
            message=None if last < 0 else words(get(messages[last], "content")),
            continues=goes_on(messages, last),
            digest=digest([(get(message, "role"), get(message, "content")) for message in upto]),
            has_room=_has_room(_body(kwargs)),
        )

    def write(self, kwargs: Mapping[str, Any], notes: str, request: Request | None) -> dict[str, Any]:
        """Return `kwargs` with `notes` in front of the last user message, asking for a block unless that is None."""
        messages = list(_messages(kwargs) or ())
        last = last_user(messages)
        if notes and last >= 0:
            content = prefixed(notes, get(messages[last], "content"), "text")
            messages[last] = with_field(messages[last], "content", content)
        written = {**kwargs, "messages": messages}
        if request is not None:
            _instruct(messages, request.instruction)
            _show(messages, request.examples)
        return written

    def is_reply(self, reply: Any) -> bool:
        """Tell a whole reply from a stream or a raw response."""
        return get(reply, "choices") is not None

    def clean(self, reply: Any, texts: Texts) -> None:
        """Take the memory blocks out of every choice."""
        for place, choice in enumerate(get(reply, "choices")):
            message = get(choice, "message")
            text = get(message, "content")
            if not isinstance(text, str):
                continue
            parsed = texts.parse(text, index_of(choice, place))
            if parsed.cut and get(choice, "finish_reason") == "length":
                put(choice, "finish_reason", "stop")
                texts.cut = True
            if parsed.blocks:
                # A message of tool calls only has no content at all.
                put(message, "content", parsed.visible or (None if get(message, "tool_calls") else ""))

    def cleaner(self, texts: Texts) -> Cleaner:
        """Return what does the same to one stream."""
        return ChunkCleaner(texts)


def _messages(kwargs: Mapping[str, Any]) -> Sequence[Any] | None:
    messages = kwargs.get("messages")
    return messages if isinstance(messages, (list, tuple)) and messages else None


def _body(kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields that the server gets."""
    return {**kwargs, **(kwargs.get("extra_body") or {})}


def _instruct(messages: list[Any], instruction: str) -> None:
    """Add `instruction` at the end of the first system message, or as a new one."""
    for place, message in enumerate(messages):
        if get(message, "role") in SYSTEM:
            content = get(message, "content")
            if isinstance(content, Iterable) and not isinstance(content, str):
                added: Any = [*content, {"type": "text", "text": instruction}]
            else:
                added = joined(content, instruction)
            messages[place] = with_field(message, "content", added)
            return
    messages.insert(0, {"role": "system", "content": instruction})


def _show(messages: list[Any], examples: Sequence[Any]) -> None:
    """Put `examples` in front of the conversation, below the system messages that it begins with."""
    start = next((place for place, message in enumerate(messages) if get(message, "role") not in SYSTEM), len(messages))
    messages[start:start] = map(dict, examples)


def _has_room(body: Mapping[str, Any]) -> bool:
    """Tell whether a block has a place in the reply: not in typed output, a forced call, sound, a reply with log
    probabilities (their tokens would show it), or very few tokens."""
    if is_typed(body.get("response_format")):
        return False
    if forces_a_call(body.get("tool_choice")) or isinstance(body.get("function_call"), Mapping):
        return False
    if body.get("audio") or "audio" in (body.get("modalities") or ()):
        return False
    if body.get("logprobs"):
        return False
    return has_tokens(body, "max_tokens", "max_completion_tokens")
