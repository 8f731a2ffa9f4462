"""The seams: what an embedder and a store must do for the engine. Any object that fits will work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

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
