"""Cursor: an MCP server and a skill or rule; a hook only to record turns, since none of its hooks can add to a prompt.

Sources: cursor.com/docs, pages "MCP", "Hooks", "Rules" and "Skills" (read in November 2026).
"""

from __future__ import annotations

from .guidance import CURSOR_RULE, SKILL
from .places import Agent, Place, Setup, is_our_command
from .settings.json_file import JsonEntry, JsonItem
from .settings.part import NAME, Absent, Part
from .settings.text_file import OwnFile

_AGENT = "cursor"


def _is_ours(item: object) -> bool:
    return isinstance(item, dict) and is_our_command(item.get("command"), _AGENT)


def _parts(place: Place, setup: Setup) -> list[Part]:
    folder = (place.project or place.home) / ".cursor"
    if place.project is not None:
        told = OwnFile(path=folder / "rules" / "headroom-memory.mdc", content=CURSOR_RULE)
    else:
        told = OwnFile(path=folder / "skills" / "headroom-memory" / "SKILL.md", content=SKILL)
    hook = JsonItem(
        path=folder / "hooks.json",
        keys=("hooks", "beforeSubmitPrompt"),
        value={"command": setup.hook(_AGENT)},
        ours=_is_ours,
        defaults={"version": 1},
    )
    return [
        JsonEntry(path=folder / "mcp.json", keys=("mcpServers", NAME), value=setup.server(_AGENT)),
        told,
        hook if setup.record_turns else Absent(part=hook),
    ]


CURSOR = Agent(name=_AGENT, title="Cursor", parts=_parts, note="Enable the server under Settings > MCP if Cursor asks.")
