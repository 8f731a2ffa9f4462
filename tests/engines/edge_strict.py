"""What a server refuses and the engine alone does not: as a server 1.18 does in the strict mode of Qdrant Cloud.

Filters on fields without a fitting index are refused for reading and for changing, and so are bodies of more than
32 MB, limits of 0, and an order without an index of ranges. A field of a request that this shim does not read is
refused too, so that no test passes because something was ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .edge_json import Json, Refused

LONGEST_BODY = 32 * 1024 * 1024

MATCH, RANGE = "match", "range"
Uses = Mapping[str, frozenset[str]]
"""What the index of each field can be asked for: `match` of a keyword or an integer, or `range`."""

_SEARCH = {"query", "using", "filter", "limit", "offset", "prefetch", "params", "with_payload", "with_vector"}
_POINTS, _SELECTED = {"points", "update_filter", "update_mode"}, {"points", "filter"}
_READ: dict[str, set[str]] = {
    "index": {"field_name", "field_schema"},
    "optimize": set(),
    "points": {"ids", "with_payload", "with_vector"} | _POINTS,
    "points/query": _SEARCH,
    "points/query/batch": {"searches"},
    "points/count": {"filter", "exact"},
    "points/scroll": {"filter", "limit", "offset", "order_by", "with_payload", "with_vector"},
    "facet": {"key", "limit", "exact", "filter"},
    "points/delete": _SELECTED,
    "points/payload": _SELECTED | {"payload"},
    "points/vectors": {"points"},
    "points/batch": {"operations"},
}
_OPERATIONS = {"upsert": _POINTS, "delete": _SELECTED, "set_payload": _SELECTED | {"payload"}}
_INDEX = {"type", "is_tenant", "on_disk", "enable_hnsw", "lookup", "range"}


def uses_of(schema: Json) -> frozenset[str]:
    """Return what an index can be asked for. Raise Refused if a setting of it is not known."""
    given = {"type": schema} if isinstance(schema, str) else schema
    _only(given, _INDEX, "field_schema")
    if given["type"] == "integer":
        chosen = {MATCH: given.get("lookup", True), RANGE: given.get("range", True)}
        return frozenset(f"integer {use}" for use, wanted in chosen.items() if wanted)
    return frozenset({"keyword": ["keyword match"], "float": ["float range"]}.get(given["type"], []))


def check(call: str, body: Json, uses: Uses) -> None:
    """Raise Refused if a server would refuse a call, or this shim would ignore a part of it."""
    _only(body, _READ[call], call)
    for search in body.get("searches", [body]):
        _check_search(search, uses)
    for operation in body.get("operations", ()):
        for name, each in operation.items():
            _only(each, _OPERATIONS[name], name)
            _check_search(each, uses)


def _check_search(body: Json, uses: Uses) -> None:
    if body.get("limit") == 0:
        raise Refused(422, "Validation error: limit must be 1 or larger")
    for name in ("filter", "update_filter"):
        for condition in _conditions(body.get(name)):
            _check_condition(condition, uses)
    query = body.get("query")
    order = body.get("order_by") or (query.get("order_by") if isinstance(query, dict) else None)
    if order is not None:
        key = order if isinstance(order, str) else order["key"]
        if not uses.get(key, frozenset()) & {"integer range", "float range"}:
            raise Refused(400, f"Bad request: No range index for `order_by` key: `{key}`. Please create one")
    nested = body.get("prefetch") or []
    for each in nested if isinstance(nested, list) else [nested]:
        _only(each, _SEARCH, "prefetch")
        _check_search(each, uses)


def _conditions(where: Json) -> Iterator[Mapping[str, Any]]:
    """Yield the conditions of a filter that are about fields."""
    for name in ("must", "should", "must_not"):
        given = (where or {}).get(name) or []
        for each in given if isinstance(given, list) else [given]:
            if "key" in each or "is_empty" in each or "is_null" in each:
                yield each
            elif "has_id" not in each:
                yield from _conditions(each)


def _check_condition(condition: Mapping[str, Any], uses: Uses) -> None:
    if "key" not in condition:  # any index will do
        key, wanted = (condition.get("is_empty") or condition["is_null"])["key"], set[str]()
    elif condition.get("range"):
        key, wanted = condition["key"], {"integer range", "float range"}
    else:
        key, match = condition["key"], condition["match"]
        values = [match["value"]] if "value" in match else match.get("any") or match.get("except") or []
        wanted = {f"{'integer' if isinstance(value, int) else 'keyword'} {MATCH}" for value in values}
        if not values:
            return
    if key not in uses or (wanted and not wanted & uses[key]):
        kinds = ", ".join(sorted(wanted)) or "any"
        raise Refused(400, f'Bad request: Index required but not found for "{key}" of one of these types: [{kinds}]')


def _only(given: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := set(given) - known:
        raise Refused(501, f"this shim does not read {', '.join(sorted(unknown))} in {where}")
