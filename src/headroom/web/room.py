"""What the pages share while the program runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from starlette.requests import Request

from ..memory.user_memory import UserMemory
from .door import Door


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """One user's memory as its owner sees it, and who may look at it."""

    memory: UserMemory
    door: Door

    @property
    def zone(self) -> tzinfo | None:
        """Where the user's days begin and end; None is the system's zone."""
        return self.memory.zone

    @property
    def user(self) -> str:
        """Whose memories these are."""
        return self.memory.reader.user_id

    def held(self) -> int:
        """Count the facts that wait for a review: the navigation shows it on every page."""
        return len(self.memory.pending(limit=100))


def room_of(request: Request) -> Room:
    """Return the room of the application that got a request."""
    room: Room = request.app.state.room
    return room
