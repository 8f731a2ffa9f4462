"""What the benchmarks share: the embedder, an embedded corpus, files filled with it, and a place for them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path

import numpy as np

from headroom.memory import Draft, Embedder, Memory, MemoryConfig
from headroom.memory.embedders.table import make_embedder
from headroom.memory.engine import Engine
from headroom.memory.open import acquire, release
from headroom.memory.protocols import Vector, Vectors
from headroom.memory.records import Reader

from .made import MadeVectors
from .progress import Progress
from .scale import Scale
from .sentences import Sentences

_BATCH = 256
_FITTED = 4_000
"""Embedded sentences that made vectors are fitted to."""
STORED_AT = datetime(2025, 6, 1, tzinfo=timezone.utc)
"""One moment for all memories, so that only their content tells them apart."""


class Lab:
    """The bench of one run, in a folder that goes with it."""

    def __init__(self, folder: Path, scale: Scale, progress: Progress) -> None:
        self.folder, self.scale, self.progress = folder, scale, progress
        self.embedder = make_embedder(MemoryConfig())
        self._asked = 0

    @cached_property
    def facts(self) -> list[str]:
        """The corpus: as many facts as the largest user of `scale.real` has."""
        return Sentences(seed=1).facts(max(self.scale.real))

    @cached_property
    def vectors(self) -> Vectors:
        """The corpus embedded; shape (len(facts), width)."""
        parts = []
        for start in range(0, len(self.facts), _BATCH):
            self.progress.part(start, len(self.facts), "embedding")
            parts.append(self.embedder.embed(self.facts[start : start + _BATCH]))
        return np.concatenate(parts)

    @cached_property
    def made(self) -> MadeVectors:
        """A source of vectors like those of the corpus."""
        return MadeVectors.like(self.vectors[:_FITTED])

    @cached_property
    def sizes(self) -> Path:
        """A file with one user for each size of `scale.real`, named by `user_of`."""
        path = self.folder / "sizes.db"
        with self.engine(path) as engine:
            for size in self.scale.real:
                self.fill(engine, user_of(size), self.facts[:size], self.vectors[:size])
        return path

    def copy_of_sizes(self, name: str) -> Path:
        """Copy `sizes`, for a benchmark that adds memories."""
        return Path(shutil.copy(self.sizes, self.folder / f"{name}.db"))

    def fill(self, engine: Engine, user: str, facts: Sequence[str], vectors: Vectors) -> None:
        """Store facts with their vectors."""
        for start in range(0, len(facts), 10_000):
            drafts = [Draft(fact, created_at=STORED_AT) for fact in facts[start : start + 10_000]]
            engine.store(Reader(user_id=user), drafts, vectors[start : start + 10_000])

    @contextmanager
    def engine(self, path: Path, embedder: Embedder | None = None) -> Iterator[Engine]:
        """Open a file with the default configuration."""
        engine = acquire(MemoryConfig(db_path=path), embedder)
        try:
            yield engine
        finally:
            release(engine)

    @contextmanager
    def memory(self, path: Path, embedder: Embedder | None = None) -> Iterator[Memory]:
        """Open a file as users of the package do."""
        memory = Memory(db_path=path, embedder=embedder)
        try:
            yield memory
        finally:
            asyncio.run(memory.close())

    def questions(self, count: int) -> list[str]:
        """Make questions that no other call got, so that no cache knows them."""
        self._asked += 1
        return [f"{question} ({self._asked})" for question in Sentences(seed=1000 + self._asked).questions(count)]


class Known:
    """An embedder that knows the vectors of some texts and asks `behind` for the others."""

    def __init__(self, behind: Embedder, vectors: Mapping[str, Vector]) -> None:
        self._behind, self._vectors = behind, dict(vectors)

    @property
    def id(self) -> str:
        """The id of the embedder behind."""
        return self._behind.id

    @property
    def width(self) -> int:
        """The width of the embedder behind."""
        return self._behind.width

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed `texts` into a (len(texts), width) array."""
        return self._behind.embed(texts)

    def embed_query(self, text: str) -> Vector:
        """Return the vector of one question."""
        known = self._vectors.get(text)
        return self._behind.embed_query(text) if known is None else known

    def learn(self, texts: Sequence[str]) -> None:
        """Embed texts ahead, so that asking for them costs nothing."""
        self._vectors.update(zip(texts, self._behind.embed(texts), strict=True))

    def close(self) -> None:
        """Hold nothing."""


def user_of(size: int) -> str:
    """Name the user who has `size` memories."""
    return f"user with {size}"
