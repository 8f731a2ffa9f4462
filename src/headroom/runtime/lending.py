"""A client of a server that many threads use and one may close."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from ..errors import Closed
from . import ending
from .forks import renew_in_child


class Closable(Protocol):
    """Something with connections."""

    def close(self) -> None:
        """Close the connections."""


C = TypeVar("C", bound=Closable)


class Lending(Generic[C]):
    """One client, made when it is first needed and lent to each request. Safe from many threads.

    It is never closed during a request: one that is just connecting would leave its connection open.
    """

    _client: C | None
    _under_way: int

    def __init__(self, make: Callable[[], C]) -> None:
        self._make, self._closed = make, False
        self._renew()
        renew_in_child(self._renew)

    @contextmanager
    def lend(self) -> Iterator[C]:
        """Lend the client for one request. Raise Closed after `close`."""
        with self._change:
            if self._closed:
                raise Closed
            client = self._client = self._client or self._make()
            self._under_way += 1
        try:
            yield client
        finally:
            with self._change:
                self._under_way -= 1
                self._close_unused()
                self._change.notify_all()

    def close(self, seconds: float) -> None:
        """Lend no more, and wait up to `seconds` for the requests under way. The last one closes the client."""
        with self._change:
            self._closed = True
            self._close_unused()
            self._change.wait_for(lambda: self._client is None, ending.time_left(seconds))

    def _close_unused(self) -> None:
        if self._closed and not self._under_way and self._client is not None:
            client, self._client = self._client, None
            client.close()

    def _renew(self) -> None:
        """Begin anew in a forked child, which must not use its parent's connections."""
        self._change, self._client, self._under_way = threading.Condition(), None, 0
