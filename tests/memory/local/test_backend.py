"""The local backend keeps to the public contract, with every way of comparing vectors."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from headroom.memory.config import MemoryConfig, VectorBackend
from headroom.memory.local.backend import LocalBackend
from headroom.memory.protocols import Backend, Embedder

from ...contract.backends import BackendContract


class _Local(BackendContract):
    vectors = VectorBackend.AUTO

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path
        self.made = 0

    def make_backend(self, embedder: Embedder) -> Backend:
        self.made += 1
        path = self.folder / f"memory-{self.made}.db"
        return LocalBackend(MemoryConfig(db_path=path, vector_backend=self.vectors), embedder)


@pytest.mark.quick
class TestLocalBackend(_Local):
    pass


class TestLocalBackendInFile(_Local):
    vectors = VectorBackend.SQLITE_VEC


@pytest.mark.skipif(find_spec("hnswlib") is None, reason="hnswlib is an extra")
class TestLocalBackendOverAGraph(_Local):
    vectors = VectorBackend.HNSW
