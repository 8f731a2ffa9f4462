"""Codex: an MCP server in config.toml, a hook at each prompt, and a skill.

Sources: developers.openai.com/codex, pages "MCP", "Hooks" and "Agent Skills" (read in November 2026).
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from .guidance import SKILL
from .places import Agent, Place, Setup, is_our_group
from .settings.json_file import JsonItem
from .settings.part import NAME, Part
from .settings.text_file import OwnFile
from .settings.toml_file import TomlEntry

_AGENT = "codex"
_SECONDS = 5


def _parts(place: Place, setup: Setup) -> list[Part]:
    base = place.project or place.home
    folder = base / ".codex" if place.project else Path(os.environ.get("CODEX_HOME") or place.home / ".codex")
    group = {"hooks": [{"type": "command", "command": setup.hook(_AGENT), "timeout": _SECONDS}]}
    return [
        TomlEntry(path=folder / "config.toml", keys=("mcp_servers", NAME), value=setup.server(_AGENT)),
        JsonItem(
            path=folder / "hooks.json",
            keys=("hooks", "UserPromptSubmit"),
            value=group,
            ours=partial(is_our_group, agent=_AGENT),
        ),
        OwnFile(path=base / ".agents" / "skills" / "headroom-memory" / "SKILL.md", content=SKILL),
    ]


CODEX = Agent(
    name=_AGENT,
    title="Codex",
    parts=_parts,
    note="Start Codex again and trust the new hook when it asks: it does not run before (/hooks shows it).",
)
