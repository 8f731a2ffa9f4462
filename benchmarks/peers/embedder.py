"""The bundled model without this project around it, for environments where it is not installed.

The same file, the same cut, the same threads as `headroom.memory.embedders.onnx`; the runner compares the vectors.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from .protocol import Embedder, Vectors

MODEL = Path(__file__).parents[2] / "src" / "headroom" / "memory" / "embedders" / "minilm"
_MAX_TOKENS = 256


class BundledModel:
    """all-MiniLM-L6-v2 in int8, loaded when first used; each text is run alone, several side by side."""

    width = 384

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed `texts` into a (len(texts), width) array of unit rows."""
        rows = self._pool.map(self._one, texts) if len(texts) > 1 else map(self._one, texts)
        return np.stack(list(rows))

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(str(MODEL / "model.onnx"), options, providers=["CPUExecutionProvider"])

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(_MAX_TOKENS)
        return tokenizer

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(os.cpu_count())

    def _one(self, text: str) -> Vectors:
        ids = np.array([self._tokenizer.encode(text.strip()).ids], np.int64)
        vector: Vectors = self._session.run(None, {"input_ids": ids})[0][0]
        return vector / np.float32(np.sqrt(vector @ vector))


class Known:
    """An embedder that knows the vectors of some texts and asks `behind` for the others."""

    def __init__(self, behind: Embedder, texts: Sequence[str], vectors: Vectors) -> None:
        self.width = behind.width
        self._behind, self._vectors = behind, dict(zip(texts, vectors, strict=True))

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed `texts` into a (len(texts), width) array of unit rows."""
        if all(text in self._vectors for text in texts):
            return np.stack([self._vectors[text] for text in texts])
        return self._behind.embed(texts)
