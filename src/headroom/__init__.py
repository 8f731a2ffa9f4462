"""A memory for any LLM application, in one line: `client = with_memory(OpenAI(), user_id="alice")`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .chat import with_memory
    from .errors import HeadroomError
    from .memory import Draft, EmbedderBackend, Memory, MemoryConfig, Scope, UserMemory, VectorBackend

# Where each name is; loaded on use, because what stands behind `Memory` takes most of a second to import.
_PLACES = {
    "Draft": "headroom.memory",
    "EmbedderBackend": "headroom.memory",
    "HeadroomError": "headroom.errors",
    "Memory": "headroom.memory",
    "MemoryConfig": "headroom.memory",
    "Scope": "headroom.memory",
    "UserMemory": "headroom.memory",
    "VectorBackend": "headroom.memory",
    "with_memory": "headroom.chat",
}

__all__ = [
    "Draft",
    "EmbedderBackend",
    "HeadroomError",
    "Memory",
    "MemoryConfig",
    "Scope",
    "UserMemory",
    "VectorBackend",
    "with_memory",
]


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_PLACES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
