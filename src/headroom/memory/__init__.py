"""What is remembered: `Memory`, its configuration and its records."""

from .config import EmbedderBackend, MemoryConfig, VectorBackend
from .memory import Memory
from .protocols import Embedder
from .records import Draft, Record, Relationship, Scope, SearchResult, Source
from .user_memory import UserMemory

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
