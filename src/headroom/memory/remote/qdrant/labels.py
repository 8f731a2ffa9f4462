"""Metadata as numbers that an index can hold: one for each value at each place, so that equality is a look-up. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b

from ...query import Cell, Kind
from ...records import Json
from ...rules.filters import cells_at


def labels(metadata: Mapping[str, Json]) -> list[int]:
    """Return the labels of all that metadata holds: each place that has a value, and each value with its place."""
    found = set()
    for path in _paths(metadata, ()):
        found.add(exists(path))
        found.update(equals(path, cell) for cell in cells_at(metadata, path))
    return sorted(found)


def exists(path: Sequence[str]) -> int:
    """Return the label of a place that has a value."""
    return _label("\x1f".join(path))


def equals(path: Sequence[str], cell: Cell) -> int:
    """Return the label of a value at a place."""
    return _label("\x1f".join(path) + "\x1e" + _canonical(cell))


def _paths(value: Json, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if path:
        yield path
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _paths(part, (*path, name))


def _canonical(cell: Cell) -> str:
    """Write a value so that equal values, and no others, are equal texts: 1 and 1.0 are, 1 and "1" are not."""
    kind, value = cell.kind, cell.value
    if kind is Kind.LIST:
        return f"[{','.join(_canonical(part) for part in value)}]"
    if kind is Kind.MAPPING:
        return f"{{{','.join(sorted(f'{name!r}:{_canonical(part)}' for name, part in value))}}}"
    if kind is Kind.NUMBER and isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"{kind.value}:{value!r}"


def _label(text: str) -> int:
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
