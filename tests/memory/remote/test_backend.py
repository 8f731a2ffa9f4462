"""The remote backend keeps to the contract of backends."""

from __future__ import annotations

import pytest

from headroom.memory.protocols import Backend, Embedder
from headroom.memory.remote.backend import RemoteBackend

from ...contract.backends import BackendContract
from .emptied import Collections

pytestmark = pytest.mark.engines


class TestRemoteBackend(BackendContract):
    identical_scores = False  # a sample stands for the user's memories in general

    @pytest.fixture(autouse=True)
    def _collections(self, collections: Collections) -> None:
        self.collections = collections

    def make_backend(self, embedder: Embedder) -> Backend:
        return RemoteBackend(self.collections.config(embedder.id), embedder)
