"""Run the benchmarks: `python -m benchmarks [--full | --toy] [--only NAME] [--out FOLDER]`."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .figures import Figure
from .lab import Lab
from .machine import describe
from .plan import FULL, STEPS, TOY, USUAL, Scale, Step
from .plot import svg
from .progress import Progress
from .table import markdown, put

_HERE = Path(__file__).parent
_RESULTS = _HERE / "results"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, and write the JSON, the plot and, of a whole run, the table in the README here."""
    options = _parser().parse_args(arguments)
    scale, name = (TOY, "toy") if options.toy else (FULL, "full") if options.full else (USUAL, "usual")
    steps = _chosen(options.only, everything=scale is not USUAL)
    figures = measure(scale, steps)
    machine = describe()
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    _write_json(out / f"{name}.json", name, figures, machine)
    if any(figure.series for figure in figures):
        (out / f"{name}.svg").write_text(svg(figures), encoding="utf-8")
    table = markdown(figures, machine)
    print(table)
    if options.publish:
        put(_HERE / "README.md", table)


def measure(scale: Scale, steps: Sequence[Step]) -> list[Figure]:
    """Run the steps one after the other, in a folder that is removed afterwards."""
    progress = Progress(len(steps))
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="headroom-bench-") as folder:
        lab = Lab(Path(folder), scale, progress)
        for step in steps:
            progress.step(step.name)
            figures += step.load()(lab)
    progress.finish()
    return figures


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure what the README promises.")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--full", action="store_true", help="with 100,000 and 1,000,000 memories")
    size.add_argument("--toy", action="store_true", help="everything once and tiny: shows that it runs, not how fast")
    parser.add_argument("--only", action="append", metavar="NAME", help="one of: " + ", ".join(s.name for s in STEPS))
    parser.add_argument("--out", type=Path, default=_RESULTS, help="the folder for JSON and plot")
    parser.add_argument("--publish", action="store_true", help="put the table into benchmarks/README.md")
    return parser


def _chosen(names: Sequence[str] | None, *, everything: bool) -> list[Step]:
    if names is None:
        return [step for step in STEPS if everything or not step.full_only]
    unknown = set(names) - {step.name for step in STEPS}
    if unknown:
        raise SystemExit(f"there is no benchmark called {', '.join(sorted(unknown))}")
    return [step for step in STEPS if step.name in names]


def _write_json(path: Path, name: str, figures: Sequence[Figure], machine: dict[str, Any]) -> None:
    result = {
        "run": name,
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": machine,
        "figures": [figure.as_json() for figure in figures],
    }
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
