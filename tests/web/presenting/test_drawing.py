"""Plots as SVG."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from xml.etree import ElementTree

import pytest

from headroom.web.presenting.drawing import HEIGHT, WIDTH, area, stacked

pytestmark = pytest.mark.quick

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def widths(svg: str) -> list[float]:
    return [float(rect.attrib["width"]) for rect in ElementTree.fromstring(svg)]


def test_a_stacked_bar_shows_each_part_to_scale() -> None:
    """A part's width is its share of a hundred; a negative one is left out, and all together are never wider."""
    assert widths(stacked([("vector", 0.25), ("words", -0.1), ("context", 0.5)])) == [25.0, 50.0]
    assert sum(widths(stacked([("vector", 0.8), ("words", 0.9)]))) == 100.0


def test_an_area_stays_in_its_frame() -> None:
    """Every corner of the plot lies within its view, whatever the counts and times."""
    points = [(START + timedelta(days=day), count) for day, count in ((-3, 1), (0, 5), (10, 0), (400, 7))]
    svg = ElementTree.fromstring(area(points, START, START + timedelta(days=365), "Memories"))
    for path in svg:
        assert all(0 <= float(x) <= WIDTH for x in re.findall(r"[MHL](-?[\d.]+)", path.attrib["d"]))
        assert all(0 <= float(y) <= HEIGHT for y in re.findall(r"V(-?[\d.]+)", path.attrib["d"]))


def test_a_plot_says_what_it_shows_and_escapes_it() -> None:
    """The label is the plot's name for screen readers, and no text can break out of it."""
    svg = ElementTree.fromstring(area([(START, 1)], START, START, '"><script>'))
    assert svg.attrib["role"] == "img"
    assert svg.attrib["aria-label"] == '"><script>'
