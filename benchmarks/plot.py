"""Cost against size, as an SVG of two logarithmic axes. Written by hand: a plot is no reason for a dependency."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from math import ceil, floor, log10

from .figures import Figure

_WIDTH, _HEIGHT = 720, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 24, 56
_COLOURS = ("#7a7a7a", "#1f6fb4", "#d1603d", "#3a8f5b")


class Axis:
    """A logarithmic scale from whole power of ten to whole power of ten, onto pixels."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self._low, self._high = floor(log10(min(values))), ceil(log10(max(values)))
        self._high = max(self._high, self._low + 1)
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        """Return the pixel of a value."""
        share = (log10(value) - self._low) / (self._high - self._low)
        return self._start + share * (self._end - self._start)

    @property
    def ticks(self) -> list[float]:
        """The powers of ten."""
        return [10.0**power for power in range(self._low, self._high + 1)]


def svg(figures: Iterable[Figure]) -> str:
    """Draw the figures that belong to a series: medians as lines, quartiles as bars."""
    points = [figure for figure in figures if figure.series is not None and figure.size]
    sizes = [float(figure.size or 1) for figure in points]
    x = Axis(sizes, _LEFT, _WIDTH - _RIGHT)
    y = Axis([value for f in points for value in (f.measured.low, f.measured.high)], _HEIGHT - _BOTTOM, _TOP)
    parts = [*_grid(x, y)]
    for place, name in enumerate(dict.fromkeys(figure.series for figure in points)):
        line = sorted((f for f in points if f.series == name), key=lambda f: f.size or 0)
        parts += _line(line, x, y, _COLOURS[place % len(_COLOURS)], place, str(name))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
            'font-size="12">',
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def _grid(x: Axis, y: Axis) -> Iterable[str]:
    for value in x.ticks:
        at = x.at(value)
        yield f'<path d="M{at:.1f} {_TOP}V{_HEIGHT - _BOTTOM}" stroke="#ddd"/>'
        yield _text(at, _HEIGHT - _BOTTOM + 18, f"{value:,.0f}", "middle")
    for value in y.ticks:
        at = y.at(value)
        yield f'<path d="M{_LEFT} {at:.1f}H{_WIDTH - _RIGHT}" stroke="#ddd"/>'
        yield _text(_LEFT - 8, at + 4, f"{value:g}", "end")
    yield _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 14, "memories of one user", "middle")
    yield _text(8, _TOP - 8, "ms", "start")


def _line(line: Sequence[Figure], x: Axis, y: Axis, colour: str, place: int, name: str) -> Iterable[str]:
    at = [(x.at(f.size or 1), y.at(f.measured.median)) for f in line]
    path = "L".join(f"{left:.1f} {top:.1f}" for left, top in at)
    yield f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for figure, (left, top) in zip(line, at, strict=True):
        low, high = y.at(figure.measured.low), y.at(figure.measured.high)
        yield f'<path d="M{left:.1f} {low:.1f}V{high:.1f}" stroke="{colour}" stroke-width="6" opacity="0.4"/>'
        yield f'<circle cx="{left:.1f}" cy="{top:.1f}" r="3" fill="{colour}"/>'
    below = _TOP + 16 + 16 * place
    yield f'<path d="M{_LEFT + 12} {below - 4}h20" stroke="{colour}" stroke-width="2"/>'
    yield _text(_LEFT + 40, below, name, "start")


def _text(left: float, top: float, words: str, anchor: str) -> str:
    return f'<text x="{left:.1f}" y="{top:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
