"""What may be stored: a draft is checked here, whole, before anything is written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real

from ...errors import InvalidInput
from ..protocols import Entry, Vector
from ..records import Draft, Json, Reader, Relationship, Scope
from .times import now, require_aware
from .visibility import require_id

LONGEST_CONTENT = 32_768
"""Characters of a memory. A memory is a fact or a remark; a document belongs elsewhere, or in pieces."""
LONGEST_ID = 512
DEEPEST_JSON = 64
"""Levels of nesting in metadata: far from where the readers and writers of JSON give up."""


def check_reader(reader: Reader) -> Reader:
    """Raise InvalidInput where an id cannot be one."""
    check_text("user_id", reader.user_id, LONGEST_ID)
    for name in ("session_id", "agent_id", "turn_id"):
        if getattr(reader, name) is not None:
            check_text(name, getattr(reader, name), LONGEST_ID)
    return reader


def check_text(name: str, value: object, longest: int) -> str:
    """Raise InvalidInput unless `value` is text that can be stored and read back."""
    if not isinstance(value, str):
        raise InvalidInput(f"{name} must be text, not {type(value).__name__}")
    if not value.strip():
        raise InvalidInput(f"{name} must not be empty")
    if len(value) > longest:
        raise InvalidInput(f"{name} has {len(value):,} characters; the most is {longest:,}: store it in pieces")
    if "\x00" in value:
        raise InvalidInput(f"{name} contains a NUL character; remove it")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidInput(
            f"{name} contains half a surrogate pair, which is no text; decode it again from its source"
        ) from None
    return value


def check_share(name: str, value: object) -> float:
    """Raise InvalidInput unless `value` is a number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) <= 1:
        raise InvalidInput(f"{name} must be a number from 0 to 1, not {value!r}")
    return float(value)


def check_json(name: str, value: Mapping[str, Json]) -> Mapping[str, Json]:
    """Give a copy of `value` as it will be read back; raise InvalidInput where JSON cannot hold it."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise InvalidInput(f"{name} must be a mapping with text keys")
    try:
        encoded = json.dumps(dict(value), allow_nan=False, ensure_ascii=False)
        encoded.encode()
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidInput(f"{name} must be JSON: {exc}") from exc
    if len(encoded) > LONGEST_CONTENT:
        raise InvalidInput(f"{name} takes {len(encoded):,} characters as JSON; the most is {LONGEST_CONTENT:,}")
    if encoded.count("[") + encoded.count("{") > DEEPEST_JSON and _depth(value) > DEEPEST_JSON:
        raise InvalidInput(f"{name} is nested more than {DEEPEST_JSON} levels deep; make it flatter")
    plain: dict[str, Json] = json.loads(encoded)
    return plain


def _depth(value: object) -> int:
    children: Iterable[object] = ()
    if isinstance(value, Mapping):
        children = value.values()
    elif isinstance(value, (list, tuple)):
        children = value
    return 1 + max(map(_depth, children), default=0)


def check_draft(draft: Draft | str, writer: Reader) -> Draft:
    """Give the draft with its scope as an enum and its edges as Relationships. Raises InvalidInput."""
    if isinstance(draft, str):
        draft = Draft(draft)
    if not isinstance(draft, Draft):
        raise InvalidInput(f"a memory must be text or a Draft, not {type(draft).__name__}")
    check_text("content", draft.content, LONGEST_CONTENT)
    scope = _scope(draft.scope)
    require_id(scope, writer)
    require_aware("created_at", draft.created_at)
    expires = require_aware("expires_at", draft.expires_at)
    if expires is not None and expires <= now():
        raise InvalidInput("expires_at is in the past")
    return Draft(
        draft.content,
        scope=scope,
        importance=check_share("importance", draft.importance),
        entities=_entities(draft.entities),
        relationships=tuple(_relationship(edge) for edge in _many("relationships", draft.relationships)),
        metadata=check_json("metadata", draft.metadata),
        created_at=draft.created_at,
        expires_at=draft.expires_at,
    )


def entry_of(draft: Draft, vector: Vector | None) -> Entry:
    """Join a checked draft with its vector, where there is one yet."""
    created = require_aware("created_at", draft.created_at)
    return Entry(
        content=draft.content,
        scope=Scope(draft.scope),
        importance=draft.importance,
        entities=tuple(draft.entities),
        relationships=tuple(_relationship(edge) for edge in draft.relationships),
        metadata=draft.metadata,
        created_at=now() if created is None else created,
        expires_at=require_aware("expires_at", draft.expires_at),
        vector=vector,
    )


def _scope(value: object) -> Scope:
    try:
        return Scope(value)
    except ValueError:
        known = ", ".join(scope.value for scope in Scope)
        raise InvalidInput(f"unknown scope {value!r}; choose one of: {known}") from None


def _entities(values: Sequence[str]) -> tuple[str, ...]:
    names = (check_text("an entity", name, LONGEST_ID).strip() for name in _many("entities", values))
    return tuple(dict.fromkeys(names))


def _many(name: str, values: Iterable[object]) -> Iterable[object]:
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise InvalidInput(f"{name} must be a list, not {type(values).__name__}")
    return values


def _relationship(edge: object) -> Relationship:
    parts: object = edge
    if isinstance(edge, Mapping):
        parts = tuple(edge.get(name) for name in Relationship._fields)
    if not isinstance(parts, (tuple, list)) or len(parts) != 3:
        raise InvalidInput("a relationship must be (source, relation, target) or a mapping with these keys")
    names = zip(Relationship._fields, parts, strict=True)
    return Relationship(*(check_text(f"a relationship's {name}", part, LONGEST_ID).strip() for name, part in names))
