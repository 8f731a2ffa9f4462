"""The connection to Neo4j, and what becomes of an error."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

from neo4j import Driver, GraphDatabase, ManagedTransaction
from neo4j.exceptions import (
    AuthError,
    ClientError,
    ConstraintError,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
    TransientError,
)

from ....errors import ServerRefused, ServerUnavailable
from ....runtime.lending import Lending
from ....runtime.threads import waiting
from ...config import MemoryConfig

R = TypeVar("R")

_COLLISIONS, _BREAKS = 10, 3
"""Tries of a transaction that collides with others, and of one whose connection breaks."""
_PAUSE, _LONGEST_PAUSE = 0.02, 0.5
"""Seconds before the second try; each further one waits up to twice as long."""
_GONE = "Neo.ClientError.Statement.EntityNotFound"
"""Somebody deleted a node between the parts of a transaction."""


class Neo4j:
    """A database of a Neo4j server. Safe from many threads."""

    def __init__(self, config: MemoryConfig) -> None:
        """Connect. Raise ServerUnavailable or ServerRefused at once if that fails."""
        self._config, self.uri = config, str(config.neo4j_uri)
        self._drivers = Lending(self._connect)
        try:
            self._guarded(lambda driver: driver.verify_connectivity())
        except BaseException:
            self.close()
            raise

    def write(self, work: Callable[[ManagedTransaction], R]) -> R:
        """Run `work` in a transaction, again if it collides with another one: concurrent MERGEs do.

        Also if the connection breaks. `work` may then be carried out twice, so it must be one that may.
        """
        return self._run("execute_write", work)

    def read(self, work: Callable[[ManagedTransaction], R]) -> R:
        """Run `work` in a transaction that only reads."""
        return self._run("execute_read", work)

    def close(self) -> None:
        """Close the connections, after the transactions under way. Closing twice is fine."""
        self._drivers.close(self._config.server_timeout)

    def _run(self, how: str, work: Callable[[ManagedTransaction], R]) -> R:
        def run(driver: Driver) -> R:
            # The bookmarks let a reader see what was written before, whichever member of a cluster it asks.
            bookmarks = driver.execute_query_bookmark_manager
            with driver.session(database=self._config.neo4j_database, bookmark_manager=bookmarks) as session:
                result: R = getattr(session, how)(work)
                return result

        for tried in range(1, _COLLISIONS + 1):
            try:
                return self._guarded(run)
            except (ServerRefused, ServerUnavailable) as exc:
                if tried >= _tries(exc.__cause__):
                    raise
            time.sleep(random.uniform(0.5, 1) * min(_LONGEST_PAUSE, _PAUSE * 2**tried))
        raise AssertionError("unreachable")

    def _guarded(self, run: Callable[[Driver], R]) -> R:
        try:
            with waiting(), self._drivers.lend() as driver:
                return run(driver)
        except AuthError as exc:
            raise self._refused("the user or the password is wrong") from exc
        except ClientError as exc:
            raise self._refused(f"it answers {exc.code}") from exc
        except Neo4jError as exc:
            raise self._unavailable(f"it answers {exc.code}") from exc
        except (DriverError, OSError) as exc:
            raise self._unavailable(str(exc).splitlines()[0] if str(exc) else type(exc).__name__) from exc

    def _connect(self) -> Driver:
        config = self._config
        options: dict[str, Any] = {
            "connection_timeout": config.server_timeout,
            "connection_acquisition_timeout": config.server_timeout,
            "max_transaction_retry_time": 0,  # its first pause is a second: we try again ourselves
            "user_agent": "headroom-memory",
            "notifications_min_severity": "OFF",
            "telemetry_disabled": True,
        }
        auth = None if config.neo4j_password is None else (str(config.neo4j_user), config.neo4j_password)
        return GraphDatabase.driver(self.uri, auth=auth, **options)

    def _refused(self, reason: str) -> ServerRefused:
        return ServerRefused(engine="Neo4j", url=self.uri, reason=reason)

    def _unavailable(self, reason: str) -> ServerUnavailable:
        return ServerUnavailable(engine="Neo4j", url=self.uri, reason=reason)


def _tries(cause: BaseException | None) -> int:
    """Return how often to try what failed in this way."""
    collided = isinstance(cause, (ConstraintError, TransientError))
    if collided or (isinstance(cause, Neo4jError) and cause.code == _GONE):
        return _COLLISIONS
    return _BREAKS if isinstance(cause, (ServiceUnavailable, SessionExpired)) else 1
