"""The seam between a turn and one provider's API: where a request's messages and a reply's text are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ...memory.records import Origin
from ..prompt.examples import Request
from .reply import Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What memory must know of a request."""

    message: str | None
    """The text of the last user message; None if there is no such message."""
    earlier: tuple[str, ...] = ()
    """The texts of a few user messages before it, oldest first: a short message may rest on them."""
    speaker: str | None = None
    """The name that the last user message gives its writer."""
    continues: bool
    """The request goes on after that message, as a tool loop does."""
    digest: bytes
    """Identifies the messages up to that one."""
    has_room: bool
    """A memory block has a place in the reply."""
    foreign: Origin | None
    """What content that is not the user's word stands in the request; None if there is none."""
    said: tuple[str, ...] = ()
    """The user's own words in the request, a text a message, the newest last."""
    choices: int = 1
    """How many choices the reply is to have."""


class Api(Protocol):
    """Where one API keeps a request's messages and a reply's text. Stateless; never changes a request."""

    @property
    def conversation(self) -> str:
        """Name of the argument that holds the messages."""

    def read(self, kwargs: Mapping[str, Any]) -> Asked | None:
        """Read a request; return None if it has no messages."""

    def write(self, kwargs: Mapping[str, Any], notes: str, request: Request | None) -> dict[str, Any]:
        """Return `kwargs` with `notes` in front of the last user message, asking for a block unless that is None."""

    def is_reply(self, reply: Any) -> bool:
        """Return whether this is a whole reply, and no stream or raw response."""

    def clean(self, reply: Any, texts: Texts) -> None:
        """Take the memory blocks out of a whole reply, in place; `texts` reads them."""

    def cleaner(self, texts: Texts) -> Cleaner:
        """Return what does the same to one stream."""


class Cleaner(Protocol):
    """Takes the memory blocks out of one stream."""

    @property
    def finished(self) -> bool:
        """The reply has come to its end, though the stream may go on with its usage."""

    def feed(self, chunk: Any) -> Sequence[Any]:
        """Return what may be shown once `chunk` has arrived."""

    def close(self) -> Sequence[Any]:
        """Return what was held back; the stream is over."""
