"""taosmd: `VectorMemory` with its default fusion, the user as the agent of a memory.

Its ONNX code gives a model an attention mask, which the shared file does not take, so its `embed` is replaced.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from taosmd import VectorMemory

from benchmarks.peers.protocol import Embedder


class Store:
    def __init__(self, folder: Path, embedder: Embedder) -> None:
        async def embed(text: str, task: str = "search_document") -> list[float]:
            rows: list[list[float]] = embedder.embed([text]).tolist()
            return rows[0]

        self._loop = asyncio.new_event_loop()
        self._memory = VectorMemory(folder / "vector-memory.db")
        self._memory.embed = embed
        self._loop.run_until_complete(self._memory.init())

    def add(self, user: str, texts: Sequence[str]) -> None:
        for text in texts:
            self._loop.run_until_complete(self._memory.add(text, {"agent": user}))

    def search(self, user: str, query: str, count: int) -> list[str]:
        found = self._loop.run_until_complete(self._memory.search(query, limit=count, search_agents=[user]))
        return [hit["text"] for hit in found]

    def close(self) -> None:
        self._loop.run_until_complete(self._memory.close())
        self._loop.close()
