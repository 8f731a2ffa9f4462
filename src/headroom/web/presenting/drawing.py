"""Plots as SVG, made on the server: shapes only, styled by classes; their words stand in the HTML around them. Pure.

A Content-Security-Policy without inline styles lets attributes such as `width` through, so sizes are attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from markupsafe import Markup

WIDTH, HEIGHT = 720, 160
"""The user units of an area plot; the page stretches it to the width it has."""
_BAR = 100


def area(points: Sequence[tuple[datetime, int]], start: datetime, end: datetime, label: str) -> Markup:
    """Draw how a count went between two moments, as steps: each point says the count from its moment on.

    `label` says in words what is seen.
    """
    top = max((count for _, count in points), default=0) or 1
    path = _steps([(_across(at, start, end), _height(count, top)) for at, count in points])
    if not path:
        return Markup('<svg class="area" viewBox="0 0 {} {}" role="img" aria-label="{}"></svg>').format(
            WIDTH, HEIGHT, label
        )
    return Markup(
        '<svg class="area" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<path class="fill" d="{}"/><path class="line" d="{}"/></svg>'
    ).format(WIDTH, HEIGHT, label, f"{path} L{WIDTH} {HEIGHT} L{_first_x(points, start, end):.1f} {HEIGHT} Z", path)


def bar(share: float, kind: str = "plain") -> Markup:
    """Draw a share of 0..1 as one bar. It says nothing by itself: the number stands beside it."""
    return stacked([(kind, share)])


def stacked(parts: Sequence[tuple[str, float]], whole: float = 1.0) -> Markup:
    """Draw parts one behind the other, each of a class `part-NAME`; parts of at most 0 are left out.

    The bar is full if they sum to `whole`.
    """
    rects, x = [], 0.0
    for name, share in parts:
        width = max(0.0, min(share / whole * _BAR, _BAR - x)) if whole > 0 else 0.0
        if width > 0:
            rects.append(
                Markup('<rect class="part-{}" x="{}" y="0" width="{}" height="1"/>').format(
                    name, f"{x:.2f}", f"{width:.2f}"
                )
            )
            x += width
    return Markup('<svg class="bar" viewBox="0 0 {} 1" preserveAspectRatio="none" aria-hidden="true">{}</svg>').format(
        _BAR, Markup("").join(rects)
    )


def _across(at: datetime, start: datetime, end: datetime) -> float:
    span = (end - start).total_seconds()
    return 0.0 if span <= 0 else min(1.0, max(0.0, (at - start).total_seconds() / span)) * WIDTH


def _height(count: int, top: int) -> float:
    return HEIGHT - 4 - count / top * (HEIGHT - 12)


def _first_x(points: Sequence[tuple[datetime, int]], start: datetime, end: datetime) -> float:
    return _across(points[0][0], start, end)


def _steps(corners: Sequence[tuple[float, float]]) -> str:
    if not corners:
        return ""
    path = [f"M{corners[0][0]:.1f} {corners[0][1]:.1f}"]
    for x, y in corners[1:]:
        path.append(f"H{x:.1f} V{y:.1f}")
    return " ".join([*path, f"H{WIDTH}"])
