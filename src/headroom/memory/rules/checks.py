"""What may be stored: a draft is checked here, whole, before anything is written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from numbers import Real
from types import EllipsisType
from typing import TypeVar

from ...errors import InvalidInput
from ..protocols import Entry, Vector
from ..query import Listing, Query
from ..records import Draft, Json, Origin, Reader, Relationship, Scope
from .amending import Fields
from .times import now, require_aware
from .visibility import require_id

LONGEST_CONTENT = 32_768
"""Characters of a memory. A memory is a fact or a remark; a document belongs elsewhere, or in pieces."""
LONGEST_ID = 512
_LONGEST_QUESTION = 8192
"""Characters of a question that are looked at."""
DEEPEST_JSON = 64
"""Levels of nesting in metadata: far below what JSON readers and writers can take."""


E = TypeVar("E", bound=Enum)


def check_query(query: Query) -> Query:
    """Return a search as it can be carried out; raise InvalidInput if one of its arguments cannot be used."""
    check_reader(query.reader)
    check_count("top_k", query.top_k)
    require_aware("as_of", query.as_of)
    return replace(query, text=question(query.text), min_score=check_share("min_score", query.min_score))


def check_listing(listing: Listing) -> Listing:
    """Return a list as it can be made; raise InvalidInput if one of its arguments cannot be used."""
    check_reader(listing.reader)
    if listing.limit is not None:
        check_count("limit", listing.limit)
    for moment in (listing.as_of, *(listing.changed or ())):
        require_aware("as_of", moment)
    return listing


def question(text: object) -> str:
    """Make any text safe to search for: a chat may send what could not be stored. Raise InvalidInput if it is none."""
    if not isinstance(text, str):
        raise InvalidInput(f"query must be text, not {type(text).__name__}")
    return text[:_LONGEST_QUESTION].replace("\x00", " ").encode("utf-8", "replace").decode()


def check_count(name: str, value: object) -> int:
    """Raise InvalidInput unless `value` is a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 2**31:
        raise InvalidInput(f"{name} must be a whole number of at least 1, not {value!r}")
    return value


def check_reader(reader: Reader) -> Reader:
    """Raise InvalidInput if any id is empty, too long, or not valid text."""
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
        advice = "store it in pieces" if name == "content" else "make it shorter"
        raise InvalidInput(f"{name} has {len(value):,} characters; the most is {longest:,}: {advice}")
    if "\x00" in value:
        raise InvalidInput(f"{name} contains a NUL character; remove it")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidInput(
            f"{name} contains half a surrogate pair, which is no text; decode it again from its source"
        ) from None
    return value


def check_ids(memory_ids: Sequence[str]) -> list[str]:
    """Raise InvalidInput unless these are ids; whether there are such memories is another question."""
    if isinstance(memory_ids, (str, bytes)) or not isinstance(memory_ids, Iterable):
        raise InvalidInput("several ids must come as a list")
    return [str(memory_id) for memory_id in memory_ids]


def one_of(memory_ids: Sequence[str] | None, where: Mapping[str, object] | None) -> bool:
    """Return whether ids are given; raise InvalidInput unless it is either ids or a filter that says something."""
    if (memory_ids is None) == (where is None):
        raise InvalidInput("name the memories by their ids or by a filter, one of the two")
    if where is not None and not where:
        raise InvalidInput("an empty filter would erase everything; if that is meant, call clear()")
    return memory_ids is not None


def check_fields(fields: Fields) -> Fields:
    """Return the fields of an update as they are stored; raise InvalidInput if one of them cannot be."""
    expires = fields.expires_at
    if (
        not isinstance(expires, EllipsisType)
        and (at := require_aware("expires_at", expires)) is not None
        and at <= now()
    ):
        raise InvalidInput("expires_at is in the past; to hide a memory call forget()")
    return replace(
        fields,
        metadata=None if fields.metadata is None else check_json("metadata", fields.metadata),
        importance=None if fields.importance is None else check_share("importance", fields.importance),
        entities=None if fields.entities is None else _entities(fields.entities),
    )


def check_share(name: str, value: object) -> float:
    """Raise InvalidInput unless `value` is a number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, Real) or not value <= 1 or value < 0:
        raise InvalidInput(f"{name} must be a number from 0 to 1, not {value!r}")
    return float(value)


def check_json(name: str, value: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return a copy of `value` as it will be read back; raise InvalidInput if JSON cannot hold it."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise InvalidInput(f"{name} must be a mapping with text keys")
    if not value:
        return {}
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
    """Return the draft with a Scope and Relationships in it; raise InvalidInput if it cannot be stored."""
    if isinstance(draft, str):
        draft = Draft(draft)
    if not isinstance(draft, Draft):
        raise InvalidInput(f"a memory must be text or a Draft, not {type(draft).__name__}")
    check_text("content", draft.content, LONGEST_CONTENT)
    scope = _enum("scope", Scope, draft.scope)
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
        origin=_enum("origin", Origin, draft.origin),
    )


def entry_of(draft: Draft, vector: Vector | None, *, held_until: int | None = None) -> Entry:
    """Join a checked draft with its vector, if there is one yet."""
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
        origin=Origin(draft.origin),
        held_until=held_until,
        vector=vector,
    )


def check_scope(value: object) -> Scope:
    """Raise InvalidInput unless `value` is a scope."""
    return _enum("scope", Scope, value)


def _enum(name: str, kind: type[E], value: object) -> E:
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(member.value for member in kind)
        raise InvalidInput(f"unknown {name} {value!r}; choose one of: {known}") from None


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
