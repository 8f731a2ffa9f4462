"""Antigravity: an MCP server and a skill. Its hooks guard tools; none sees the prompt before the model does.

Sources: antigravity.google/docs, pages "MCP" and "Skills" (read in November 2026).
"""

from __future__ import annotations

from .guidance import GUIDANCE, SKILL
from .places import Agent, Place, Setup
from .settings.json_file import JsonEntry
from .settings.part import NAME, Part
from .settings.text_file import Block, OwnFile

_AGENT = "antigravity"


def _parts(place: Place, setup: Setup) -> list[Part]:
    if place.project is not None:
        servers = place.project / ".agents" / "mcp_config.json"
        told: Part = OwnFile(
            path=place.project / ".agents" / "skills" / "headroom-memory" / "SKILL.md",
            content=SKILL,
        )
    else:
        servers = place.home / ".gemini" / "config" / "mcp_config.json"
        rules = place.home / ".gemini" / "GEMINI.md"
        told = Block(path=rules, mark="headroom-memory, antigravity", content=GUIDANCE)
    return [JsonEntry(path=servers, keys=("mcpServers", NAME), value=setup.server(_AGENT)), told]


ANTIGRAVITY = Agent(
    name=_AGENT, title="Antigravity", parts=_parts, note="Refresh the MCP servers in Antigravity, or start it again."
)
