"""The health of a memory file: what is checked, and what can be mended because it is only a copy of something else."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw

from ...errors import EmbedderError, HeadroomError
from ..protocols import Embedder
from ..records import Finding, Health
from ..rules.search.words import indexed_words
from .file.database import Database, integers
from .tables import postings

_LARGE_LOG = 64 << 20
"""Bytes of a write-ahead log above which somebody must be holding it up."""
_SHOWN = 5
"""Lines of SQLite's own report that are passed on."""


def check_up(open_file: Callable[[], Database], path: Path, embedder: Embedder, *, mend: bool) -> Iterator[Finding]:
    """Check a file, each thing after what it rests on; with `mend`, rebuild what is only a copy.

    Yields what is found. Stops if the file cannot be opened: then nothing else can be said of it.
    """
    loose = _readable_by_others(path)  # looked for before opening, which closes them to others
    try:
        database = open_file()
    except HeadroomError as exc:
        yield from _permissions(path, loose, mend=False)  # it may be anybody's file, and no memory
        yield Finding(name="file", health=Health.WRONG, message=str(exc))
        return
    try:
        yield from _permissions(path, loose, mend=mend)
        yield Finding(name="file", health=Health.OK, message=f"{path} can be opened")
        for check in (_integrity, _words, _vectors):
            yield _safely(check, database, mend=mend)
        yield _embedder(database, embedder)
        yield _moving(database)
        yield _log(database, path, mend=mend)
        yield _disk(path)
    finally:
        database.close()


def _safely(check: Callable[..., Finding], database: Database, *, mend: bool) -> Finding:
    """Run a check that damage may stop."""
    try:
        return check(database, mend=mend)
    except (HeadroomError, apsw.Error) as exc:
        name = check.__name__.strip("_")
        return Finding(name=name, health=Health.WRONG, message=f"it cannot be read: {exc}; restore a back-up")


def _readable_by_others(path: Path) -> list[Path]:
    """List the file and its side files, as far as others may read them."""
    found = []
    for each in (path, *(Path(f"{path}{suffix}") for suffix in ("-wal", "-shm"))):
        with suppress(OSError):
            if sys.platform != "win32" and stat.S_IMODE(each.stat().st_mode) & 0o077:
                found.append(each)
    return found


def _permissions(path: Path, loose: list[Path], *, mend: bool) -> Iterator[Finding]:
    """The file and its side files are for their owner alone."""
    if sys.platform == "win32":
        return
    for each in loose:
        if mend:
            with suppress(FileNotFoundError):  # a side file that went when the file was opened
                each.chmod(0o600)
            yield Finding(name="permissions", health=Health.MENDED, message=f"{each} was readable by others")
        else:
            advice = f"others may read {each}; run: chmod 600 {each}"
            yield Finding(name="permissions", health=Health.WRONG, message=advice)
    with suppress(OSError):
        if stat.S_IMODE(path.parent.stat().st_mode) & 0o022:
            advice = f"others may write to the folder {path.parent}; run: chmod go-w {path.parent}"
            yield Finding(name="permissions", health=Health.WRONG, message=advice)


def _integrity(database: Database, *, mend: bool) -> Finding:
    """SQLite's own check of pages, indexes and references."""
    problems = _problems(database)
    if problems and mend and all("index" in problem for problem in problems):
        with database.write() as cursor:
            cursor.execute("reindex")
        if not (problems := _problems(database)):
            return Finding(name="integrity", health=Health.MENDED, message="the indexes were rebuilt")
    if problems:
        said = "; ".join(problems[:_SHOWN])
        return Finding(name="integrity", health=Health.WRONG, message=f"SQLite reports: {said}; restore a back-up")
    return Finding(name="integrity", health=Health.OK, message="SQLite finds no damage")


def _problems(database: Database) -> list[str]:
    with database.read() as cursor:
        said = [str(line) for (line,) in cursor.execute("pragma integrity_check(100)")]
        broken = cursor.execute("pragma foreign_key_check").fetchall()
    # What SQLite says of the index of words is said, and mended, by the check of the words.
    problems = [line for line in said if line != "ok" and "fts5" not in line.lower()]
    return problems + ([f"{len(broken)} rows refer to rows that are gone"] if broken else [])


def _words(database: Database, *, mend: bool) -> Finding:
    """The index of words is what the texts say, and can be found by it."""
    broken, wrong, extra = _broken_index(database), *_wrong_words(database)
    if not (broken or wrong or extra):
        return Finding(name="words", health=Health.OK, message="every text can be found by its words")
    said = "the index of words is damaged" if broken else f"the words of {len(wrong) + len(extra):,} texts are wrong"
    if not mend:
        return Finding(name="words", health=Health.WRONG, message=f"{said}; run: headroom doctor")
    with database.write() as cursor:
        if broken:
            cursor.execute("insert into words (words) values ('rebuild')")
        for seq in (*wrong, *extra):
            cursor.execute("delete from words where rowid = ?", (seq,))
        for seq, (terms, length) in wrong.items():
            postings.index(cursor, seq, terms)
            cursor.execute("update memories set length = ? where seq = ?", (length, seq))
        _tell_caches(cursor)
    if _broken_index(database):
        return Finding(name="words", health=Health.WRONG, message="the index of words cannot be rebuilt")
    return Finding(name="words", health=Health.MENDED, message=f"{said}: rebuilt from the texts")


def _broken_index(database: Database) -> bool:
    with database.write() as cursor:
        try:
            cursor.execute("insert into words (words) values ('integrity-check')")
        except apsw.CorruptError:
            return True
    return False


def _wrong_words(database: Database) -> tuple[dict[int, tuple[str, int]], list[int]]:
    """Return the words of the texts that are indexed otherwise, by their rows, and the rows of no text."""
    with database.read() as cursor:
        known: list[tuple[Any, ...]] = cursor.execute(
            "select seq, user, content, terms from memories left join words on words.rowid = seq"
        ).fetchall()
        extra = integers(cursor.execute("select rowid from words where rowid not in (select seq from memories)"))
    wanted = ((seq, terms, postings.terms(user, indexed_words(content))) for seq, user, content, terms in known)
    return {seq: want for seq, terms, want in wanted if want[0] != terms}, extra


def _vectors(database: Database, *, mend: bool) -> Finding:
    """Each memory has a vector of the right length, or waits for one."""
    with database.read() as cursor:
        width = cursor.execute("select value from meta where key = 'width'").get
        bad = integers(
            cursor.execute(
                """select seq from memories left join vectors on memory = seq
                where (vector is null and seq not in (select memory from waiting)) or length(vector) != ?""",
                (2 * int(width or 0),),
            )
        )
        (waiting,) = integers(cursor.execute("select count(*) from waiting"))
    if bad and mend:
        with database.write() as cursor:
            for seq in bad:
                cursor.execute("delete from vectors where memory = ?", (seq,))
                cursor.execute("insert or ignore into waiting values (?)", (seq,))
            _tell_caches(cursor)
        message = (
            f"{len(bad):,} memories had no vector or a wrong one; they are embedded again when the file is next used"
        )
        return Finding(name="vectors", health=Health.MENDED, message=message)
    if bad:
        message = f"{len(bad):,} memories have no vector or a wrong one; run: headroom doctor"
        return Finding(name="vectors", health=Health.WRONG, message=message)
    waits = f"; {waiting:,} wait for theirs" if waiting else ""
    return Finding(name="vectors", health=Health.OK, message=f"every memory has its vector{waits}")


def _embedder(database: Database, embedder: Embedder) -> Finding:
    """The configured embedder is the one of the file, and works."""
    with database.read() as cursor:
        stored = cursor.execute("select value from meta where key = 'embedder'").get
    if stored is not None and stored != embedder.id:
        advice = "name it with --embedder and --model, or move the file: headroom reembed --help"
        message = f"the file holds vectors of {stored}, and {embedder.id} is configured; {advice}"
        return Finding(name="embedder", health=Health.WRONG, message=message)
    try:
        width = len(embedder.embed_query("Is the embedder there?"))
    except EmbedderError as exc:
        return Finding(name="embedder", health=Health.WRONG, message=str(exc))
    return Finding(name="embedder", health=Health.OK, message=f"{embedder.id} answers with {width} numbers")


def _moving(database: Database) -> Finding:
    """No move to another embedder was left half done."""
    with database.read() as cursor:
        target = cursor.execute("select value from meta where key = 'next_embedder'").get
    if target is None:
        return Finding(name="reembed", health=Health.OK, message="no move to another embedder is under way")
    message = f"a move to {target} is under way or was stopped; run headroom reembed again to finish it"
    return Finding(name="reembed", health=Health.NOTE, message=message)


def _log(database: Database, path: Path, *, mend: bool) -> Finding:
    """The write-ahead log is short; a long one means that a program has been reading for very long."""
    size = _size(Path(f"{path}-wal"))
    if size > _LARGE_LOG and mend and database.empty_log():
        return Finding(name="log", health=Health.MENDED, message=f"the log of {size >> 20:,} MiB was emptied")
    if size > _LARGE_LOG:
        message = f"the log has {size >> 20:,} MiB, and a program that reads keeps it; close programs that use the file"
        return Finding(name="log", health=Health.WRONG, message=message)
    return Finding(name="log", health=Health.OK, message=f"the log has {size:,} bytes")


def _disk(path: Path) -> Finding:
    """There is room to write."""
    free, needed = shutil.disk_usage(path.parent).free, max(_size(path), 16 << 20)
    health = Health.OK if free > needed else Health.NOTE
    return Finding(name="disk", health=health, message=f"{free >> 20:,} MiB of the disk are free")


def _size(path: Path) -> int:
    with suppress(OSError):
        return os.stat(path).st_size
    return 0


def _tell_caches(cursor: apsw.Cursor) -> None:
    """Let every process read its copies anew."""
    cursor.execute("update users set revision = revision + 1")
