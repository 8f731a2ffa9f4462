"""Moving a file from one embedder to another: new vectors are made beside the old ones, then they change places.

Searches go on over the old vectors until then. Whatever was made survives a kill: the next run goes on from there.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import apsw
import numpy as np

from ....errors import EmbedderError, StoreUnavailable
from ...protocols import Embedder
from ..file.database import Database, integers
from .vector_codec import encode

_BATCH = 256
_LEFT = """from memories where seq not in (select memory from next_vectors)"""

Progress = Callable[[int, int], None]
"""Called with the memories done and the memories in all."""


def reembed_file(database: Database, embedder: Embedder, progress: Progress | None = None) -> int:
    """Make a vector of `embedder` for every memory; return how many. Raise StoreUnavailable if the disk is too small.

    A file that already holds its vectors is left as it is.
    """
    with database.read() as cursor:
        if cursor.execute("select value from meta where key = 'embedder'").get == embedder.id:
            return 0
    _begin(database, embedder)
    _check_space(database, embedder.width)
    while True:
        with database.read() as cursor:
            total, left = _count(cursor)
            batch: list[tuple[Any, ...]] = cursor.execute(
                f"select seq, content {_LEFT} order by seq limit ?", (_BATCH,)
            ).fetchall()
        if progress is not None:
            progress(total - left, total)
        if batch:
            _store(database, embedder, batch)
        elif _switch(database, embedder):
            return total


def _begin(database: Database, embedder: Embedder) -> None:
    """Keep what an earlier run of the same embedder made; throw away what another's did."""
    with database.write() as cursor:
        if cursor.execute("select value from meta where key = 'next_embedder'").get != embedder.id:
            cursor.execute("delete from next_vectors")
            cursor.execute("insert or replace into meta values ('next_embedder', ?)", (embedder.id,))


def _check_space(database: Database, width: int) -> None:
    """Refuse to begin what the disk cannot hold: the new vectors, once in the file and once in its log."""
    with database.read() as cursor:
        _, left = _count(cursor)
    needed = left * 2 * width * 5 // 2
    free = shutil.disk_usage(database.path.parent).free
    if free < needed:
        reason = f"new vectors need {needed >> 20:,} MiB of disk, and {free >> 20:,} MiB are free"
        raise StoreUnavailable(path=database.path, reason=reason)


def _count(cursor: apsw.Cursor) -> tuple[int, int]:
    (total,) = integers(cursor.execute("select count(*) from memories"))
    (done,) = integers(cursor.execute("select count(*) from next_vectors"))
    return total, total - done


def _store(database: Database, embedder: Embedder, batch: list[tuple[Any, ...]]) -> None:
    """Embed outside the transaction; a memory erased meanwhile gets no vector."""
    vectors = embedder.embed([content for _, content in batch])
    if vectors.shape != (len(batch), embedder.width) or not np.isfinite(vectors).all():
        raise EmbedderError(f"{embedder.id} gave no finite vectors of shape {(len(batch), embedder.width)}")
    with database.write() as cursor:
        cursor.executemany(
            "insert or ignore into next_vectors select seq, ? from memories where seq = ?",
            ((blob, seq) for (seq, _), blob in zip(batch, encode(vectors), strict=True)),
        )


def _switch(database: Database, embedder: Embedder) -> bool:
    """Let the new vectors take the place of the old ones, all at once; return False if memories came in between."""
    with database.write() as cursor:
        _, left = _count(cursor)
        if left:
            return False
        for statement in (
            "drop table vectors",
            "alter table next_vectors rename to vectors",
            "create table next_vectors (memory integer primary key references memories, vector blob not null)",
            "delete from waiting",
            "delete from meta where key = 'next_embedder'",
            "update users set revision = revision + 1",
        ):
            cursor.execute(statement)
        for key, value in (("embedder", embedder.id), ("width", str(embedder.width))):
            cursor.execute("insert or replace into meta values (?, ?)", (key, value))
    return True
