"""This project, through its public API with the default configuration. It brings its own embedder."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers.protocol import Embedder
from headroom import Memory


class Store:
    def __init__(self, folder: Path, embedder: Embedder) -> None:
        self._loop = asyncio.new_event_loop()
        self._memory = Memory(db_path=folder / "memory.db")

    def add(self, user: str, texts: Sequence[str]) -> None:
        if len(texts) == 1:
            self._loop.run_until_complete(self._memory.save(texts[0], user))
        else:
            self._loop.run_until_complete(self._memory.save_many(texts, user))

    def search(self, user: str, query: str, count: int) -> list[str]:
        results = self._loop.run_until_complete(self._memory.search(query, user, top_k=count))
        return [result.content for result in results]

    def close(self) -> None:
        self._loop.run_until_complete(self._memory.close())
        self._loop.close()
