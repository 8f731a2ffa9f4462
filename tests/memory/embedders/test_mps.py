"""HEADROOM_EMBEDDER_RUNTIME, and the LOCAL backend if nothing of it is installed."""

from __future__ import annotations

import logging
import sys
from importlib.util import find_spec

import pytest

from headroom.errors import InvalidInput, MissingExtra
from headroom.memory import EmbedderBackend, MemoryConfig
from headroom.memory.embedders import mps
from headroom.memory.embedders.models import BUNDLED
from headroom.memory.embedders.onnx import OnnxEmbedder
from headroom.memory.embedders.table import make_embedder

pytestmark = pytest.mark.quick

without_torch = pytest.mark.skipif(find_spec("sentence_transformers") is not None, reason="it is installed here")
with_torch = pytest.mark.skipif(find_spec("sentence_transformers") is None, reason="sentence-transformers is missing")
elsewhere = pytest.mark.skipif(mps.lacking() is None, reason="this machine has MPS")


@pytest.fixture(autouse=True)
def _warn_anew() -> None:
    mps._warn.cache_clear()


@without_torch
def test_local_without_its_extra_says_what_to_install() -> None:
    """Opening a memory with the LOCAL backend is an error that names the extra."""
    with pytest.raises(MissingExtra, match=r"headroom-memory\[local\]"):
        make_embedder(MemoryConfig(embedder_backend=EmbedderBackend.LOCAL))


@pytest.mark.parametrize("value", ["cuda", "pytorch", "PYTORCH_MPS"])
def test_any_other_runtime_is_an_error(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A value that is not known names the one that is."""
    monkeypatch.setenv(mps.VARIABLE, value)
    with pytest.raises(InvalidInput, match=f"HEADROOM_EMBEDDER_RUNTIME may be pytorch_mps.*{value}"):
        make_embedder(MemoryConfig())


@elsewhere
def test_without_mps_the_default_is_used_and_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The bundled model runs on onnxruntime as ever; one warning tells why, however many memories are opened."""
    monkeypatch.setenv(mps.VARIABLE, mps.MPS)
    with caplog.at_level(logging.WARNING, "headroom"):
        embedders = [make_embedder(MemoryConfig(embedder_threads=number)) for number in (2, 3)]
    assert all(isinstance(embedder, OnnxEmbedder) for embedder in embedders)
    (record,) = caplog.records
    assert "no effect" in record.getMessage()
    assert "torch" not in sys.modules or find_spec("torch")


@with_torch
def test_on_mps_the_bundled_model_keeps_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that onnxruntime's vectors are in stays usable when the runtime changes, and the other way round."""
    monkeypatch.setenv(mps.VARIABLE, mps.MPS)
    monkeypatch.setattr(mps, "lacking", lambda: None)
    on_gpu = make_embedder(MemoryConfig())
    assert type(on_gpu).__name__ == "SentenceEmbedder"
    assert (on_gpu.id, on_gpu.width) == (BUNDLED.id, 384)
    assert make_embedder(MemoryConfig(embedder_model="someone/else")).id == "local/someone/else"
    asked_for = make_embedder(MemoryConfig(embedder_backend="local"))
    assert asked_for.id == f"local/{BUNDLED.name}"
    assert {embedder._device for embedder in (on_gpu, asked_for)} == {"mps"}  # type: ignore[attr-defined]
