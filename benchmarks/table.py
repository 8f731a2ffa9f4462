"""The result as Markdown, and its place between markers in a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .figures import Figure, bound, spread

_BEGIN, _END = "<!-- figures: begin -->", "<!-- figures: end -->"


def markdown(figures: Sequence[Figure], machine: Mapping[str, object]) -> str:
    """Lay out the promises beside what was measured, then all else."""
    rows = [figure for figure in figures if figure.series is None]
    return "\n".join(
        [
            _on(machine),
            "",
            *_table(("what", "aim", "measured", ""), (_promise(figure) for figure in rows if figure.aim)),
            "",
            "Measured too, with no aim:",
            "",
            *_table(("what", "measured", ""), (_plain(figure) for figure in rows if not figure.aim)),
        ]
    )


def put(page: Path, text: str) -> None:
    """Write `text` between the markers of a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    page.write_text(f"{before}{_BEGIN}\n{text}\n{_END}{after}", encoding="utf-8")


def _on(machine: Mapping[str, object]) -> str:
    versions = ", ".join(f"{name} {machine[name]}" for name in ("sqlite", "numpy", "onnxruntime") if name in machine)
    return (
        f"Medians (quartiles) of one run on {machine['cores']} cores of {machine['processor']}, "
        f"Python {machine['python']}, {versions}. A ratio compares turn with turn within that run."
    )


def _promise(figure: Figure) -> tuple[str, ...]:
    assert figure.aim is not None
    measured = spread(figure.measured, figure.unit)
    if not figure.kept:
        measured = f"**{measured}**, missed"
    return figure.what, bound(figure.aim, figure.unit), measured, figure.detail


def _plain(figure: Figure) -> tuple[str, ...]:
    return figure.what, spread(figure.measured, figure.unit), figure.detail


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]
