"""Rules of the block for replies made to be slow: they are read in steps that grow with the length, and no faster."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from headroom.chat.block.filter import parse

LENGTH = 250_000
"""Characters. At this length the linear cases take seconds together, and a quadratic one most of an hour."""


@pytest.mark.parametrize("kind", ["whole", "body", "stream"])
def test_a_reply_made_to_be_slow_is_read(kind: str) -> None:
    """Whole, inside a block, and in a stream; `tests.chat.block.hostile` says how each grows."""
    run = [sys.executable, "-m", "tests.chat.block.hostile", kind, str(LENGTH)]
    done = subprocess.run(run, cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


@pytest.mark.quick
def test_no_nesting_exhausts_the_stack() -> None:
    """A body of a hundred thousand open brackets is read like any other."""
    assert parse("Sure.\n<memory>" + "[" * 100_000).visible == "Sure."
