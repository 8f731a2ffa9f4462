"""Fields of what the SDKs send and give: their own objects, or plain dicts."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any


def get(thing: Any, name: str) -> Any:
    """Read a field; None where there is none."""
    return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)


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


def values(thing: Any) -> Mapping[str, Any]:
    """Return all fields, those that the SDK does not know included."""
    return dict(thing) if isinstance(thing, Iterable) else vars(thing)


def index_of(choice: Any, place: int) -> int:
    """Return the number of a choice: its own, else its place in the list."""
    index = get(choice, "index")
    return index if isinstance(index, int) else place
