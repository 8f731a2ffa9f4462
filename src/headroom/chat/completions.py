"""Chat completions: where a request's messages and a reply's text are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from .chunks import ChunkCleaner
from .fields import get, index_of, put, with_field
from .logprobs import visible_tokens
from .resource import Resource
from .turn import Asked, Cleaner, Turn

LEAST_ROOM = 200
"""Tokens of output below which a memory block would take the reply's own place."""


class Completions:
    """The dialect of `chat.completions`."""

    conversation = "messages"

    def read(self, kwargs: Mapping[str, Any]) -> Asked | None:
        """Read a request; None where it has no messages."""
        messages = _messages(kwargs)
        if messages is None:
            return None
        last = _last_user(messages)
        upto, after = messages[: last + 1] or messages, messages[last + 1 :]
        return Asked(
            message=None if last < 0 else _text(get(messages[last], "content")),
            continues=any(get(message, "role") not in _SYSTEM for message in after),
            digest=_digest(upto),
            has_room=_has_room({**kwargs, **(kwargs.get("extra_body") or {})}),
        )

    def write(self, kwargs: Mapping[str, Any], notes: str, instruction: str) -> dict[str, Any]:
        """Return `kwargs` with `notes` in front of the last user message and `instruction` in the system's."""
        messages = list(_messages(kwargs) or ())
        last = _last_user(messages)
        if notes and last >= 0:
            content = get(messages[last], "content")
            messages[last] = with_field(messages[last], "content", _joined(notes, content))
        if instruction:
            _instruct(messages, instruction)
        return {**kwargs, "messages": messages}

    def is_reply(self, reply: Any) -> bool:
        """Tell a whole reply from a stream or a raw response."""
        return get(reply, "choices") is not None

    def clean(self, reply: Any, turn: Turn) -> None:
        """Take the memory blocks out of every choice, with their log probabilities."""
        for place, choice in enumerate(get(reply, "choices")):
            message = get(choice, "message")
            text = get(message, "content")
            if not isinstance(text, str):
                continue
            parsed = turn.parse(text, index_of(choice, place))
            if parsed.cut and get(choice, "finish_reason") == "length":
                put(choice, "finish_reason", "stop")
                turn.cut = True
            if parsed.blocks:
                # A message of tool calls only has no content at all.
                put(message, "content", parsed.visible or (None if get(message, "tool_calls") else ""))
                logprobs = get(choice, "logprobs")
                if tokens := get(logprobs, "content"):
                    put(logprobs, "content", visible_tokens(tokens, parsed.removed))

    def cleaner(self, turn: Turn) -> Cleaner:
        """Return what does the same to one stream."""
        return ChunkCleaner(turn)


class CompletionsWithMemory(Resource):
    """Stand in for `client.chat.completions`."""

    __slots__ = ()
    dialect = Completions()


_SYSTEM = ("system", "developer")


def _messages(kwargs: Mapping[str, Any]) -> Sequence[Any] | None:
    messages = kwargs.get("messages")
    return messages if isinstance(messages, (list, tuple)) and messages else None


def _last_user(messages: Sequence[Any]) -> int:
    """Return the place of the last user message; -1 where there is none."""
    return max((place for place, message in enumerate(messages) if get(message, "role") == "user"), default=-1)


def _text(content: Any) -> str:
    """Return what a message says in text, whatever else it shows."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, (list, tuple)) else ()
    return "\n".join(text for part in parts if isinstance(text := get(part, "text"), str))


def _joined(notes: str, content: Any) -> Any:
    """Put `notes` in front of what a message says; parts stay parts."""
    if content is None or isinstance(content, str):
        return notes + (content or "")
    return [{"type": "text", "text": notes}, *content]


def _instruct(messages: list[Any], instruction: str) -> None:
    """Add `instruction` at the end of the first system message, or as a new one."""
    for place, message in enumerate(messages):
        if get(message, "role") in _SYSTEM:
            content = get(message, "content")
            added = (
                [*content, {"type": "text", "text": instruction}]
                if isinstance(content, Iterable) and not isinstance(content, str)
                else f"{content}\n\n{instruction}"
                if content
                else instruction
            )
            messages[place] = with_field(message, "content", added)
            return
    messages.insert(0, {"role": "system", "content": instruction})


def _digest(messages: Sequence[Any]) -> bytes:
    """Identify messages by who says what, alike for the SDK's objects and for dicts."""
    said = [(get(message, "role"), get(message, "content")) for message in messages]
    return blake2b(json.dumps(said, default=_plain).encode(), digest_size=16).digest()


def _plain(thing: Any) -> Any:
    return thing.model_dump(exclude_none=True) if hasattr(thing, "model_dump") else repr(thing)


def _has_room(body: Mapping[str, Any]) -> bool:
    """Tell whether a block has a place in the reply: not in typed output, a forced call, sound, or very few tokens."""
    output = body.get("response_format")
    if output and get(output, "type") != "text":
        return False
    if _forces_a_call(body.get("tool_choice")) or isinstance(body.get("function_call"), Mapping):
        return False
    if body.get("audio") or "audio" in (body.get("modalities") or ()):
        return False
    limits = (body.get(name) for name in ("max_tokens", "max_completion_tokens"))
    return all(limit >= LEAST_ROOM for limit in limits if isinstance(limit, int))


def _forces_a_call(choice: Any) -> bool:
    if isinstance(choice, Mapping) and choice.get("type") == "allowed_tools":
        choice = get(choice.get("allowed_tools"), "mode")
    return choice == "required" or isinstance(choice, Mapping)
