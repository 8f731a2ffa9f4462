"""Every embedder of ours keeps to the public contract."""

from __future__ import annotations

import pytest

from headroom.memory.embedders.cached import CachedEmbedder
from headroom.memory.embedders.onnx import OnnxEmbedder
from headroom.memory.protocols import Embedder
from headroom.testing import EmbedderContract, HashEmbedder


class TestOnnxEmbedder(EmbedderContract):
    def make_embedder(self) -> Embedder:
        return OnnxEmbedder()


class TestOnnxEmbedderOnOneThread(EmbedderContract):
    def make_embedder(self) -> Embedder:
        return OnnxEmbedder(threads=1)


@pytest.mark.quick
class TestHashEmbedder(EmbedderContract):
    def make_embedder(self) -> Embedder:
        return HashEmbedder()


@pytest.mark.quick
class TestCachedEmbedder(EmbedderContract):
    def make_embedder(self) -> Embedder:
        return CachedEmbedder(HashEmbedder(), 100)
