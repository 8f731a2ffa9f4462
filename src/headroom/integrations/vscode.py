"""Visual Studio Code: an MCP server and an instructions file. Its hooks are a preview and are left alone.

Sources: code.visualstudio.com/docs, pages "MCP configuration reference" and "Custom instructions" (November 2026).
"""

from __future__ import annotations

from .guidance import VSCODE_INSTRUCTIONS
from .places import Agent, Place, Setup
from .settings.json_file import JsonEntry
from .settings.part import NAME, Part
from .settings.text_file import OwnFile

_AGENT = "vscode"
_INSTRUCTIONS = "headroom-memory.instructions.md"


def _parts(place: Place, setup: Setup) -> list[Part]:
    if place.project is not None:
        servers = place.project / ".vscode" / "mcp.json"
        told = place.project / ".github" / "instructions" / _INSTRUCTIONS
    else:
        profile = place.application_data / "Code" / "User"
        servers, told = profile / "mcp.json", profile / "prompts" / _INSTRUCTIONS
    return [
        JsonEntry(path=servers, keys=("servers", NAME), value={"type": "stdio", **setup.server(_AGENT)}),
        OwnFile(path=told, content=VSCODE_INSTRUCTIONS),
    ]


VSCODE = Agent(name=_AGENT, title="Visual Studio Code", parts=_parts, note="Start the server from the MCP view.")
