"""One memory through time: finding it, ending it, its versions, and telling the caches what changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import starmap
from typing import NamedTuple

import apsw

from ...protocols import Vector
from ...records import Action, Reader
from ...rules.staging import import_of, is_staged, target_of
from ...rules.times import LAST, now
from ...rules.visibility import Rule, visible
from ..file.database import count_erasure, integers
from . import events, read
from .vector_codec import encode

CHANGES_KEPT = 10_000
"""Entries of the log of changes that are kept; a cache that is further behind reads everything again."""


def user_key(cursor: apsw.Cursor, user_id: str) -> int:
    """Find the key of a user, making one if there is none.

    The revisions of a user only ever rise: those of one who was cleared and comes back begin above all earlier ones.
    """
    staged = (import_of(user_id), target_of(user_id)) if is_staged(user_id) else (None, None)
    cursor.execute(
        "insert or ignore into users (user_id, revision, import_id, staged_for) values (?, 0, ?, ?)",
        (user_id, *staged),
    )
    if cursor.connection.changes():
        cursor.execute("update users set revision = key << 32 where user_id = ?", (user_id,))
    return int(cursor.execute("select key from users where user_id = ?", (user_id,)).get)


def make_nameless(cursor: apsw.Cursor, user_id: str) -> None:
    """Take the id of a cleared user out of the file.

    The row stays, under a name that no user can have: if its key were given to somebody else, another process could
    serve what it still holds of the one who went.
    """
    cursor.execute(
        """update users set user_id = char(0) || key, revision = revision + 1, import_id = null, staged_for = null
        where user_id = ?""",
        (user_id,),
    )
    if cursor.connection.changes():
        count_erasure(cursor)


def find(cursor: apsw.Cursor, memory_id: str, reader: Reader | None) -> int | None:
    """Find the row of a memory, present or history; one that `reader` does not see is not found."""
    seen, values = read.seen_by(reader)
    row = cursor.execute(
        f"select seq from memories where id = ? and {seen}", (read.id_bytes(memory_id), *values)
    ).fetchone()
    return None if row is None else row[0]


def present(cursor: apsw.Cursor, user: int, reader: Reader, ids: Iterable[str], at: int) -> dict[int, str]:
    """Find those of `ids` that are present memories which `reader` sees, by row."""
    seen, values = read.as_sql(visible(reader))
    found = {}
    for memory_id in ids:
        row = cursor.execute(
            f"""select seq from memories where id = ? and user = ? and valid_until is null and held_until is null
            and (expires_at is null or expires_at > ?) and {seen}""",
            (read.id_bytes(memory_id), user, at, *values),
        ).fetchone()
        if row is not None:
            found[row[0]] = memory_id
    return found


def end(cursor: apsw.Cursor, user: int, seqs: Iterable[int], at: int, *, successor: int | None, actor: Reader) -> None:
    """Make memories history: superseded by `successor`, or forgotten if there is none."""
    seqs = list(seqs)
    if not seqs:
        return
    cursor.executemany(
        "update memories set valid_until = min(max(?, created_at + 1), ?), superseded_by = ? where seq = ?",
        ((at, LAST, successor, seq) for seq in seqs),
    )
    events.record(cursor, user, seqs, Action.FORGOTTEN if successor is None else Action.REPLACED, actor=actor, at=now())
    log(cursor, user, seqs)


class Same(NamedTuple):
    """A memory of the same fingerprint."""

    seq: int
    raw: bytes
    content: str
    scope: str
    expires_at: int | None
    held: bool
    """It waits for a review, or was turned down in one; else it is present."""


def same_text(cursor: apsw.Cursor, user: int, fingerprint: int, rule: Rule, at: int) -> list[Same]:
    """Find the memories of one fingerprint among what `rule` says: present ones first, then those that are held."""
    let_through, values = read.as_sql(rule)
    found = cursor.execute(
        f"""select seq, id, content, scope, expires_at, held_until is not null from memories
        where fingerprint = ?1 and user = ?2 and iif(held_until is null, valid_until is null, held_until > ?3)
        and (expires_at is null or expires_at > ?3) and {let_through}
        order by held_until is not null, scope = 'user' desc, seq""",
        (fingerprint, user, at, *values),
    )
    return list(starmap(Same, found))


def versions(cursor: apsw.Cursor, seq: int, reader: Reader | None = None) -> list[int]:
    """List a memory and all that it replaced, directly or not, oldest first, as far as `reader` sees it."""
    seen, values = read.seen_by(reader)
    found = cursor.execute(
        f"""with recursive version (seq) as (
            values (?) union select m.seq from memories m join version v on m.superseded_by = v.seq
        ) select seq from memories where seq in version and {seen} order by seq""",
        (seq, *values),
    )
    return integers(found)


def newest(cursor: apsw.Cursor, seq: int) -> int:
    """Follow a memory to the version that stands for it now."""
    while (by := cursor.execute("select superseded_by from memories where seq = ?", (seq,)).get) is not None:
        seq = by
    return seq


def put_vector(cursor: apsw.Cursor, memory_id: str, vector: Vector) -> None:
    """Store the vector of a memory that waits for it; one that was erased or got its vector meanwhile is left alone."""
    seq = find(cursor, memory_id, None)
    if seq is None or not cursor.execute("delete from waiting where memory = ? returning memory", (seq,)).fetchall():
        return
    cursor.execute("insert into vectors values (?, ?)", (seq, encode(vector[None, :])[0]))
    (user,) = integers(cursor.execute("select user from memories where seq = ?", (seq,)))
    log(cursor, user, [seq])
    touch(cursor, user)


def erase(cursor: apsw.Cursor, seqs: Sequence[int]) -> dict[int, list[int]]:
    """Delete memories from every table, and tell the caches of their users; give what went, by user."""
    owners: dict[int, list[int]] = {}
    for seq in seqs:
        owner = cursor.execute("select user from memories where seq = ?", (seq,)).get
        if owner is not None:  # else another process was faster
            owners.setdefault(owner, []).append(seq)
    cursor.executemany("update memories set superseded_by = null where superseded_by = ?", ((seq,) for seq in seqs))
    read.erase(cursor, seqs)
    if seqs:
        count_erasure(cursor)
    for user, own in owners.items():
        log(cursor, user, own)
        touch(cursor, user)
    return owners


def log(cursor: apsw.Cursor, user: int, seqs: Iterable[int]) -> None:
    """Note that rows were changed or deleted, for caches to replay."""
    cursor.executemany("insert into changes (user, memory) values (?, ?)", ((user, seq) for seq in seqs))


def touch(cursor: apsw.Cursor, user: int) -> None:
    """Raise the user's revision, so that every cache looks again; keep the log short."""
    cursor.execute("update users set revision = revision + 1 where key = ?", (user,))
    cursor.execute("delete from changes where seq <= (select max(seq) from changes) - ?", (CHANGES_KEPT,))
