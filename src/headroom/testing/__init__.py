"""For tests of an application that uses a memory, and of an embedder of your own."""

from __future__ import annotations

from .embedders import EmbedderContract, HashEmbedder, bundled_embedder
from .fake_chat import AsyncFakeChat, FakeChat, reply_that_teaches

__all__ = [
    "AsyncFakeChat",
    "EmbedderContract",
    "FakeChat",
    "HashEmbedder",
    "bundled_embedder",
    "reply_that_teaches",
]
