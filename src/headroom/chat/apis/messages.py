"""What the APIs' conversations have in common: who speaks, what is said in words, what leaves no room for a block."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from hashlib import blake2b
from typing import Any


def get(thing: Any, name: str) -> Any:
    """Read a field; return None if there is none."""
    return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)


def fields(thing: Any, *names: str) -> list[Any]:
    """Read several fields; None stands for one that is not there."""
    return [get(thing, name) for name in names]


def any_of(things: Iterable[Any], names: Sequence[str]) -> bool:
    """Return whether any of these fields is there, and not empty, in any of `things`."""
    return any(get(thing, name) for thing in things for name in names)


def put(thing: Any, name: str, value: Any) -> None:
    """Write a field in place."""
    if isinstance(thing, MutableMapping):
        thing[name] = value
    else:
        setattr(thing, name, value)


def with_field(thing: Any, name: str, value: Any) -> Any:
    """Return a copy of `thing` with another value in a field; the rest is shared."""
    if isinstance(thing, Mapping):
        return {**thing, name: value}
    changed = copy.copy(thing)
    setattr(changed, name, value)
    return changed


SYSTEM = ("system", "developer")
EARLIER = 3
"""Messages before the last one that recall may hear."""
LEAST_ROOM = 200
"""Tokens of output below which a memory block would take the reply's own place."""


def last_user(messages: Sequence[Any]) -> int:
    """Return the place of the last user message; -1 if there is none."""
    return max((place for place, message in enumerate(messages) if get(message, "role") == "user"), default=-1)


def goes_on(messages: Sequence[Any], last: int) -> bool:
    """Return whether anybody but the system speaks after the message at `last`."""
    return any(get(message, "role") not in SYSTEM for message in messages[last + 1 :])


def words(content: Any) -> str:
    """Return what a message says in text, whatever else it shows."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, (list, tuple)) else ()
    return "\n".join(text for part in parts if isinstance(text := get(part, "text"), str))


def earlier_words(messages: Sequence[Any], last: int) -> tuple[str, ...]:
    """Return what the last few user messages before the one at `last` say in text, oldest first."""
    said = (words(get(message, "content")) for message in messages[: max(last, 0)] if get(message, "role") == "user")
    return tuple([text for text in said if text.strip()][-EARLIER:])


def name_of(messages: Sequence[Any], last: int) -> str | None:
    """Return the name that the message at `last` gives its writer, if it gives one."""
    name = get(messages[last], "name") if last >= 0 else None
    return name if isinstance(name, str) and name.strip() else None


def said_by_user(messages: Iterable[Any]) -> tuple[str, ...]:
    """Return what the user says in each message, in words; results of tools may stand in the same messages."""
    own = (_own_words(get(message, "content")) for message in messages if get(message, "role") == "user")
    return tuple(text for text in own if text)


def _own_words(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, (list, tuple)) else ()
    own = (part for part in parts if isinstance(part, str) or get(part, "type") in ("text", "input_text", None))
    return "\n".join(
        text for part in own if isinstance(text := part if isinstance(part, str) else get(part, "text"), str)
    )


def prefixed(notes: str, content: Any, part_type: str) -> Any:
    """Put `notes` in front of what a message says; parts stay parts."""
    if content is None or isinstance(content, str):
        return notes + (content or "")
    return [{"type": part_type, "text": notes}, *content]


def joined(first: Any, second: str) -> str:
    """Set one instruction below the other."""
    return f"{first}\n\n{second}" if first else second


def parted(text: Any, second: str) -> Any:
    """Undo `joined`: return what stood above `second`, None if nothing did, and anything else as it is."""
    if not isinstance(text, str) or not text.endswith(second):
        return text
    return text.removesuffix(second).removesuffix("\n\n") or None


def digest(*said: Any) -> bytes:
    """Identify a conversation by what is said in it, alike for the SDK's objects and for dicts."""
    return blake2b(json.dumps(said, default=_plain).encode(), digest_size=16).digest()


def _plain(thing: Any) -> Any:
    return thing.model_dump(exclude_none=True) if hasattr(thing, "model_dump") else repr(thing)


def forces_a_call(tool_choice: Any) -> bool:
    """Return whether the model has no choice but to call a tool."""
    if isinstance(tool_choice, Mapping) and tool_choice.get("type") == "allowed_tools":
        tool_choice = tool_choice.get("mode") or get(tool_choice.get("allowed_tools"), "mode")
    return tool_choice == "required" or isinstance(tool_choice, Mapping)


def is_typed(output: Any) -> bool:
    """Return whether an output format leaves no room for words of our own."""
    return bool(output) and get(output, "type") != "text"


def has_tokens(body: Mapping[str, Any], *names: str) -> bool:
    """Return whether no output limit, under any of `names`, is too low for a block."""
    limits = (body.get(name) for name in names)
    return all(limit >= LEAST_ROOM for limit in limits if isinstance(limit, int))
