"""Storing what a reader brings from another program: staged, and visible when it is complete."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path

from ...errors import HeadroomError, InvalidInput, UnreadableImport
from ..protocols import Stored
from ..records import Action, Draft, Event, Origin, Reader, Record, Relationship, Scope, Source
from ..rules.checks import check_draft, check_reader
from ..rules.duplicates import folded
from ..rules.secrets.redaction import redact
from ..rules.staging import staged_user
from .export import Progress
from .readers.brought import Brought
from .readers.table import LOOKS_FOR, read
from .restoring import Imported, Target, embedded

_BATCH = 256
"""Memories that are embedded and staged together."""


def bring(
    target: Target,
    path: Path,
    source: str,
    *,
    namespace: str | None = None,
    redact_secrets: bool = False,
    progress: Progress | None = None,
) -> Imported:
    """Import the file of another program; `source` is the name of its reader. Return what became of it.

    Nothing is seen before all of it is stored. A run that was stopped goes on if it is started again. A memory is known
    by its user and text: said several times, it has several sources. What has expired, or cannot be stored, is skipped.
    Raise InvalidInput if neither the file nor the target names users, and UnreadableImport if the file cannot be read;
    then nothing of it is kept.
    """
    import_id = uuid.uuid5(uuid.NAMESPACE_OID, f"{source} {path.resolve()} {target.user_id or ''}").hex
    brought = _of_known_shape(read(path, source, namespace=namespace), path, source)
    done = skipped = 0
    try:
        while batch := list(islice(brought, _BATCH)):
            ready = [_whole(*pair, path) for pair in _ready(batch, target.user_id, redact_secrets)]
            _stage(target, import_id, ready)
            done += len(batch)
            skipped += len(batch) - len(ready)
            if progress is not None:
                progress(done, done)
    except (InvalidInput, UnreadableImport):
        target.backend.discard(import_id)
        raise
    added = target.backend.publish(import_id)
    return Imported(added=added, known=done - skipped - added, skipped=skipped)


def _of_known_shape(brought: Iterator[Brought], path: Path, source: str) -> Iterator[Brought]:
    """Yield what a reader reads. Raise UnreadableImport if fields are of other kinds than it knows."""
    try:
        yield from brought
    except HeadroomError:
        raise
    except (AttributeError, LookupError, TypeError, ValueError) as exc:
        reason = f"its fields are not those of {source} ({type(exc).__name__}); looked for {LOOKS_FOR[source]}"
        raise UnreadableImport(path=path, reason=reason) from None


def _ready(batch: Iterable[Brought], user_id: str | None, redact_secrets: bool) -> Iterator[tuple[Reader, Draft]]:
    """Yield what can be stored, with whose it is."""
    for one in batch:
        owner = user_id or one.user_id
        if not isinstance(owner, str):
            raise InvalidInput("this file does not say whose memories it holds; name the user")
        writer = Reader(user_id=owner, session_id=_id(one.session_id), agent_id=_id(one.agent_id))
        try:
            draft = check_draft(replace(one.draft, origin=Origin.IMPORT), check_reader(writer))
        except InvalidInput:
            continue
        yield writer, redact(draft)[0] if redact_secrets else draft


def _id(value: object) -> str | None:
    return str(value) if isinstance(value, (str, int)) and str(value).strip() else None


def _whole(writer: Reader, draft: Draft, path: Path) -> Stored:
    """Return the memory that a checked draft makes. One without a date is as old as its file."""
    created = draft.created_at or datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
    session, agent = writer.session_id, writer.agent_id
    source = Source(agent_id=agent, session_id=session, turn_id=None, created_at=created, origin=Origin.IMPORT)
    record = Record(
        id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{writer.user_id}\n{folded(draft.content)}")),
        content=draft.content,
        user_id=writer.user_id,
        scope=Scope.USER,
        session_id=session,
        agent_id=agent,
        turn_id=None,
        importance=draft.importance,
        metadata=draft.metadata,
        created_at=created,
        valid_until=None,
        superseded_by=None,
        expires_at=draft.expires_at,
        entities=tuple(draft.entities),
        relationships=tuple(edge for edge in draft.relationships if isinstance(edge, Relationship)),
        sources=(source,),
    )
    at = datetime.now(timezone.utc)
    event = Event(memory_id=record.id, action=Action.SAVED, at=at, agent_id=agent, session_id=session, turn_id=None)
    return Stored(record, (event,), None)


def _stage(target: Target, import_id: str, memories: Iterable[Stored]) -> None:
    """Stage what the user does not know; what is staged already is only told who said it again."""
    said: dict[str, Stored] = {}
    for stored in memories:
        first = said.setdefault(stored.record.id, stored)
        sources = dict.fromkeys((*first.record.sources, *stored.record.sources))
        said[stored.record.id] = first._replace(record=replace(first.record, sources=tuple(sources)))
    owners = dict(zip(said, target.backend.owners(list(said)), strict=True))
    new = [stored for memory_id, stored in said.items() if owners[memory_id] is None]
    again = [
        stored
        for memory_id, stored in said.items()
        if owners[memory_id] == staged_user(import_id, stored.record.user_id)
    ]
    if new or again:
        target.backend.stage(import_id, [*embedded(target, new, keep=False), *again])
