"""One embedder a process for equal settings, and clear words for what cannot be."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from headroom.errors import InvalidInput
from headroom.memory.config import EmbedderBackend, MemoryConfig
from headroom.memory.embedders.onnx import OnnxEmbedder
from headroom.memory.embedders.table import KINDS, make_embedder

pytestmark = pytest.mark.quick


def test_equal_settings_share_one_embedder() -> None:
    """Whatever else two configurations differ in, one set of embedder settings is one loaded model."""
    first = make_embedder(MemoryConfig(db_path="one.db"))
    assert isinstance(first, OnnxEmbedder)
    assert make_embedder(MemoryConfig(db_path="two.db", vector_dimension=384)) is first
    assert make_embedder(MemoryConfig(embedder_threads=1)) is not first


def test_threads_that_ask_at_once_get_the_same() -> None:
    """Two threads never load the model twice."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: make_embedder(MemoryConfig(embedder_threads=7)), range(50)))
    assert len({id(embedder) for embedder in made}) == 1


def test_the_last_holder_takes_it_along() -> None:
    """An embedder that nobody holds is freed."""
    embedder = make_embedder(MemoryConfig(embedder_threads=5))
    gone = weakref.ref(embedder)
    del embedder
    gc.collect()
    assert gone() is None


def test_another_width_than_the_models_is_refused() -> None:
    """`vector_dimension` that contradicts the model names both numbers and the way out."""
    with pytest.raises(InvalidInput, match=r"768.*384.*leave vector_dimension out"):
        make_embedder(MemoryConfig(vector_dimension=768))


def test_every_backend_has_its_class() -> None:
    """What a configuration may name can be made."""
    assert set(KINDS) == set(EmbedderBackend)
