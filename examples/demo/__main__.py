"""Two programs, one after the other, with one memory file: what the first one hears, the second one knows.

Without OPENAI_API_KEY a small model runs on this machine; with it, the programs talk to OpenAI.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from serve import serving

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Where the two programs find their model."""

    about: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]


@contextmanager
def openai() -> Iterator[Provider]:
    """Use the API that the key is for."""
    model = os.environ.get("OPENAI_MODEL", "gpt-4o-mini")
    where = os.environ.get("OPENAI_BASE_URL", "OpenAI")
    yield Provider(about=f"{model} at {where} (OPENAI_API_KEY is set)", arguments=("--model", model), environment={})


@contextmanager
def local(log: Path) -> Iterator[Provider]:
    """Serve the small model while the block runs; llama.cpp's own messages go to `log`."""
    with serving(log) as url:
        name = "SmolLM2-135M-Instruct"
        yield Provider(
            about=f"{name}, on this machine at {url} (set OPENAI_API_KEY to use OpenAI)",
            arguments=("--model", name, "--small"),
            environment={"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "none", "NO_PROXY": "127.0.0.1"},
        )


def say(message: str, provider: Provider, home: Path) -> None:
    """Run a new Python program that says `message`, with the memory file in `home`."""
    command = [sys.executable, str(HERE / "chat.py"), message, *provider.arguments]
    environment = {**os.environ, **provider.environment, "HEADROOM_HOME": str(home)}
    subprocess.run(command, env=environment, check=True)


def main() -> None:
    """Run both programs."""
    parser = argparse.ArgumentParser(prog="examples/demo", description="a real model remembers across two programs")
    parser.add_argument("--home", type=Path, help="keep the memory file in this folder; default: a temporary one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headroom-demo-") as folder:
        home = options.home or Path(folder)
        with openai() if os.environ.get("OPENAI_API_KEY") else local(Path(folder) / "llama.log") as provider:
            print(f"Model:  {provider.about}\nMemory: {home / 'memory.db'}\n")
            print("A first program:", flush=True)
            say("I prefer Python for backend work", provider, home)
            print("\nIt has ended. A second program, with the same memory file:", flush=True)
            say("What language should I use?", provider, home)


if __name__ == "__main__":
    main()
