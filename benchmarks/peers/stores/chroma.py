"""chromadb: a persistent client, one collection in cosine space, the user as metadata and as a `where` filter."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import chromadb
from chromadb.config import Settings

from benchmarks.peers.protocol import Embedder


class Store:
    def __init__(self, folder: Path, embedder: Embedder) -> None:
        self._embedder = embedder
        self._client = chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False))
        self._memories: Any = self._client.get_or_create_collection(
            "memories", embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
        )

    def add(self, user: str, texts: Sequence[str]) -> None:
        self._memories.add(
            ids=[uuid.uuid4().hex for _ in texts],
            documents=list(texts),
            embeddings=self._embedder.embed(texts),
            metadatas=[{"user": user} for _ in texts],
        )

    def search(self, user: str, query: str, count: int) -> list[str]:
        vectors = self._embedder.embed([query])
        found = self._memories.query(query_embeddings=vectors, n_results=count, where={"user": user})
        return list(found["documents"][0])

    def close(self) -> None:
        self._client.close()
