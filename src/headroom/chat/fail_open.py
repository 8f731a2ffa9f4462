"""Fail-open: the one place where any error of the memory is caught, so that the chat goes on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import HeadroomError

_log = logging.getLogger("headroom")


@contextmanager
def failing_open(doing: str, *, raising: bool = False) -> Iterator[list[Exception]]:
    """Run the block; log its error, and raise it only if `raising` is set. The list holds it afterwards."""
    failed: list[Exception] = []
    try:
        yield failed
    except Exception as exc:
        failed.append(exc)
        if raising:
            raise
        # Ours hold no text of a user; a foreign one may quote it.
        what = str(exc) if isinstance(exc, HeadroomError) else type(exc).__name__
        _log.warning("the chat goes on without memory, which failed to %s: %s", doing, what)
        _log.debug("while memory tried to %s", doing, exc_info=exc)
