"""The tables of a memory file, as append-only steps that are recorded by name and applied on open.

A step that has shipped is never changed; what comes later is a new function at the end of STEPS.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from ....errors import NewerSchema, NotADatabase, StoreUnwritable
from ...rules.duplicates import fingerprint
from ...rules.search.words import indexed_words, opening
from ...rules.staging import target_of
from ...rules.times import now
from .faults import row_checksum

APPLICATION_ID = 0x4845_4144  # "HEAD": marks a SQLite file as ours


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
            length integer not null,
            opening integer not null
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
        # Memories that were stored while the embedder did not answer.
        "create table waiting (memory integer primary key references memories)",
        # The vectors of the next embedder, while a file moves from one to another.
        "create table next_vectors (memory integer primary key references memories, vector blob not null)",
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


def numbers_units_and_points(cursor: apsw.Cursor) -> None:
    """Split all texts into words anew: numbers apart from their units, Arabic and Hebrew without points."""
    _index_anew(cursor)


def _index_anew(cursor: apsw.Cursor) -> None:
    known = cursor.execute("select seq, user, content from memories").fetchall()
    if not known:
        return
    cursor.execute("drop table words")
    cursor.execute("""create virtual table words using fts5 (
        terms, detail = none, tokenize = "porter ascii tokenchars '_.+#''-:'"
    )""")
    cursor.execute("insert into words (words, rank) values ('secure-delete', 1)")
    for seq, user, content in known:
        distinct = dict.fromkeys(indexed_words(str(content)))
        terms = " ".join(f"{user}:{word}" for word in distinct)
        cursor.execute("insert into words (rowid, terms) values (?, ?)", (seq, terms))
        changed = (len(distinct), opening(str(content)), seq)
        cursor.execute("update memories set length = ?, opening = ? where seq = ?", changed)


def origins_reviews_and_events(cursor: apsw.Cursor) -> None:
    """Keep where each source came from, what waits for a review, and what happened to each memory."""
    for statement in (
        # No value is the commonest one: the application.
        "alter table memories add column origin text",
        "alter table sources add column origin text",
        "alter table memories add column held_until integer",
        "alter table memories add column would_replace text",
        "create index memories_by_hold on memories (held_until) where held_until is not null",
        # Of the event that made a memory, who and when in which turn stand in the memory's own row.
        """create table events (
            seq integer primary key,
            user integer not null,
            memory integer not null references memories,
            at integer not null,
            action text not null,
            agent_id text, session_id text, turn_id text,
            before text
        )""",
        "create index events_by_memory on events (memory)",
        "create index events_by_user on events (user, at)",
    ):
        cursor.execute(statement).fetchall()


def kept_turns(cursor: apsw.Cursor) -> None:
    """Keep what chat turns did with memory. Triggers let a turn go with any memory that it names."""
    for statement in (
        """create table turns (
            seq integer primary key,
            user integer not null,
            turn_id text not null,
            at integer not null,
            session_id text, agent_id text, asked text,
            unique (user, turn_id)
        )""",
        """create table turn_memories (
            turn integer not null, role text not null, memory integer not null, place integer not null,
            score real, parts text,
            primary key (turn, role, memory)
        ) without rowid""",
        "create index turn_memories_by_memory on turn_memories (memory)",
        """create trigger turns_of_erased after delete on memories begin
            delete from turns where seq in (select turn from turn_memories where memory = old.seq);
        end""",
        """create trigger memories_of_erased_turns after delete on turns begin
            delete from turn_memories where turn = old.seq;
        end""",
    ):
        cursor.execute(statement).fetchall()


def imports_are_staged(cursor: apsw.Cursor) -> None:
    """Keep what an import brings under users whom nobody can be, until it is complete."""
    for statement in (
        # Of a staged user: the import, and whom its memories are for.
        "alter table users add column import_id text",
        "alter table users add column staged_for text",
        "create index users_by_import on users (import_id) where import_id is not null",
        # The ids of successors, which may come later in the import than what they replaced.
        "create table successors (memory integer primary key references memories, id blob not null)",
    ):
        cursor.execute(statement).fetchall()


def prose_alone_is_folded(cursor: apsw.Cursor) -> None:
    """Make all fingerprints anew: texts that differ in code, names, numbers or quotations are two memories."""
    rows = cursor.execute(
        "select m.seq, u.user_id, m.content from memories m join users u on u.key = m.user"
    ).fetchall()
    cursor.executemany(
        "update memories set fingerprint = ? where seq = ?",
        [(fingerprint(target_of(str(user_id)), str(content)), seq) for seq, user_id, content in rows],
    )


def checksums_of_rows(cursor: apsw.Cursor) -> None:
    """Keep a checksum of each memory, so that bytes that something else changed are noticed."""
    cursor.execute("alter table memories add column checksum integer")
    rows: list[tuple[Any, ...]] = cursor.execute(
        "select seq, id, content, scope, session_id, agent_id, turn_id from memories"
    ).fetchall()
    cursor.executemany(
        "update memories set checksum = ? where seq = ?", [(row_checksum(*values), seq) for seq, *values in rows]
    )


def values_of_the_store(cursor: apsw.Cursor) -> None:
    """Keep values that belong to no user: what generic texts are like with the embedder of this file."""
    cursor.execute("create table store_values (name text primary key, value blob not null) without rowid")


def memories_in_order_of_age(cursor: apsw.Cursor) -> None:
    """Find a user's memories in the order of their age: a page of 50 among 100,000 took 30 ms, and takes 0.02."""
    cursor.execute("create index memories_by_age on memories (user, created_at)")
    cursor.execute("drop index memories_by_user")


def texts_in_the_first_person(cursor: apsw.Cursor) -> None:
    """Split all texts into words anew: those in the first person are marked."""
    _index_anew(cursor)


Step = Callable[[apsw.Cursor], None]
STEPS: tuple[Step, ...] = (
    _first,
    numbers_units_and_points,
    origins_reviews_and_events,
    kept_turns,
    imports_are_staged,
    prose_alone_is_folded,
    checksums_of_rows,
    values_of_the_store,
    memories_in_order_of_age,
    texts_in_the_first_person,
)


def prepare(connection: apsw.Connection, path: Path, *, steps: tuple[Step, ...] = STEPS) -> None:
    """Bring the file to the newest schema; a crash leaves whole steps only.

    Raise NotADatabase, NewerSchema or StoreUnwritable before anything is written. `steps` builds an older file, for
    tests.
    """
    cursor = connection.cursor()
    done = known(cursor, path, steps)
    if connection.readonly("main"):
        raise StoreUnwritable(path=path, reason="it may only be read")
    cursor.execute("pragma journal_mode = wal").fetchall()
    if len(done) < len(steps):
        _apply(cursor, steps)


def check(connection: apsw.Connection, path: Path) -> None:
    """Check that a file can be searched as it is. Raise NotADatabase, NewerSchema or StoreUnwritable if it cannot."""
    done = known(connection.cursor(), path, STEPS)
    if not done:
        raise NotADatabase(path=path, reason="it is empty, and was opened to be read only")
    if len(done) < len(STEPS):
        reason = "an older version of this library wrote it, and it was opened to be read only; open it once to write"
        raise StoreUnwritable(path=path, reason=reason)


def known(cursor: apsw.Cursor, path: Path, steps: tuple[Step, ...]) -> list[str]:
    """List the steps that the file has behind it; raise NewerSchema or NotADatabase if it is not for this version."""
    done = _done(cursor, path)
    names = {step.__name__ for step in steps}
    unknown = [name for name in done if name not in names]
    if unknown:
        raise NewerSchema(path=path, step=unknown[0])
    _check_size(cursor, path)
    return done


def _apply(cursor: apsw.Cursor, steps: tuple[Step, ...]) -> None:
    """Apply what is missing, looking again once no other process can write."""
    with _transaction(cursor):
        cursor.execute(f"pragma application_id = {APPLICATION_ID}")
        cursor.execute("create table if not exists steps (name text primary key, applied_at integer not null)")
    for step in steps:
        with _transaction(cursor):
            done = {name for (name,) in cursor.execute("select name from steps").fetchall()}
            if step.__name__ not in done:
                step(cursor)
                cursor.execute("insert into steps values (?, ?)", (step.__name__, now()))


@contextmanager
def _transaction(cursor: apsw.Cursor) -> Iterator[None]:
    cursor.execute("begin immediate")
    try:
        yield
        cursor.execute("commit")
    except BaseException:
        if cursor.connection.in_transaction:
            cursor.execute("rollback")
        raise


def _done(cursor: apsw.Cursor, path: Path) -> list[str]:
    """List the steps that the file has behind it, oldest first."""
    tables = {name for (name,) in cursor.execute("select name from sqlite_schema where type = 'table'").fetchall()}
    if not tables:
        return []
    if cursor.execute("pragma application_id").get != APPLICATION_ID or "steps" not in tables:
        raise NotADatabase(path=path, reason="it is the database of another program")
    return [str(name) for (name,) in cursor.execute("select name from steps order by rowid")]


def _check_size(cursor: apsw.Cursor, path: Path) -> None:
    """Notice what SQLite lets pass: a file cut within its last page, and a few bytes that are no database."""
    cursor.execute("begin")  # what another process does meanwhile to file and log is none of this
    try:
        cursor.execute("select count(*) from sqlite_schema").fetchall()
        pages, page_size = cursor.execute("select page_count, page_size from pragma_page_count, pragma_page_size").get
        real = os.path.realpath(path)
        in_log, in_file = _size(f"{real}-wal"), _size(real)
    finally:
        cursor.execute("rollback")
    # While there is a log, the newest pages may stand in it alone.
    if not in_log and (in_file < pages * page_size or (in_file and not pages)):
        raise NotADatabase(path=path, reason="it was cut short")


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
