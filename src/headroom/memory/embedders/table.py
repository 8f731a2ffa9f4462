"""Which class embeds for which backend; one loaded embedder a process for equal settings."""

from __future__ import annotations

import importlib
import os
import threading
import weakref
from typing import Protocol, cast

from ...errors import InvalidInput
from ..config import EmbedderBackend, MemoryConfig
from ..protocols import Embedder


class _Kind(Protocol):
    def from_config(self, config: MemoryConfig) -> Embedder: ...


KINDS = {EmbedderBackend.ONNX: "onnx:OnnxEmbedder"}

_Key = tuple[object, ...]
_shared: weakref.WeakValueDictionary[_Key, Embedder] = weakref.WeakValueDictionary()
_lock = threading.Lock()


def make_embedder(config: MemoryConfig) -> Embedder:
    """Return the embedder that `config` asks for, shared with all who hold one of equal settings.

    It goes with its last holder: drop it, do not close it. Loads no model, unless `vector_dimension` must be compared
    with the width of a model that nothing is known of. Raises InvalidInput where the two differ.
    """
    key = (
        config.embedder_backend,
        config.embedder_model,
        config.embedder_threads,
        config.openai_api_key,
        config.ollama_base_url,
    )
    with _lock:
        embedder = _shared.get(key)
        if embedder is None:
            embedder = _shared[key] = _kind(EmbedderBackend(config.embedder_backend)).from_config(config)
    if config.vector_dimension is not None and config.vector_dimension != embedder.width:
        raise InvalidInput(
            f"vector_dimension is {config.vector_dimension}, but {embedder.id} gives vectors of {embedder.width}; "
            "leave vector_dimension out, or choose another embedder_model"
        )
    return embedder


def _kind(backend: EmbedderBackend) -> _Kind:
    place = KINDS.get(backend)
    if place is None:
        known = ", ".join(kind.value for kind in KINDS)
        raise InvalidInput(
            f"the embedder backend {backend.value!r} is not available in this version; "
            f"choose one of: {known}, or pass an embedder of your own: Memory(embedder=...)"
        )
    module, name = place.split(":")
    return cast(_Kind, getattr(importlib.import_module(f".{module}", __package__), name))


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
