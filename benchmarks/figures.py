"""What a benchmark finds: one number with its spread, and the aim it is held against."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .measure import Spread, Timed, milliseconds, ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """A bound that the median should keep."""

    at_most: float | None = None
    at_least: float | None = None

    def kept_by(self, value: float) -> bool:
        """Return whether `value` keeps the bound."""
        low = float("-inf") if self.at_least is None else self.at_least
        high = float("inf") if self.at_most is None else self.at_most
        return low <= value <= high


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row of the table. With `series` and `size` it is a point of the plot instead: so much time at that size."""

    what: str
    measured: Spread
    unit: str
    aim: Aim | None = None
    detail: str = ""
    series: str | None = None
    size: int | None = None
    part: str = "others"
    """Where it stands on the page, if it has neither an aim nor a series."""

    @property
    def kept(self) -> bool | None:
        """Whether the aim is kept; None if there is none."""
        return None if self.aim is None else self.aim.kept_by(self.measured.median)

    def as_json(self) -> dict[str, Any]:
        """Return the figure as plain values."""
        return asdict(self) | {"kept": self.kept}


def against(what: str, times: Timed, base: Timed, aim: Aim | None = None) -> Figure:
    """Hold one way against another: how many times as long it takes."""
    in_cpu = Spread.of(times.cpu / base.cpu).median
    return Figure(
        what=what,
        measured=ratio(times, base),
        unit="x",
        aim=aim,
        detail=f"{number(milliseconds(times).median)} ms against {number(milliseconds(base).median)} ms; "
        f"{number(in_cpu)} x in processor time",
    )


def memories(count: int) -> str:
    """Write how many memories."""
    return f"{count:,} " + ("memory" if count == 1 else "memories")


def number(value: float) -> str:
    """Write a number with three figures that mean something."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def spread(measured: Spread, unit: str) -> str:
    """Write a median with its quartiles: "1.23 x (1.2 to 1.3)"."""
    text = f"{number(measured.median)} {unit}".strip()
    if measured.count > 1:
        text += f" ({number(measured.low)} to {number(measured.high)})"
    return text


def bound(aim: Aim, unit: str) -> str:
    """Write an aim: "<= 1.5 x"."""
    parts = [("<=", aim.at_most), (">=", aim.at_least)]
    return " and ".join(f"{sign} {number(value)} {unit}".strip() for sign, value in parts if value is not None)
