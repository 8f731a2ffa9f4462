"""Memory works with the packages that instrument the OpenAI SDK, whichever of the two is around the other."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

MODULES = {
    "opentelemetry": "opentelemetry.instrumentation.openai",
    "openinference": "openinference.instrumentation.openai",
    "logfire": "logfire",
    "langsmith": "langsmith",
    "langfuse": "langfuse",
}


def installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("order", ["inside", "outside"])
@pytest.mark.parametrize("package", MODULES)
def test_an_instrumented_client(package: str, order: str, tmp_path: Path) -> None:
    """Plain and streamed, sync and async, chat and responses: the reply is clean, its fact kept, one request sent."""
    if not installed(MODULES[package]):
        pytest.skip(f"{MODULES[package]} is not installed: pip install headroom-memory[instrumentation]")
    run = [sys.executable, "-m", "tests.chat.standins.instrumented", package, order, str(tmp_path)]
    done = subprocess.run(run, capture_output=True, text=True, cwd=Path(__file__).parents[3], timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
