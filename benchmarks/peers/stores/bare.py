"""The embedder and no store: it embeds what it is told and forgets it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers.protocol import Embedder


class Store:
    def __init__(self, folder: Path, embedder: Embedder) -> None:
        self._embedder = embedder

    def add(self, user: str, texts: Sequence[str]) -> None:
        self._embedder.embed(texts)

    def search(self, user: str, query: str, count: int) -> list[str]:
        self._embedder.embed([query])
        return []

    def close(self) -> None:
        """Hold nothing."""
