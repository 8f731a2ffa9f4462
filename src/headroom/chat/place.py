"""Whose turn it is, and the memory it is kept in, which is opened again if that becomes possible."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Hashable
from typing import cast

from ..errors import NotADatabase, StoreError, StoreUnavailable, StoreUnwritable
from ..memory.config import MemoryConfig
from ..memory.engine import Engine
from ..memory.erasing import Moment
from ..memory.memory import Memory
from ..memory.open import acquire, is_open, let_go, name_of, successor
from ..memory.records import Reader
from ..runtime.threads import in_time
from .between_turns import Shared, shared_by

_FAULTS_OF_THE_FILE = (NotADatabase, StoreUnavailable, StoreUnwritable)
"""Damaged, locked, missing or not writable: a later turn may find it mended. Other faults are of the configuration."""
_OPENING_PATIENCE = 1.0
"""Seconds that a program waits for its file when it makes a client."""
_log = logging.getLogger("headroom")


class Place:
    """The memory that one user's clients are bound to.

    A fault of the file is logged once and leaves the chat without memory; each turn looks again. If another file took
    the place of the one that was open, the next turn opens that.
    """

    def __init__(
        self, reader: Reader, *, config: MemoryConfig | None = None, memory: Memory | None = None, strict: bool = False
    ) -> None:
        """Open the memory that `config` describes, or use that of `memory`.

        Raise a StoreError if the configuration cannot be right, such as another embedder's file; with `strict`, also
        if the file cannot be used now.
        """
        self.reader = reader
        self._config, self._memory = config or MemoryConfig(), memory
        self._engine: Engine | None = None
        self._release: weakref.finalize[[Engine], Place] | None = None
        key: Hashable = name_of(self._config) if memory is None else name_of(memory.engine)
        self.shared: Shared = shared_by(key)
        try:
            self._open_at_first()
        except _FAULTS_OF_THE_FILE:
            if strict:
                raise

    def _open_at_first(self) -> None:
        """Open the memory, without waiting long for a file that somebody keeps locked: each turn looks again."""
        if self._memory is not None or is_open(self._config):
            self.engine()
            return
        try:
            in_time(self.engine, _OPENING_PATIENCE)
        except TimeoutError:
            reason = "it takes long to be opened, as if another program had locked it"
            slow = StoreUnavailable(path=self._config.path, reason=reason)
            self._tell(slow)
            raise slow from None

    def _tell(self, exc: StoreError) -> None:
        """Log a fault of the file once, until the file can be used again."""
        if self.shared.begins_trouble():
            _log.error("the chat goes on without memory until its file can be used: %s", exc)

    def opened(self) -> Engine | None:
        """Return the engine that this holds; None if it is not open yet."""
        return self._memory.opened if self._engine is None and self._memory is not None else self._engine

    def engine(self) -> Engine:
        """Return the engine of the memory, opening it if need be. Raise a StoreError if that is not possible now."""
        try:
            with self.shared.trouble.one_at_a_time(self._config.path):
                engine = self._open()
        except _FAULTS_OF_THE_FILE as exc:
            self._tell(exc)
            raise
        self.shared.join(engine)
        return engine

    def check_open(self) -> None:
        """Raise Closed if the caller closed the memory: nothing is recalled or learned any more."""
        if self._memory is not None:
            _ = self._memory.engine

    def moment(self) -> Moment:
        """Return the point in the user's time that is now, as far as this process knows it without a look."""
        for engine in list(self.shared.engines):
            return Moment(erasures=engine.erasures.count(self.reader.user_id))
        return Moment()

    def _open(self) -> Engine:
        if self._memory is None and self._engine is None:
            return self._hold(acquire(self._config))
        engine = self._engine or cast(Memory, self._memory).engine
        found = successor(engine)
        return engine if found is engine else self._hold(found)

    def _hold(self, engine: Engine) -> Engine:
        """Hold an engine while this lives. It lingers, because a program may make a client for each request."""
        if self._release is not None:
            self.shared.join(engine)  # before the older one may close, and give up what waits
            self._release()
        self._engine = engine
        self._release = weakref.finalize(self, let_go, engine)
        self._release.atexit = False
        return engine
