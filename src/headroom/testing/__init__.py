"""For tests of your own parts, and of programs that use a Memory: contract suites and deterministic parts."""

from __future__ import annotations

from .embedders import EmbedderContract, HashEmbedder, bundled_embedder

__all__ = ["EmbedderContract", "HashEmbedder", "bundled_embedder"]
