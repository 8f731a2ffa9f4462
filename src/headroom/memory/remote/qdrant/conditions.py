"""Who sees what, and what a filter lets through, as conditions that Qdrant evaluates inside the search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from qdrant_client import models as m

from ...query import AllOf, AnyOf, Compare, Field, Filter, Kind, Listing, Not, Operator, State
from ...records import Reader
from ...rules.times import DAY, micros
from ...rules.visibility import Rule, visible
from .labels import equals, exists
from .points import FOREVER, HELD, LIVE, STORED, TURN

NONE = m.Filter(must_not=[])
"""The condition that asks nothing."""
_RANGES = {Operator.GT: "gt", Operator.GTE: "gte", Operator.LT: "lt", Operator.LTE: "lte"}
_OWN = {"saved_by": "saved_by", "origin": "origins", "entities": "entities", "scope": "scope"}
_IDS = ("agent_id", "session_id", "turn_id")
_NUMBERS = ("created_at", "importance")


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


def every(*conditions: Any) -> m.Filter:
    """Return the filter that all of these hold; those that ask nothing are left out."""
    return m.Filter(must=[each for each in conditions if not _asks_nothing(each)])


def at_rev(memory_id: str, rev: int) -> m.Filter:
    """Return the filter of a point that nobody has written since."""
    return every(one_of([memory_id]), has("rev", rev))


def of_user(user_id: str, *more: Any) -> m.Filter:
    """Return the filter of a user's memories: present, held and history, expired ones too."""
    return every(has("user_id", user_id), has_any("state", STORED), *more)


def of_all(*more: Any) -> m.Filter:
    """Return the filter of everybody's memories: present, held and history, expired ones too."""
    return every(has_any("state", STORED), *more)


def seen(reader: Reader, now: int, *more: Any) -> m.Filter:
    """Return the filter of the present memories that `reader` sees."""
    return _seen_by(reader, has("state", LIVE), has("until", FOREVER), between("over_at", gt=now), *more)


def seen_at(reader: Reader, now: int, moment: int, *more: Any) -> m.Filter:
    """Return the filter of what `reader` would have seen at a moment of the past."""
    held = (between("created_at", lte=moment), between("until", gt=moment), between("over_at", gt=now))
    return _seen_by(reader, has("state", LIVE), *held, *more)


def listed(listing: Listing, now: int, *more: Any) -> m.Filter:
    """Return the filter of a list: who looks, and at which versions."""
    if listing.as_of is not None:
        return seen_at(listing.reader, micros(listing.as_of), micros(listing.as_of), *more)
    if listing.changed is not None:
        after, until = map(micros, listing.changed)
        times: list[Any] = [between(name, gt=after, lte=until) for name in ("created_at", "until", "over_at")]
        return _seen_by(listing.reader, has("state", LIVE), m.Filter(should=times), *more)
    ended = between("until", lt=FOREVER)
    not_replaced = m.IsEmptyCondition(is_empty=m.PayloadField(key="superseded_by"))
    states: dict[State, tuple[Any, ...]] = {
        State.PRESENT: (has("state", LIVE), has("until", FOREVER)),
        State.HELD: (has("state", HELD), has("until", FOREVER)),
        State.FORGOTTEN: (has("state", LIVE), ended, not_replaced),
        State.ALL: (has_any("state", STORED),),
    }
    return _seen_by(listing.reader, *states[listing.state], between("over_at", gt=now), *more)


def expired(at: int) -> m.Filter:
    """Return the filter of what nobody sees any more: expired memories, and the turn memories of a day ago."""
    old_turn = every(has("scope", "turn"), between("created_at", lt=at - DAY))
    return of_all(m.Filter(should=[between("over_at", lte=at), old_turn]))


def naming(memory_ids: Iterable[str]) -> m.Filter:
    """Return the filter of the kept turns that name one of these memories."""
    return every(has("state", TURN), has_any("names", list(memory_ids)))


def ruled(rule: Rule) -> m.Filter:
    """Turn a rule of visibility into a condition: one of its clauses holds."""
    if not all(rule):
        return NONE
    return m.Filter(should=[m.Filter(must=[_column(*each) for each in clause.items()]) for clause in rule])


def _seen_by(reader: Reader, *conditions: Any) -> m.Filter:
    return every(has("user_id", reader.user_id), *conditions, ruled(visible(reader)))


def _column(name: str, allowed: tuple[Any, ...]) -> m.FieldCondition:
    # A missing id is stored as an empty text, because an index finds a value and not its absence.
    return has_any(name, ["" if value is None else str(getattr(value, "value", value)) for value in allowed])


def _asks_nothing(condition: Any) -> bool:
    return isinstance(condition, m.Filter) and not (condition.must or condition.should or condition.must_not)


class Pushed(NamedTuple):
    """A filter as the engine can evaluate it."""

    condition: m.Filter
    """It lets through all that the filter does."""
    exact: bool
    """And nothing else; if not, `rules.filters.matches` has the last word."""


def pushed(where: Filter | None) -> Pushed:
    """Turn a filter into a condition: exact, or one that at least lets through all that it should."""
    if where is None:
        return Pushed(NONE, exact=True)
    if isinstance(where, Compare):
        return _own(where) if where.field.own else _metadata(where)
    if isinstance(where, Not):
        part = pushed(where.part)
        if not part.exact:
            return Pushed(NONE, exact=False)
        if _asks_nothing(part.condition):
            return Pushed(_nothing(), exact=True)
        return Pushed(m.Filter(must_not=[part.condition]), exact=True)
    parts = [pushed(part) for part in where.parts]
    exact = all(part.exact for part in parts)
    if isinstance(where, AllOf):
        return Pushed(every(*(part.condition for part in parts)), exact)
    assert isinstance(where, AnyOf)
    if any(_asks_nothing(part.condition) for part in parts):
        return Pushed(NONE, exact)
    either: list[Any] = [part.condition for part in parts]
    return Pushed(m.Filter(should=either) if parts else _nothing(), exact)


def _metadata(compare: Compare) -> Pushed:
    path = compare.field.path
    if compare.operator is Operator.IN:
        wanted = [equals(path, cell) for cell in compare.values]
        return Pushed(every(has_any("labels", wanted)) if wanted else _nothing(), exact=True)
    return Pushed(every(has("labels", exists(path))), exact=compare.operator is Operator.EXISTS)


def _own(compare: Compare) -> Pushed:
    name = compare.field.path[0]
    if name in _NUMBERS:
        return _number(name, compare)
    if name in _IDS:
        return _id(name, compare)
    element = compare.operator is Operator.CONTAINS and _is_list(compare.field)
    if compare.operator is Operator.IN or element:
        wanted = [cell.value for cell in compare.values if cell.kind is Kind.TEXT]
        return Pushed(every(has_any(_OWN[name], wanted)) if wanted else _nothing(), exact=True)
    return Pushed(NONE, exact=False)


def _number(name: str, compare: Compare) -> Pushed:
    values = [cell.value for cell in compare.values if cell.kind is Kind.NUMBER]
    if compare.operator is Operator.IN:
        alike: list[Any] = [every(between(name, gte=value, lte=value)) for value in values]
        return Pushed(m.Filter(should=alike) if alike else _nothing(), exact=False)
    if compare.operator not in _RANGES or len(values) != 1:
        return Pushed(NONE, exact=False)
    # The engine compares doubles: near the limit it may let through one too many.
    wider = {"gt": "gte", "lt": "lte"}.get(_RANGES[compare.operator], _RANGES[compare.operator])
    return Pushed(every(between(name, **{wider: values[0]})), exact=False)


def _id(name: str, compare: Compare) -> Pushed:
    if compare.operator is Operator.EXISTS:
        return Pushed(m.Filter(must_not=[has(name, "")]), exact=True)
    if compare.operator is Operator.IN:
        wanted = [cell.value for cell in compare.values if cell.kind is Kind.TEXT]
        return Pushed(every(has_any(name, wanted)) if wanted else _nothing(), exact=True)
    return Pushed(NONE, exact=False)


def _is_list(field: Field) -> bool:
    return field.path[0] in ("entities", "saved_by")


def _nothing() -> m.Filter:
    return every(has("state", "never"))
