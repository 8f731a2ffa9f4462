"""Schema steps: append-only, recorded by name, each whole or not at all."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from headroom.errors import NewerSchema, NotADatabase
from headroom.memory.local.file import schema
from headroom.memory.local.file.database import Database
from headroom.memory.records import Reader

from ....asking import listed
from ...children import child
from ...conftest import make_engine

pytestmark = pytest.mark.quick


def _add_colour(cursor: apsw.Cursor) -> None:
    cursor.execute("alter table memories add column colour text")


def _add_shapes(cursor: apsw.Cursor) -> None:
    cursor.execute("create table shapes (name text)")
    cursor.execute("insert into shapes values ('round')")


OLD = schema.STEPS
NEW = (*OLD, _add_colour, _add_shapes)


def bring(path: Path, *steps: schema.Step) -> None:
    """Open the file with a library that knows these steps, and let go of it."""
    Database(path, lambda connection, path: schema.prepare(connection, path, steps=steps)).close()


def state(path: Path) -> tuple[list[str], set[str]]:
    """Read the recorded steps and the tables."""
    plain = apsw.Connection(str(path))
    steps = [str(name) for (name,) in plain.execute("select name from steps order by rowid")]
    tables = {str(name) for (name,) in plain.execute("select name from sqlite_schema where type = 'table'")}
    plain.close()
    return steps, tables


def names(*steps: schema.Step) -> list[str]:
    return [step.__name__ for step in steps]


def test_an_old_file_is_brought_up_to_date(path: Path) -> None:
    """Opening applies what is missing, in order, records it by name, and is idempotent."""
    bring(path, *OLD)
    assert state(path)[0] == names(*OLD)
    for _ in range(2):
        bring(path, *NEW)
        steps, tables = state(path)
        assert steps == names(*NEW)
        assert "shapes" in tables


def test_an_old_file_keeps_what_is_in_it(path: Path) -> None:
    """A file made by every shorter prefix of the steps opens with today's library."""
    for count in range(1, len(OLD) + 1):
        old = path.with_name(f"{count}.db")
        bring(old, *OLD[:count])
        bring(old, *OLD)
        assert state(old)[0] == names(*OLD)


def test_words_of_an_old_file_are_split_anew(path: Path) -> None:
    """A text whose words an older library split in its own way is found by the words of today's."""
    bring(path, OLD[0])
    old = apsw.Connection(str(path))
    old.execute("insert into users values (7, 'alice', 1)")
    old.execute(
        """insert into memories (id, user, content, fingerprint, scope, importance, created_at, length, opening)
        values (x'01', 7, 'it weighs 3.5kg', 0, 'user', 0.5, 0, 99, 0)"""
    )
    old.execute("insert into words (rowid, terms) values (1, '7:3.5kg 7:5kg')")
    old.close()
    bring(path, *OLD)
    plain = apsw.Connection(str(path))
    assert plain.execute("""select rowid from words where words match '"7:3.5" "7:kg"'""").fetchall() == [(1,)]
    assert plain.execute("""select rowid from words where words match '"7:5kg"'""").fetchall() == []
    assert plain.execute("select length from memories").get == 5
    plain.close()


def test_rows_of_an_old_file_get_fingerprints_and_checksums_of_today(path: Path) -> None:
    """A text that was stored before is still one memory when it is said again, and is checked when it is read."""
    bring(path, *OLD[:3])
    plain = apsw.Connection(str(path))
    plain.execute("insert into users values (1, 'alice', 1)")
    for seq, content in enumerate(["likes tea", "Call foo()"], 1):
        plain.execute(
            """insert into memories (seq, id, user, content, fingerprint, scope, importance, created_at, length,
            opening) values (?, ?, 1, ?, 0, 'user', 0.5, 1000000, 2, 0)""",
            (seq, bytes([seq] * 16), content),
        )
    plain.close()
    engine = make_engine(path)
    alice = Reader(user_id="alice")
    ids = {record.content: record.id for record in listed(engine, alice)}
    assert engine.save(alice, ["Likes  tea.", "Call foo().", "Call Foo()"])[:2] == [ids["likes tea"], ids["Call foo()"]]
    assert len(listed(engine, alice)) == 3
    engine.close()
    plain = apsw.Connection(str(path))
    assert plain.execute("select count(*) from memories where checksum is null").get == 0
    plain.execute("update memories set content = 'likes ale' where seq = 1")
    plain.close()
    engine = make_engine(path)
    with pytest.raises(NotADatabase):
        listed(engine, alice)
    engine.close()


def test_a_step_that_fails_leaves_whole_steps_only(path: Path) -> None:
    """What came before it stays applied, nothing of it does, and the next opening goes on from there."""

    def _breaks(cursor: apsw.Cursor) -> None:
        cursor.execute("create table half (name text)")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        bring(path, *OLD, _add_colour, _breaks)
    steps, tables = state(path)
    assert steps == names(*OLD, _add_colour)
    assert "half" not in tables
    bring(path, *NEW)
    assert state(path)[0] == names(*NEW)


DYING = """
import os
from headroom.memory.local.file import schema
from headroom.memory.local.file.database import Database
from headroom.memory.records import Reader

def _add_colour(cursor):
    cursor.execute("alter table memories add column colour text")

def _dies(cursor):
    cursor.execute("create table half (name text)")
    tell("half done")
    wait()

steps = (*schema.STEPS, _add_colour, _dies)
Database(Path(path), lambda connection, path: schema.prepare(connection, path, steps=steps))
"""


def test_a_crash_within_a_step_leaves_whole_steps_only(path: Path) -> None:
    """A process that is killed in the middle of a step has done nothing of it."""
    with child(DYING, path) as dying:
        assert dying.hear() == "half done"
        dying.kill()
    steps, tables = state(path)
    assert steps == names(*OLD, _add_colour)
    assert "half" not in tables
    bring(path, *NEW)


def test_a_newer_file_is_refused_untouched(path: Path) -> None:
    """An unknown step is named; the older library writes nothing."""
    bring(path, *NEW)
    before = path.read_bytes()
    with pytest.raises(NewerSchema) as caught:
        bring(path, *OLD)
    assert caught.value.step == "_add_colour"
    assert path.read_bytes() == before


def test_ours_without_its_steps_is_no_memory_file(path: Path) -> None:
    """A file with our mark whose table of steps is gone is refused, not filled again."""
    bring(path, *OLD)
    plain = apsw.Connection(str(path))
    plain.execute("drop table steps")
    plain.close()
    with pytest.raises(NotADatabase):
        bring(path, *OLD)
