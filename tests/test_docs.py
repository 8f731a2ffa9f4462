"""The documentation: every Python block runs, every command exists, every page is reached."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .blocks import Notebook, python_blocks
from .server import Server

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
WITH_PYTHON = [page for page in PAGES if python_blocks(page)]

# What the provider answers on a page; every other request is answered with "OK".
REPLIES = {
    "index.md": ['Noted.\n<memory>[{"content": "User prefers Python for backend work"}]</memory>', "Python."],
}

pytestmark = pytest.mark.usefixtures("loaded_embedder")


@pytest.fixture(autouse=True)
def loopback(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Server:
    """Let the environment name the loopback as the provider, and keep files that a block names out of the way."""
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("HEADROOM_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return server


@pytest.mark.parametrize("page", WITH_PYTHON, ids=[page.relative_to(DOCS).as_posix() for page in WITH_PYTHON])
async def test_every_block_of_a_page_runs(page: Path, server: Server, notebook: Notebook) -> None:
    """A reader who pastes the Python blocks of a page in their order sees them work."""
    server.script(*REPLIES.get(page.relative_to(DOCS).as_posix(), ()))
    for block in python_blocks(page):
        await notebook.run(block, source=str(page))


def test_every_page_is_in_the_navigation() -> None:
    """mkdocs.yml names every page, so that a reader can reach it."""
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    named = set(re.findall(r"[\w/-]+\.md", navigation))
    assert named == {page.relative_to(DOCS).as_posix() for page in PAGES}


COMMANDS = re.compile(r"^```(?:bash|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Return the command lines of all pages and of the README, continuation lines joined."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in [*PAGES, ROOT / "README.md"])
    blocks = [block.replace("\\\n", " ") for block in COMMANDS.findall(text)]
    return [line.removeprefix("$ ").strip() for block in blocks for line in block.splitlines() if line.strip()]


def test_every_extra_that_is_named_exists() -> None:
    """`pip install "headroom-memory[extra]"` names extras of pyproject.toml."""
    declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    text = "\n".join(path.read_text("utf-8") for path in [*PAGES, ROOT / "README.md"])
    extras = {name for names in re.findall(r"headroom-memory\[([\w,-]+)\]", text) for name in names.split(",")}
    assert extras
    assert [name for name in sorted(extras) if f"\n{name} = [" not in declared] == []
