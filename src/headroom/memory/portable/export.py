"""Writing memories and kept turns to a file of JSON Lines, in bounded memory."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

from ...errors import InvalidInput
from ..protocols import Backend
from ..records import KeptTurn, Reader
from . import lines

Progress = Callable[[int, int], None]
"""Called with the memories done and the memories in all."""

_EVERY = 256
"""Memories between two reports of progress."""


def export(
    backend: Backend,
    path: Path,
    *,
    embedder: str,
    user_id: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> int:
    """Write the memories and kept turns of a user, or of all users, to `path`; return how many memories they are.

    Only its owner can read the file (mode 0600). Until it is whole it is called `path` with ".part" behind it; an
    export that was stopped begins anew, because what was deleted since must not be in it. Raise InvalidInput if the
    file is there already and `overwrite` is not set, or if its folder is not there.
    """
    if path.exists() and not overwrite:
        raise InvalidInput(f"{path} is there already; choose another name, or pass overwrite=True (--overwrite)")
    if not path.parent.is_dir():
        raise InvalidInput(f"there is no folder {path.parent}; make it first")
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    header = lines.Header(
        id=str(uuid.uuid4()), embedder=embedder, exported_at=datetime.now(timezone.utc), user_id=user_id
    )
    try:
        count = _write(backend, part, header, progress)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    os.replace(part, path)
    _sync_folder(path.parent)
    return count


def _write(backend: Backend, part: Path, header: lines.Header, progress: Progress | None) -> int:
    stats = backend.stats(None if header.user_id is None else Reader(user_id=header.user_id, owner=True))
    total, count = stats["total"] + stats["superseded"] + stats["held"], 0
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
        file.write(lines.header_line(header) + "\n")
        for count, stored in enumerate(backend.stored(header.user_id), 1):
            file.write(lines.memory_line(stored) + "\n")
            if progress is not None and count % _EVERY == 0:
                progress(count, max(count, total))
        for user_id in backend.users() if header.user_id is None else [header.user_id]:
            for turn in reversed(list(every_turn(backend, user_id))):
                file.write(lines.turn_line(turn) + "\n")
        file.write(lines.end_line(count) + "\n")
        file.flush()
        os.fsync(file.fileno())
    if progress is not None:
        progress(count, count)
    return count


def every_turn(backend: Backend, user_id: str) -> Iterator[KeptTurn]:
    """Yield the kept turns of a user, newest first."""
    before = None
    while page := backend.turns(Reader(user_id=user_id, owner=True), limit=_EVERY, before=before):
        yield from page
        before = page[-1].turn_id


def _sync_folder(folder: Path) -> None:
    """Make the new name of the file durable; Windows has no such call for folders."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
