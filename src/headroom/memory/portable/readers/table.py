"""The readers by the names that `headroom import --from` takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from ....errors import InvalidInput
from . import chatgpt, claude, langgraph, markdown, mem0
from .brought import Brought

Reader = Callable[[Path], Iterator[Brought]]

OWN_FORMAT = "headroom"
"""The name of this library's own exports, which `portable.restoring` reads."""

READERS: dict[str, Reader] = {
    "chatgpt": chatgpt.read,
    "claude": claude.read,
    "langgraph": langgraph.read,
    "markdown": markdown.read,
    "mem0": mem0.read,
}

LOOKS_FOR = {
    "chatgpt": "conversations with a mapping of messages, as in conversations.json",
    "claude": "conversations with chat_messages, as in conversations.json",
    "langgraph": "items with a namespace and a value",
    "markdown": "bullets, such as: - Likes tea",
    "mem0": "memories with a field memory, content, text or data",
}
"""What each reader takes memories from, for a file in which there is none."""

NAMES_USERS = {OWN_FORMAT, "mem0"}
"""The formats whose files say whose each memory is."""


def read(path: Path, source: str, *, namespace: str | None = None) -> Iterator[Brought]:
    """Yield what a file of another program holds, one memory at a time.

    `namespace` is for LangGraph alone. Raise InvalidInput if no reader has the name `source`, and UnreadableImport if
    the file cannot be read.
    """
    if source not in READERS:
        raise InvalidInput(f"there is no reader for {source!r}; choose one of: {', '.join([OWN_FORMAT, *READERS])}")
    if namespace is None:
        return READERS[source](path)
    if source != "langgraph":
        raise InvalidInput("namespace is for files of LangGraph")
    return langgraph.read(path, namespace=namespace)
