"""LangGraph's `InMemoryStore`: the same calls as its SQLite store, and nothing on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langgraph.store.memory import InMemoryStore

from benchmarks.peers.protocol import Embedder

from . import langgraph_sqlite


class Store(langgraph_sqlite.Store):
    def __init__(self, folder: Path, embedder: Embedder) -> None:
        self._store: Any = InMemoryStore(index=langgraph_sqlite.index(embedder))

    def close(self) -> None:
        """Hold nothing that outlives the process."""
