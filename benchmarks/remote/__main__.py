"""Measure writing, searching and the graph: `python -m benchmarks.remote [--memories N] [--users N]`."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from headroom.memory.remote.neo4j.graph import HUB
from tests.engines import running

from ..machine import describe
from ..sentences import Sentences
from .stores import WIDTH, Item, Local, OfBackend, Postgres, Remote, Store, postgres

_SAVES, _SEARCHES, _WORKERS, _SECONDS = 200, 500, 8, 5.0


def made(memories: int, users: int, *, entities: bool = False) -> Iterator[list[Item]]:
    """Make the memories, a user at a time."""
    random, each = np.random.default_rng(7), memories // users
    texts = iter(Sentences(7).facts(memories))
    names = [f"entity {n}" for n in range(max(10, each // 3))]
    for user in range(users):
        rows = random.standard_normal((each, WIDTH)).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        yield [
            Item(
                user_id=f"user {user}",
                content=f"{next(texts)} ({user}/{n})",
                vector=row,
                entities=tuple(random.choice(names, 2, replace=False).tolist()) if entities else (),
            )
            for n, row in enumerate(rows)
        ]


def measured(store: Store, memories: int, users: int) -> list[str]:
    """Fill a store and ask it; return the cells of its row."""
    begun = time.perf_counter()
    for items in made(memories, users):
        store.load(items)
    loaded = memories / (time.perf_counter() - begun)
    store.ready()
    questions = [items[0] for items in made(memories, users)]
    saves = _timed(_SAVES, lambda n: store.save(_another(questions[n % users], n)))
    searches = _timed(_SEARCHES, lambda n: _ask(store, questions[n % users]))
    queries = _throughput(store, questions) if isinstance(store, OfBackend) else float("nan")
    size = store.nbytes()
    return [
        store.name,
        f"{loaded:,.0f}/s",
        f"{np.percentile(saves, 50):.1f} / {np.percentile(saves, 99):.1f}",
        f"{np.percentile(searches, 50):.1f} / {np.percentile(searches, 99):.1f}",
        "-" if np.isnan(queries) else f"{queries:,.0f}/s",
        f"{size['disk'] / memories:,.0f}",
        f"{size['memory'] / memories:,.0f}" if size["memory"] else "-",
    ]


def two_hops(graph: running.Engine, folder: Path, qdrant: running.Engine, memories: int, users: int) -> str:
    """Measure the query for neighbours in the graph."""
    store = Remote(folder, qdrant, graph, "graph")
    begun = time.perf_counter()
    first: list[str] = []
    for items in made(memories, users, entities=True):
        store.load(items)
        first.append(items[0].user_id)
    loaded = memories / (time.perf_counter() - begun)
    backend = store.backend
    ids = {user: next(iter(backend.stored(user))).record.id for user in first[:100]}
    links = backend._graph  # type: ignore[attr-defined]
    times = _timed(300, lambda n: links.neighbours([ids[first[n % len(ids)]]], first[n % len(ids)]))
    found = np.mean([len(links.neighbours([ids[user]], user).get(ids[user], ())) for user in list(ids)[:50]])
    backend.close()
    return (
        f"two hops in {graph.name}: {np.percentile(times, 50):.1f} ms, p99 {np.percentile(times, 99):.1f} "
        f"({found:.0f} neighbours on average, hubs above {HUB} left out); memories with two entities each are "
        f"written at {loaded:,.0f} a second"
    )


def _another(item: Item, n: int) -> Item:
    return Item(user_id=item.user_id, content=f"{item.content} again {n}", vector=item.vector)


def _ask(store: Store, item: Item) -> int:
    return store.search(item.user_id, item.content[:40], item.vector)


def _timed(times: int, work: object) -> list[float]:
    samples = []
    for n in range(times):
        begun = time.perf_counter()
        work(n)  # type: ignore[operator]
        samples.append((time.perf_counter() - begun) * 1000)
    return samples


def _throughput(store: Store, questions: Sequence[Item]) -> float:
    """Return how many searches a second several threads get done."""
    end = time.perf_counter() + _SECONDS

    def ask(worker: int) -> int:
        done = 0
        while time.perf_counter() < end:
            _ask(store, questions[(worker * 131 + done) % len(questions)])
            done += 1
        return done

    with ThreadPoolExecutor(_WORKERS) as pool:
        return sum(pool.map(ask, range(_WORKERS))) / _SECONDS


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--memories", type=int, default=10_000)
    parser.add_argument("--users", type=int, default=1_000)
    chosen = parser.parse_args()
    size = chosen.memories, chosen.users
    print(describe())
    print(f"{size[0]:,} memories of {size[1]:,} users, {WIDTH} dimensions; milliseconds p50 / p99; bytes a memory\n")
    print("| store | bulk load | save one | search | 8 threads | disk | memory |\n|---|---|---|---|---|---|---|")
    with _folder() as folder, ExitStack() as stack:
        qdrant = stack.enter_context(running.qdrant(folder / "qdrant"))
        uri, version = stack.enter_context(postgres(folder / "pg"))
        yardstick = Postgres(uri, version)
        stack.callback(yardstick.close)
        (folder / "local").mkdir()
        name = f"qdrant-neo4j: {qdrant.name.partition(' (')[0]}"
        for store in (Local(folder / "local"), Remote(folder / "qdrant", qdrant, None, name), yardstick):
            print("| " + " | ".join(measured(store, *size)) + " |", flush=True)
        graph = stack.enter_context(running.graph(folder / "graph"))
        print("\n" + two_hops(graph, folder / "qdrant", qdrant, min(size[0], 10_000), min(size[1], 1_000)))


if __name__ == "__main__":
    main()
