"""What a peer's script brings, and what it is given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


class Embedder(Protocol):
    """The model that all stores share."""

    width: int

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed `texts` into a (len(texts), width) array of unit rows."""


class Store(Protocol):
    """One peer over one folder."""

    def __init__(self, folder: Path, embedder: Embedder) -> None:
        """Open what is in `folder`, or make it."""

    def add(self, user: str, texts: Sequence[str]) -> None:
        """Store each text as one memory of `user`: as a batch if the peer has one and there are several."""

    def search(self, user: str, query: str, count: int) -> list[str]:
        """Return up to `count` texts of `user`, best first."""

    def close(self) -> None:
        """Bring everything to disk."""
