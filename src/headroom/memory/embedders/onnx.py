"""The embedder that runs an ONNX model on this machine: on the CPU, or on what onnxruntime is told to use."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import numpy as np

from ...errors import InvalidInput
from ...runtime.forks import renew_in_child
from ..config import MemoryConfig
from ..protocols import Vector, Vectors
from .encoder import CPU, Encoder, check_providers
from .models import BUNDLED, Model, model_named


class OnnxEmbedder:
    """Embed with an ONNX model, which is loaded when it is first needed.

    A single text runs on the calling thread. Several texts are shared out among the caller and up to `threads` - 1
    helper threads, which all calls share. `threads` defaults to the number of cores that this process may use.
    `providers` are onnxruntime's execution providers. Raise InvalidInput if one of them is not installed.
    """

    _loaded: Encoder | None
    _pool: ThreadPoolExecutor | None

    def __init__(
        self, model: Model = BUNDLED, *, threads: int | None = None, providers: Sequence[str] = (CPU,)
    ) -> None:
        if threads is not None and threads < 1:
            raise InvalidInput(f"threads must be at least 1, not {threads}")
        if tuple(providers) != (CPU,):  # the CPU is always there, and checking would import onnxruntime
            check_providers(providers)
        self._model, self._id = model, model.id
        self._threads = threads or _usable_cores()
        self._providers = providers
        self._start_over()
        renew_in_child(self._renew)

    @classmethod
    def from_config(cls, config: MemoryConfig) -> OnnxEmbedder:
        """Make the embedder that `config` asks for."""
        model = model_named(config.embedder_model)
        return cls(model, threads=config.embedder_threads, providers=config.onnx_providers)

    @property
    def id(self) -> str:
        """Name of the model and a hash of what shapes its vectors."""
        return self._id

    @property
    def width(self) -> int:
        """Length of a vector. Loads the model only if its width is not known in advance."""
        return self._model.width or self._encoder().width

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed `texts` into a (len(texts), width) float32 array of unit rows; a blank text gives a zero row."""
        rows = np.zeros((len(texts), self.width), np.float32)
        if not texts:
            return rows
        encoder, waiting = self._encoder(), deque(enumerate(texts))

        def work() -> None:
            try:
                for index, text in _taken(waiting):
                    vector = encoder.encode(text)
                    if vector is not None:
                        rows[index] = vector
            except BaseException:
                waiting.clear()
                raise

        helpers = self._start(work, min(self._threads, len(texts)) - 1)
        work()
        for helper in helpers:
            if not helper.cancel():
                helper.result()
        return rows

    def embed_query(self, text: str) -> Vector:
        """Embed one question, after the model's query prefix if it has one."""
        vector = self._encoder().encode(self._model.query_prefix + text) if text.strip() else None
        return np.zeros(self.width, np.float32) if vector is None else vector

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed several questions at once, each as `embed_query` does."""
        return self.embed([self._model.query_prefix + text if text.strip() else "" for text in texts])

    def close(self) -> None:
        """Free the model and the helpers; a later call loads it again."""
        with self._lock:
            pool, self._pool, self._loaded = self._pool, None, None
        if pool is not None:
            pool.shutdown(wait=False)

    def _encoder(self) -> Encoder:
        loaded = self._loaded
        if loaded is None:
            with self._lock:
                loaded = self._loaded = self._loaded or Encoder(self._model, self._providers)
        return loaded

    def _start(self, work: Callable[[], None], count: int) -> list[Future[None]]:
        """Start `work` on `count` helper threads; on fewer if the pool is closed or the interpreter shuts down."""
        if count < 1:
            return []
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._threads - 1, thread_name_prefix="headroom-embed")
            pool = self._pool
        helpers: list[Future[None]] = []
        with suppress(RuntimeError):
            while len(helpers) < count:
                helpers.append(pool.submit(work))
        return helpers

    def _renew(self) -> None:
        _left_behind.append((self._loaded, self._pool))
        self._start_over()

    def _start_over(self) -> None:
        self._lock = threading.Lock()
        self._loaded = None
        self._pool = None


def _taken(waiting: deque[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Take items until none is left, even while other threads take from the same deque."""
    while True:
        try:
            item = waiting.popleft()
        except IndexError:
            return
        yield item


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# A forked child keeps its parent's sessions: freeing them would wait for locks that no thread of the child can release.
_left_behind: list[object] = []
