"""The documentation: every Python block runs, every command exists, every page is reached."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from pathlib import Path

import pytest
from click import Context
from click.testing import CliRunner

import headroom.chat
import headroom.memory.types
import headroom.testing
from headroom.cli import group

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
    monkeypatch.setenv("HOME", str(tmp_path))  # what a page calls ~
    monkeypatch.setenv("HEADROOM_HOME", str(tmp_path / ".headroom"))
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


BASH = re.compile(r"^```(?:bash|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
WRITTEN = [*PAGES, ROOT / "README.md"]

PARSED_ONLY = {"hook", "install", "mcp", "reconcile", "uninstall", "ui"}
"""They serve until they are stopped, change a coding agent, or need servers: their command lines are only parsed."""


def commands(page: Path) -> list[list[str]]:
    """Return the arguments of each `headroom` command line of a page, in their order."""
    blocks = [block.replace("\\\n", " ") for block in BASH.findall(page.read_text(encoding="utf-8"))]
    lines = (line.removeprefix("$ ").strip() for block in blocks for line in block.splitlines())
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("headroom ")]


WITH_COMMANDS = [page for page in WRITTEN if commands(page)]


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=[page.relative_to(ROOT).as_posix() for page in WITH_COMMANDS])
def test_every_command_line_works(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader who types the command lines of a page in their order, and answers yes, sees each succeed."""
    monkeypatch.setenv("HEADROOM_USER", "alice")
    stored = CliRunner().invoke(group, ["add", "User likes tea", "--json"])
    memory_id = json.loads(stored.output)["id"]
    for words in commands(page):
        arguments = [memory_id if word == "ID" else word for word in words]
        if arguments[0] in PARSED_ONLY or "--from" in arguments:
            command = group.get_command(Context(group), arguments[0])
            assert command is not None, words
            assert command.make_context(arguments[0], arguments[1:]).params, words
        else:
            yes = ["--yes"] if arguments[0] in ("clear", "restore") else []  # there is no terminal to ask on
            done = CliRunner().invoke(group, [*arguments, *yes])
            assert done.exit_code == 0, (words, done.output, done.exception)


def test_every_extra_that_is_named_exists() -> None:
    """`pip install "headroom-memory[extra]"` names extras of pyproject.toml."""
    declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    text = "\n".join(path.read_text("utf-8") for path in WRITTEN)
    found = re.findall(r"(?:headroom-memory|\"\.)\[([\w,-]+)\]", text)
    extras = {name for names in found for name in names.split(",")}
    assert extras
    assert [name for name in sorted(extras) if f"\n{name} = [" not in declared] == []


def test_every_make_target_that_is_named_exists() -> None:
    """`make target` in a page, in the README and in the pages for contributors names a target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    pages = [*WRITTEN, ROOT / "CONTRIBUTING.md", ROOT / "RELEASING.md", ROOT / "benchmarks" / "README.md"]
    text = "\n".join(path.read_text("utf-8") for path in pages)
    targets = set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", text, re.MULTILINE))
    assert targets
    assert [name for name in sorted(targets) if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


def test_every_name_that_is_public_is_in_the_reference() -> None:
    """The pages of the reference show each name that a package exports, its errors among them."""
    pages = "\n".join(page.read_text(encoding="utf-8") for page in sorted((DOCS / "reference").glob("*.md")))
    shown = {name.rpartition(".")[2] for name in re.findall(r"^::: ([\w.]+)", pages, re.MULTILINE)}
    packages = (headroom, headroom.chat, headroom.memory, headroom.memory.types, headroom.testing)
    missing = {name for package in packages for name in package.__all__ if name not in shown}
    assert missing - {"HeadroomError"} == set()
    assert "::: headroom.errors" in pages


def test_what_a_turn_and_the_counts_say_is_explained() -> None:
    """The page on operations names every field of `last_turn` and every count of `stats()`."""
    page = (DOCS / "how-to" / "operations.md").read_text(encoding="utf-8")
    fields = [field.name for field in dataclasses.fields(headroom.chat.LastTurn)]
    names = [*fields, *headroom.chat.ChatStats.__annotations__, *headroom.memory.types.Stats.__annotations__]
    assert [name for name in names if f"`{name}`" not in page] == []
