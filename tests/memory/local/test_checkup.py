"""What a check of a memory file finds, and that it mends what is only a copy, and never a text."""

from __future__ import annotations

import sys
from pathlib import Path

import apsw
import pytest

from headroom.errors import InvalidInput, StoreMissing
from headroom.memory import MemoryConfig, UserMemory
from headroom.memory.open import check_up
from headroom.memory.records import Health
from headroom.testing import HashEmbedder

pytestmark = pytest.mark.quick

TEXTS = ["User drinks green tea", "User drives an old Volvo", "User lives in Berlin"]


@pytest.fixture
def config(tmp_path: Path) -> MemoryConfig:
    """A file with three memories."""
    config = MemoryConfig(db_path=tmp_path / "memory.db")
    with UserMemory("alice", config=config, embedder=HashEmbedder()) as memory:
        memory.add_many(TEXTS)
    return config


def damage(config: MemoryConfig, *statements: str) -> None:
    """Change the file behind the library's back."""
    connection = apsw.Connection(str(config.path))
    for statement in statements:
        connection.execute(statement).fetchall()
    connection.close()


def found(config: MemoryConfig, *, mend: bool = True) -> dict[str, Health]:
    """Check the file: what is not in order, by name."""
    findings = check_up(config, HashEmbedder(), mend=mend)
    return {finding.name: finding.health for finding in findings if finding.health is not Health.OK}


def searched(config: MemoryConfig, question: str) -> str:
    with UserMemory("alice", config=config, embedder=HashEmbedder()) as memory:
        memory.engine.embed_waiting()
        assert sorted(record.content for record in memory.get_all()) == sorted(TEXTS)
        return memory.search(question, top_k=1)[0].content


def test_a_sound_file_is_sound(config: MemoryConfig) -> None:
    """Nothing is found, and nothing is changed."""
    before = config.path.read_bytes()
    assert found(config) == {}
    assert config.path.read_bytes() == before


def test_beginnings_of_words_are_sound(tmp_path: Path) -> None:
    """A text that looks foreign is indexed by beginnings of words too: no damage, and an import keeps them."""
    config, copy = MemoryConfig(db_path=tmp_path / "memory.db"), MemoryConfig(db_path=tmp_path / "copy.db")
    with UserMemory("alice", config=config, embedder=HashEmbedder()) as memory:
        memory.add("User prefers uv over pip")
        memory.export(tmp_path / "alice.jsonl")
    with UserMemory("alice", config=copy, embedder=HashEmbedder()) as memory:
        memory.import_from(tmp_path / "alice.jsonl")
    assert found(config, mend=False) == {}
    assert found(copy, mend=False) == {}
    for path in (config.path, copy.path):
        connection = apsw.Connection(str(path))
        (terms,) = connection.execute("select terms from words").fetchall()[0]
        connection.close()
        assert "1:prefe-" in terms.split()


@pytest.mark.parametrize(
    "statement",
    [
        "delete from words where rowid = 1",
        "update words set terms = '1:coffee' where rowid = 1",
        "insert into words (rowid, terms) values (99, '1:coffee')",
        "update words_data set block = zeroblob(20) where id > 10",
        "delete from words_data where id > 10",
    ],
    ids=["missing", "other words", "of no text", "overwritten", "lost"],
)
def test_the_index_of_words_is_rebuilt(statement: str, config: MemoryConfig) -> None:
    """Words that are missing, wrong, of no text, or cannot be read: reported, then rebuilt from the texts."""
    damage(config, statement)
    assert found(config, mend=False) == {"words": Health.WRONG}
    assert found(config) == {"words": Health.MENDED}
    assert found(config) == {}
    assert searched(config, "green") == TEXTS[0]


@pytest.mark.parametrize(
    "statement",
    ["delete from vectors where memory = 1", "update vectors set vector = zeroblob(7) where memory = 1"],
    ids=["missing", "cut"],
)
def test_a_vector_is_made_again(statement: str, config: MemoryConfig) -> None:
    """A memory without a usable vector waits for a new one, and is found by it."""
    damage(config, statement)
    assert found(config, mend=False) == {"vectors": Health.WRONG}
    assert found(config) == {"vectors": Health.MENDED}
    assert searched(config, "drinks tea") == TEXTS[0]
    assert found(config) == {}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_others_may_not_read_the_file(config: MemoryConfig) -> None:
    """A file that others may read is closed to them; a folder that others may write to is said."""
    config.path.chmod(0o644)
    config.path.parent.chmod(0o777)
    assert found(config, mend=False) == {"permissions": Health.WRONG}
    assert found(config) == {"permissions": Health.WRONG}
    assert config.path.stat().st_mode & 0o777 == 0o600
    config.path.parent.chmod(0o700)
    assert found(config) == {}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_a_file_that_is_no_memory_is_left_alone(tmp_path: Path) -> None:
    """Whose it is is not known: neither its mode nor anything else of it changes."""
    path = tmp_path / "letter.txt"
    path.write_text("Dear Bob, " * 100, "utf-8")
    path.chmod(0o644)
    assert found(MemoryConfig(db_path=path)) == {"permissions": Health.WRONG, "file": Health.WRONG}
    assert path.stat().st_mode & 0o777 == 0o644


def test_another_embedder_is_said(config: MemoryConfig) -> None:
    """The file's own embedder and the command that moves it are named."""
    (finding,) = (f for f in check_up(config, HashEmbedder(width=32)) if f.name == "embedder")
    assert finding.health is Health.WRONG
    assert "headroom reembed" in finding.message


def test_a_move_that_was_stopped_is_said(config: MemoryConfig) -> None:
    """It is no fault, and it can be finished."""
    damage(config, "insert into meta values ('next_embedder', 'other')")
    assert found(config) == {"reembed": Health.NOTE}


def test_damage_that_no_copy_can_mend_is_said(config: MemoryConfig) -> None:
    """Rows that refer to nothing, and pages that are no pages: restore a back-up."""
    damage(config, "pragma foreign_keys = off", "insert into sources (memory, created_at) values (77, 1)")
    assert found(config) == {"integrity": Health.WRONG}
    config.path.write_bytes(b"no database")
    assert found(config) == {"file": Health.WRONG}


def test_an_index_of_sqlite_is_rebuilt(config: MemoryConfig) -> None:
    """An index that lost its entries is built again from the rows."""
    connection = apsw.Connection(str(config.path))
    columns = [row[1] for row in connection.execute("pragma table_info (memories)")]
    connection.close()
    copied = {"seq": "50", "id": "zeroblob(16)", "valid_until": "1"}
    values = ", ".join(copied.get(column, column) for column in columns)
    damage(
        config,
        "pragma writable_schema = on",
        "create table kept as select * from sqlite_schema where name = 'memories_by_age'",
        "delete from sqlite_schema where name = 'memories_by_age'",
        "pragma writable_schema = reset",
        f"insert into memories select {values} from memories where seq = 1",
        "insert into waiting values (50)",
        "insert into words (rowid, terms) select 50, terms from words where rowid = 1",
        "pragma writable_schema = on",
        "insert into sqlite_schema select * from kept",
        "pragma writable_schema = reset",
        "drop table kept",
    )
    assert found(config, mend=False)["integrity"] is Health.WRONG
    assert found(config)["integrity"] is Health.MENDED
    assert found(config) == {}


def test_there_must_be_a_file(tmp_path: Path) -> None:
    """Nothing is made if there is no file yet, and servers keep none."""
    with pytest.raises(StoreMissing, match="there is no memory file"):
        check_up(MemoryConfig(db_path=tmp_path / "none.db"))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InvalidInput, match="headroom reconcile"):
        check_up(MemoryConfig(backend="qdrant-neo4j"))
