"""Types: a client with memory is that client to a type checker, with a typed `.memory`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def test_types() -> None:
    """mypy, strict, agrees with every `assert_type` in `typed.py`, and sees the errors there that it should."""
    pytest.importorskip("mypy")
    pytest.importorskip("groq")
    typed = Path(__file__).with_name("typed.py")
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", str(typed)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
