"""What the pages share while the program runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from ..memory.user_memory import UserMemory
from .door import Door


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """One user's memory, and who may look at it. `zone` is the reader's time zone; None is the system's."""

    memory: UserMemory
    door: Door
    zone: tzinfo | None = None

    @property
    def user(self) -> str:
        """Whose memories these are."""
        return self.memory.user_id

    def held(self) -> int:
        """Count the facts that wait for a review: the navigation shows it on every page."""
        return len(self.memory.pending())
