"""HEADROOM_EMBEDDER_RUNTIME: whether models run on Apple's GPU."""

from __future__ import annotations

import logging
import os
import platform
import sys
from functools import lru_cache
from importlib.util import find_spec

from ...errors import InvalidInput

VARIABLE, MPS = "HEADROOM_EMBEDDER_RUNTIME", "pytorch_mps"
_log = logging.getLogger("headroom")


def on_mps() -> bool:
    """Return whether the environment asks for Apple's GPU and the GPU can be used; warn once if it cannot."""
    asked = os.environ.get(VARIABLE)
    if not asked:
        return False
    if asked != MPS:
        raise InvalidInput(f"{VARIABLE} may be {MPS} or unset, not {asked!r}")
    missing = lacking()
    if missing is not None:
        _warn(missing)
    return missing is None


def lacking() -> str | None:
    """Return what is missing for a model on Apple's GPU, or None if nothing is. Imports torch on Apple chips only."""
    if sys.platform != "darwin" or platform.machine() != "arm64":
        return "this is no Apple chip"
    if find_spec("sentence_transformers") is None or find_spec("torch") is None:
        return 'torch is not installed; run: pip install "headroom-memory[pytorch-mps]"'
    import torch

    return None if torch.backends.mps.is_available() else "this torch or this macOS has no MPS"


@lru_cache
def _warn(missing: str) -> None:
    _log.warning("%s=%s has no effect: %s; models run on onnxruntime", VARIABLE, MPS, missing)
