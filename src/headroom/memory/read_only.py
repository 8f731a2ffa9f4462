"""A backend that is opened to be read alone: whatever would change it is refused, whichever backend it is."""

from __future__ import annotations

from typing import Any, cast

from ..errors import OpenedReadOnly
from .protocols import Backend

CHANGES = frozenset(
    ("apply", "amend", "delete", "clear", "keep_turn", "stage", "publish", "discard", "put_vectors", "keep")
)
"""The calls that write. `unembedded` does not, but finds nothing to do here."""


def read_only(backend: Backend) -> Backend:
    """Return `backend` with each call that writes raising OpenedReadOnly."""
    return cast(Backend, _ReadOnly(backend))


class _ReadOnly:
    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        return _refuse if name in CHANGES else getattr(self._backend, name)

    def unembedded(self, limit: int) -> list[tuple[str, str]]:
        return []


def _refuse(*_: object, **__: object) -> None:
    raise OpenedReadOnly
