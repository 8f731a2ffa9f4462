"""The seams: what an embedder and a store must do for the engine. Any object that fits will work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from .records import Applied, Json, Reader, Record, Relationship, Scope, SearchResult

Vector: TypeAlias = npt.NDArray[np.float32]
"""Shape (width,), float32: a unit vector, or zeros for a blank text."""
Vectors: TypeAlias = npt.NDArray[np.float32]
"""Shape (n, width), float32: one unit row a text, in order; zeros for a blank text."""


@runtime_checkable
class Embedder(Protocol):
    """Text to vectors. Safe to call from many threads; the same text always gives the same vector."""

    @property
    def id(self) -> str:
        """Name of the model and its revision; two embedders of one id give comparable vectors. Cheap: loads nothing."""

    @property
    def width(self) -> int:
        """Length of a vector. May load the model, or ask its server once."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed `texts` into a (len(texts), width) float32 array of unit rows; a blank text gives a zero row."""

    def embed_query(self, text: str) -> Vector:
        """Embed one question; differs from `embed` only where the model wants a query prefix."""

    def close(self) -> None:
        """Free the model or the connection. Closing twice is fine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A checked draft with its vector, ready to be stored. Times are microseconds since 1970, UTC."""

    content: str
    scope: Scope
    importance: float
    entities: tuple[str, ...]
    relationships: tuple[Relationship, ...]
    metadata: Mapping[str, Json]
    created_at: int
    expires_at: int | None
    vector: Vector | None
    """None where the embedder did not answer: the memory is found by its words until the vector comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One step of a transaction: an entry to store, memories that it ends, or both.

    With `strict`, InvalidInput is raised where one of `replaces` is no present memory that the writer sees.
    """

    entry: Entry | None
    replaces: tuple[str, ...] = ()
    strict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One search. `notes_only` keeps only what deserves to be put into a chat; see `ranking.noteworthy`."""

    reader: Reader
    text: str
    vector: Vector | None
    """None where the embedder did not answer: the search goes by words alone."""
    top_k: int
    min_score: float = 0.0
    include_graph: bool = False
    as_of: int | None = None
    saved_by: str | None = None
    where: Mapping[str, Json] | None = None
    notes_only: bool = False


class Backend(Protocol):
    """Where memories are kept. Each call is one transaction; each is safe from many threads.

    Every call that takes a reader sees what that reader sees and nothing else, by filters that hold inside the search,
    never after it. By id as by search: what a reader does not see is not found. A call by id without a reader is the
    application's own, and finds everybody's.
    """

    def apply(self, writer: Reader, writes: Sequence[Write]) -> list[Applied]:
        """Store, merge with what is known, and end what is replaced: all of it or nothing."""

    def search(self, query: Query) -> list[SearchResult]:
        """Find at most `query.top_k` memories, best first."""

    def get(self, memory_id: str, reader: Reader | None) -> Record | None:
        """Look up one memory, also one that is history."""

    def history(self, memory_id: str, reader: Reader | None) -> list[Record]:
        """List the versions of a memory that `reader` sees, oldest first."""

    def page(self, reader: Reader, *, limit: int | None, after: str | None) -> list[Record]:
        """List the present memories that `reader` sees, newest first, from behind the memory `after`."""

    def revive(self, memory_id: str, reader: Reader | None) -> bool:
        """Undo a forget; return False if there was nothing to undo."""

    def delete(self, memory_id: str, reader: Reader | None) -> bool:
        """Erase a memory and the versions that it replaced; return False if there is none."""

    def clear(self, reader: Reader) -> int:
        """Erase all memories of the user, or those bound to the session, agent or turn that is given."""

    def unembedded(self, limit: int) -> list[tuple[str, str]]:
        """List memories that wait for their vector, oldest first, as (id, content)."""

    def put_vectors(self, vectors: Mapping[str, Vector]) -> None:
        """Store the vectors of memories that wait for them, by id; those that no longer do are left alone."""

    def stats(self, reader: Reader | None) -> dict[str, int]:
        """Count the memories that `reader` sees, or all of everybody if it is None."""

    def usable(self) -> bool:
        """Tell whether the store is still there; False where it is gone for good and must be opened anew."""

    def close(self) -> None:
        """Let go of files and connections. Closing twice is fine."""
