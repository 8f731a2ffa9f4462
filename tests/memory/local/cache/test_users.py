"""The copies in memory: they answer like the file, filters hold inside them, and they stay within their bound."""

from __future__ import annotations

import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from headroom.memory.engine import Engine
from headroom.memory.local.cache.user import Stamp, UserColumns
from headroom.memory.local.file import schema
from headroom.memory.local.file.database import Database
from headroom.memory.local.nearest.matrix import Matrix
from headroom.memory.protocols import Vectors
from headroom.memory.records import Change, Draft, Reader, Scope
from headroom.testing import HashEmbedder

from ....asking import find
from ...conftest import make_engine

ALICE = Reader(user_id="alice")
READERS = [
    ALICE,
    Reader(user_id="alice", session_id="s", agent_id="a"),
    Reader(user_id="bob"),
]
TOPICS = "tea coffee cat dog berlin madrid".split()

operations = st.lists(
    st.tuples(
        st.sampled_from(("save", "save", "save", "session", "merge", "update", "forget", "restore", "delete", "clear")),
        st.integers(0, 11),
        st.sampled_from(READERS),
    ),
    max_size=20,
)


def do(engine: Engine, ids: list[str], operation: str, number: int, reader: Reader) -> None:
    """Carry out one step of a made-up life; those that have nothing to work on do nothing."""
    text = f"{TOPICS[number % 6]} {TOPICS[number // 2]} fact {number}"
    known = ids[number % len(ids)] if ids else "no such id"
    record = engine.get(known)
    if operation == "save":
        ids += engine.save(reader, [Draft(text, entities=[TOPICS[number % 6]], metadata={"n": number % 3})])
    elif operation == "session" and reader.session_id:
        ids += engine.save(reader, [Draft(text, scope=Scope.SESSION)])
    elif operation == "merge" and record is not None:
        engine.save(Reader(user_id=record.user_id, agent_id="a"), [Draft(record.content, importance=1.0)])
    elif operation == "update" and record is not None and record.valid_until is None:
        ids.append(engine.update(known, f"{text} corrected"))
    elif operation == "forget":
        engine.apply(reader, [Change(draft=None, replaces=(known,))])
    elif operation == "restore":
        engine.restore(known)
    elif operation == "delete":
        engine.delete(known)
    elif operation == "clear" and number == 0:
        engine.clear(reader)


def answers(engine: Engine) -> list[dict[str, float]]:
    """Ask everything that goes through the copies in memory."""
    asked = [
        find(engine, reader, question, top_k=100, **filters)  # type: ignore[arg-type]
        for reader in READERS
        for question in ("tea cat", "madrid fact 3")
        for filters in ({}, {"include_graph": True}, {"where": {"n": 1}}, {"saved_by": "a"})
    ]
    return [{result.id: result.score for result in results} for results in asked]


def same(one: list[dict[str, float]], two: list[dict[str, float]]) -> bool:
    """Compare answers of two moments: recency, a part of a score, differs by a little."""
    return len(one) == len(two) and all(a == pytest.approx(b, abs=1e-4) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize("vectors", ["auto", "sqlite_vec"])
@settings(max_examples=10, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(steps=operations, looks=st.sets(st.integers(0, 20)))
def test_a_live_index_answers_like_one_made_anew(
    vectors: str, steps: list[tuple[str, int, Reader]], looks: set[int]
) -> None:
    """Whatever happened in whatever order, a search in the process that wrote, in one that watched, and in a new one
    finds the same with the same scores."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "memory.db")
        writing, watching = make_engine(path, vector_backend=vectors), make_engine(path, vector_backend=vectors)
        ids: list[str] = []
        for number, (operation, argument, reader) in enumerate(steps):
            do(writing, ids, operation, argument, reader)
            if number in looks:
                assert same(answers(writing), answers(watching))
        fresh = make_engine(path, vector_backend=vectors)
        assert same(answers(writing), answers(fresh))
        assert same(answers(watching), answers(fresh))
        for engine in (writing, watching, fresh):
            engine.close()


def test_a_word_that_very_many_hold_is_read_anew_after_deletions(path: Path) -> None:
    """A list that was cut, since it was too long to read, is not taken for the words that are left."""
    live = make_engine(path, vector_backend="sqlite_vec")
    ids = live.save(ALICE, [f"tea {TOPICS[n % 6]} {n}" for n in range(10_050)])
    find(live, ALICE, "tea madrid", top_k=20)
    live.delete_many(ids[100:6000])
    fresh = make_engine(path, vector_backend="sqlite_vec")
    found = [
        {result.id: result.score for result in find(engine, ALICE, "tea madrid", top_k=20)} for engine in (live, fresh)
    ]
    assert same(found[:1], found[1:])
    live.close()
    fresh.close()


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 20,000 memories near one question, of one user and of one session, and few far from it."""
    path = tmp_path_factory.mktemp("crowded") / "memory.db"
    engine = make_engine(path)
    question = HashEmbedder().embed_query("what is near")
    noise = np.random.default_rng(1).standard_normal((20_000, 64)).astype(np.float32)
    near, far = question + 0.05 * noise, noise[:5] - 3 * question
    big, small = (Reader(user_id="alice", session_id=name) for name in ("big", "small"))
    engine.store(Reader(user_id="crowd"), [f"near {n}" for n in range(10_000)], near[:10_000])
    engine.store(big, [Draft(f"near {n}", scope=Scope.SESSION) for n in range(10_000)], near[10_000:])
    engine.store(small, [Draft(f"far {n}", scope=Scope.SESSION) for n in range(5)], far)
    engine.store(Reader(user_id="bob"), [f"far {n}" for n in range(5)], far)
    engine.store(Reader(user_id="alice", agent_id="named"), [Draft("far 6", metadata={"kind": "rare"})], far[:1])
    engine.close()
    return path


@pytest.mark.parametrize("vectors", ["auto", "sqlite_vec"])
def test_five_memories_beside_twenty_thousand_nearer_ones(crowded: Path, vectors: str) -> None:
    """A user's few, and a small session's few beside a big one's, are found whoever has nearer ones in the file."""
    engine = make_engine(crowded, vector_backend=vectors)
    for reader in (Reader(user_id="bob"), Reader(user_id="alice", session_id="small")):
        found = find(engine, reader, "what is near", top_k=6)
        assert {f"far {n}" for n in range(5)} <= {result.content for result in found}
    big = Reader(user_id="alice", session_id="big")
    for filters in ({"saved_by": "named"}, {"where": {"kind": "rare"}}):
        rare = find(engine, big, "what is near", **filters)  # type: ignore[arg-type]
        assert [result.content for result in rare] == ["far 6"]
    engine.close()


def test_the_bound_on_memory_is_kept(path: Path) -> None:
    """Of many users only those seen lately stay; one that alone exceeds the bound is searched in the file."""
    engine = make_engine(path, index_cache_mb=1)
    rows = np.random.default_rng(1).standard_normal((1200, 64)).astype(np.float32)
    for user in range(5):
        engine.store(Reader(user_id=f"user {user}"), [f"fact {n}" for n in range(1200)], rows)
    for _ in range(2):
        for user in range(5):
            assert len(find(engine, Reader(user_id=f"user {user}"), "fact 7")) == 10
    indexes = engine._backend._indexes  # type: ignore[attr-defined]
    assert indexes.nbytes == sum(columns.nbytes for columns in indexes._columns.values())
    assert 1 <= len(indexes._columns) < 5
    assert indexes.nbytes < 2 << 20
    big = Reader(user_id="big")
    rows = np.random.default_rng(2).standard_normal((4200, 64)).astype(np.float32)
    engine.store(big, [f"fact {n}" for n in range(4200)], rows)
    assert find(engine, big, "fact 77", top_k=3)[0].content == "fact 77"
    engine.close()


@pytest.mark.parametrize("vectors", ["auto", "sqlite_vec"])
def test_searches_amid_writes_and_deletes(path: Path, vectors: str) -> None:
    """While others save and delete, every search succeeds, finds what is there all the time, and nothing foreign."""
    engine = make_engine(path, vector_backend=vectors)
    other = make_engine(path, vector_backend=vectors)
    steady = set(engine.save(ALICE, [f"steady fact {n}" for n in range(5)]))
    stop = threading.Event()

    def write(writer: Engine) -> None:
        n = 0
        while not stop.is_set():
            ids = writer.save(ALICE, [f"passing {id(writer)} {n}", f"more {id(writer)} {n}"])
            writer.delete(ids[0])
            n += 1

    def search() -> None:
        for n in range(60):
            found = find(engine, ALICE, f"steady fact {n % 5}", top_k=200)
            assert steady <= {result.id for result in found}

    with ThreadPoolExecutor(5) as pool:
        writers = [pool.submit(write, one) for one in (engine, other)]
        searches = [pool.submit(search) for _ in range(3)]
        try:
            for one in searches:
                one.result()
        finally:
            stop.set()
        for one in writers:
            one.result()
    engine.close()
    other.close()


def test_a_view_that_was_extended_is_that_of_a_fresh_reader(tmp_path: Path) -> None:
    """Behind each of many saves a search scores like one of an engine that has just opened the file."""
    live = make_engine(tmp_path / "memory.db")
    live.save(ALICE, [f"{TOPICS[number % 6]} fact {number}" for number in range(600)])
    for number in range(600, 612):
        live.save(ALICE, [Draft(f"{TOPICS[number % 6]} and {TOPICS[number % 5]} {number}", importance=number % 2)])
        fresh = make_engine(tmp_path / "memory.db")
        question = f"{TOPICS[number % 6]} fact {number}"
        found = [
            [(result.id, round(result.score, 4)) for result in find(each, ALICE, question)] for each in (live, fresh)
        ]
        assert found[0] == found[1]
        fresh.close()
    live.close()


def test_a_list_of_who_holds_a_word_grows_as_the_index_does(tmp_path: Path) -> None:
    """A list that was read once goes on like one read anew: whatever form of the word is stored, alone or with many."""
    words = "live living dogs dog wohn- 東京 c++ don't i- 3.5 databases unheard".split()
    texts = [
        "He lives in a living room with a dog, and dogs live there too.",
        "My databases and a database: C++ 3.5. I don't.",
        "東京タワーに住んでいます",
        "Ich wohne in Berlin und habe einen Hund.",
        "!",
    ]
    engine = make_engine(tmp_path / "memory.db")
    engine.save(ALICE, ["A dog named Rex"])
    kept = UserColumns(1, Stamp("hash", 64), 0, lambda _: Matrix(64))
    database = Database(tmp_path / "memory.db", schema.prepare)
    for number, times in enumerate((1, 1, 3, 12, 1)):  # 12 times 5 texts are more than are put in one by one
        engine.save(Reader(user_id="bob"), texts)
        engine.save(ALICE, [f"{text} {number}.{time}" for text in texts for time in range(times)])
        with database.read() as cursor:
            kept.catch_up(cursor, number)
            for limit in (2, 1000):
                anew = UserColumns(1, Stamp("hash", 64), 0, lambda _: Matrix(64))
                anew.catch_up(cursor, number)
                for word in words:
                    found, read = (each.with_word(cursor, word, limit).tolist() for each in (kept, anew))
                    assert found == read if len(read) <= limit else found[: len(read)] == read
                    assert word == "unheard" or found
    database.close()
    engine.close()


def test_what_is_kept_of_a_vector_goes_with_the_vector(tmp_path: Path) -> None:
    """What was measured of a vector is asked for once, and is gone when its memory is erased."""
    engine = make_engine(tmp_path / "memory.db")
    vectors = np.eye(2, 64, dtype=np.float32)
    _, second = engine.store(ALICE, ["tea", "coffee"], vectors)
    asked: list[int] = []

    def measure(rows: Vectors) -> Vectors:
        asked.append(len(rows))
        return np.stack([rows.argmax(axis=1), rows.max(axis=1)]).astype(np.float32)

    columns = UserColumns(1, Stamp("hash", 64), 0, lambda _: Matrix(64))
    database = Database(tmp_path / "memory.db", schema.prepare)
    with database.read() as cursor:
        columns.catch_up(cursor, 1)
    places = np.array([1, 0])
    for _ in range(2):
        assert columns.measured(places, measure).tolist() == [[1, 0], [1, 1]]
    assert asked == [2]
    engine.delete(second)
    with database.read() as cursor:
        columns.catch_up(cursor, 2)
    assert columns.measured(places, measure).tolist() == [[0, 0], [0, 1]]
    assert asked == [2, 1]
    database.close()
    engine.close()
