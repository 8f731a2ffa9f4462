"""ChatGPT: the data export that the settings of an account offer ("Export data").

Made for the export as it was from 2023 to 2026: a ZIP archive with `conversations.json`, or several
`conversations-000.json`. Each conversation is a tree of messages under `mapping`; `current_node` is the end of the
branch that the user sees. Read are the texts of that branch: what the user said and what the assistant answered, and
neither system messages, nor tools, nor reasoning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...records import Draft
from .brought import Brought, moment, pieces
from .json_files import items

_SPEAKERS = ("user", "assistant")


def read(path: Path) -> Iterator[Brought]:
    """Yield each message as one memory of its session, with its date and speaker, conversation by conversation."""
    for conversation in items(path, "conversations*.json", "conversations"):
        if isinstance(conversation, Mapping):
            yield from _conversation(conversation)


def _conversation(conversation: Mapping[str, Any]) -> Iterator[Brought]:
    session = conversation.get("conversation_id") or conversation.get("id")
    title = conversation.get("title")
    for message in _branch(conversation):
        speaker = (message.get("author") or {}).get("role")
        if speaker not in _SPEAKERS or not _is_said(message):
            continue
        for text in pieces(_text(message.get("content") or {})):
            yield Brought(
                draft=Draft(
                    text,
                    metadata={"speaker": speaker} | ({"conversation": title} if title else {}),
                    created_at=moment(message.get("create_time")) or moment(conversation.get("create_time")),
                ),
                session_id=session,
            )


def _branch(conversation: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Follow the parents from the end of the branch that is seen, and return its messages, first to last."""
    mapping = conversation.get("mapping") or {}
    node, messages, seen = conversation.get("current_node"), [], set()
    while node in mapping and node not in seen:
        seen.add(node)
        if mapping[node].get("message"):
            messages.append(mapping[node]["message"])
        node = mapping[node].get("parent")
    return messages[::-1]


def _is_said(message: Mapping[str, Any]) -> bool:
    """Return whether a message is shown: not hidden, and not a call of a tool."""
    hidden = (message.get("metadata") or {}).get("is_visually_hidden_from_conversation")
    return not hidden and message.get("recipient", "all") in ("all", None)


def _text(content: Mapping[str, Any]) -> str:
    if content.get("content_type") not in ("text", "multimodal_text"):
        return ""
    parts = (part.get("text") if isinstance(part, Mapping) else part for part in content.get("parts") or ())
    return "\n\n".join(part for part in parts if isinstance(part, str) and part.strip())
