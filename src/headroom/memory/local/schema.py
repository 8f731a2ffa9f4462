"""The tables of a memory file, as append-only steps that are recorded by name and applied on open.

A step that has shipped is never changed; what comes later is a new function at the end of STEPS.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import apsw

from ...errors import NewerSchema, NotADatabase
from ..times import now

APPLICATION_ID = 0x4845_4144  # "HEAD": marks a SQLite file as ours
_HEADER = 100


def _first(cursor: apsw.Cursor) -> None:
    for statement in (
        "create table meta (key text primary key, value text not null) without rowid",
        # One revision a user: a cache that has seen it is fresh.
        "create table users (key integer primary key, user_id text not null unique, revision integer not null)",
        """create table memories (
            seq integer primary key autoincrement,
            id blob not null unique,
            user integer not null references users,
            content text not null,
            fingerprint integer not null,
            scope text not null,
            session_id text,
            agent_id text,
            turn_id text,
            importance real not null,
            metadata text,
            created_at integer not null,
            valid_until integer,
            superseded_by integer,
            expires_at integer,
            length integer not null
        )""",
        "create index memories_by_user on memories (user)",
        "create index memories_by_fingerprint on memories (fingerprint)",
        "create index memories_by_successor on memories (superseded_by) where superseded_by is not null",
        "create index memories_by_expiry on memories (expires_at) where expires_at is not null",
        "create index memories_by_turn on memories (created_at) where scope = 'turn'",
        # The first source of a memory stands in its own row; these are the times it was said again.
        """create table sources (
            memory integer not null references memories,
            agent_id text, session_id text, turn_id text,
            created_at integer not null
        )""",
        "create index sources_by_memory on sources (memory)",
        "create table vectors (memory integer primary key references memories, vector blob not null)",
        # A posting list for each word of each user ("7:python"), so that a search costs what the user's own
        # memories cost. Words arrive split and folded: every reader's SQLite has this tokenizer.
        """create virtual table words using fts5 (
            terms, detail = none, tokenize = "porter ascii tokenchars '_.+#''-:'"
        )""",
        "insert into words (words, rank) values ('secure-delete', 1)",
        """create table mentions (
            memory integer not null references memories, entity text not null, primary key (memory, entity)
        ) without rowid""",
        """create table relationships (
            memory integer not null references memories,
            source text not null, relation text not null, target text not null,
            primary key (memory, source, relation, target)
        ) without rowid""",
        # Which rows were changed or deleted: what a cache replays. Holds numbers only.
        """create table changes (
            seq integer primary key autoincrement, user integer not null, memory integer not null
        )""",
        "create index changes_by_user on changes (user)",
    ):
        cursor.execute(statement).fetchall()


Step = Callable[[apsw.Cursor], None]
STEPS: tuple[Step, ...] = (_first,)


def prepare(connection: apsw.Connection, path: Path, *, steps: tuple[Step, ...] = STEPS) -> None:
    """Bring the file to the newest schema; a crash leaves whole steps only.

    Raises NewerSchema and NotADatabase. `steps` builds an older file, for tests.
    """
    _check_header(path)
    known = {step.__name__ for step in steps}
    cursor = connection.cursor()
    done = _done(cursor, path)
    unknown = [name for name in done if name not in known]
    if unknown:
        raise NewerSchema(path=path, step=unknown[0])
    if done and len(done) == len(steps):
        return
    cursor.execute("begin immediate")
    try:
        _apply(cursor, steps)
        cursor.execute("commit")
    except BaseException:
        cursor.execute("rollback")
        raise


def _apply(cursor: apsw.Cursor, steps: tuple[Step, ...]) -> None:
    """Apply what is missing, looking again now that no other process can write."""
    cursor.execute(f"pragma application_id = {APPLICATION_ID}").fetchall()
    cursor.execute("create table if not exists steps (name text primary key, applied_at integer not null)")
    done = {name for (name,) in cursor.execute("select name from steps").fetchall()}
    for step in steps:
        if step.__name__ not in done:
            step(cursor)
            cursor.execute("insert into steps values (?, ?)", (step.__name__, now()))


def _done(cursor: apsw.Cursor, path: Path) -> list[str]:
    tables = {name for (name,) in cursor.execute("select name from sqlite_schema where type = 'table'").fetchall()}
    if not tables:
        return []
    if cursor.execute("pragma application_id").get != APPLICATION_ID:
        raise NotADatabase(path=path, reason="it is the database of another program")
    return [str(name) for (name,) in cursor.execute("select name from steps order by applied_at, rowid")]


def _check_header(path: Path) -> None:
    """Notice a truncated file before anything is read from it; SQLite would find out page by page."""
    with open(path, "rb") as file:
        header = file.read(_HEADER)
        size = file.seek(0, 2)
    if len(header) < _HEADER:
        return  # empty: about to be created
    page_size = int.from_bytes(header[16:18], "big")
    pages = int.from_bytes(header[28:32], "big")
    counted = header[24:28] == header[92:96]  # else the count was not kept up to date
    if counted and size < pages * (65536 if page_size == 1 else page_size):
        raise NotADatabase(path=path, reason="it was cut short")
