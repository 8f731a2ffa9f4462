"""headroom-ai: `HierarchicalMemory` over its local stores (SQLite, sqlite-vec), given the shared model, no floor.

Its own ONNX embedder wants a model that gives a vector a token, and would download one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers.protocol import Embedder, Vectors

# The peer's own package of this name: this project is not installed where this script runs.
from headroom.memory import EmbedderBackend, HierarchicalMemory, MemoryConfig, create_memory_system


class Store:
    def __init__(self, folder: Path, embedder: Embedder) -> None:
        self._loop = asyncio.new_event_loop()
        config = MemoryConfig(db_path=folder / "memory.db", embedder_backend=EmbedderBackend.ONNX)
        store, vectors, words, _, cache = self._loop.run_until_complete(create_memory_system(config))
        self._memory = HierarchicalMemory(store, vectors, words, _Embedder(embedder), cache, config)

    def add(self, user: str, texts: Sequence[str]) -> None:
        if len(texts) == 1:
            self._loop.run_until_complete(self._memory.add(texts[0], user))
        else:
            drafts = [{"content": text, "user_id": user} for text in texts]
            self._loop.run_until_complete(self._memory.add_batch(drafts))

    def search(self, user: str, query: str, count: int) -> list[str]:
        search = self._memory.search(query, user_id=user, top_k=count, min_similarity=-1.0)
        return [result.memory.content for result in self._loop.run_until_complete(search)]

    def close(self) -> None:
        self._loop.run_until_complete(self._memory.close())
        self._loop.close()


class _Embedder:
    """The shared model with the methods of the peer's `Embedder` protocol."""

    model_name, max_tokens = "all-MiniLM-L6-v2-int8", 256

    def __init__(self, embedder: Embedder) -> None:
        self._embedder, self.dimension = embedder, embedder.width

    async def embed(self, text: str) -> Vectors:
        row: Vectors = self._embedder.embed([text])[0]
        return row

    async def embed_batch(self, texts: Sequence[str]) -> list[Vectors]:
        return list(self._embedder.embed(texts))
