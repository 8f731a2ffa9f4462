"""What one item of a memory block says, out of whatever a model put there. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...memory.records import Relationship, Scope

MAX_CONTENT = 2000
"""Characters; a longer text is no fact."""
_UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")
_MAX_LIST = 32
"""Entities, relationships or handles of one item; the rest is left out."""
_CONTENT = ("content", "fact", "memory", "text")
_EDGE = (
    ("source", "subject", "from"),
    ("relation", "relationship", "predicate", "type"),
    ("target", "destination", "object", "to"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing a model wants remembered, corrected or forgotten. `None` and `()` mean: not said, or not readable."""

    content: str | None
    """None only if `forget` names a note."""
    scope: Scope | None = None
    importance: float | None = None
    """In 0..1."""
    entities: tuple[str, ...] = ()
    relationships: tuple[Relationship, ...] = ()
    replaces: tuple[int, ...] = ()
    """Handles of the notes that `content` corrects, as the frame showed them, from 1; not checked against it."""
    forget: tuple[int, ...] = ()
    """Handles of notes to hide, the same way."""


class Unusable(ValueError):
    """A value that is no item; its text says why, in words that hold nothing of the value."""


def item(value: object) -> Item:
    """Read one value of a block: a string, or an object with a content. Raises `Unusable`."""
    if isinstance(value, str):
        return Item(content=_content(value))
    if not isinstance(value, dict):
        raise Unusable("not an item")
    said = {str(key).lower(): part for key, part in value.items()}
    content = next((said[key] for key in _CONTENT if isinstance(said.get(key), str)), None)
    forget = _handles(said.get("forget"))
    if content is None and not forget:
        raise Unusable("no content")
    return Item(
        content=None if content is None else _content(content),
        scope=_scope(said.get("scope")),
        importance=_importance(said.get("importance")),
        entities=_entities(said.get("entities")),
        relationships=_relationships(said.get("relationships")),
        replaces=() if content is None else _handles(said.get("replaces")),
        forget=forget,
    )


def _content(text: str) -> str:
    text = _text(text)
    if not any(map(str.isalnum, text)):
        raise Unusable("no words in it")
    if len(text) > MAX_CONTENT:
        raise Unusable(f"longer than {MAX_CONTENT} characters")
    return text


def _text(text: str) -> str:
    """Refuse what no file can hold: NUL, and half a character."""
    if _UNSTORABLE.search(text):
        raise Unusable("not text")
    return text.strip()


def _scope(value: object) -> Scope | None:
    """Read a scope; an unknown one may have meant a narrow one, so it never becomes a broader one."""
    if value is None:
        return None
    try:
        return Scope(str(value).strip().lower())
    except ValueError:
        raise Unusable("unknown scope") from None


def _importance(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and 0 <= number <= 1 else None


def _entities(value: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for part in _list(value) if (name := _name(part))))


def _name(value: object) -> str | None:
    if isinstance(value, dict):
        value = value.get("name")
    if not isinstance(value, str) or len(value) > MAX_CONTENT:
        return None
    try:
        return _text(value) or None
    except Unusable:
        return None


def _relationships(value: object) -> tuple[Relationship, ...]:
    edges = _list(value)
    if len(edges) == 3 and all(isinstance(part, str) for part in edges):
        edges = [edges]
    return tuple(dict.fromkeys(edge for part in edges if (edge := _relationship(part))))


def _relationship(value: object) -> Relationship | None:
    if isinstance(value, Mapping):
        value = [next((value[key] for key in keys if key in value), None) for keys in _EDGE]
    if not isinstance(value, list) or len(value) != 3:
        return None
    names = [name for part in value if (name := _name(part))]
    return Relationship(*names) if len(names) == 3 else None


def _handles(value: object) -> tuple[int, ...]:
    """Read handles written as 1, "1", "[1]", or a list of these."""
    return tuple(dict.fromkeys(_numbers(value)))


def _numbers(value: object) -> Iterator[int]:
    for part in _list(value):
        if isinstance(part, str):
            part = part.strip(" []#")
            part = int(part) if part.isascii() and part.isdigit() and len(part) < 4 else None
        if isinstance(part, int | float) and not isinstance(part, bool) and part in range(1, 1000):
            yield int(part)


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value[:_MAX_LIST] if isinstance(value, list) else [value]
