"""HNSW: linked behind the searches, kept beside the database without a vector, and never trusted unseen."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from headroom.memory.local.hnsw_files import GraphFiles, Kind, marks_of
from headroom.memory.local.hnsw_links import Links

from headroom.errors import StoreUnwritable
from headroom.memory import MemoryConfig
from headroom.memory.engine import Engine
from headroom.memory.local.nearest.hnsw import Hnsw
from headroom.memory.local.nearest.matrix import Matrix, hnsw
from headroom.memory.local.tables.vector_codec import encode
from headroom.memory.open import reembed
from headroom.memory.protocols import Write
from headroom.memory.records import Draft, Reader, Scope
from headroom.memory.rules.checks import entry_of
from headroom.testing import HashEmbedder

from ...children import child, in_child
from ...conftest import make_engine
from .test_matrix import clustered, recall, wait_until

hnswlib = pytest.importorskip("hnswlib", reason="the extra hnsw is not installed")

ALICE = Reader(user_id="alice")
WIDTH = 64
COUNT = 600
KIND = Kind.of("hash-of-words@64", WIDTH, MemoryConfig())


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a graph be worth while for few rows, and be linked in many steps."""
    monkeypatch.setattr(Hnsw, "WORTH", 200)
    monkeypatch.setattr(hnsw, "_STEP", 50)


@pytest.fixture
def rows() -> np.ndarray:
    return clustered(2 * COUNT, WIDTH)


@pytest.fixture
def links(path: Path) -> Path:
    """Where the graph of the first user is kept."""
    return Path(f"{path}-hnsw") / "1.links"


@pytest.fixture
def opened(path: Path) -> Iterator[Callable[..., Engine]]:
    """Open the file, as often as a test likes."""
    engines: list[Engine] = []

    def open_(**settings: object) -> Engine:
        engines.append(make_engine(path, **{"vector_backend": "hnsw", **settings}))
        return engines[-1]

    yield open_
    for engine in engines:
        engine.close()


def fill(engine: Engine, vectors: np.ndarray, reader: Reader = ALICE, first: int = 0) -> list[str]:
    """Store one memory a vector."""
    return engine.store(reader, [f"fact number {first + n}" for n in range(len(vectors))], vectors)


def graph(engine: Engine) -> Hnsw:
    """Search once, and give the index of the first user when its thread has come to rest."""
    engine.search(ALICE, "fact number 7")
    index = engine._backend._indexes._columns[1].vectors  # type: ignore[attr-defined]
    assert isinstance(index, Hnsw)
    wait_until(lambda: not index.busy)
    return index


def kept(opened: Callable[..., Engine], vectors: np.ndarray, extra: int = 0) -> list[str]:
    """Store, have all linked, beside so many `extra` that are there, and close."""
    engine = opened()
    ids = fill(engine, vectors)
    assert graph(engine).linked == len(vectors) + extra
    engine.close()
    return ids


def finds(engine: Engine, vectors: np.ndarray) -> float:
    """Tell which share of the true ten nearest of some questions is found."""
    return recall(graph(engine), vectors, clustered(20, WIDTH, seed=1), np.ones(len(vectors), bool))


def test_a_graph_is_built_behind_the_searches_and_then_answers_them(
    opened: Callable[..., Engine], rows: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While hnswlib builds, search is exact; afterwards it finds at least 95 of 100, and filters hold."""
    engine = opened()
    fill(engine, rows)
    index = graph(engine)
    assert index.linked == len(rows)
    with monkeypatch.context() as patched:
        patched.setattr(Matrix, "search", None)
        assert finds(engine, rows) >= 0.95
    few = np.zeros(len(rows), bool)
    few[:40] = True
    assert recall(index, rows, clustered(20, WIDTH, seed=1), few) == 1


def test_a_search_is_as_broad_as_it_must_be(opened: Callable[..., Engine]) -> None:
    """Where neighbours are hard to find, the graph is searched more broadly than it was configured."""
    rng = np.random.default_rng(3)
    hard = rng.standard_normal((3 * COUNT, WIDTH)).astype(np.float32)
    hard /= np.linalg.norm(hard, axis=1, keepdims=True)
    engine = opened(hnsw_ef_search=20)
    fill(engine, hard)
    assert graph(engine)._breadth > 20
    assert finds(engine, hard) >= 0.95


def test_a_graph_that_finds_too_few_is_not_used(
    opened: Callable[..., Engine], rows: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    """A graph that loses neighbours of the user's own vectors answers nothing, and search stays exact."""
    caplog.set_level(logging.INFO, "headroom")
    engine = opened(hnsw_ef_search=1, hnsw_m=2, hnsw_ef_construction=1)
    fill(engine, rows)
    assert finds(engine, rows) == 1
    assert "is not used" in caplog.text


def test_a_search_never_waits_for_the_graph(opened: Callable[..., Engine], rows: np.ndarray) -> None:
    """While the graph is being changed, by whatever is as slow as it likes, search answers exactly."""
    engine = opened()
    fill(engine, rows)
    index = graph(engine)
    with index._changing:
        assert recall(index, rows, clustered(20, WIDTH, seed=1), np.ones(len(rows), bool)) == 1


def test_a_graph_is_loaded_and_not_built_again(opened: Callable[..., Engine], rows: np.ndarray) -> None:
    """What one process linked, the next one finds linked."""
    kept(opened, rows)
    engine = opened()
    assert graph(engine).linked == len(rows)
    assert graph(engine)._unsaved == 0
    assert graph(engine).nbytes > 2 * rows.nbytes
    assert finds(engine, rows) >= 0.95


def test_only_rows_stored_since_are_linked(opened: Callable[..., Engine], rows: np.ndarray) -> None:
    """A graph goes on from where it was saved, and new rows are found before and after they are in it."""
    kept(opened, rows[:COUNT])
    engine = opened()
    fill(engine, rows[COUNT : COUNT + 30], first=COUNT)
    index = graph(engine)
    assert (index.linked, index._unsaved) == (COUNT + 30, 30)
    assert finds(engine, rows[: COUNT + 30]) >= 0.95
    index._closed = True
    fill(engine, rows[COUNT + 30 :], first=COUNT + 30)
    assert finds(engine, rows) >= 0.95
    assert index.linked == COUNT + 30


def test_a_closed_half_is_gone_on_with(
    opened: Callable[..., Engine], rows: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that ends while it builds keeps what it has, and the next one links the rest."""
    engine = opened()
    fill(engine, rows)
    steps = iter(range(5))
    advance = Hnsw._advance
    monkeypatch.setattr(Hnsw, "_advance", lambda index: next(steps, None) is not None and advance(index))
    part = graph(engine).linked
    assert 0 < part < len(rows)
    engine.close()
    monkeypatch.undo()
    monkeypatch.setattr(Hnsw, "WORTH", 200)
    engine = opened()
    assert graph(engine)._unsaved in (0, len(rows) - part)  # 0 where that was much, and is saved already
    assert finds(engine, rows) >= 0.95


def test_the_file_holds_no_vector(opened: Callable[..., Engine], rows: np.ndarray, links: Path) -> None:
    """Neither the numbers of a vector, as the graph or the database has them, nor a text stand beside the database."""
    kept(opened, rows)
    raw = links.read_bytes()
    stored = graph(opened())._rows
    for row in stored[: len(rows)]:
        assert row[:4].tobytes() not in raw
        assert encode(row[None, :])[0][:8] not in raw
        assert row[-4:].astype("<f2").tobytes() not in raw
    assert b"fact number" not in raw
    assert len(raw) < 200 * len(rows)


SESSION = Reader(user_id="alice", session_id="s")
TURN = Reader(user_id="alice", turn_id="t")
ERASURES: dict[str, Callable[[Engine, list[str]], object]] = {
    "delete": lambda engine, ids: engine.delete(ids[17]),
    "clear": lambda engine, ids: engine.clear(ALICE),
    "clear a session": lambda engine, ids: engine.clear(SESSION),
    "end a turn": lambda engine, ids: engine.end_turn(TURN) or True,
}


@pytest.mark.parametrize("backend", ["hnsw", "auto"])
@pytest.mark.parametrize("erasure", ERASURES)
def test_what_is_erased_takes_the_graph_with_it(
    opened: Callable[..., Engine], rows: np.ndarray, links: Path, erasure: str, backend: str
) -> None:
    """Before an erasure is acknowledged, the file that knew the memory is gone, whichever backend erases."""
    engine = opened()
    engine.store(SESSION, [Draft("of the session", scope=Scope.SESSION)], rows[-1:])
    engine.store(TURN, [Draft("of the turn", scope=Scope.TURN)], rows[-1:])
    ids = kept(opened, rows[:COUNT], extra=2)
    assert links.exists()
    assert ERASURES[erasure](opened(vector_backend=backend), ids)
    assert list(links.parent.iterdir()) == []


def test_what_expires_takes_the_graph_with_it(opened: Callable[..., Engine], rows: np.ndarray, links: Path) -> None:
    """What is erased on opening leaves no graph that knew it either."""
    yesterday = datetime.now(timezone.utc) - timedelta(hours=25)
    engine = opened()
    engine.store(TURN, [Draft("of the turn", scope=Scope.TURN, created_at=yesterday)], rows[-1:])
    fill(engine, rows[:COUNT])
    graph(engine)
    engine.close()
    assert links.exists()
    opened(vector_backend="auto")
    assert not links.exists()


def test_a_graph_that_never_knew_it_stays(opened: Callable[..., Engine], rows: np.ndarray, links: Path) -> None:
    """Neither another user's erasure nor that of a memory stored since costs a graph."""
    kept(opened, rows[:COUNT])
    engine = opened(vector_backend="auto")
    (newer,) = fill(engine, rows[COUNT : COUNT + 1], first=COUNT)
    fill(engine, rows[:5], Reader(user_id="bob"))
    assert engine.delete(newer)
    assert engine.clear(Reader(user_id="bob"))
    assert links.exists()


def test_the_next_graph_has_nothing_of_it(opened: Callable[..., Engine], rows: np.ndarray, path: Path) -> None:
    """A process that had the memory in its graph saves it without, even where it did not search since."""
    engine = opened()
    ids = fill(engine, rows)
    graph(engine)
    assert engine.delete(ids[17])
    assert graph(engine)._lost == 1
    assert engine.delete(ids[18])
    engine.close()
    saved = GraphFiles(path).load(1, KIND)
    assert saved is not None
    assert set(saved.seqs.tolist()) == set(range(1, 2 * COUNT + 1)) - {18, 19}
    assert saved.links.sound()
    found = {result.content for result in opened().search(ALICE, "fact number 7", top_k=2 * COUNT)}
    assert not found & {"fact number 17", "fact number 18"}


def test_what_is_erased_while_a_graph_is_written_keeps_it_from_its_place(
    opened: Callable[..., Engine], rows: np.ndarray, links: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A graph that was written before an erasure and would be named after it is thrown away."""
    engine = opened()
    ids = fill(engine, rows)
    write = GraphFiles.write

    def slow(*args: Any) -> Path | None:
        new = write(*args)
        if engine.get(ids[17]) is not None:
            opened(vector_backend="auto").delete(ids[17])
        return new

    monkeypatch.setattr(GraphFiles, "write", slow)
    graph(engine)
    assert engine.get(ids[17]) is None
    assert list(links.parent.iterdir()) == []


def test_another_embedder_takes_all_graphs_with_it(
    opened: Callable[..., Engine], rows: np.ndarray, path: Path, links: Path
) -> None:
    """`reembed` leaves no graph of the vectors before."""
    kept(opened, rows[:COUNT])
    reembed(MemoryConfig(db_path=path), HashEmbedder(32))
    assert not links.parent.exists()


def test_a_worn_graph_is_made_anew(opened: Callable[..., Engine], rows: np.ndarray) -> None:
    """Where a fifth of a graph was deleted, what is left is linked afresh, and found."""
    engine = opened()
    ids = fill(engine, rows)
    graph(engine)
    for memory_id in ids[: COUNT // 2]:
        engine.delete(memory_id)
    index = graph(engine)
    assert index._lost == 0
    everything = np.arange(len(rows)) >= COUNT // 2
    assert recall(index, rows, clustered(20, WIDTH, seed=1), everything) >= 0.95


def test_a_vector_that_came_late_is_linked(opened: Callable[..., Engine], rows: np.ndarray) -> None:
    """A memory that waited for its vector when the graph was saved is found by it afterwards."""
    engine = opened()
    waiting = Write(entry=replace(entry_of(Draft("waits"), rows[0]), vector=None))
    (applied,) = engine._backend.apply(ALICE, [waiting])
    kept(opened, rows[1:COUNT], extra=1)
    engine = opened()
    assert graph(engine)._unsaved <= 1
    engine._backend.put_vectors({str(applied.id): rows[0]})
    assert finds(engine, rows[:COUNT]) >= 0.95
    assert not graph(engine)._stale


def _other_database(path: Path, rows: np.ndarray, links: Path) -> None:
    other = make_engine(path.with_name("other.db"), vector_backend="hnsw")
    fill(other, rows[::-1])
    graph(other)
    other.close()
    (path.with_name("other.db-hnsw") / "1.links").replace(links)


def _cut(path: Path, rows: np.ndarray, links: Path) -> None:
    links.write_bytes(links.read_bytes()[: links.stat().st_size // 2])


def _flip(path: Path, rows: np.ndarray, links: Path) -> None:
    raw = bytearray(links.read_bytes())
    raw[len(raw) // 2] ^= 1
    links.write_bytes(raw)


def _mislead(path: Path, rows: np.ndarray, links: Path) -> None:
    """Write a whole file whose links lead out of the graph: hnswlib would read there."""
    saved = GraphFiles(path).load(1, KIND)
    assert saved is not None
    saved.links.base[:, 1] = 10**6
    new = GraphFiles(path).write(1, KIND, saved)
    assert new is not None
    GraphFiles(path).take(1, new)


DAMAGES: dict[str, Callable[[Path, np.ndarray, Path], object]] = {
    "empty": lambda path, rows, links: links.write_bytes(b""),
    "cut": _cut,
    "a flipped bit": _flip,
    "something else": lambda path, rows, links: links.write_bytes(b"SQLite format 3" * 99),
    "of another database": _other_database,
    "misleading": _mislead,
    "a folder": lambda path, rows, links: (links.unlink(), links.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_is_not_right_is_made_anew(
    opened: Callable[..., Engine],
    rows: np.ndarray,
    path: Path,
    links: Path,
    damage: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever stands in the place of a saved graph, search answers right, and the log says that it was of no use."""
    caplog.set_level(logging.INFO, "headroom")
    kept(opened, rows)
    DAMAGES[damage](path, rows, links)
    engine = opened()
    assert finds(engine, rows) >= 0.95
    assert graph(engine).linked == len(rows)
    assert "made anew" in caplog.text
    assert "fact" not in caplog.text
    engine.close()
    if damage != "a folder":
        assert GraphFiles(path).load(1, KIND) is not None


def test_other_settings_make_another_graph(opened: Callable[..., Engine], rows: np.ndarray, path: Path) -> None:
    """A graph of another M is not used."""
    kept(opened, rows)
    engine = opened(hnsw_m=8)
    assert finds(engine, rows) >= 0.95
    assert GraphFiles(path).load(1, KIND) is None
    assert GraphFiles(path).load(1, replace(KIND, m=8)) is not None


def test_a_restored_backup_is_noticed(opened: Callable[..., Engine], rows: np.ndarray, path: Path) -> None:
    """Where the database went back in time and on by another way, the links of what came since are not believed."""
    kept(opened, rows[:COUNT])
    backup = path.read_bytes()
    engine = opened()
    fill(engine, rows[COUNT : COUNT + 80], first=COUNT)
    graph(engine)
    engine.close()
    path.write_bytes(backup)
    engine = opened()
    fill(engine, -rows[COUNT : COUNT + 80], first=COUNT)
    assert finds(engine, np.concatenate([rows[:COUNT], -rows[COUNT : COUNT + 80]])) >= 0.95
    assert 70 <= graph(engine)._lost <= 80  # a mark of one byte is right by chance now and then


def test_only_the_owner_may_read_it(opened: Callable[..., Engine], rows: np.ndarray, links: Path) -> None:
    """The folder is of mode 0700, the file 0600, and `stats` counts its bytes."""
    kept(opened, rows[:COUNT])
    assert stat.S_IMODE(links.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(links.stat().st_mode) == 0o600
    with_graph = opened().stats()["file_bytes"]
    size = links.stat().st_size
    links.unlink()
    assert with_graph - opened().stats()["file_bytes"] == size


def test_where_no_file_can_be_written_search_goes_on(
    opened: Callable[..., Engine], rows: np.ndarray, links: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A folder that cannot be made costs a line in the log."""
    caplog.set_level(logging.INFO, "headroom")
    links.parent.write_text("in the way")
    engine = opened()
    fill(engine, rows)
    assert finds(engine, rows) >= 0.95
    engine.close()
    assert "no graph is kept" in caplog.text


def test_a_database_that_was_deleted_gets_no_graph(
    opened: Callable[..., Engine], rows: np.ndarray, path: Path, links: Path
) -> None:
    """Closing what was opened on a file that is gone puts nothing in its place."""
    engine = opened()
    fill(engine, rows)
    index = graph(engine)
    links.unlink()
    links.parent.rmdir()
    index._unsaved = 1
    path.unlink()
    engine.close()
    assert not links.parent.exists()


def test_an_erasure_is_refused_where_the_graph_must_stay(
    opened: Callable[..., Engine], rows: np.ndarray, links: Path
) -> None:
    """What cannot be erased everywhere is erased nowhere."""
    ids = kept(opened, rows[:COUNT])
    links.unlink()
    links.mkdir()
    engine = opened(vector_backend="auto")
    with pytest.raises(StoreUnwritable):
        engine.delete(ids[0])
    assert engine.get(ids[0]) is not None


KILLED = """
import os
from headroom.memory.local import hnsw
hnsw.Hnsw.WORTH = 200

def stop(source, target):
    tell("written")
    wait()

os.replace = stop
engine = open_engine(vector_backend="hnsw")
engine.search(ALICE, "fact number 7")
wait()
"""


def test_a_kill_between_writing_and_naming_leaves_what_was(
    opened: Callable[..., Engine], rows: np.ndarray, path: Path, links: Path
) -> None:
    """A new file counts once it is whole: before, the one of last time does, and what was left is swept away later."""
    kept(opened, rows[:COUNT])
    before = links.read_bytes()
    fill(opened(vector_backend="auto"), rows[COUNT:], first=COUNT)
    with child(KILLED, path) as other:
        assert other.hear() == "written"
        other.kill()
    assert links.read_bytes() == before
    (left,) = links.parent.glob("*.new")
    os.utime(left, (0, 0))
    engine = opened()
    assert finds(engine, rows) >= 0.95
    assert not left.exists()
    assert links.read_bytes() != before


ENDING = """
import time
from headroom.memory.local import hnsw
from headroom.memory.open import acquire
hnsw.Hnsw.WORTH, hnsw._STEP = 200, 20
link = hnsw.Hnsw._link
hnsw.Hnsw._link = lambda *args: (time.sleep(0.1), link(*args))
engine = acquire(MemoryConfig(db_path=path, vector_backend="hnsw"), HashEmbedder())
for user in "alice", "bob":
    engine.search(Reader(user_id=user), "fact number 7")
time.sleep(0.5)
"""


def test_a_process_ends_in_the_middle_of_building(opened: Callable[..., Engine], rows: np.ndarray, path: Path) -> None:
    """The end of a process does not wait for its graphs, and keeps the parts that are linked."""
    fill(opened(), rows)
    fill(opened(), rows, Reader(user_id="bob"))
    in_child(ENDING, path)
    for user in (1, 2):
        saved = GraphFiles(path).load(user, KIND)
        assert saved is not None
        assert 20 <= len(saved.seqs) < len(rows)


FORKED = """
import os
from headroom.memory.local import hnsw
hnsw.Hnsw.WORTH, hnsw._STEP = 200, 20
engine = open_engine(vector_backend="hnsw")
everything = {result.content for result in engine.search(ALICE, "fact number 7", top_k=2000)}
if not os.fork():
    for n in range(20):
        assert {result.content for result in engine.search(ALICE, "fact number 7", top_k=2000)} == everything
    engine.close()
    os._exit(0)
assert os.wait()[1] == 0
engine.close()
tell(len(everything))
"""


def test_a_fork_while_a_graph_is_built_harms_neither(
    opened: Callable[..., Engine], rows: np.ndarray, path: Path
) -> None:
    """The child, which has none of the threads that build, searches and builds for itself."""
    fill(opened(), rows)
    assert in_child(FORKED, path) == str(len(rows))
    assert finds(opened(), rows) >= 0.95


def linked(vectors: np.ndarray) -> Any:
    """Give a plain hnswlib graph of them."""
    index = hnswlib.Index(space="ip", dim=vectors.shape[1])
    index.init_index(len(vectors), M=4, ef_construction=50)
    index.add_items(vectors, np.arange(len(vectors)), num_threads=1)
    return index


def test_links_make_the_same_graph_again(rows: np.ndarray) -> None:
    """A graph put together from its links and vectors gives the answers of the one that they were taken from."""
    index, queries = linked(rows), clustered(20, WIDTH, seed=1)
    links, labels = Links.of(index)
    empty = hnswlib.Index(space="ip", dim=WIDTH)
    empty.init_index(3 * COUNT, M=4, ef_construction=50)
    again = links.fill(empty, labels, lambda places: rows[places])
    for one, other in zip(index.knn_query(queries, k=10), again.knn_query(queries, k=10), strict=True):
        np.testing.assert_array_equal(one, other)
    again.add_items(rows, np.arange(COUNT, COUNT + len(rows)))
    assert again.get_current_count() == 3 * COUNT


@pytest.mark.parametrize("share", [0.5, 0.9, 1.0])
def test_thinned_links_lead_to_each_other_only(rows: np.ndarray, share: float) -> None:
    """Without the elements that are left out, the entry among them, what remains is a sound graph of its own."""
    index = linked(rows)
    index.mark_deleted(5)
    links, labels = Links.of(index)
    kept = np.random.default_rng(2).random(len(rows)) < share
    kept[links.entry] = share == 1
    thin = links.only(kept)
    assert thin.sound()
    names = labels[kept]
    for old, new in zip(links.base[kept], thin.base, strict=True):
        had = labels[old[1 : 1 + (old[0] & 0xFFFF)]]
        assert names[new[1 : 1 + new[0]]].tolist() == had[kept[had]].tolist()
        assert not new[1 + new[0] :].any()


@pytest.mark.parametrize("fault", ["count", "id", "rank", "entry", "level", "lists"])
def test_links_that_would_crash_are_seen(rows: np.ndarray, fault: str) -> None:
    """Each way in which hnswlib could be led out of its memory is found before it gets the links."""
    links, _ = Links.of(linked(rows))
    assert links.sound()
    ground = int(np.flatnonzero(links.levels == 0)[0])
    if fault == "count":
        links.base[3, 0] = links.base.shape[1]
    elif fault == "id":
        links.base[3, 1] = len(rows)
    elif fault == "rank":
        links.upper[0, :2] = 1, ground
    elif fault == "entry":
        links = replace(links, entry=ground)
    elif fault == "level":
        links.levels[ground] = -1
    else:
        links = replace(links, upper=links.upper[1:])
    assert not links.sound()


def test_marks_tell_a_changed_vector(rows: np.ndarray) -> None:
    """A mark depends on the direction alone, is 0 for no vector, and another vector rarely has the same."""
    marks = marks_of(rows)
    np.testing.assert_array_equal(marks_of(rows * np.float32(0.37)), marks)
    assert marks.min() > 0
    assert marks_of(np.zeros((1, WIDTH), np.float32))[0] == 0
    assert (marks_of(rows[::-1]) == marks).mean() < 0.02
    assert len(np.unique(marks)) > 240
