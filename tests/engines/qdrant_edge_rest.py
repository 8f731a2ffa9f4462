"""Start Qdrant's engine behind the REST shim of `edge_server`, in a process of its own."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from .process import NotHere, Process

API_KEY = "only-for-tests"


def start(folder: Path) -> tuple[Process, str]:
    """Start a shim with its data in `folder`; return it and its address. Raise NotHere if it cannot be had."""
    if importlib.util.find_spec("qdrant_edge") is None:
        raise NotHere("qdrant-edge-py is not installed")
    log = folder / "output.log"
    command = [sys.executable, "-m", "tests.engines.edge_server", str(folder / "data"), API_KEY]
    process = Process(command, log=log, cwd=Path(__file__).parents[2])
    process.wait_until(lambda: log.read_text().endswith("\n"))
    return process, f"http://127.0.0.1:{int(log.read_text())}"
