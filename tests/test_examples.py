"""The examples run as a user would start them, each in a Python of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .server import Server

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def run_example(server: Server) -> Callable[..., str]:
    """Run an example against the loopback and return what it printed."""

    def run(name: str, *, said: str = "") -> str:
        environment = {**os.environ, "OPENAI_API_KEY": "test", "OPENAI_BASE_URL": f"{server.url}/v1"}
        done = subprocess.run(
            [sys.executable, "-W", "error", EXAMPLES / name],
            input=said,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout

    return run


def test_quickstart(server: Server, run_example: Callable[..., str]) -> None:
    """The second message carries what the first reply taught, and the replies are clean."""
    server.script('Noted.\n<memory>[{"content": "User prefers Python for backend work"}]</memory>', "Python.")
    printed = run_example("quickstart.py")
    assert "User prefers Python for backend work" in server.last.messages[-1]["content"]
    assert "Model: Noted.\n" in printed
    assert printed.endswith("Remembered:\n- User prefers Python for backend work\n")


def test_streaming(server: Server, run_example: Callable[..., str]) -> None:
    """A chat in the terminal is streamed and clean, and a later one knows what was said."""
    server.script('Hello Ada.\n<memory>[{"content": "User is called Ada"}]</memory>')
    assert run_example("streaming.py", said="I am Ada\n\n") == "> Hello Ada.\n> "
    run_example("streaming.py", said="Who am I?\n\n")
    assert "User is called Ada" in server.last.messages[-1]["content"]


def test_async_memory(run_example: Callable[..., str]) -> None:
    """The store finds, corrects with history, and deletes."""
    found, other, history, left = run_example("async_memory.py").splitlines()
    assert found.endswith("User plays the cello")
    assert not other.endswith("cello")
    assert history == "home over time: User lives in Berlin -> User lives in Madrid"
    assert "Madrid" not in left
    assert "User has two cats" in left


def test_two_agents(run_example: Callable[..., str]) -> None:
    """Both agents see what one learned for the user; what is scoped to an agent stays with it."""
    claude, codex = run_example("two_agents.py").split("codex sees:")
    assert "Project uses uv, not pip  (from claude)" in claude
    assert "Project uses uv, not pip  (from claude)" in codex
    assert "halfway" in claude
    assert "halfway" not in codex


def test_every_example_is_run() -> None:
    """Each script in the folder has its test here."""
    source = Path(__file__).read_text(encoding="utf-8")
    assert [path.name for path in EXAMPLES.glob("*.py") if f'"{path.name}"' not in source] == []


def test_the_list_names_every_example() -> None:
    """Whoever opens the folder finds each example with what it needs."""
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    shown = [path.name for path in EXAMPLES.iterdir() if path.name not in ("README.md", "__pycache__")]
    assert shown
    assert all(f"[`{name}`]" in listed for name in shown)
