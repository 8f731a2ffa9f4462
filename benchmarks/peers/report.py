"""The rows as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..figures import number
from ..measure import Spread
from ..table import laid_out
from .runner import Beside, Row
from .texts import FEW

_SPEED = (
    "store",
    "version",
    "write one, ms",
    "write 100 at once, ms a text",
    "search, ms",
    "first search of a new process, ms",
    "bytes a memory",
    "resident, MiB",
)
_RECALL = (
    "store",
    "answer first",
    "answer in ten",
    f"own found, of {FEW}",
    "foreign returned",
)


def tables(rows: Sequence[Row], skipped: Mapping[str, str]) -> str:
    """Lay out what a store costs and what it finds of the made texts, and say which peers were skipped and why."""
    parts = [laid_out(_SPEED, [_speed(row) for row in rows])]
    parts.append(laid_out(_RECALL, [_recall(row) for row in rows if row.own is not None]))
    parts += [f"{name} was skipped: {reason}" for name, reason in skipped.items()]
    return "\n\n".join(parts)


def by_set(rows: Sequence[Row]) -> str:
    """Lay out recall@10 on each set."""
    stores = [row for row in rows if row.recall]
    sets = dict.fromkeys(name for row in stores for name in row.recall)
    shown = [[row.name, *(f"{row.recall[name]:.3f}" for name in sets)] for row in stores]
    return laid_out(("recall@10", *sets), shown)


def _speed(row: Row) -> list[str]:
    return [
        row.name,
        row.version,
        _beside(row.single),
        _beside(row.batch),
        _beside(row.search),
        _first(row.first, row.opening),
        _or_none(row.disk, "{:,.0f}"),
        f"{row.resident.median:.0f}",
    ]


def _recall(row: Row) -> list[str]:
    return [
        row.name,
        _or_none(row.first_right, "{:.2f}"),
        _or_none(row.found, "{:.2f}"),
        _or_none(row.own, "{:.3g}"),
        str(row.foreign),
    ]


def _beside(beside: Beside) -> str:
    return f"{number(beside.ms.median)} ({number(beside.times)} x)"


def _first(first: Spread | None, opening: Spread | None) -> str:
    if first is None or opening is None:
        return "-"
    return f"{number(first.median)} ({number(opening.median)} to open)"


def _or_none(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
