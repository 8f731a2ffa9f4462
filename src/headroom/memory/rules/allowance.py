"""How much a model may change that has read what is not the user's word."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Allowance:
    """What may still be done in one turn of a chat with foreign content in sight, or in one session of an agent."""

    ends: int = 1
    """Memories that may be replaced or forgotten."""
    facts: int = 5
    """Facts that may be stored."""
