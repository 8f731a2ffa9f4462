"""Claude: the data export that claude.ai offers under Settings, Privacy, "Export data".

Made for the export as it was from 2024 to 2026: a ZIP archive with `conversations.json`, an array of conversations with
`chat_messages`, and since 2025 `memories.json`, what Claude remembers. Read is what was said as text: no thinking, no
tools, no attached files. What Claude remembers becomes one memory a paragraph or bullet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

from ...records import Draft, Json
from .brought import Brought, moment, pieces
from .json_files import items

_PARTS = re.compile(r"\n\s*\n|\n(?=\s*[-*] )")
_BULLET = re.compile(r"\s*[-*] ")
_HEADING = re.compile(r"(#{1,6} .{1,200}|\*\*[^*\n]{1,200}\*\*:?)")
_SPEAKERS = {"human": "user", "user": "user", "assistant": "assistant"}


def read(path: Path) -> Iterator[Brought]:
    """Yield each message as one memory of its session, with its date and speaker, then what Claude remembers."""
    for item in items(path, "conversations*.json", "conversations"):
        if isinstance(item, Mapping):
            yield from _remembered(item) if "conversations_memory" in item else _conversation(item)
    if not path.is_file() or is_zipfile(path):
        for item in items(path, "memories*.json", required=False):
            if isinstance(item, Mapping):
                yield from _remembered(item)


def _remembered(item: Mapping[str, Any]) -> Iterator[Brought]:
    projects = item.get("project_memories")
    texts = {"": item.get("conversations_memory")} | (projects if isinstance(projects, dict) else {})
    for project, text in texts.items():
        about: dict[str, Json] = {"project": project} if project else {}
        for part in _PARTS.split(text) if isinstance(text, str) else ():
            if heading := _HEADING.fullmatch(part.strip()):
                about["heading"] = heading[1].strip("*# ")
                continue
            for piece in pieces(part.lstrip("-* \t") if _BULLET.match(part) else part):
                yield Brought(draft=Draft(piece, metadata=dict(about)))


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
