"""Where agents keep their settings, and what a settings file is told of this library."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .settings.part import Part

HOOK = "hook"
"""The subcommand that hooks run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where to install: for the person (`project` is None), or into the files of one repository."""

    home: Path
    project: Path | None = None
    platform: str = sys.platform

    @property
    def application_data(self) -> Path:
        """The folder in which desktop programs keep their settings."""
        if self.platform == "darwin":
            return self.home / "Library" / "Application Support"
        if self.platform == "win32":
            return Path(os.environ.get("APPDATA") or self.home / "AppData" / "Roaming")
        return Path(os.environ.get("XDG_CONFIG_HOME") or self.home / ".config")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What is installed: the program to run, and whose memory it works on."""

    program: tuple[str, ...]
    """How to start `headroom`, such as ("/home/alice/.local/bin/headroom",)."""
    options: tuple[str, ...] = ()
    """Arguments for the server and the hook alike, such as ("--user", "alice")."""
    record_turns: bool = False

    def server(self, agent: str) -> dict[str, Any]:
        """Return command and arguments of the MCP server, as most agents write them."""
        program, *first = self.program
        return {"command": program, "args": [*first, "mcp", "--agent", agent, *self.options]}

    def hook(self, agent: str) -> str:
        """Return the hook's command line for a shell."""
        record = ("--record-turns",) if self.record_turns else ()
        words = [*self.program, HOOK, agent, *self.options, *record]
        return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One program that can use the memory."""

    name: str
    title: str
    parts: Callable[[Place, Setup], list[Part]]
    note: str = ""
    """What is left for the person to do."""


def is_our_command(command: object, agent: str) -> bool:
    """Return whether a hook's command line is one that `Setup.hook` made for `agent`."""
    if not isinstance(command, str):
        return False
    words = command.replace('"', " ").replace("'", " ").split()
    program = any("headroom" in word for word in words[: words.index(HOOK)]) if HOOK in words else False
    return program and words[words.index(HOOK) + 1 : words.index(HOOK) + 2] == [agent]


def is_our_group(item: object, agent: str) -> bool:
    """Return the same of a group of hooks, as Claude Code, Codex and Gemini write them."""
    hooks = item.get("hooks") if isinstance(item, dict) else None
    return isinstance(hooks, list) and any(
        is_our_command(hook.get("command"), agent) for hook in hooks if isinstance(hook, dict)
    )
