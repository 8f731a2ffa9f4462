"""Chat completions: where a request's messages and a reply's text are."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..prompt.examples import Request
from .api import Asked, Cleaner, Texts
from .foreign import in_messages, in_request, is_in_reply
from .messages import (
    SYSTEM,
    digest,
    earlier_words,
    fields,
    forces_a_call,
    get,
    goes_on,
    has_tokens,
    is_typed,
    joined,
    last_user,
    name_of,
    prefixed,
    put,
    said_by_user,
    with_field,
    words,
)


class ChunkCleaner:
    """Takes the memory blocks out of one stream, choice by choice."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._choices: dict[int, _ChoiceCleaner] = {}

    @property
    def finished(self) -> bool:
        """Every choice that was asked for has its finish reason."""
        return len(self._choices) >= self._texts.choices and all(choice.finished for choice in self._choices.values())

    def feed(self, chunk: Any) -> Sequence[Any]:
        """Return the chunk without what is hidden or held back; nothing if nothing is left of it."""
        choices = [
            _Choice(choice, *fields(choice, "index", "delta", "finish_reason"))
            for choice in get(chunk, "choices") or ()
        ]
        self._texts.foreign |= is_in_reply(chunk, *(choice.delta for choice in choices))
        hidden = False
        for place, choice in enumerate(choices):
            index = choice.index if isinstance(choice.index, int) else place
            if index not in self._choices:
                self._choices[index] = _ChoiceCleaner(self._texts, index)
            hidden |= self._choices[index].clean(chunk, choice)
        return () if hidden and _says_nothing(chunk) else (chunk,)

    def close(self) -> Sequence[Any]:
        """Return what was held back by choices that never said that they were finished."""
        return [chunk for choice in self._choices.values() for chunk in choice.close()]


class _Choice(NamedTuple):
    """One choice of a chunk, and its fields."""

    itself: Any
    index: Any
    delta: Any
    finish_reason: Any


class _ChoiceCleaner:
    """Takes the memory blocks out of the text of one choice."""

    def __init__(self, texts: Texts, index: int) -> None:
        self._texts, self._index = texts, index
        self._filter = texts.filter(index)
        self.finished = False
        self._last: Any = None
        """The latest chunk with text: what is held back at the end goes out in a copy of it."""
        self._delta: Any = None
        """Its delta for this choice."""

    def clean(self, chunk: Any, choice: _Choice) -> bool:
        """Clean a choice of a chunk in place; return whether text of it stays back."""
        delta, finish_reason = choice.delta, choice.finish_reason
        content = _Content(get(delta, "content"))
        if self.finished or not (content.texts or finish_reason):
            return False
        if content.texts:
            self._last, self._delta = chunk, delta
        shown = [self._filter.feed(text) for text in content.texts]
        rest = self._finish(choice.itself, finish_reason) if finish_reason else ""
        if shown:
            shown[-1] += rest
        elif rest:
            self._put_rest(choice.itself, delta, rest)
        if shown != content.texts:
            put(delta, "content", content.saying(shown))
        return bool(content.texts) and not any(shown)

    def _finish(self, choice: Any, finish_reason: str) -> str:
        """End the text of the choice and return what was held back of it."""
        self.finished = True
        rest = self._filter.close()
        if self._filter.cut and finish_reason == "length":
            put(choice, "finish_reason", "stop")
            self._texts.cut = True
        return rest

    def _put_rest(self, choice: Any, delta: Any, rest: str) -> None:
        """Show what was held back in a last chunk that has no text, or no delta at all."""
        if delta is None:
            put(choice, "delta", _with_only(self._delta, "content", rest))
        else:
            put(delta, "content", rest)

    def close(self) -> Sequence[Any]:
        """Return a chunk with what was held back if the stream ended without a finish reason."""
        if self.finished:
            return ()
        self.finished = True
        held = self._filter.close()
        if not held:
            return ()
        chunk = copy.deepcopy(self._last)
        numbered = enumerate(get(chunk, "choices"))
        choices = [choice for place, choice in numbered if _index_of(choice, place) == self._index]
        put(chunk, "choices", choices)
        put(get(choices[0], "delta"), "content", held)
        return (chunk,)


def _says_nothing(chunk: Any) -> bool:
    """Return whether a chunk, its text gone, carries nothing else either."""
    usage, choices = fields(chunk, "usage", "choices")
    said = (fields(choice, "finish_reason", "delta") for choice in choices)
    return not usage and not any(finish_reason or any(_values(delta).values()) for finish_reason, delta in said)


class _Content:
    """What a reply says: a text, or a list of parts that are texts or something else, such as thinking."""

    def __init__(self, content: Any) -> None:
        self._content = content
        self._parts = content if isinstance(content, (list, tuple)) else [content]
        self._places = [place for place, part in enumerate(self._parts) if _text_of(part)]
        self.texts: list[str] = [str(_text_of(self._parts[place])) for place in self._places]
        """The texts, in order; empty ones are left out."""

    def saying(self, texts: Sequence[str]) -> Any:
        """Return the content with other texts in the place of `texts`; a part without any text goes."""
        if isinstance(self._content, str):
            return texts[0]
        said = dict(zip(self._places, texts, strict=True))
        parts = []
        for place, part in enumerate(self._parts):
            if place not in said:
                parts.append(part)
            elif said[place]:
                parts.append(said[place] if isinstance(part, str) else with_field(part, "text", said[place]))
        return parts


def _text_of(part: Any) -> str | None:
    """Return the text of a part of a reply; None if it is something else."""
    if isinstance(part, str):
        return part
    text = get(part, "text") if get(part, "type") in ("text", "output_text", None) else None
    return text if isinstance(text, str) else None


def _with_only(thing: Any, name: str, value: Any) -> Any:
    """Return an object of the same kind as `thing` with nothing in it but one field."""
    if isinstance(thing, Mapping):
        return {name: value}
    if hasattr(thing, "model_construct"):
        return type(thing).model_construct(**{name: value})
    changed = copy.copy(thing)
    for other in vars(changed):
        setattr(changed, other, value if other == name else None)
    return changed


def _values(thing: Any) -> Mapping[str, Any]:
    """Return all fields, those that the SDK does not know included."""
    return dict(thing) if isinstance(thing, Iterable) else vars(thing)


def _index_of(choice: Any, place: int) -> int:
    """Return the number of a choice: its own, else its place in the list."""
    index = get(choice, "index")
    return index if isinstance(index, int) else place


class Completions:
    """The API of `chat.completions`."""

    conversation = "messages"

    def read(self, kwargs: Mapping[str, Any]) -> Asked | None:
        """Read a request; return None if it has no messages."""
        messages = _messages(kwargs)
        if messages is None:
            return None
        last = last_user(messages)
        upto = messages[: last + 1] or messages
        return Asked(
            message=None if last < 0 else words(get(messages[last], "content")),
            earlier=earlier_words(messages, last),
            speaker=name_of(messages, last),
            continues=goes_on(messages, last),
            digest=digest([fields(message, "role", "content") for message in upto]),
            has_room=_has_room(_body(kwargs)),
            foreign=in_messages(messages) or in_request(_body(kwargs)),
            said=said_by_user(messages),
            choices=choices if isinstance(choices := kwargs.get("n"), int) else 1,
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
        """Return whether this is a whole reply, and no stream or raw response."""
        return get(reply, "choices") is not None

    def clean(self, reply: Any, texts: Texts) -> None:
        """Take the memory blocks out of every choice."""
        choices = get(reply, "choices")
        messages = [get(choice, "message") for choice in choices]
        texts.foreign |= is_in_reply(reply, *messages)
        for place, (choice, message) in enumerate(zip(choices, messages, strict=True)):
            content = _Content(get(message, "content"))
            if not content.texts:
                continue
            shown, read = texts.parse_parts(content.texts, _index_of(choice, place))
            if read.cut and get(choice, "finish_reason") == "length":
                put(choice, "finish_reason", "stop")
                texts.cut = True
            if read.blocks:
                visible = content.saying(shown)
                # A message of tool calls only has no content at all.
                put(message, "content", None if visible == "" and get(message, "tool_calls") else visible)

    def cleaner(self, texts: Texts) -> Cleaner:
        """Return what takes the memory blocks out of one stream."""
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
    """Return whether a block has a place in the reply: not in typed output, a forced call, sound, a reply with log
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
