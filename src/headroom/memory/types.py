"""What else stands in public signatures: for annotations, and to compare with what the methods return."""

from __future__ import annotations

from .portable.restoring import Imported
from .protocols import Vector, Vectors
from .records import (
    Action,
    Event,
    Everything,
    Json,
    KeptNote,
    KeptTurn,
    Origin,
    Parts,
    Similar,
    Stats,
    Undone,
)
from .rules.filters import Where
from .rules.gate import Review
from .user_memory import AsyncUserMemory

__all__ = [
    "Action",
    "AsyncUserMemory",
    "Event",
    "Everything",
    "Imported",
    "Json",
    "KeptNote",
    "KeptTurn",
    "Origin",
    "Parts",
    "Review",
    "Similar",
    "Stats",
    "Undone",
    "Vector",
    "Vectors",
    "Where",
]
