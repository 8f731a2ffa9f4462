"""Claude Desktop: an MCP server over stdio. It has no hooks and no rules file.

Source: modelcontextprotocol.io, page "Connect to local MCP servers" (read in November 2026).
"""

from __future__ import annotations

from ..errors import InvalidInput
from .places import Agent, Place, Setup
from .settings.json_file import JsonEntry
from .settings.part import NAME, Part

_AGENT = "claude-desktop"


def _parts(place: Place, setup: Setup) -> list[Part]:
    if place.project is not None:
        raise InvalidInput("Claude Desktop has no settings of a project; install it for the person: leave out --here")
    path = place.application_data / "Claude" / "claude_desktop_config.json"
    return [JsonEntry(path=path, keys=("mcpServers", NAME), value=setup.server(_AGENT))]


CLAUDE_DESKTOP = Agent(name=_AGENT, title="Claude Desktop", parts=_parts, note="Restart Claude Desktop.")
