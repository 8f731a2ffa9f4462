"""Which class embeds for which backend. Equal settings share one loaded embedder in a process."""

from __future__ import annotations

import importlib
import os
import threading
import weakref
from collections.abc import Callable
from typing import Protocol, cast

from ...errors import InvalidInput
from ...runtime.forks import renew_in_child
from ..config import EmbedderBackend, MemoryConfig
from ..protocols import Embedder
from .mps import VARIABLE, on_mps


class _Kind(Protocol):
    def from_config(self, config: MemoryConfig) -> Embedder: ...


KINDS = {
    EmbedderBackend.ONNX: "onnx:OnnxEmbedder",
    EmbedderBackend.LOCAL: "sentence:SentenceEmbedder",
    EmbedderBackend.OPENAI: "openai:OpenAIEmbeddings",
    EmbedderBackend.OLLAMA: "ollama:OllamaEmbeddings",
}


def make_embedder(config: MemoryConfig) -> Embedder:
    """Return the embedder that `config` asks for, shared with all who hold one of equal settings.

    It is freed with its last holder, so do not close it. Loads nothing and asks no server, unless `vector_dimension`
    is given for a model whose width is not known in advance. Raise InvalidInput if the two differ.
    """
    embedder = _shared.get(_settings(config), lambda: _kind(config).from_config(config))
    if config.vector_dimension is not None and config.vector_dimension != embedder.width:
        raise InvalidInput(
            f"vector_dimension is {config.vector_dimension}, but {embedder.id} gives vectors of {embedder.width}; "
            "leave vector_dimension out, or choose another embedder_model"
        )
    return embedder


def _settings(config: MemoryConfig) -> tuple[object, ...]:
    """Return everything that decides which embedder `config` gets and how it works."""
    remote = config.embedder_backend in (EmbedderBackend.OPENAI, EmbedderBackend.OLLAMA)
    return (
        config.embedder_backend,
        config.embedder_model,
        config.embedder_threads,
        config.onnx_providers,
        config.openai_api_key or os.environ.get("OPENAI_API_KEY"),
        config.openai_base_url or os.environ.get("OPENAI_BASE_URL"),
        config.ollama_base_url or os.environ.get("OLLAMA_HOST"),
        config.vector_dimension if remote else None,  # the others have one width
        os.environ.get(VARIABLE),
    )


def _kind(config: MemoryConfig) -> _Kind:
    backend = EmbedderBackend(config.embedder_backend)
    if backend is EmbedderBackend.ONNX and on_mps():
        backend = EmbedderBackend.LOCAL
    module, name = KINDS[backend].split(":")
    return cast(_Kind, getattr(importlib.import_module(f".{module}", __package__), name))


class _Shared:
    """The embedders that are in use in this process, by their settings."""

    def __init__(self) -> None:
        self._embedders: weakref.WeakValueDictionary[tuple[object, ...], Embedder] = weakref.WeakValueDictionary()
        self._renew()
        renew_in_child(self._renew)

    def get(self, key: tuple[object, ...], make: Callable[[], Embedder]) -> Embedder:
        """Return the embedder of `key`; make one if none is in use."""
        with self._lock:
            embedder = self._embedders.get(key)
            if embedder is None:
                embedder = self._embedders[key] = make()
            return embedder

    def _renew(self) -> None:
        self._lock = threading.Lock()


_shared = _Shared()
