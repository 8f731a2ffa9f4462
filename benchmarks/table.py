"""The result as Markdown, and its place between markers in a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .figures import Figure, bound, spread


def promises(figures: Sequence[Figure]) -> str:
    """Lay out what has an aim: the aim beside what was measured."""
    rows = []
    for figure in figures:
        if figure.aim is not None and figure.series is None:
            measured = spread(figure.measured, figure.unit)
            kept = measured if figure.kept else f"**{measured}**, missed"
            rows.append((figure.what, bound(figure.aim, figure.unit), kept, figure.detail))
    return laid_out(("what", "aim", "measured", ""), rows)


def others(figures: Sequence[Figure], part: str = "others") -> str:
    """Lay out what was measured besides; for a part of its own all of it, also what has an aim."""
    own = part != "others"
    rows = [figure for figure in figures if figure.part == part and figure.series is None and (own or not figure.aim)]
    return laid_out(
        ("what", "measured", ""),
        ((figure.what, spread(figure.measured, figure.unit), figure.detail) for figure in rows),
    )


def conditions(machine: Mapping[str, object], figures: str = "Medians (quartiles)") -> str:
    """Return what the `figures` were measured on."""
    versions = ", ".join(f"{name} {machine[name]}" for name in ("sqlite", "numpy", "onnxruntime"))
    return (
        f"{figures} of one run on {machine['cores']} cores of {machine['processor']}, "
        f"Python {machine['python']}, {versions}; load at the end {machine['load']}."
    )


def put(page: Path, parts: Mapping[str, str]) -> None:
    """Write each part between the markers of its name."""
    text = page.read_text(encoding="utf-8")
    for name, part in parts.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n{part}\n{end}{rest.partition(end)[2]}"
    page.write_text(text, encoding="utf-8")


def laid_out(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
