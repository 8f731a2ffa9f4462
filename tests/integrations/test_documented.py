"""docs/shells/agents.md shows what the installers write."""

from __future__ import annotations

import json
import re
from pathlib import Path

import tomlkit

from headroom.integrations.installer import AGENTS, installation
from headroom.integrations.places import Place, Setup

PAGE = (Path(__file__).parents[2] / "docs" / "shells" / "agents.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def written(name: str, file: str, tmp_path: Path) -> str:
    changes = installation(AGENTS[name], Place(home=tmp_path, platform="linux"), Setup(program=("headroom",)))
    return next(change.after or "" for change in changes if change.path == tmp_path / file)


def test_the_blocks_are_what_an_installer_writes(tmp_path: Path) -> None:
    """What is copied from the page and what the command writes are the same."""
    servers, vscode, hook, gemini, _ = map(json.loads, blocks("json"))
    desktop = json.loads(written("claude-desktop", ".config/Claude/claude_desktop_config.json", tmp_path))
    desktop["mcpServers"]["headroom"]["args"][-1] = "claude-code"
    assert servers == desktop
    assert vscode == json.loads(written("vscode", ".config/Code/User/mcp.json", tmp_path))
    assert hook == json.loads(written("claude-code", ".claude/settings.json", tmp_path))
    settings = json.loads(written("gemini", ".gemini/settings.json", tmp_path))
    assert gemini == {"hooks": settings["hooks"]}
    (codex,) = map(tomlkit.parse, blocks("toml"))
    assert codex == tomlkit.parse(written("codex", ".codex/config.toml", tmp_path))


def test_every_agent_is_on_the_page() -> None:
    """Each can be named on the command line, and has a row of its files."""
    for name, agent in AGENTS.items():
        assert f"`{name}`" in PAGE
        assert f"| {agent.title} |" in PAGE
