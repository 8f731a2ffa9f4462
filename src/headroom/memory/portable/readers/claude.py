"""Claude: the data export that claude.ai offers under Settings, Privacy, "Export data".

Made for the export as it was from 2024 to 2026: a ZIP archive with `conversations.json`, an array of conversations with
`chat_messages`. Read is what was said as text: no thinking, no tools, no attached files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...records import Draft
from .brought import Brought, moment, pieces
from .json_files import items

_SPEAKERS = {"human": "user", "user": "user", "assistant": "assistant"}


def read(path: Path) -> Iterator[Brought]:
    """Yield each message as one memory of its session, with its date and speaker, conversation by conversation."""
    for conversation in items(path, "conversations*.json", "conversations"):
        if isinstance(conversation, Mapping):
            yield from _conversation(conversation)


def _conversation(conversation: Mapping[str, Any]) -> Iterator[Brought]:
    title = conversation.get("name")
    for message in conversation.get("chat_messages") or ():
        speaker = _SPEAKERS.get(message.get("sender", ""))
        if speaker is None:
            continue
        for text in pieces(_text(message)):
            yield Brought(
                draft=Draft(
                    text,
                    metadata={"speaker": speaker} | ({"conversation": title} if title else {}),
                    created_at=moment(message.get("created_at")) or moment(conversation.get("created_at")),
                ),
                session_id=conversation.get("uuid"),
            )


def _text(message: Mapping[str, Any]) -> str:
    """Join the blocks of text; exports of 2024 have the field `text` alone."""
    blocks = [block.get("text") for block in message.get("content") or () if block.get("type") == "text"]
    return "\n\n".join(block for block in blocks if block) or str(message.get("text") or "")
