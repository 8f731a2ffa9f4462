"""Chat completions: where a request's messages and a reply's text are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .asking import Asking
from .chunks import ChunkCleaner
from .conversation import (
    SYSTEM,
    digest,
    forces_a_call,
    goes_on,
    has_tokens,
    is_typed,
    joined,
    last_user,
    prefixed,
    words,
)
from .dialect import Asked, Cleaner
from .fields import get, index_of, put, with_field
from .logprobs import visible_tokens
from .resource import Resource
from .texts import Texts


class Completions:
    """The dialect of `chat.completions`."""

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

    def write(self, kwargs: Mapping[str, Any], notes: str, asking: Asking | None) -> dict[str, Any]:
        """Return `kwargs` with `notes` in front of the last user message, asking for a block unless that is None."""
        messages = list(_messages(kwargs) or ())
        last = last_user(messages)
        if notes and last >= 0:
            content = prefixed(notes, get(messages[last], "content"), "text")
            messages[last] = with_field(messages[last], "content", content)
        written = {**kwargs, "messages": messages}
        if asking is not None:
            _instruct(messages, asking.instruction)
            _show(messages, asking.examples)
            if asking.body and not _is_held(_body(kwargs)):
                written["extra_body"] = {**asking.body, **(kwargs.get("extra_body") or {})}
        return written

    def is_reply(self, reply: Any) -> bool:
        """Tell a whole reply from a stream or a raw response."""
        return get(reply, "choices") is not None

    def clean(self, reply: Any, texts: Texts) -> None:
        """Take the memory blocks out of every choice, with their log probabilities."""
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
                logprobs = get(choice, "logprobs")
                if tokens := get(logprobs, "content"):
                    put(logprobs, "content", visible_tokens(tokens, parsed.removed))

    def cleaner(self, texts: Texts) -> Cleaner:
        """Return what does the same to one stream."""
        return ChunkCleaner(texts)


class CompletionsWithMemory(Resource):
    """Stand in for `client.chat.completions`."""

    __slots__ = ()
    dialect = Completions()


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


def _is_held(body: Mapping[str, Any]) -> bool:
    """Tell whether tools or the caller's own grammar shape the reply; llama.cpp refuses a second one beside them."""
    return any(body.get(name) for name in ("tools", "functions", "grammar", "json_schema"))


def _has_room(body: Mapping[str, Any]) -> bool:
    """Tell whether a block has a place in the reply: not in typed output, a forced call, sound, or very few tokens."""
    if is_typed(body.get("response_format")):
        return False
    if forces_a_call(body.get("tool_choice")) or isinstance(body.get("function_call"), Mapping):
        return False
    if body.get("audio") or "audio" in (body.get("modalities") or ()):
        return False
    return has_tokens(body, "max_tokens", "max_completion_tokens")
