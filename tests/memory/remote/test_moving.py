"""From the local file to the engines and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from headroom.memory.config import MemoryConfig
from headroom.memory.embedders.cached import CachedEmbedder
from headroom.memory.engine import Engine
from headroom.memory.local.backend import LocalBackend
from headroom.memory.protocols import Backend
from headroom.memory.remote.backend import RemoteBackend
from headroom.testing import HashEmbedder

from ...contract.carrying import QUESTIONS, fill, found, kept
from ...contract.opened import ALICE, BOB
from .emptied import Collections

pytestmark = pytest.mark.engines


def opened(backend: Backend) -> Engine:
    return Engine(backend, CachedEmbedder(HashEmbedder(), 100))


def test_there_and_back_again(tmp_path: Path, collections: Collections) -> None:
    """The same memories, history, holds, events, graph and vectors on the engines, and identical searches back home."""
    first = opened(LocalBackend(MemoryConfig(db_path=tmp_path / "first.db"), HashEmbedder()))
    away = opened(RemoteBackend(collections.config(HashEmbedder().id), HashEmbedder()))
    last = opened(LocalBackend(MemoryConfig(db_path=tmp_path / "last.db"), HashEmbedder()))
    fill(first)
    first.export(tmp_path / "out.jsonl")
    away.import_from(tmp_path / "out.jsonl")
    away.export(tmp_path / "back.jsonl")
    last.import_from(tmp_path / "back.jsonl")
    for reader in (ALICE, BOB):
        assert kept(away, reader) == kept(first, reader)
        assert kept(last, reader) == kept(first, reader)
        for question in QUESTIONS:
            before, after = found(first, question, reader), found(last, question, reader)
            assert [(one.id, one.parts._replace(recency=0)) for one in after] == [
                (one.id, one.parts._replace(recency=0)) for one in before
            ]
    out, back = ((tmp_path / name).read_text().splitlines()[1:] for name in ("out.jsonl", "back.jsonl"))
    assert back == out
    for engine in (first, away, last):
        engine.close()
