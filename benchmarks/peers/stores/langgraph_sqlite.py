"""LangGraph's `SqliteStore` with a vector index over the text, one namespace a user.

The field that is indexed is named with each item: `SqliteStore` does not read `fields` of the index.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from langgraph.store.base import PutOp
from langgraph.store.sqlite import SqliteStore

from benchmarks.peers.protocol import Embedder


def index(embedder: Embedder) -> dict[str, Any]:
    """Configure the vector index of either of LangGraph's stores."""
    return {"dims": embedder.width, "embed": lambda texts: embedder.embed(texts).tolist()}


class Store:
    def __init__(self, folder: Path, embedder: Embedder) -> None:
        self._opened = ExitStack()
        path = str(folder / "store.db")
        self._store: Any = self._opened.enter_context(SqliteStore.from_conn_string(path, index=index(embedder)))
        self._store.setup()

    def add(self, user: str, texts: Sequence[str]) -> None:
        self._store.batch([PutOp(("memories", user), uuid.uuid4().hex, {"text": text}, ["text"]) for text in texts])

    def search(self, user: str, query: str, count: int) -> list[str]:
        found = self._store.search(("memories", user), query=query, limit=count)
        return [item.value["text"] for item in found]

    def close(self) -> None:
        self._opened.close()
