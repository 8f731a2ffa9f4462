"""Fail-open: the one place where any error of the memory is caught, so that the chat goes on."""

from __future__ import annotations

import logging
import time
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


class Steps:
    """The steps of one turn: how long each took, and which of them failed while the chat went on."""

    def __init__(self, *, raising: bool) -> None:
        """With `raising`, the error of a step is raised once it is noted."""
        self._raising = raising
        self.failed: dict[str, str] = {}
        """The steps that failed, each with the name of its error."""
        self.ms: dict[str, float] = {}
        """Milliseconds that each timed step took; a step that is taken again adds to its own."""

    @contextmanager
    def take(self, name: str, *, timed: bool = True) -> Iterator[None]:
        """Run the block as the step `name`."""
        started = time.perf_counter()
        failed: list[Exception] = []
        try:
            with failing_open(name, raising=self._raising) as failed:
                yield
        finally:
            if timed:
                self.ms[name] = self.ms.get(name, 0.0) + (time.perf_counter() - started) * 1000
            self.failed.update((name, type(exc).__name__) for exc in failed)
