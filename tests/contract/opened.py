"""What the parts of the backend contract share: an engine over a new backend, and small ways to ask it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone

from headroom.errors import InvalidInput, NotFound
from headroom.memory.embedders.cached import CachedEmbedder
from headroom.memory.engine import Engine
from headroom.memory.protocols import Backend, Embedder
from headroom.memory.records import Reader
from headroom.testing.embedders import HashEmbedder

ALICE, BOB = Reader(user_id="alice"), Reader(user_id="bob")


class Opened(ABC):
    """A contract about backends, whichever they are."""

    @abstractmethod
    def make_backend(self, embedder: Embedder) -> Backend:
        """Return a new backend that holds nothing; the test closes it."""

    @contextmanager
    def opened(self, embedder: Embedder | None = None) -> Iterator[Engine]:
        """Yield an engine over a new backend, and close it afterwards."""
        embedder = embedder or HashEmbedder()
        engine = Engine(self.make_backend(embedder), CachedEmbedder(embedder, 100))
        try:
            yield engine
        finally:
            engine.close()


def refuses(call: Callable[[], object]) -> bool:
    """Return whether a call raises InvalidInput."""
    try:
        call()
    except InvalidInput:
        return True
    return False


def misses(call: Callable[[], object]) -> bool:
    """Return whether a call raises NotFound."""
    try:
        call()
    except NotFound:
        return True
    return False


def after_a_moment() -> datetime:
    """Return a time that lies between what was done before and what comes after."""
    time.sleep(0.002)
    between = datetime.now(timezone.utc)
    time.sleep(0.002)
    return between
