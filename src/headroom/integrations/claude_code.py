"""Claude Code: an MCP server, a hook at each prompt, and a skill.

Sources: code.claude.com/docs, pages "MCP", "Hooks reference" and "Skills" (read in November 2026).
"""

from __future__ import annotations

from functools import partial

from .guidance import SKILL
from .places import Agent, Place, Setup, is_our_group
from .settings.json_file import JsonEntry, JsonItem
from .settings.part import NAME, Part
from .settings.text_file import OwnFile

_AGENT = "claude-code"
_SECONDS = 5


def _parts(place: Place, setup: Setup) -> list[Part]:
    base = place.project or place.home
    servers = base / (".mcp.json" if place.project else ".claude.json")
    group = {"hooks": [{"type": "command", "command": setup.hook(_AGENT), "timeout": _SECONDS}]}
    return [
        JsonEntry(path=servers, keys=("mcpServers", NAME), value={"type": "stdio", **setup.server(_AGENT)}),
        JsonItem(
            path=base / ".claude" / "settings.json",
            keys=("hooks", "UserPromptSubmit"),
            value=group,
            ours=partial(is_our_group, agent=_AGENT),
        ),
        OwnFile(path=base / ".claude" / "skills" / "headroom-memory" / "SKILL.md", content=SKILL),
    ]


CLAUDE_CODE = Agent(name=_AGENT, title="Claude Code", parts=_parts, note="Start a new session of Claude Code.")
