"""Turn one text into one unit vector: tokenizer, ONNX graph, pooling.

Each text runs alone, on the calling thread, because a dynamic int8 graph scales its activations over the whole run: in
a padded batch the same text would get another vector. This costs no speed, since several texts run in parallel and no
padding is computed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from ...errors import EmbedderError, InvalidInput, ModelUnavailable
from ..protocols import Vector, Vectors
from .models import Model, Pooling, locate
from .texts import beginning, mapped

if TYPE_CHECKING:
    from onnxruntime import InferenceSession  # type: ignore[import-untyped] # it ships no types
    from tokenizers import Encoding, Tokenizer

# A text is cut to this many characters per token before it is tokenized: tokenizing a megabyte takes a second.
_CHARACTERS_PER_TOKEN = 40
CPU = "CPUExecutionProvider"
_COLUMNS = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}


class Encoder:
    """A loaded model. Safe to call from many threads at once."""

    def __init__(self, model: Model, providers: Sequence[str] = (CPU,)) -> None:
        self._pooling = model.pooling
        self._characters = model.max_tokens * _CHARACTERS_PER_TOKEN
        self._tokenizer = _open_tokenizer(locate(model, model.tokenizer), model.max_tokens)
        if model.weights is not None:
            locate(model, model.weights)  # onnxruntime finds it beside the graph
        self._session = _open_session(locate(model, model.file), providers)
        self._inputs = [node.name for node in self._session.get_inputs()]
        if unknown := set(self._inputs) - set(_COLUMNS):
            raise ModelUnavailable(f"{model.name} wants inputs that a sentence embedder does not have: {unknown}")
        self._tokens_of_nothing = len(self._tokenizer.encode("").ids)
        self.width = int(self._session.get_outputs()[0].shape[-1])

    def encode(self, text: str) -> Vector | None:
        """Return the unit vector of `text`, or None if it is blank or holds only invisible characters."""
        encoding = self._tokenizer.encode(beginning(text, self._characters))
        if len(encoding.ids) <= self._tokens_of_nothing:
            return None
        with mapped(EmbedderError, "the model failed on a text"):
            output = self._session.run(None, self._feed(encoding))[0]
        return _unit(_pool(output, self._pooling))

    def _feed(self, encoding: Encoding) -> dict[str, np.ndarray[tuple[int, int], np.dtype[np.int64]]]:
        return {name: np.array([getattr(encoding, _COLUMNS[name])], np.int64) for name in self._inputs}


def _pool(output: Vectors, pooling: Pooling) -> Vector:
    """Reduce an output of shape (1, tokens, width), or (1, width) if the graph pools by itself, to (width,)."""
    rows: Vectors = output[0]
    if rows.ndim == 2:
        rows = rows[0] if pooling is Pooling.CLS else rows.mean(axis=0)
    return rows


def _unit(vector: Vector) -> Vector:
    length = float(np.sqrt(vector @ vector))
    if not 0 < length < float("inf"):
        raise EmbedderError("the model returned a vector that is not finite; its file may be damaged")
    unit: Vector = vector / np.float32(length)
    return unit


def _open_tokenizer(path: Path, max_tokens: int) -> Tokenizer:
    """Open the tokenizer with our own truncation and no padding; published files come with other settings of both."""
    from tokenizers import Tokenizer

    with mapped(ModelUnavailable, f"{path} is not a tokenizer that can be read"):
        tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def check_providers(providers: Sequence[str]) -> None:
    """Raise InvalidInput if the installed onnxruntime lacks one of `providers`."""
    here: list[str] = _onnxruntime().get_available_providers()
    if missing := [name for name in providers if name not in here]:
        raise InvalidInput(
            f"onnx_providers names {', '.join(missing)}, and the onnxruntime installed here has {', '.join(here)}; "
            "install a build that has it (onnxruntime-gpu for CUDA), or leave onnx_providers out"
        )


def _open_session(path: Path, providers: Sequence[str]) -> InferenceSession:
    """Open the graph without threads of its own: it runs on the caller's thread."""
    onnxruntime = _onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    with mapped(ModelUnavailable, f"{path} is not a model that onnxruntime {onnxruntime.__version__} can run"):
        session = onnxruntime.InferenceSession(str(path), options, providers=list(providers))
    # onnxruntime skips a provider whose libraries are missing, without an error.
    if missing := set(providers) - set(session.get_providers()):
        raise ModelUnavailable(
            f"onnxruntime cannot start {', '.join(missing)}; are its driver and libraries installed?"
        )
    return session


def _onnxruntime() -> ModuleType:
    # From 1.31 on, onnxruntime writes a device id and a telemetry file under the user's cache when it is imported.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    module: ModuleType = onnxruntime
    return module
