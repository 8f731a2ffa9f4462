"""The rules of who sees what, and the filters of a search, as conditions that Qdrant evaluates inside the search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from qdrant_client import models as m

from ..records import Reader
from ..rules.visibility import Rule, visible
from .points import FOREVER, LIVE


def has(field: str, value: str | int) -> m.FieldCondition:
    """Return the condition that a field holds a value."""
    return m.FieldCondition(key=field, match=m.MatchValue(value=value))


def has_any(field: str, values: Sequence[Any]) -> m.FieldCondition:
    """Return the condition that a field holds one of some values."""
    return m.FieldCondition(key=field, match=m.MatchAny(any=list(values)))


def between(field: str, **limits: float) -> m.FieldCondition:
    """Return the condition that a number lies within limits: `gt`, `gte`, `lt`, `lte`."""
    return m.FieldCondition(key=field, range=m.Range(**limits))


def one_of(ids: Iterable[str]) -> m.HasIdCondition:
    """Return the condition that the point has one of these ids."""
    return m.HasIdCondition(has_id=list(ids))


def at_rev(memory_id: str, rev: int) -> m.Filter:
    """Return the filter of a point that nobody has written since."""
    return m.Filter(must=[one_of([memory_id]), has("rev", rev)])


def of_user(user_id: str, *more: Any) -> m.Filter:
    """Return the filter of a user's memories whose writing is complete."""
    return m.Filter(must=[has("user_id", user_id), has("state", LIVE), *more])


def seen(reader: Reader, now: int, *more: Any) -> m.Filter:
    """Return the filter of the present memories that `reader` sees."""
    present = has("until", FOREVER), between("expires_at", gt=now)
    return of_user(reader.user_id, *present, *parts_of(ruled(visible(reader))), *more)


def seen_at(reader: Reader, now: int, moment: int, *more: Any) -> m.Filter:
    """Return the filter of what `reader` would have seen at a moment of the past."""
    held = (between("created_at", lte=moment), between("until", gt=moment), between("expires_at", gt=now))
    return of_user(reader.user_id, *held, *parts_of(ruled(visible(reader))), *more)


def parts_of(where: m.Filter) -> list[m.Filter]:
    """Return a filter as a condition of another one; none if it asks nothing, because an empty one is no condition."""
    return [where] if where.must or where.should or where.must_not else []


def ruled(rule: Rule) -> m.Filter:
    """Turn a rule of visibility into a condition: one of its clauses holds. One that asks nothing is empty."""
    if not all(rule):
        return m.Filter()
    return m.Filter(should=[m.Filter(must=_clause(clause.items())) for clause in rule])


def _clause(columns: Iterable[tuple[str, tuple[Any, ...]]]) -> list[Any]:
    # A missing id is stored as an empty text, because an index finds a value and not its absence.
    return [
        has_any(column, ["" if value is None else str(getattr(value, "value", value)) for value in allowed])
        for column, allowed in columns
    ]
