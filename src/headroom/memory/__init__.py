"""What is remembered: `Memory`, its configuration and its records. Each name is loaded on use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .config import EmbedderBackend, MemoryConfig, VectorBackend
    from .memory import Memory
    from .protocols import Embedder
    from .records import Draft, Record, Relationship, Scope, SearchResult, Source
    from .user_memory import UserMemory

# Where each name is. The records and the configuration load in no time, the store behind `Memory` in 0.15 s.
_PLACES = {
    "Draft": "records",
    "Embedder": "protocols",
    "EmbedderBackend": "config",
    "Memory": "memory",
    "MemoryConfig": "config",
    "Record": "records",
    "Relationship": "records",
    "Scope": "records",
    "SearchResult": "records",
    "Source": "records",
    "UserMemory": "user_memory",
    "VectorBackend": "config",
}

__all__ = [
    "Draft",
    "Embedder",
    "EmbedderBackend",
    "Memory",
    "MemoryConfig",
    "Record",
    "Relationship",
    "Scope",
    "SearchResult",
    "Source",
    "UserMemory",
    "VectorBackend",
]


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    if not hasattr(value, "__dataclass_fields__"):  # their annotations are resolved in the module that they name
        value.__module__ = __name__  # what a traceback or a repr shows is where the name is to be imported from
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
