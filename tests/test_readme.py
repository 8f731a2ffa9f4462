"""The README: its Python runs as printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from .blocks import Notebook, python_blocks
from .server import Server

pytestmark = pytest.mark.usefixtures("loaded_embedder")

README = Path(__file__).parent.parent / "README.md"


@pytest.fixture(autouse=True)
def loopback(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Server:
    """Let the environment name the loopback as the provider, and keep files that a block names out of the way."""
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.chdir(tmp_path)
    return server


async def test_every_block_runs(server: Server, notebook: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    """A reader who pastes the blocks in order sees them work, and the first preference comes back."""
    server.script(
        'Noted.\n<memory>[{"content": "User prefers Python for backend work"}]</memory>',
        "Python, as you prefer it.",
        "A book about Python.",
    )
    for block in python_blocks(README):
        await notebook.run(block, source=str(README))

    first, second, third, private = (request.messages[-1]["content"] for request in server.received)
    assert "User prefers Python for backend work" not in first
    assert "User prefers Python for backend work" in second
    assert "User prefers Python for backend work" in third
    assert private == "I have a secret"
    printed = capsys.readouterr().out
    assert "Python, as you prefer it." in printed
    assert "A book about Python." in printed
    assert "User prefers dark mode and uses Python" in printed


def test_there_are_blocks() -> None:
    """The reader of blocks finds those that are there."""
    assert len(python_blocks(README)) == README.read_text(encoding="utf-8").count("```python") >= 4
