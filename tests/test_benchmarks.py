"""The benchmarks run: every one of them, tiny. How fast anything is belongs to no test."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run all benchmarks at toy size; give the folder with what they wrote."""
    out = tmp_path_factory.mktemp("benchmarks")
    program = [sys.executable, "-m", "benchmarks", "--toy", "--out", str(out)]
    finished = subprocess.run(program, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    (out / "table.md").write_text(finished.stdout, encoding="utf-8")
    return out


def test_every_figure_is_a_row_or_a_point(results: Path) -> None:
    """What the JSON holds is in the table with its aim beside it, or it is a point of the plot."""
    figures = json.loads((results / "toy.json").read_text(encoding="utf-8"))["figures"]
    table = (results / "table.md").read_text(encoding="utf-8")
    rows = {line.split(" | ")[0].removeprefix("| ") for line in table.splitlines() if line.startswith("| ")}
    assert {figure["what"] for figure in figures if figure["series"] is None} <= rows
    assert any(figure["aim"] for figure in figures)
    plot = ElementTree.parse(results / "toy.svg").getroot()
    points = [figure for figure in figures if figure["series"] is not None]
    assert len(plot.findall(".//{http://www.w3.org/2000/svg}circle")) == len(points) > 0


def test_the_result_names_no_machine_and_no_folder(results: Path) -> None:
    """A result that is passed on says what it was measured on, not whose it was or where it lay."""
    result = json.loads((results / "toy.json").read_text(encoding="utf-8"))
    assert {"processor", "cores", "python", "sqlite", "numpy", "onnxruntime"} <= set(result["machine"])
    assert str(Path.home()) not in json.dumps(result)
    assert "tmp" not in json.dumps(result["figures"])
