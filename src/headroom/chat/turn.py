"""One chat turn, whatever the provider: plan the request, finish the reply. A failing memory never breaks a chat."""

from __future__ import annotations

import logging
import time
import uuid
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from itertools import chain
from typing import Any, Literal, Protocol

from ..errors import InvalidInput
from ..memory.engine import Engine
from ..memory.memory import Memory
from ..memory.open import release
from ..memory.records import Change, Reader, Scope
from .block import BlockFilter, Parsed, parse
from .facts import Facts, Redact, facts
from .guard import failing_open
from .patience import in_time, in_time_async
from .prompt import INSTRUCTION, frame
from .report import LastTurn, Skipped, Stored
from .shared import Notes, Shared, TurnKey
from .spans import span

STORE_PATIENCE = 1.0
"""Seconds that a chat waits for its facts to be stored; a locked file is waited for in the background."""
_log = logging.getLogger("headroom")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What memory must know of a request."""

    message: str | None
    """The text of the last user message; None where there is no such message."""
    continues: bool
    """The request goes on after that message, as a tool loop does."""
    digest: bytes
    """Identifies the messages up to that one."""
    has_room: bool
    """A memory block has a place in the reply."""


class Dialect(Protocol):
    """Where one API keeps a request's messages and a reply's text. Stateless; never changes a request."""

    @property
    def conversation(self) -> str:
        """Name of the argument that holds the messages."""

    def read(self, kwargs: Mapping[str, Any]) -> Asked | None:
        """Read a request; None where it has no messages."""

    def write(self, kwargs: Mapping[str, Any], notes: str, instruction: str) -> dict[str, Any]:
        """Return `kwargs` with `notes` in front of the last user message and `instruction` in the system's."""

    def is_reply(self, reply: Any) -> bool:
        """Tell a whole reply from a stream or a raw response."""

    def clean(self, reply: Any, turn: Turn) -> None:
        """Take the memory blocks out of a whole reply, in place."""

    def cleaner(self, turn: Turn) -> Cleaner:
        """Return what does the same to one stream."""


class Cleaner(Protocol):
    """Takes the memory blocks out of one stream."""

    def feed(self, chunk: Any) -> Sequence[Any]:
        """Return what may be shown once `chunk` has arrived."""

    def close(self) -> Sequence[Any]:
        """Return what was held back; the stream is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the turns of a client go; see `with_memory`."""

    top_k: int
    inject: bool
    extract: bool
    token_budget: int
    recall_timeout: float | None
    on_error: Literal["warn", "raise"]
    redact: Redact | None

    def __post_init__(self) -> None:
        for name in ("top_k", "token_budget"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InvalidInput(f"{name} must be a whole number of at least 1, not {value!r}")
        if self.recall_timeout is not None and not self.recall_timeout > 0:
            raise InvalidInput(
                f"recall_timeout must be a number of seconds above 0, or None, not {self.recall_timeout!r}"
            )
        if self.on_error not in ("warn", "raise"):
            raise InvalidInput(f'on_error must be "warn" or "raise", not {self.on_error!r}')
        if self.redact is not None and not callable(self.redact):
            raise InvalidInput("redact must be a function from a text to a text, or to None")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Whose turn it is, on which memory. The memory is open for as long as this lives."""

    engine: Engine
    shared: Shared
    reader: Reader
    memory: Memory | None = None
    """The one that the caller opened; None where the engine was opened for the client."""

    def __post_init__(self) -> None:
        if self.memory is None:
            # It lingers, because a program may make a client for each request.
            weakref.finalize(self, release, self.engine, linger=True).atexit = False


class Turn:
    """One request and its reply; with `only_reading`, a reply whose facts were stored before."""

    def __init__(self, place: Place, settings: Settings, *, only_reading: bool = False) -> None:
        self._place, self._settings = place, settings
        self.notes = Notes(turn_id=uuid.uuid4().hex)
        self.instructed = only_reading
        self.cut = False
        self._asked: Asked | None = None
        self._read: dict[tuple[int, int], Parsed | BlockFilter] = {}
        self._only_reading = self._finished = only_reading
        self._failed: dict[str, str] = {}
        self._ms: dict[str, float] = {}
        self._stored: list[Stored] = []
        self._replaced: list[str] = []
        self._forgotten: list[str] = []
        self._skipped: list[Skipped] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Run a step of the turn, timed; where it fails, the chat goes on."""
        started = time.perf_counter()
        failed: list[Exception] = []
        try:
            with failing_open(name, raising=self._settings.on_error == "raise") as failed:
                yield
        finally:
            self._ms[name] = self._ms.get(name, 0.0) + (time.perf_counter() - started) * 1000
            self._failed.update((name, type(exc).__name__) for exc in failed)

    # Before the call.

    def begin(self, dialect: Dialect, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return what to send: `kwargs` with notes and instruction, or `kwargs` itself where memory fails."""
        if self._off:
            return kwargs
        with self.step("recall"):
            if self._must_recall(dialect.read(kwargs)):
                self._take(in_time(self._recall, self._settings.recall_timeout))
            return self._planned(dialect, kwargs)
        return kwargs

    async def begin_async(self, dialect: Dialect, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Do the same as `begin` without blocking the event loop."""
        if self._off:
            return kwargs
        with self.step("recall"):
            if self._must_recall(dialect.read(kwargs)):
                self._take(await in_time_async(self._recall, self._settings.recall_timeout))
            return self._planned(dialect, kwargs)
        return kwargs

    def _must_recall(self, asked: Asked | None) -> bool:
        """Take in the request, and the notes of the turn that it goes on with."""
        self._asked = asked
        if asked is None:
            return False
        known = self._place.shared.recent.get(self._key(asked.digest)) if asked.continues else None
        # Where recalling fails, the tool loop goes on with the same request: without notes.
        self._take(known or self.notes)
        return self._settings.inject and known is None and asked.message is not None

    def _key(self, digest: bytes) -> TurnKey:
        reader = self._place.reader
        return TurnKey(reader.user_id, reader.session_id, reader.agent_id, digest)

    def _take(self, notes: Notes) -> None:
        assert self._asked is not None
        self.notes = notes
        self.goes_on_as(self._asked.digest)

    def _recall(self) -> Notes:
        assert self._asked is not None
        engine, message = self._place.engine, self._asked.message or ""
        with span("search_memory") as traced:
            found = engine.recall(self.reader, message, top_k=self._settings.top_k)
            traced.searched(message, found)
        framed = frame(found, day=date.today(), budget=self._settings.token_budget)
        # Without notes the frame tells the day, which only a model that writes a block needs.
        text = framed.text if framed.notes or self._wants_block else ""
        return replace(self.notes, text=text, shown=framed.notes)

    @property
    def _off(self) -> bool:
        return not (self._settings.inject or self._settings.extract)

    @property
    def reader(self) -> Reader:
        """Who looks and writes in this turn."""
        return replace(self._place.reader, turn_id=self.notes.turn_id)

    @property
    def _wants_block(self) -> bool:
        return self._settings.extract and self._asked is not None and self._asked.has_room

    def _planned(self, dialect: Dialect, kwargs: dict[str, Any]) -> dict[str, Any]:
        text = self.notes.text if self._settings.inject else ""
        if text or self._wants_block:
            kwargs = dialect.write(kwargs, text, INSTRUCTION if self._wants_block else "")
            self.instructed = self._wants_block
        return kwargs

    # After it.

    def report(self) -> LastTurn:
        """Say what became of the turn until now."""
        return LastTurn(
            turn_id=self.notes.turn_id,
            recalled=self.notes.shown,
            injected=self.notes.text if self._settings.inject else "",
            instructed=self.instructed,
            stored=tuple(self._stored),
            replaced=tuple(self._replaced),
            forgotten=tuple(self._forgotten),
            skipped=tuple(self._skipped),
            cut=self.cut,
            failed=dict(self._failed),
            ms=dict(self._ms),
        )

    def parse(self, text: str, choice: int = 0, part: int = 0) -> Parsed:
        """Read a text of the reply; its facts are stored when the turn finishes."""
        parsed = self._read[choice, part] = parse(text)
        return parsed

    def filter(self, choice: int = 0, part: int = 0) -> BlockFilter:
        """Return what reads a streamed text of the reply as it comes."""
        filter = self._read[choice, part] = BlockFilter()
        return filter

    def goes_on_as(self, digest: bytes) -> None:
        """Let a request that identifies itself by `digest` go on with this turn."""
        if not self._only_reading:
            self._place.shared.recent.put(self._key(digest), self.notes)

    def finish(self) -> None:
        """Store what the reply taught, once. What the length limit or a closed stream cut off is left out."""
        with self.step("store"):
            if (work := self._work()) is not None:
                in_time(work, STORE_PATIENCE)

    async def finish_async(self) -> None:
        """Do the same as `finish` without blocking the event loop; the storing outlives a cancellation."""
        with self.step("store"):
            if (work := self._work()) is not None:
                await in_time_async(work, STORE_PATIENCE)

    def abandon(self) -> None:
        """Leave the facts of a stream that nobody read to its end or closed to the next turn; for finalizers."""
        if not self._finished:
            with self.step("store"):
                self._place.shared.waiting.add(self.reader, self._facts().changes)

    def _work(self) -> Callable[[], None] | None:
        if self._finished:
            return None
        changes, shared = self._facts().changes, self._place.shared
        due = changes or shared.waiting or shared.turn_scoped.outlived(self.reader)
        return partial(self._store, changes) if due else None

    def _facts(self) -> Facts:
        """Say what is to be stored."""
        self._finished = True
        for stream in self._read.values():
            if isinstance(stream, BlockFilter):
                stream.close()
        texts = [(choice, read) for (choice, _), read in sorted(self._read.items()) if read.items or read.skipped]
        # Further choices are other wordings of the same answer: taking their facts too would pile up near-duplicates.
        first = [read for choice, read in texts if choice == texts[0][0]]
        found = facts(chain(*(read.items for read in first)), self.notes.shown, self.reader, self._settings.redact)
        for reason, count in chain(*(read.skipped.items() for read in first)):
            found.skipped.append(Skipped(content="", reason=f"{reason} ({count})"))
        for skipped in found.skipped:
            _log.info("turn %s: something in the reply was not stored: %s", self.notes.turn_id, skipped.reason)
        self._skipped += found.skipped
        return found

    def _store(self, changes: Sequence[Change]) -> None:
        engine, shared, reader = self._place.engine, self._place.shared, self.reader
        with span("upsert_memory") as traced:
            traced.stored([change.draft.content for change in changes if change.draft is not None])
            done = shared.waiting.store(engine, reader, changes)
        shared.turn_scoped.begin(engine, reader)
        for change, applied in zip(changes, done, strict=True):
            if change.draft is None or applied.id is None:
                self._forgotten += applied.ended
                continue
            self._stored.append(Stored(id=applied.id, content=change.draft.content, merged=applied.merged))
            self._replaced += applied.ended
            if change.draft.scope is Scope.TURN:
                shared.turn_scoped.keep(reader)
