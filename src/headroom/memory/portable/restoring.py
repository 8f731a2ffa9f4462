"""Reading an export into a store: staged batch by batch, and visible when it is complete."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO, Any

from ...errors import UnreadableImport
from ..protocols import Backend, Stored, Vector
from ..records import EFFECTS, Event, Json, KeptTurn, Record
from ..rules.staging import staged_user
from . import lines
from .export import Progress

_BATCH = 256
"""Memories that are staged in one transaction."""

Embed = Callable[[Sequence[str]], "Sequence[Vector | None]"]
"""Texts to vectors; None for each if the embedder's server does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of an import, in memories."""

    added: int
    """Stored now: as a memory of its own, or as one more source of one that has the same text."""
    known: int = 0
    """There before: the same memory of the same user. Of another program's file also what it says once more."""
    skipped: int = 0
    """Of another program's file: what could not be stored, such as a memory that has expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where an import goes."""

    backend: Backend
    embedder: str
    """The id of its embedder: vectors of another one are made anew."""
    embed: Embed
    user_id: str | None = None
    """Whose the memories shall be; None leaves each to the user it was exported from."""


def restore(target: Target, path: Path, *, progress: Progress | None = None) -> Imported:
    """Import an export; return what became of it.

    Nothing is seen before all of it is stored. A run that was killed goes on where it was, if it is started again with
    the same file and user. An id that is taken by another memory is never overwritten: then the memory gets a new id,
    the same each time. Vectors are taken if they are of the target's embedder, else the texts are embedded. Raise
    UnreadableImport if the file is no whole export; then nothing of it is kept.
    """
    try:
        with path.open(encoding="utf-8") as file:
            return _restore(target, path, file, progress)
    except OSError as exc:
        raise UnreadableImport(path=path, reason=exc.strerror or type(exc).__name__) from None
    except UnicodeDecodeError:
        raise UnreadableImport(path=path, reason="it is no UTF-8 text") from None


def _restore(target: Target, path: Path, file: IO[str], progress: Progress | None) -> Imported:
    try:
        header = lines.parse_header(file.readline())
    except ValueError as exc:
        raise UnreadableImport(path=path, reason=str(exc)) from None
    import_id = uuid.uuid5(uuid.NAMESPACE_OID, f"{header.id} {target.user_id or ''}").hex
    size, done, known = path.stat().st_size, 0, 0
    found, turns = _lines(path, file), False
    try:
        while batch := list(islice(found, _BATCH)):
            memories = [one for one in batch if isinstance(one, Stored)]
            turns = turns or len(memories) < len(batch)
            known += _stage(target, import_id, header.embedder, memories)
            done += len(memories)
            if progress is not None:
                progress(done, max(done, done * size // max(1, file.buffer.tell())))  # type: ignore[attr-defined]
    except UnreadableImport:
        target.backend.discard(import_id)
        raise
    if progress is not None:
        progress(done, done)
    added = target.backend.publish(import_id)
    if turns:
        _keep_turns(target, import_id, path)
    return Imported(added=added, known=known)


def _keep_turns(target: Target, import_id: str, path: Path) -> None:
    """Keep the turns of the file, now that their memories are there.

    One that names a memory which was joined with a known one is left out: it must go when that text is erased.
    """
    with path.open(encoding="utf-8") as file:
        for line in filter(lines.is_turn, file):
            turn = lines.parse_line(line)
            if isinstance(turn, KeptTurn):
                turn = turn if target.user_id is None else replace(turn, user_id=target.user_id)
                ids = _Ids(target.backend, import_id, dict.fromkeys(turn.named(), turn.user_id))
                renamed = ids.turn(turn)
                if None not in ids.owners(renamed.named()):
                    target.backend.keep_turn(renamed)


def _lines(path: Path, file: IO[str]) -> Iterator[Stored | KeptTurn]:
    """Yield what stands behind the header. Raise UnreadableImport unless it ends as it should."""
    count, width = 0, 0
    for number, line in enumerate(file, 2):
        try:
            found = lines.parse_line(line)
        except ValueError as exc:
            raise UnreadableImport(path=path, reason=f"line {number}: {exc}") from None
        if isinstance(found, int):
            if found != count or file.readline():
                raise UnreadableImport(path=path, reason=f"it has {count:,} memories and says that it has {found:,}")
            return
        if isinstance(found, KeptTurn):
            yield found
            continue
        if found.vector is not None:
            width = width or len(found.vector)
            if len(found.vector) != width:
                raise UnreadableImport(
                    path=path, reason=f"line {number}: its vector has another length than those before"
                )
        count += 1
        yield found
    raise UnreadableImport(path=path, reason=f"it was cut short after {count:,} memories")


def _stage(target: Target, import_id: str, embedder: str, batch: Sequence[Stored]) -> int:
    """Stage those of a batch that are not there yet; return how many the user had before."""
    if target.user_id is not None:
        batch = [stored._replace(record=replace(stored.record, user_id=target.user_id)) for stored in batch]
    ids = _Ids(target.backend, import_id, _named(batch))
    renamed = [ids.renamed(stored) for stored in batch]
    owners = ids.owners([stored.record.id for stored in renamed])
    new = [stored for stored in renamed if owners[stored.record.id] is None]
    if new:
        target.backend.stage(import_id, embedded(target, new, keep=embedder == target.embedder))
    return sum(owners[stored.record.id] == stored.record.user_id for stored in renamed)


def embedded(target: Target, memories: Sequence[Stored], *, keep: bool) -> list[Stored]:
    """Yield each memory with a vector: its own if `keep` says that the target can compare it, else one made now."""
    vectors = [stored.vector if keep else None for stored in memories]
    made = iter(target.embed([m.record.content for m, vector in zip(memories, vectors, strict=True) if vector is None]))
    return [
        stored._replace(vector=next(made) if vector is None else vector)
        for stored, vector in zip(memories, vectors, strict=True)
    ]


def _named(batch: Sequence[Stored]) -> dict[str, str]:
    """Return the ids that stand in a batch, each with the user of the memory that names it."""
    named = {stored.record.id: stored.record.user_id for stored in batch}
    for stored in batch:
        record = stored.record
        for other in (record.superseded_by, *record.would_replace):
            if other is not None:
                named.setdefault(other, record.user_id)
    return named


class _Ids:
    """Which ids are taken by others, and what the memories are called instead.

    The new id follows from the old one and the user, so that every batch, and every later run, finds the same.
    """

    def __init__(self, backend: Backend, import_id: str, named: Mapping[str, str]) -> None:
        """Look up ids; `named` has the user whose memory each shall be."""
        self._backend = backend
        owners = self.owners(list(named))
        self._new = {
            memory_id: _new_id(user_id, memory_id)
            for memory_id, user_id in named.items()
            if not _is_uuid(memory_id) or owners[memory_id] not in (None, user_id, staged_user(import_id, user_id))
        }

    def owners(self, memory_ids: Sequence[str]) -> dict[str, str | None]:
        return dict(zip(memory_ids, self._backend.owners(memory_ids), strict=True))

    def renamed(self, stored: Stored) -> Stored:
        """Return the memory under the ids that it and its versions have here."""
        if not self._new:
            return stored
        record = stored.record
        events = tuple(self._event(event) for event in stored.events)
        return stored._replace(record=self._record(record), events=events)

    def turn(self, turn: KeptTurn) -> KeptTurn:
        """Return a turn that names its memories as they are called here."""
        notes = tuple(replace(note, id=self._of(note.id)) for note in turn.notes)
        effects: dict[str, Any] = {name: tuple(map(self._of, getattr(turn, name))) for name in EFFECTS}
        return replace(turn, notes=notes, **effects)

    def _record(self, record: Record) -> Record:
        return replace(
            record,
            id=self._of(record.id),
            superseded_by=None if record.superseded_by is None else self._of(record.superseded_by),
            would_replace=tuple(map(self._of, record.would_replace)),
        )

    def _event(self, event: Event) -> Event:
        before: Mapping[str, Json] | None = event.before
        if before is not None:
            before = {name: self._of(value) if isinstance(value, str) else value for name, value in before.items()}
        return replace(event, memory_id=self._of(event.memory_id), before=before)

    def _of(self, memory_id: str) -> str:
        return self._new.get(memory_id, memory_id)


def _new_id(user_id: str, memory_id: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{user_id} {memory_id}"))


def _is_uuid(memory_id: str) -> bool:
    try:
        return str(uuid.UUID(memory_id)) == memory_id
    except ValueError:
        return False
