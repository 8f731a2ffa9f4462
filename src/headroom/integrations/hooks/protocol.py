"""What agents send to a hook at each prompt, and what they read from its standard output. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_EVENTS = {"claude-code": "UserPromptSubmit", "codex": "UserPromptSubmit", "gemini": "BeforeAgent"}
"""The event after which an agent takes in context, by agent. Cursor takes in none."""
AGENTS = (*_EVENTS, "cursor")
MOST_CHARACTERS = 9000
"""Claude Code passes on about 10,000 characters whole; the notes' own budget stays far below."""

# Prompts that no person wrote: results of subagents and scheduled tasks arrive as <task-notification>...,
# and a command of the agent itself as "/clear".
_MACHINE = re.compile(r"\s*<[a-z][a-z0-9_-]*>")
_COMMAND = re.compile(r"\s*/[a-z][\w:-]*\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What the user asked, and in which session."""

    text: str
    session_id: str | None
    folder: str | None = None
    """The folder that the agent works in."""


def read(event: str) -> Prompt | None:
    """Read the event that an agent wrote to standard input; None if it holds no prompt of a person."""
    try:
        fields: Any = json.loads(event)
    except ValueError:
        return None
    text = fields.get("prompt") if isinstance(fields, dict) else None
    if not isinstance(text, str) or not text.strip() or _MACHINE.match(text) or _COMMAND.match(text):
        return None
    return Prompt(
        text=text,
        session_id=_text(fields.get("session_id")) or _text(fields.get("conversation_id")),
        folder=_text(fields.get("cwd")),
    )


def takes_context(agent: str) -> bool:
    """Return whether the agent adds what a hook prints to the prompt."""
    return agent in _EVENTS


def answer(agent: str, context: str) -> str:
    """Return what the hook prints: one JSON object and nothing else, which lets the prompt pass whatever happens."""
    if agent not in _EVENTS:
        return json.dumps({"continue": True})
    if not context:
        return "{}"
    told = {"hookEventName": _EVENTS[agent], "additionalContext": context[:MOST_CHARACTERS]}
    return json.dumps({"hookSpecificOutput": told}, ensure_ascii=False)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None
