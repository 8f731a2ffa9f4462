"""Run the benchmarks: `python -m benchmarks [--full | --toy] [--only NAME] [--out FOLDER]`."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path

from .figures import Figure
from .lab import Lab
from .machine import describe
from .plan import STEPS, Step
from .plot import svg
from .progress import Progress
from .scale import FULL, TOY, USUAL, Scale
from .table import conditions, others, promises, put

_HERE = Path(__file__).parent
_RESULTS = _HERE / "results"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure; write the JSON, the plot and the table."""
    options = _parser().parse_args(arguments)
    scale, name = (TOY, "toy") if options.toy else (FULL, "full") if options.full else (USUAL, "usual")
    steps = _chosen(options.only, everything=scale is not USUAL)
    figures: list[Figure] = []
    try:
        for found in measure(scale, steps):
            figures += found
    finally:  # what a long run has found is kept, even if a later step fails
        _write(options.out, name, figures, publish=options.publish)


def measure(scale: Scale, steps: Sequence[Step]) -> Iterator[list[Figure]]:
    """Run the steps one after the other, in a folder that is removed afterwards."""
    progress = Progress(len(steps))
    benchmarks = {step.name: step.load() for step in steps}
    with tempfile.TemporaryDirectory(prefix="headroom-bench-") as folder:
        lab = Lab(Path(folder), scale, progress)
        for name, benchmark in benchmarks.items():
            progress.step(name)
            yield list(benchmark(lab))
    progress.finish()


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


def _write(out: Path, name: str, figures: Sequence[Figure], *, publish: bool) -> None:
    machine = describe()
    at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    result = {"run": name, "at": at, "machine": machine, "figures": [figure.as_json() for figure in figures]}
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    parts: dict[str, str] = {}
    if any(figure.series for figure in figures):
        (out / f"{name}.svg").write_text(svg(figures), encoding="utf-8")
        parts["plot"] = f"![milliseconds a search by the memories of one user](results/{name}.svg)"
    if any(figure.part == "others" for figure in figures):
        parts |= {"promises": promises(figures), "others": others(figures), "conditions": conditions(machine)}
    for part in sorted({figure.part for figure in figures} - {"others"}):
        parts[part] = f"{others(figures, part)}\n\n{conditions(machine)}"
    print("\n\n".join(parts.values()))
    if publish:
        put(_HERE / "README.md", parts)


if __name__ == "__main__":
    main()
