"""Storing what a reader brings from another program: staged, and visible when it is complete."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from pathlib import Path

from ...errors import InvalidInput
from ..protocols import Write
from ..records import Draft, Origin, Reader
from ..rules.checks import check_draft, check_reader, entry_of
from ..rules.secrets.redaction import redact
from ..rules.staging import staged_user
from .export import Progress
from .readers.brought import Brought
from .readers.table import read
from .restoring import Imported, Target

_BATCH = 256
"""Memories that are embedded together."""


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

    Nothing is seen before all of it is stored; a run that was stopped begins anew. A text that the user knows gets one
    more source. What has expired, or cannot be stored, is skipped. Raise InvalidInput if the file names no users and
    the target does not either, and UnreadableImport if the file cannot be read; then nothing of it is kept.
    """
    import_id = uuid.uuid5(uuid.NAMESPACE_OID, f"{source} {path.resolve()} {target.user_id or ''}").hex
    target.backend.discard(import_id)
    brought = read(path, source, namespace=namespace)
    done = skipped = 0
    try:
        while batch := list(islice(brought, _BATCH)):
            ready = list(_ready(batch, target.user_id, redact_secrets))
            _stage(target, import_id, ready)
            done += len(batch)
            skipped += len(batch) - len(ready)
            if progress is not None:
                progress(done, done)
    except BaseException:
        target.backend.discard(import_id)
        raise
    target.backend.publish(import_id)
    return Imported(added=done - skipped, skipped=skipped)


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


def _stage(target: Target, import_id: str, ready: Sequence[tuple[Reader, Draft]]) -> None:
    """Store each run of memories of one user, session and agent in one transaction."""
    vectors = iter(target.embed([draft.content for _, draft in ready]))
    for writer, run in groupby(ready, key=lambda pair: pair[0]):
        writes = [Write(entry=entry_of(draft, next(vectors))) for _, draft in run]
        target.backend.apply(replace(writer, user_id=staged_user(import_id, writer.user_id)), writes)
