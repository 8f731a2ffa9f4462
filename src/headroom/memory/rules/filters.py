"""Filters of memories: what `where=` says, read into a small tree, and the rule of what the tree lets through. Pure.

A backend may evaluate the tree in its own way, over columns or inside a database, as long as it agrees with `matches`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple, TypeAlias

from ...errors import InvalidInput
from ..query import AllOf, AnyOf, Cell, Compare, Field, Filter, Kind, Not, Operator
from ..records import Json, Origin, Record, Scope
from .checks import LONGEST_CONTENT, LONGEST_ID, check_text
from .times import micros, require_aware

DEEPEST = 32
"""Levels of `$and`, `$or` and `$not` within each other."""
_OWN = "record."

Where: TypeAlias = Mapping[str, object]
"""A filter as the caller writes it, such as `{"kind": "note", "record.importance": {"$gte": 0.5}}`."""


def parse(where: Where | None, *, saved_by: str | None = None, origin: Origin | str | None = None) -> Filter | None:
    """Read a filter; None if it says nothing. Raise InvalidInput for an unknown operator or a value of the wrong kind.

    A bare name is a name in the metadata, and dots lead into nested mappings; `record.` names one of the record's own
    fields. Several names must all hold, and a value on its own means `$eq`. `$ne` and `$nin` also let through what
    lacks the field. `saved_by` and `origin` ask that one of the memory's sources is this agent, or has this origin.
    """
    parts = [] if where is None else _parts(where, 1)
    if saved_by is not None:
        agent = Cell(Kind.TEXT, check_text("saved_by", saved_by, LONGEST_ID))
        parts.append(Compare(Field(("saved_by",), own=True), Operator.IN, (agent,)))
    if origin is not None:
        parts.append(Compare(Field(("origin",), own=True), Operator.IN, (OWN["origin"].value(origin),)))
    return _joined(parts) if parts else None


def matches(where: Filter, record: Record) -> bool:
    """Return whether `where` lets `record` through. This is the rule that every backend keeps to."""
    if isinstance(where, Compare):
        return any(holds(where, cell) for cell in cells(record, where.field))
    if isinstance(where, Not):
        return not matches(where.part, record)
    each = (matches(part, record) for part in where.parts)
    return all(each) if isinstance(where, AllOf) else any(each)


def holds(compare: Compare, cell: Cell) -> bool:
    """Return whether one value of the field is what `compare` asks for."""
    if compare.operator is Operator.EXISTS:
        return True
    if compare.operator is Operator.CONTAINS:
        return any(_contains(cell, wanted) for wanted in compare.values)
    fits = _ORDER.get(compare.operator, _same)
    return any(cell.kind is wanted.kind and fits(cell.value, wanted.value) for wanted in compare.values)


def cells(record: Record, field: Field) -> tuple[Cell, ...]:
    """List the values of a field; none if the memory lacks it."""
    if field.own:
        return OWN[field.path[0]].read(record)
    return cells_at(record.metadata, field.path)


def cells_at(metadata: Mapping[str, Json], path: Sequence[str]) -> tuple[Cell, ...]:
    """List the values at a path through metadata; none if there is nothing there."""
    value: Json = metadata
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return ()
        value = value[name]
    found = cell_of(value)
    if found.kind is Kind.LIST:
        return (found, *(Cell(part.kind, part.value, element=True) for part in found.value))
    return (found,)


def cell_of(value: object) -> Cell:
    """Make a JSON value comparable: 1 and 1.0 are equal; 1, "1" and true are not. Raise InvalidInput for others."""
    if value is None:
        return Cell(Kind.NULL, None)
    if isinstance(value, bool):
        return Cell(Kind.BOOL, value)
    if isinstance(value, (int, float)):
        return Cell(Kind.NUMBER, value)
    if isinstance(value, str):
        return Cell(Kind.TEXT, str(value))
    if isinstance(value, Mapping):
        return Cell(Kind.MAPPING, frozenset((str(name), cell_of(part)) for name, part in value.items()))
    if isinstance(value, (list, tuple)):
        return Cell(Kind.LIST, tuple(map(cell_of, value)))
    raise InvalidInput(f"a filter compares with JSON values, not with {type(value).__name__}")


def _same(value: Any, wanted: Any) -> bool:
    return bool(value == wanted)


_ORDER: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.GT: lambda value, wanted: value > wanted,
    Operator.GTE: lambda value, wanted: value >= wanted,
    Operator.LT: lambda value, wanted: value < wanted,
    Operator.LTE: lambda value, wanted: value <= wanted,
}


def _contains(cell: Cell, wanted: Cell) -> bool:
    if cell.element:
        return cell[:2] == wanted[:2]
    return cell.kind is wanted.kind is Kind.TEXT and wanted.value in cell.value


# The record's own fields.


class Own(NamedTuple):
    """One of the record's own fields: how a value in a filter is read, what may be asked, where it stands."""

    value: Callable[[object], Cell]
    operators: frozenset[str]
    read: Callable[[Record], tuple[Cell, ...]]


def _time(value: object) -> Cell:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            raise InvalidInput("a time in a filter must be a datetime or ISO 8601 text with a time zone") from None
    if not isinstance(value, datetime):
        raise InvalidInput(f"record.created_at is compared with times, not with {type(value).__name__}")
    return Cell(Kind.NUMBER, require_aware("a time in a filter", value))


def _number(value: object) -> Cell:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= sys.float_info.max:
        raise InvalidInput("record.importance is compared with numbers")
    return Cell(Kind.NUMBER, value)


def _name(value: object) -> Cell:
    return Cell(Kind.TEXT, check_text("a name in a filter", value, LONGEST_ID))


def _one_of(name: str, kind: type[Enum]) -> Callable[[object], Cell]:
    def read(value: object) -> Cell:
        try:
            return Cell(Kind.TEXT, kind(value).value)
        except ValueError:
            known = ", ".join(member.value for member in kind)
            raise InvalidInput(f"unknown {name} in a filter; choose one of: {known}") from None

    return read


def _texts(values: Iterable[str | None], *, element: bool = False) -> tuple[Cell, ...]:
    distinct = dict.fromkeys(value for value in values if value is not None)
    return tuple(Cell(Kind.TEXT, str(value), element) for value in distinct)


_EQUAL = frozenset({"$eq", "$ne", "$in", "$nin"})
_ORDERED = _EQUAL | {"$gt", "$gte", "$lt", "$lte"}
_NAMED = _EQUAL | {"$exists", "$contains"}
_ANY = _ORDERED | _NAMED

OWN: Mapping[str, Own] = {
    "agent_id": Own(_name, _NAMED, lambda record: _texts([record.agent_id])),
    "created_at": Own(_time, _ORDERED, lambda record: (Cell(Kind.NUMBER, micros(record.created_at)),)),
    "entities": Own(_name, _NAMED, lambda record: _texts(record.entities, element=True)),
    "importance": Own(_number, _ORDERED, lambda record: (Cell(Kind.NUMBER, record.importance),)),
    "origin": Own(
        _one_of("origin", Origin), _EQUAL, lambda record: _texts(source.origin.value for source in record.sources)
    ),
    "saved_by": Own(_name, _NAMED, lambda record: _texts((source.agent_id for source in record.sources), element=True)),
    "scope": Own(_one_of("scope", Scope), _EQUAL, lambda record: _texts([record.scope.value])),
    "session_id": Own(_name, _NAMED, lambda record: _texts([record.session_id])),
    "turn_id": Own(_name, _NAMED, lambda record: _texts([record.turn_id])),
}
"""`saved_by` is the agents of all of a memory's sources, and `origin` where they came from."""


# Reading.


def _parts(where: object, depth: int) -> list[Filter]:
    if not isinstance(where, Mapping) or not all(isinstance(name, str) for name in where):
        raise InvalidInput(f"where must be a mapping with text keys, not {type(where).__name__}")
    if depth > DEEPEST:
        raise InvalidInput(f"a filter is nested more than {DEEPEST} levels deep; make it flatter")
    return [part for name, value in where.items() for part in _read(name, value, depth)]


def _joined(parts: Sequence[Filter]) -> Filter:
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def _nested(name: str, where: object, depth: int) -> Filter:
    parts = _parts(where, depth + 1)
    if not parts:
        raise InvalidInput(f"{name} takes filters that say something, not an empty one")
    return _joined(parts)


def _read(name: str, value: object, depth: int) -> Iterable[Filter]:
    if name in ("$and", "$or"):
        if isinstance(value, (str, Mapping)) or not isinstance(value, Sequence) or not value:
            raise InvalidInput(f"{name} takes a list of at least one filter")
        parts = tuple(_nested(name, part, depth) for part in value)
        return [AllOf(parts) if name == "$and" else AnyOf(parts)]
    if name == "$not":
        return [Not(_nested(name, value, depth))]
    if name.startswith("$"):
        raise InvalidInput(f"unknown operator {name} in a filter; choose one of: $and, $or, $not, or a field's name")
    field = _field(name)
    if isinstance(value, Mapping) and any(str(key).startswith("$") for key in value):
        return [_compare(name, field, str(operator), wanted) for operator, wanted in value.items()]
    return [_compare(name, field, "$eq", value)]


def _field(name: str) -> Field:
    check_text("a field's name in a filter", name, LONGEST_CONTENT)
    if not name.startswith(_OWN):
        return Field(tuple(name.split(".")))
    own = name.removeprefix(_OWN)
    if own not in OWN:
        raise InvalidInput(f"unknown field {name} in a filter; choose one of: {', '.join(_OWN + each for each in OWN)}")
    return Field((own,), own=True)


def _compare(name: str, field: Field, operator: str, wanted: object) -> Filter:
    allowed = OWN[field.path[0]].operators if field.own else _ANY
    if operator not in _ANY:
        raise InvalidInput(f"unknown operator {operator} in a filter; choose one of: {', '.join(sorted(_ANY))}")
    if operator not in allowed:
        raise InvalidInput(f"{name} cannot be asked for {operator}; choose one of: {', '.join(sorted(allowed))}")
    if operator in ("$ne", "$nin"):
        return Not(_compare(name, field, "$eq" if operator == "$ne" else "$in", wanted))
    if operator == "$exists":
        if not isinstance(wanted, bool):
            raise InvalidInput(f"$exists takes True or False, not {type(wanted).__name__}")
        there = Compare(field, Operator.EXISTS)
        return there if wanted else Not(there)
    if wanted is None and field.own and "$exists" in allowed:
        return Not(Compare(field, Operator.EXISTS))
    if operator == "$in":
        if isinstance(wanted, (str, Mapping)) or not isinstance(wanted, Sequence):
            raise InvalidInput(f"{name}: $in and $nin take a list, not {type(wanted).__name__}")
        return Compare(field, Operator.IN, tuple(_wanted(name, field, each) for each in wanted))
    value = _wanted(name, field, wanted)
    if operator == "$eq":
        return Compare(field, Operator.IN, (value,))
    _check_kind(name, operator, value)
    return Compare(field, Operator(operator), (value,))


def _wanted(name: str, field: Field, value: object) -> Cell:
    if field.own:
        return OWN[field.path[0]].value(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidInput(f"{name} is compared with {value}, which is no number in JSON")
    try:
        return cell_of(value)
    except RecursionError:
        raise InvalidInput(f"{name} is compared with a value that is nested too deep; make it flatter") from None


def _check_kind(name: str, operator: str, value: Cell) -> None:
    kinds = {Kind.NUMBER, Kind.TEXT}
    if operator == "$contains":
        kinds = {Kind.BOOL, Kind.NUMBER, Kind.TEXT}
    if value.kind not in kinds:
        known = " or ".join(kind.name.lower() for kind in sorted(kinds))
        raise InvalidInput(f"{name}: {operator} takes a {known}, not a {value.kind.name.lower()}")
