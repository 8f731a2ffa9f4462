"""One chat turn, whatever the provider: plan the request, finish the reply. A failing memory never breaks a chat."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import date, datetime, timezone
from functools import partial
from typing import Any, Literal, TypeAlias

from ..memory.records import Change, Reader, Scope
from ..runtime.threads import in_time, in_time_async
from .apis.api import Api, Asked
from .apis.reply import Texts
from .between_turns import Notes, TurnKey
from .fail_open import failing_open
from .last_turn import LastTurn, Skipped, Stored
from .learning import Facts
from .options import Place, Settings
from .prompt.frame import frame
from .recording import kept_message, kept_turn
from .tracing import span

Half: TypeAlias = Literal["inject", "extract"]

# Which halves of which client are off, in this thread or task.
_off: ContextVar[frozenset[tuple[int, Half]]] = ContextVar("headroom_off", default=frozenset())


class Turns:
    """Makes the turns and remembers the latest."""

    def __init__(self, place: Place, settings: Settings) -> None:
        self.place = place
        self._settings = settings
        self._latest: Turn | None = None

    def new(self, *, extract: bool = True) -> Turn:
        """Begin a turn; without `extract` its reply has no place for a memory block."""
        off, settings = _off.get(), self._settings
        if not extract or (id(self), "extract") in off:
            settings = replace(settings, extract=False)
        if (id(self), "inject") in off:
            settings = replace(settings, inject=False)
        if any(client == id(self) for client, _ in off):
            settings = replace(settings, record_turns=None)
        self._latest = Turn(self.place, settings)
        return self._latest

    def only_reading(self) -> Turn:
        """Make a turn that reads a reply which was stored before: its block is hidden, and nothing is learned."""
        return Turn(self.place, self._settings, only_reading=True)

    @property
    def last(self) -> LastTurn | None:
        """What became of the latest turn; None before the first one."""
        return None if self._latest is None else self._latest.report()

    @contextmanager
    def off(self, *halves: Half) -> Iterator[None]:
        """Turn `halves` off within a `with` block; both where none is named."""
        token = _off.set(_off.get() | {(id(self), half) for half in halves or ("inject", "extract")})
        try:
            yield
        finally:
            _off.reset(token)


STORE_PATIENCE = 1.0
"""Seconds that a chat waits for its facts to be stored; a locked file is waited for in the background."""
_log = logging.getLogger("headroom")


class Turn:
    """One request and its reply; with `only_reading`, a reply whose facts were stored before."""

    def __init__(self, place: Place, settings: Settings, *, only_reading: bool = False) -> None:
        self._place, self._settings = place, settings
        self.notes = Notes(turn_id=uuid.uuid4().hex)
        self.texts = Texts()
        self.instructed = only_reading
        self._began = datetime.now(timezone.utc)
        self._asked: Asked | None = None
        self._finished = only_reading
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

    def begin(self, api: Api, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return what to send: `kwargs` with notes and instruction, or `kwargs` itself where memory fails."""
        if self._off:
            return kwargs
        with self.step("recall"):
            if self._must_recall(api.read(kwargs)):
                self._take(in_time(self._recall, self._settings.recall_timeout))
            return self._planned(api, kwargs)
        return kwargs

    async def begin_async(self, api: Api, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Do the same as `begin` without blocking the event loop."""
        if self._off:
            return kwargs
        with self.step("recall"):
            if self._must_recall(api.read(kwargs)):
                self._take(await in_time_async(self._recall, self._settings.recall_timeout))
            return self._planned(api, kwargs)
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
        self._place.shared.recent.put(self._key(self._asked.digest), notes)

    def _recall(self) -> Notes:
        assert self._asked is not None
        engine, message = self._place.engine, self._asked.message or ""
        with span("search_memory") as traced:
            found = engine.recall(self.reader, message, top_k=self._settings.top_k)
            traced.searched(message, found)
        framed = frame(found, day=date.today(), budget=self._settings.token_budget, length=self._settings.note_length)
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

    def _planned(self, api: Api, kwargs: dict[str, Any]) -> dict[str, Any]:
        text = self.notes.text if self._settings.inject else ""
        if text or self._wants_block:
            kwargs = api.write(kwargs, text, self._settings.request if self._wants_block else None)
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
            cut=self.texts.cut,
            failed=dict(self._failed),
            ms=dict(self._ms),
        )

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
                self._place.shared.waiting.add(self.reader, self._learned())

    def _work(self) -> Callable[[], None] | None:
        if self._finished:
            return None
        changes, shared = self._learned(), self._place.shared
        due = changes or shared.waiting or shared.turn_scoped.outlived(self.reader) or self._settings.record_turns
        return partial(self._store, changes) if due else None

    def _learned(self) -> list[Change]:
        """Say what is to be stored."""
        self._finished = True
        if self.texts.goes_on_as is not None:
            self._place.shared.recent.put(self._key(self.texts.goes_on_as), self.notes)
        said = self.texts.close()
        settings = self._settings
        found = Facts(
            self.notes.shown, self.reader, settings.redact, examples=settings.request.facts, length=settings.note_length
        )
        for item in said.items:
            found.add(item)
        self._skipped += [*found.skipped, *(Skipped(content="", reason=reason) for reason in said.unread)]
        for skipped in self._skipped:
            _log.info("turn %s: something in the reply was not stored: %s", self.notes.turn_id, skipped.reason)
        return found.changes

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
        self._record()

    def _record(self) -> None:
        """Keep the turn, if that is asked for."""
        settings, asked = self._settings, self._asked
        if settings.record_turns is None or asked is None:
            return
        with self.step("record"):
            with_text = settings.record_turns == "text" and asked.message is not None
            message = kept_message(asked.message or "", settings.redact) if with_text else None
            self._place.engine.keep_turn(kept_turn(self.report(), self.reader, self._began, message))
