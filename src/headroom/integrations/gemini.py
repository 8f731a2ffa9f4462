"""Gemini CLI: an MCP server and a hook in settings.json, and a block in GEMINI.md. Times are in milliseconds.

Sources: geminicli.com/docs, pages "MCP servers" and "Hooks reference" (read in November 2026).
"""

from __future__ import annotations

from functools import partial

from .guidance import GUIDANCE
from .places import Agent, Place, Setup, is_our_group
from .settings.json_file import JsonEntry, JsonItem
from .settings.part import NAME, Part
from .settings.text_file import Block

_AGENT = "gemini"
_MILLISECONDS = 5000


def _parts(place: Place, setup: Setup) -> list[Part]:
    folder = (place.project or place.home) / ".gemini"
    settings = folder / "settings.json"
    hook = {"name": "headroom-memory", "type": "command", "command": setup.hook(_AGENT), "timeout": _MILLISECONDS}
    return [
        JsonEntry(path=settings, keys=("mcpServers", NAME), value=setup.server(_AGENT)),
        JsonItem(
            path=settings,
            keys=("hooks", "BeforeAgent"),
            value={"hooks": [hook]},
            ours=partial(is_our_group, agent=_AGENT),
        ),
        Block(path=(place.project or folder) / "GEMINI.md", mark="headroom-memory, gemini", content=GUIDANCE),
    ]


GEMINI = Agent(name=_AGENT, title="Gemini CLI", parts=_parts, note="Start Gemini CLI again.")
