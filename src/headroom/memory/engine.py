"""The synchronous core: every operation on memories, once, over an embedder and a backend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from functools import partial
from itertools import compress
from pathlib import Path

import numpy as np

from ..errors import InvalidInput, NotFound
from .cohort import Cohorts
from .embedders.cached import CachedEmbedder, Loading, unit_rows
from .embedding import Embedding
from .erasing import Erased, Erasures, Moment
from .portable.bringing import bring
from .portable.export import Progress, every_turn, export
from .portable.readers.table import OWN_FORMAT
from .portable.restoring import Imported, Target, restore
from .protocols import Amendment, Backend, Decision, Story, Vectors, Write
from .query import Filter, Listing, Query, State
from .records import (
    Action,
    Applied,
    Change,
    Draft,
    Event,
    Everything,
    KeptTurn,
    Reader,
    Record,
    Scope,
    SearchResult,
    Similar,
    Stats,
    Undone,
)
from .rules import amending
from .rules.amending import Fields, is_pending, is_present
from .rules.checks import (
    LONGEST_ID,
    check_count,
    check_draft,
    check_fields,
    check_ids,
    check_listing,
    check_query,
    check_reader,
    check_share,
    check_text,
    entry_of,
    question,
)
from .rules.duplicates import near_groups
from .rules.search.message import parts_of
from .rules.search.relevance import judge
from .rules.secrets.redaction import may_hold_secrets, redact
from .rules.times import DAY, moment, now, require_aware
from .rules.visibility import sees

_TRANSACTION = 1024
"""Memories of a bulk load that become durable together."""
_ANY_QUESTION = "Hello"
HELD_DAYS = 30
"""How long a memory waits for its review before it is erased."""


class Engine:
    """Memories over a backend and an embedder. Blocking, and safe from many threads.

    A text is embedded before a transaction begins, never within one.
    """

    def __init__(
        self,
        backend: Backend,
        embedder: CachedEmbedder,
        *,
        cohorts: Cohorts | None = None,
        redact_secrets: bool | None = None,
    ) -> None:
        """Without `cohorts` a chat is reminded by what stands out among the user's own memories alone."""
        self._backend, self._embedder = backend, embedder
        self._embedding = Embedding(backend, embedder)
        self._cohorts = cohorts
        self._last_calls: list[Callable[[Engine], None]] = []
        self.erasures = Erasures()
        self._redact_secrets = redact_secrets
        self.redacted: Counter[str] = Counter()
        """Secrets that were taken out of what was to be stored since the engine was opened, by kind."""

    def before_close(self, call: Callable[[Engine], None]) -> None:
        """Call `call` when this engine closes, while it can still store. It must not raise."""
        self._last_calls.append(call)

    def save(self, writer: Reader, drafts: Iterable[str | Draft]) -> list[str]:
        """Store memories and return their ids in order; what is known already has its id.

        Everything is checked before anything is written. Then each 1,024 memories become durable together.
        """
        checked = self._checked(writer, drafts)
        ids: list[str] = []
        for start in range(0, len(checked), _TRANSACTION):
            changes = [Change(draft=draft) for draft in checked[start : start + _TRANSACTION]]
            ids += [str(applied.id) for applied in self._apply(writer, changes)]
        return ids

    def apply(self, writer: Reader, changes: Sequence[Change], *, since: Moment | None = None) -> list[Applied]:
        """Store, correct and forget in one transaction. Ids in `replaces` that `writer` does not see are left alone.

        What was cleared after `since` is not stored again: its `Applied` has no id.
        """
        drafts = self._checked(writer, [change.draft for change in changes if change.draft is not None])
        in_order = iter(drafts)
        checked = [change if change.draft is None else replace(change, draft=next(in_order)) for change in changes]
        return self._apply(writer, checked, since=since)

    def without_secrets(self, changes: Sequence[Change]) -> tuple[list[Change], Counter[str]]:
        """Return changes as `apply` stores them, for those who show or trace it, and how many secrets were taken out.

        That is done if the origin, or the configuration, asks for it; `redacted` counts them too.
        """
        counts: Counter[str] = Counter()
        clean = [
            change if change.draft is None else replace(change, draft=self._without_secrets(change.draft, counts))
            for change in changes
        ]
        return clean, counts

    def store(self, writer: Reader, drafts: Iterable[str | Draft], vectors: Vectors) -> list[str]:
        """Store memories whose vectors are known: an (n, width) float32 array of unit rows. For imports."""
        checked = self._checked(writer, drafts)
        rows = unit_rows(vectors, (len(checked), self._embedder.width), "the caller")
        writes = [Write(entry=entry_of(draft, row)) for draft, row in zip(checked, rows, strict=True)]
        ids: list[str] = []
        for start in range(0, len(writes), _TRANSACTION):
            ids += [str(done.id) for done in self._backend.apply(writer, writes[start : start + _TRANSACTION])]
        return ids

    def search(self, query: Query, *, within: float | None = None) -> list[SearchResult]:
        """Find the memories nearest to `query.text`, best first; a blank query finds none.

        If its vector takes longer than `within` seconds, words alone decide.
        """
        query = check_query(query)
        if not query.text.strip():
            return []
        return self._backend.search(replace(query, vector=self._embedding.question(query.text, within)))

    def recall(
        self,
        reader: Reader,
        message: str,
        *,
        top_k: int,
        earlier: Sequence[str] = (),
        speaker: str | None = None,
        zone: tzinfo | None = None,
        within: float | None = None,
    ) -> list[SearchResult]:
        """Find the memories that a chat should be reminded of by `message`, best first; none is a good answer.

        With at most `top_k` visible memories all of them; above that, those that stand out for this message. `earlier`
        are the user's messages before it, oldest first: a short one may rest on them. `speaker` is the name of the one
        who writes.
        """
        query = check_query(Query(reader=reader, text=message, top_k=top_k, zone=zone, notes_only=True))
        cohort = self._cohorts.get() if self._cohorts is not None and query.text.strip() else None
        if cohort is None:
            return self.search(query, within=within)
        parts = [
            replace(part, text=question(part.text), earlier=question(part.earlier))
            for part in parts_of(query.text, earlier, speaker)
        ]
        vectors = self._embedding.questions([part.whole for part in parts], within)
        if vectors is None:
            return self._backend.search(query)
        return self._backend.search(replace(query, vector=vectors[0], relevance=judge(parts, vectors, cohort)))

    # In every call by id, `reader` says who looks: what no search would show is not found. None looks at everything.

    def get(self, memory_id: str, reader: Reader | None = None) -> Record | None:
        """Look up one memory, present, held or history."""
        return self.get_many([memory_id], reader)[0]

    def get_many(self, memory_ids: Sequence[str], reader: Reader | None = None) -> list[Record | None]:
        """Look up memories in the order of their ids; None for each that is not found."""
        return self._backend.get_many(check_ids(memory_ids), _checked(reader))

    def get_all(self, listing: Listing) -> list[Record]:
        """List memories that the reader sees, newest first."""
        return self._backend.page(check_listing(listing))

    def count(self, listing: Listing) -> int:
        """Count memories that the reader sees."""
        return self._backend.count(check_listing(listing))

    def update(
        self, memory_id: str, content: str | None = None, reader: Reader | None = None, *, fields: Fields | None = None
    ) -> str:
        """Change a memory: its fields in place, its text by a new version; the old one becomes history.

        Return the id of the version that is present now. Raise NotFound if there is no such present memory.
        """
        fields = check_fields(fields or Fields())
        old = self.get(memory_id, reader)
        if old is None or not is_present(old, _moment()):
            raise NotFound(memory_id=memory_id)
        if content is not None and content != old.content:
            return self._supersede(fields.of(old), content, None if reader is None else reader.turn_id)
        if content is None and not fields:
            raise InvalidInput("update needs something to change: a content, or one of the other fields")
        self._amend([memory_id], _reader_of(old, reader), partial(amending.update, fields=fields))
        return old.id

    def forget(self, memory_id: str, reader: Reader | None = None) -> bool:
        """Hide a memory; its history is kept, and `restore` undoes it. False if there was nothing to hide."""
        return bool(self._amend([memory_id], reader, partial(amending.forget, at=_moment())))

    def restore(self, memory_id: str, reader: Reader | None = None) -> bool:
        """Undo a forget. False if there was nothing to undo."""
        return bool(self._amend([memory_id], reader, partial(amending.restore, at=_moment())))

    def accept(self, memory_id: str, reader: Reader | None = None) -> str:
        """Let a held memory be seen from now on, and end what it was to replace; return its id.

        Raise NotFound if no such memory waits. What became known by itself meanwhile is not stored twice.
        """
        held = self.get(memory_id, reader)
        if held is None or not is_pending(held, _moment()):
            raise NotFound(memory_id=memory_id, wanted="held")
        decision = partial(amending.accept, held_id=held.id, at=_moment())
        owner = replace(_reader_of(held, reader), owner=True)
        if not self._amend([held.id, *held.would_replace], owner, decision):
            self.reject(held.id, reader)
        return held.id

    def reject(self, memory_id: str, reader: Reader | None = None) -> None:
        """Turn a held memory down: it is hidden, and erased when its time for a review is over.

        Raise NotFound if no such memory waits.
        """
        if not self._amend([memory_id], reader, partial(amending.reject, at=_moment())):
            raise NotFound(memory_id=memory_id, wanted="held")

    def history(self, memory_id: str, reader: Reader | None = None) -> list[Record]:
        """List the versions of a memory, oldest first; empty if there is none."""
        return self._backend.history(memory_id, _checked(reader))

    def delete(self, memory_id: str, reader: Reader | None = None) -> bool:
        """Erase a memory with the versions that it replaced. False if there is none."""
        return self.delete_many([memory_id], reader) > 0

    def delete_many(self, memory_ids: Sequence[str], reader: Reader | None = None) -> int:
        """Erase memories with the versions that they replaced, in one transaction; return how many were found."""
        ids, reader = tuple(dict.fromkeys(check_ids(memory_ids))), _checked(reader)
        owners = [reader] if reader else _owners(self.get_many(ids))
        with ExitStack() as announced:
            for owner in owners:
                announced.enter_context(self.erasures.erasing(Erased(reader=owner, ids=ids)))
            self._embedder.clear()
            return self._backend.delete(list(ids), reader)

    def clear(self, reader: Reader, where: Filter | None = None) -> int:
        """Erase all memories of the user, or those bound to the session, agent or turn that is given; return how many.

        With `where`, those among them that it lets through, with the versions that they replaced.
        """
        check_reader(reader)
        with self.erasures.erasing(Erased(reader=reader, filtered=where is not None)):
            self._embedder.clear()
            return self._backend.clear(reader, where)

    def moment(self, user_id: str) -> Moment:
        """Return the point in a user's time that is now, for `apply`."""
        return Moment(erasures=self.erasures.count(user_id), lifetime=self._backend.lifetime(user_id))

    def end_turn(self, reader: Reader) -> None:
        """Erase the memories of turn scope that are bound to `reader.turn_id`."""
        if reader.turn_id is not None and self._backend.clear(Reader(user_id=reader.user_id, turn_id=reader.turn_id)):
            self._embedder.clear()

    def events(self, reader: Reader, *, turn_id: str | None = None, since: datetime | None = None) -> list[Event]:
        """List what happened to the memories that `reader` sees, newest first: who did what when, without any text.

        With `turn_id`, only what was done in that turn.
        """
        reader = check_reader(reader if turn_id is None else replace(reader, turn_id=turn_id))
        require_aware("since", since)
        found = self._backend.events(reader, turn_id=turn_id, since=since)
        return [replace(event, before=None) for event in found]

    def undo(self, reader: Reader, *, turn_id: str | None = None, since: datetime | None = None) -> Undone:
        """Take back all that a turn stored, replaced and forgot, or all that was done since a time, and only that.

        What was stored is hidden with its history. What others changed since stays as they left it.
        """
        if (turn_id is None) == (since is None):
            raise InvalidInput("undo needs a turn_id, or a time since when; pass one of them")
        reader = check_reader(replace(reader, turn_id=turn_id))
        events = self.events(reader, turn_id=turn_id, since=since)
        ids = list(dict.fromkeys(event.memory_id for event in events))

        def concerns(event: Event) -> bool:
            return event.turn_id == turn_id if since is None else event.at >= since

        actor = replace(reader, turn_id=None)
        done = self._amend(ids, reader, partial(amending.take_back, concerns=concerns, at=_moment()), actor=actor)
        by_action = {action: tuple(one.record.id for one in done if one.action is action) for action in Action}
        return Undone(
            hidden=by_action[Action.FORGOTTEN] + by_action[Action.REJECTED],
            restored=by_action[Action.RESTORED],
            changed=by_action[Action.UPDATED],
        )

    def everything(self, user_id: str) -> Everything:
        """Return all there is of a user: memories of every scope, history, what is held, events, and kept turns."""
        owner = Reader(user_id=user_id, owner=True)
        memories = self.get_all(Listing(reader=owner, state=State.ALL))
        events, turns = self.events(owner), list(every_turn(self._backend, owner.user_id))
        return Everything(user_id=user_id, memories=tuple(memories), events=tuple(events), turns=tuple(turns))

    def keep_turn(self, turn: KeptTurn) -> None:
        """Keep what a chat turn did with memory; see `Backend.keep_turn`."""
        check_reader(Reader(user_id=turn.user_id, turn_id=turn.turn_id))
        self._backend.keep_turn(turn)

    def turns(self, reader: Reader, *, limit: int = 20, before: str | None = None) -> list[KeptTurn]:
        """List the turns that were kept of a user, newest first; `before` is the last id of the page before."""
        check_count("limit", limit)
        if before is not None:
            check_text("before", before, LONGEST_ID)
        return self._backend.turns(check_reader(reader), limit=limit, before=before)

    def growth(self, reader: Reader, step: timedelta = timedelta(days=1)) -> list[tuple[datetime, int]]:
        """Count the memories that `reader` sees after each step of time in which any came or went, oldest first."""
        if not step > timedelta():
            raise InvalidInput(f"step must be a time above 0, not {step!r}")
        return self._backend.growth(check_reader(reader), step)

    def near_duplicates(self, reader: Reader, *, threshold: float = 0.85) -> list[Similar]:
        """Group the present memories that say nearly the same, with their cosines, the closest groups first."""
        check_share("threshold", threshold)
        records = self.get_all(Listing(reader=reader))
        vectors = self._backend.vectors([record.id for record in records], reader)
        known = [(record, vector) for record, vector in zip(records, vectors, strict=True) if vector is not None]
        if not known:
            return []
        rows = np.stack([vector for _, vector in known])
        return near_groups([record for record, _ in known], rows, threshold=threshold)

    def users(self) -> list[str]:
        """List the users who have memories, held ones included, or kept turns, in the order of their ids."""
        return self._backend.users()

    def export(
        self, path: Path, user_id: str | None = None, *, overwrite: bool = False, progress: Progress | None = None
    ) -> int:
        """Write memories whole to a file, of one user or of all; return how many they are. See `portable.export`."""
        _checked(None if user_id is None else Reader(user_id=user_id))
        return export(
            self._backend, path, embedder=self._embedder.id, user_id=user_id, overwrite=overwrite, progress=progress
        )

    def import_from(
        self,
        path: Path,
        user_id: str | None = None,
        *,
        source: str = OWN_FORMAT,
        namespace: str | None = None,
        redact_secrets: bool = False,
        progress: Progress | None = None,
    ) -> Imported:
        """Import an export, or the file of another program that `source` names; return what became of it.

        The memories go to `user_id`, or are left to the users that the file names. See `portable.restoring` and
        `portable.bringing`.
        """
        _checked(None if user_id is None else Reader(user_id=user_id))
        target = Target(
            backend=self._backend, embedder=self._embedder.id, embed=self._embedding.memories, user_id=user_id
        )
        if source == OWN_FORMAT:
            done = restore(target, path, progress=progress)
        else:
            done = bring(target, path, source, namespace=namespace, redact_secrets=redact_secrets, progress=progress)
        self._embedding.look_again()  # while they were staged, none of them counted among those that wait
        return done

    def discard_imports(self) -> int:
        """Erase what imports left behind that were never completed; return how many memories."""
        return self._backend.discard(None)

    def embed_waiting(self) -> int:
        """Embed the memories that were stored while the embedder did not answer; return how many."""
        return self._embedding.waiting()

    def warm(self, reader: Reader | None = None) -> None:
        """Load now what the first search would have to load: the model, and what is kept in memory of a user.

        Raise ModelUnavailable if the model is not on this machine.
        """
        if reader is None:
            self._embedding.question(_ANY_QUESTION, None)
        else:
            self.recall(reader, _ANY_QUESTION, top_k=1)

    def loading(self) -> Loading | None:
        """Return the first load of the embedder's model, which begins now if nobody began it; None once it is over."""
        return self._embedder.loading()

    def stats(self, reader: Reader | None = None) -> Stats:
        """Count the memories that `reader` sees, or all of everybody: `total` are present, `superseded` history."""
        return self._backend.stats(_checked(reader))

    def usable(self) -> bool:
        """Return whether the store is still there; False if its file was deleted or exchanged."""
        return self._backend.usable()

    def close(self) -> None:
        """Close the backend. The embedder may be shared, and stays."""
        for call in self._last_calls:
            call(self)
        self._embedder.clear()
        self._backend.close()

    def _checked(self, writer: Reader, drafts: Iterable[str | Draft]) -> list[Draft]:
        check_reader(writer)
        if isinstance(drafts, (str, bytes)):
            raise InvalidInput("several memories must come as a list; to save one text call save()")
        return [self._without_secrets(check_draft(draft, writer)) for draft in drafts]

    def _without_secrets(self, draft: Draft, found: Counter[str] | None = None) -> Draft:
        """Take the secrets out of a checked draft if its origin, or the configuration, asks for it; count them."""
        clean, counts = redact(draft) if may_hold_secrets(draft, self._redact_secrets) else (draft, {})
        self.redacted.update(counts)
        if found is not None:
            found.update(counts)
        return clean

    def _apply(
        self, writer: Reader, changes: Sequence[Change], *, strict: bool = False, since: Moment | None = None
    ) -> list[Applied]:
        vectors = iter(
            self._embedding.memories([change.draft.content for change in changes if change.draft is not None])
        )
        held_until = now() + HELD_DAYS * DAY
        writes = [
            Write(
                entry=None
                if change.draft is None
                else entry_of(change.draft, next(vectors), held_until=held_until if change.held else None),
                replaces=change.replaces,
                strict=strict,
            )
            for change in changes
        ]
        with self.erasures.writing(writer.user_id, since) as erased:
            cleared = since is not None and since.lifetime not in (None, self._backend.lifetime(writer.user_id))
            kept = [not cleared and not any(one.covers(writer, change) for one in erased) for change in changes]
            done = iter(self._backend.apply(writer, list(compress(writes, kept))) if any(kept) else ())
        return [next(done) if keep else Applied(id=None, merged=False, ended=()) for keep in kept]

    def _supersede(self, old: Record, content: str, turn_id: str | None) -> str:
        """Store a new version as the change of `turn_id`, so that undoing the turn of the old one leaves it alone."""
        turn_id = old.turn_id if old.scope is Scope.TURN else turn_id
        writer = Reader(user_id=old.user_id, session_id=old.session_id, agent_id=old.agent_id, turn_id=turn_id)
        draft = check_draft(amending.reworded(old, content), writer)
        change = Change(draft=self._without_secrets(draft), replaces=(old.id,))
        (applied,) = self._apply(writer, [change], strict=True)
        return str(applied.id)

    def _amend(
        self, memory_ids: Sequence[str], reader: Reader | None, decision: Decision, *, actor: Reader | None = None
    ) -> list[Amendment]:
        """Let `decision` look at those of the memories that `reader` sees."""
        if reader is None:
            found = next((record for record in self.get_many(memory_ids) if record is not None), None)
            if found is None:
                return []
            reader = Reader(user_id=found.user_id, owner=True)
        looking = reader

        def seen(stories: Sequence[Story]) -> Sequence[Amendment]:
            return decision([story for story in stories if sees(looking, story.record)])

        return self._backend.amend(actor or check_reader(reader), check_ids(memory_ids), seen)


def _owners(records: Iterable[Record | None]) -> list[Reader]:
    users = dict.fromkeys(record.user_id for record in records if record is not None)
    return [Reader(user_id=user_id, owner=True) for user_id in users]


def _checked(reader: Reader | None) -> Reader | None:
    return None if reader is None else check_reader(reader)


def _reader_of(record: Record, reader: Reader | None) -> Reader:
    """Return who acts on a memory: the reader, or its owner if none is named."""
    return reader or Reader(user_id=record.user_id, owner=True)


def _moment() -> datetime:
    return moment(now())
