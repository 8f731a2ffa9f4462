"""mem0 without an LLM (`infer=False`): its default store, Qdrant in a local folder, and no floor under the scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mem0 import Memory

from benchmarks.peers.protocol import Embedder


class Store:
    def __init__(self, folder: Path, embedder: Embedder) -> None:
        # Neither model of this configuration is ever called: one is replaced below, the other not needed.
        unused = {"provider": "openai", "config": {"api_key": "none"}}
        qdrant = {"path": str(folder / "qdrant"), "embedding_model_dims": embedder.width, "on_disk": True}
        self._memory = Memory.from_config(
            {
                "vector_store": {"provider": "qdrant", "config": qdrant},
                "llm": unused,
                "embedder": unused,
                "history_db_path": str(folder / "history.db"),
            }
        )
        self._memory.embedding_model = _Embedding(embedder)

    def add(self, user: str, texts: Sequence[str]) -> None:
        self._memory.add([{"role": "user", "content": text} for text in texts], user_id=user, infer=False)

    def search(self, user: str, query: str, count: int) -> list[str]:
        found = self._memory.search(query, filters={"user_id": user}, top_k=count, threshold=0.0)
        return [result["memory"] for result in found["results"]]

    def close(self) -> None:
        self._memory.vector_store.client.close()
        self._memory.close()


class _Embedding:
    """The shared model with the methods of mem0's `EmbeddingBase`."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def embed(self, text: str, memory_action: str | None = None) -> list[float]:
        rows: list[list[float]] = self.embed_batch([text])
        return rows[0]

    def embed_batch(self, texts: Sequence[str], memory_action: str | None = None) -> Any:
        return self._embedder.embed(texts).tolist()
