"""docs/shells/cli.md says what the command prints and takes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest

from headroom.cli import COMMANDS, group, main

PAGE = (Path(__file__).parents[2] / "docs" / "shells" / "cli.md").read_text("utf-8")


def test_every_command_is_on_the_page() -> None:
    """A command that people run stands in the table, and no other does."""
    table = PAGE.partition("## Whose memory")[0]
    named = set(re.findall(r"`([a-z]+)", table.partition("|---|---|")[2]))
    shown = {name for name in COMMANDS if not getattr(group.get_command(click.Context(group), name), "hidden", False)}
    assert shown <= named


def test_every_key_is_on_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    """The keys of a memory, of its sources, and of a search result."""
    assert main(["add", "User drinks tea", "--json"]) == 0
    assert main(["search", "tea", "--json"]) == 0
    printed = capsys.readouterr().out
    (found,) = json.loads(printed[printed.index('{\n  "memories"') :])["memories"]
    for key in (*found, *found["sources"][0]):
        assert f"`{key}`" in PAGE, key
