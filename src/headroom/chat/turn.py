"""One chat turn, whatever the provider: plan the request, finish the reply. A failing memory never breaks a chat."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timezone
from functools import partial
from typing import Any

from ..errors import StoreError
from ..memory.embedders.cached import Loading
from ..memory.engine import Engine
from ..memory.erasing import Erased
from ..memory.records import Change, Origin, Reader, Scope
from ..memory.rules.gate import Gate, mark_of_origin
from ..memory.rules.times import local
from ..runtime.threads import ended, in_time, in_time_async, submit
from .apis.api import Api, Asked, Texts
from .between_turns import Notes, TurnKey
from .fail_open import Steps, failing_open
from .last_turn import LastTurn, Skipped, Stored, kept_message, kept_turn
from .learning import Facts
from .options import OnTurn, Settings
from .place import Place
from .prompt.frame import frame
from .refusals import Refusals, is_refusal
from .tracing import span

STORE_PATIENCE = 1.0
"""Seconds that a chat waits for its facts to be stored; a locked file is waited for in the background."""
_log = logging.getLogger("headroom")


class Turn:
    """One request and its reply; with `only_reading`, a reply whose facts were stored before."""

    def __init__(
        self,
        place: Place,
        settings: Settings,
        *,
        refusals: Refusals,
        foreign: bool = False,
        only_reading: bool = False,
    ) -> None:
        self._place, self._settings, self._refusals = place, settings, refusals
        self.notes = Notes(turn_id=uuid.uuid4().hex)
        self.texts = Texts()
        self.steps = Steps(raising=settings.on_error == "raise")
        self.instructed = only_reading
        self._began = datetime.now(timezone.utc)
        self._marked_foreign = foreign
        self._asked: Asked | None = None
        self._request: tuple[Api, dict[str, Any]] | None = None
        self._since = place.moment()
        self._finished = only_reading
        self._refused = False
        self._stored: list[Stored] = []
        self._replaced: list[str] = []
        self._redacted: dict[str, int] = {}
        self._forgotten: list[str] = []
        self._skipped: list[Skipped] = []

    # Before the call. Recalling may be late or fail: the request asks for a block all the same.

    def begin(self, api: Api, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return what to send: `kwargs` with notes and instruction, or `kwargs` itself if memory fails."""
        if self._must_recall(api, kwargs):
            if (loading := self._loading()) is not None:
                with self.steps.take("load"):
                    wait([loading.done], self._patience_for(loading))
            with self.steps.take("recall"):
                self._take(in_time(self._recall, self._settings.recall_timeout))
        return self._planned(api, kwargs)

    async def begin_async(self, api: Api, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Do the same as `begin` without blocking the event loop."""
        if self._must_recall(api, kwargs):
            if (loading := self._loading()) is not None:
                with self.steps.take("load"), suppress(TimeoutError):
                    await ended(loading.done, self._patience_for(loading))
            with self.steps.take("recall"):
                self._take(await in_time_async(self._recall, self._settings.recall_timeout))
        return self._planned(api, kwargs)

    def _must_recall(self, api: Api, kwargs: dict[str, Any]) -> bool:
        """Read the request, and look up the notes of the turn that it continues; return whether to search for some."""
        if not (self._settings.inject or self._settings.extract):
            return False
        if self._refusals.concern(api, kwargs):
            self._refused = True
            return False
        with self.steps.take("request", timed=False):
            self._place.check_open()
            self._asked = api.read(kwargs)
            if self._asked is None:
                return False
            self.texts.choices = self._asked.choices
            known = self._place.shared.recent.get(self._key(self._asked.digest)) if self._asked.continues else None
            # If recalling fails, the tool loop goes on with the same request: without notes, or with those it had.
            self.notes = replace(self.notes, said=self._asked.said)
            self._take(known or replace(self.notes, text=self._day if self._wants_block else ""))
            looks = self._asked.message is not None if known is None else bool(known.shown)
            return self._settings.inject and looks
        return False

    def _key(self, digest: bytes) -> TurnKey:
        reader = self._place.reader
        return TurnKey(reader.user_id, reader.session_id, reader.agent_id, digest)

    def _take(self, notes: Notes) -> None:
        assert self._asked is not None
        self.notes = notes
        self._place.shared.recent.put(self._key(self._asked.digest), notes)

    def _loading(self) -> Loading | None:
        """Return the load of the model if it is under way: no turn is late because it was the first."""
        engine = self._place.opened()
        return None if engine is None or self.notes.shown else engine.loading()

    def _patience_for(self, loading: Loading) -> float | None:
        return None if self._settings.recall_timeout is None else max(0.0, loading.until - time.monotonic())

    def _recall(self) -> Notes:
        assert self._asked is not None
        engine, message = self._place.engine(), self._asked.message or ""
        if self.notes.shown:  # the turn goes on; another process may have erased a note, which nobody announces here
            if None not in engine.get_many([note.id for note in self.notes.shown]):
                return self.notes
            self.notes = replace(self.notes, text="", shown=())
        self._look_at_time(engine)
        with span("search_memory") as traced:
            found = engine.recall(
                self.reader,
                message,
                top_k=self._settings.top_k,
                earlier=self._asked.earlier or self._said_before(),
                speaker=self._asked.speaker,
                zone=self._settings.zone,
            )
            traced.searched(message, found)
        settings = self._settings
        framed = frame(
            found, day=self._today, budget=settings.token_budget, length=settings.note_length, mark=mark_of_origin
        )
        # Without notes the frame tells the day, which only a model that writes a block needs.
        text = framed.text if framed.notes or self._wants_block else ""
        return replace(self.notes, text=text, shown=framed.notes)

    def _said_before(self) -> tuple[str, ...]:
        """Return the user's words in the turn whose reply this request follows, if it was a turn of this process."""
        assert self._asked is not None
        follows = self._asked.follows
        known = None if follows is None else self._place.shared.recent.get(self._key(follows))
        return () if known is None else known.said

    def _look_at_time(self, engine: Engine) -> None:
        """Look once at what other processes have cleared until now."""
        if self._since.lifetime is None:
            lifetime = engine.moment(self.reader.user_id).lifetime
            self._since = replace(self._since, lifetime=lifetime)

    @property
    def _day(self) -> str:
        return frame((), day=self._today).text if self._settings.inject else ""

    @property
    def _today(self) -> date:
        """Today's date in the user's time zone."""
        return local(datetime.now(timezone.utc), self._settings.zone).date()

    @property
    def reader(self) -> Reader:
        """Who looks and writes in this turn."""
        return replace(self._place.reader, turn_id=self.notes.turn_id)

    @property
    def _wants_block(self) -> bool:
        return self._settings.extract and self._asked is not None and self._asked.has_room

    def _planned(self, api: Api, kwargs: dict[str, Any]) -> dict[str, Any]:
        if self._refused or self._asked is None:
            return kwargs
        with self.steps.take("request", timed=False):
            text = self.notes.text if self._settings.inject else ""
            if text or self._wants_block:
                written = api.write(kwargs, text, self._settings.request if self._wants_block else None)
                self.instructed = self._wants_block
                self._request = api, kwargs
                return written
        return kwargs

    # A provider that refuses what memory adds.

    def may_be_refused(self, exc: Exception) -> bool:
        """Return whether the provider may have refused the request for what memory added to it."""
        return self._request is not None and is_refusal(exc)

    def was_refused(self, exc: Exception) -> None:
        """Note that the caller's own request went through: from now on this model gets requests without memory."""
        assert self._request is not None
        self._refusals.add(exc, *self._request)
        self._refused, self.instructed = True, False

    # After it.

    def report(self) -> LastTurn:
        """Return what became of the turn until now."""
        sent = not self._refused
        return LastTurn(
            turn_id=self.notes.turn_id,
            recalled=self.notes.shown if sent else (),
            injected=self.notes.text if self._settings.inject and sent else "",
            instructed=self.instructed,
            refused=self._refused,
            foreign=self._foreign,
            stored=tuple(self._stored),
            replaced=tuple(self._replaced),
            forgotten=tuple(self._forgotten),
            skipped=tuple(self._skipped),
            redacted=dict(self._redacted),
            cut=self.texts.cut,
            failed=dict(self.steps.failed),
            ms=dict(self.steps.ms),
        )

    def shows(self, erased: Erased) -> bool:
        """Return whether the report would show something that was erased."""
        ids = {note.id for note in self.notes.shown}.union(stored.id for stored in self._stored)
        return not erased.ids or not ids.isdisjoint(erased.ids)

    def finish(self) -> None:
        """Store what the reply taught, once. What the length limit or a closed stream cut off is left out."""
        if not self._finished:
            with self.steps.take("store"):
                if (work := self._work()) is not None:
                    in_time(work, STORE_PATIENCE)
            self._tell()

    async def finish_async(self) -> None:
        """Do the same as `finish` without blocking the event loop; the storing outlives a cancellation."""
        if not self._finished:
            with self.steps.take("store"):
                if (work := self._work()) is not None:
                    await in_time_async(work, STORE_PATIENCE)
            self._tell()

    def _tell(self) -> None:
        """Call `on_turn` on another thread: it may take its time, and fail."""
        if (on_turn := self._settings.on_turn) is not None:
            with failing_open("report the turn"):
                submit(_told, on_turn, self.report())

    def abandon(self) -> None:
        """Leave the facts to the next turn if nobody read the stream to its end or closed it; for finalizers."""
        if not self._finished:
            self._place.shared.waiting.abandon(self.take_in)

    def take_in(self) -> None:
        """Keep the facts learned so far for a later try, and learn no more."""
        with self.steps.take("store"):
            if not self._finished and (changes := self._learned()):
                self._place.shared.waiting.add(self.reader, changes, since=self._since)
        self._tell()

    def _work(self) -> Callable[[], None] | None:
        changes, shared = self._learned(), self._place.shared
        due = changes or shared.waiting or shared.turn_scoped.outlived(self.reader) or self._settings.record_turns
        if not due:
            return None
        shared.waiting.coming(self.reader.user_id, len(changes))
        return partial(self._store, changes)

    @property
    def _foreign(self) -> Origin | None:
        """What content that is not the user's word was in sight: in request or reply, or as the caller says."""
        if self._asked is not None and self._asked.foreign is not None:
            return self._asked.foreign
        if self.texts.foreign:
            return Origin.TOOL
        return Origin.FILE if self._marked_foreign else None

    @property
    def _said(self) -> tuple[str, ...]:
        """The user's own words. None, if the caller says that text of others stands among them."""
        if self._marked_foreign:
            return ()
        return (self._asked.said if self._asked is not None else ()) or self.notes.said

    def _learned(self) -> list[Change]:
        """Return what is to be stored."""
        self._finished = True
        self._place.shared.unfinished.discard(self)
        if self.texts.goes_on_as is not None:
            self._place.shared.recent.put(self._key(self.texts.goes_on_as), self.notes)
        said = self.texts.close()
        settings = self._settings
        found = Facts(
            self.notes.shown,
            self.reader,
            settings.redact,
            examples=settings.request.facts,
            length=settings.note_length,
            gate=Gate(self._said, self._foreign, settings.review),
            allowance=self.notes.allowance,
            scope=settings.learn_scope,
            expires_in=settings.learn_expires,
        )
        for item in said.items:
            found.add(item)
        self._skipped += [*found.skipped, *(Skipped(content="", reason=reason) for reason in said.unread)]
        for skipped in self._skipped:
            _log.info("turn %s: something in the reply was not stored: %s", self.notes.turn_id, skipped.reason)
        return found.changes

    def _store(self, changes: Sequence[Change]) -> None:
        try:
            self._store_now(changes)
        finally:
            self._place.shared.waiting.came(self.reader.user_id, len(changes))

    def _store_now(self, changes: Sequence[Change]) -> None:
        shared, reader = self._place.shared, self.reader
        try:
            engine = self._place.engine()
        except StoreError:
            shared.wait(reader, changes, since=self._since)
            raise
        if changes:
            with suppress(StoreError):  # storing says it
                self._look_at_time(engine)
        changes, redacted = engine.without_secrets(changes)
        self._redacted = dict(redacted)
        with span("upsert_memory") as traced:
            traced.stored([change.draft.content for change in changes if change.draft is not None])
            done, error = shared.waiting.store(engine, reader, changes, since=self._since)
        for change, applied in zip(changes, done, strict=True):
            if applied is None:
                continue
            if change.draft is None or applied.id is None:
                self._forgotten += applied.ended
                if change.draft is not None:
                    reason = "the memory was cleared meanwhile"
                    self._skipped.append(Skipped(content=change.draft.content, reason=reason))
                continue
            content = change.draft.content
            self._stored.append(Stored(id=applied.id, content=content, merged=applied.merged, held=applied.held))
            self._replaced += applied.ended
            if change.draft.scope is Scope.TURN:
                shared.turn_scoped.keep(reader)
        self._record(engine)
        if error is not None:
            raise error
        shared.turn_scoped.begin(engine, reader)

    def _record(self, engine: Engine) -> None:
        """Keep the turn, if that is asked for."""
        settings, asked = self._settings, self._asked
        if settings.record_turns is None or asked is None:
            return
        with self.steps.take("record"):
            with_text = settings.record_turns == "text" and asked.message is not None
            message = kept_message(asked.message or "", settings.redact) if with_text else None
            engine.keep_turn(kept_turn(self.report(), self.reader, self._began, message))


def _told(on_turn: OnTurn, report: LastTurn) -> None:
    with failing_open("call on_turn"):
        on_turn(report)
