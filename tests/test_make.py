"""The Makefile: what it offers, and that what the documents name is there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@needs_make
def test_help_lists_every_target() -> None:
    """`make help`, and `make` alone, list what there is to run."""
    printed = [
        subprocess.run(["make", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for words in (["help"], [])
    ]
    listed = re.findall(r"^make ([a-z-]+)", printed[0], re.MULTILINE)
    assert set(listed) == {
        "help",
        "demo",
        "test",
        "lint",
        "docs",
        "test-engines",
        "bench-remote",
        "bench",
        "bench-full",
        "model",
        "browser",
        "test-browser",
    }
    assert printed[0] == printed[1]


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", ".ci/run"])
def test_a_target_that_is_named_exists(document: str) -> None:
    """A document names only targets that the Makefile has."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"(?:`|^|exec )make ((?:[a-z-]+ ?)+)", (ROOT / document).read_text("utf-8"), re.MULTILINE)
    targets = {target for words in named for target in words.split()}
    assert targets
    assert [target for target in sorted(targets) if f"\n{target}:" not in makefile] == []
