"""The engine alone, in this process and without HTTP: bytes a memory and time of a search, for the sums in the docs.

`python -m benchmarks.remote.sizes [--memories N] [--users N] [--int8] [--on-disk]`
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from headroom.memory.protocols import Write
from headroom.memory.records import Reader
from headroom.memory.remote.qdrant import connection
from headroom.memory.remote.qdrant.conditions import seen
from headroom.memory.remote.qdrant.planning import Planner
from headroom.memory.remote.qdrant.points import sparse, structure
from headroom.memory.rules.search.words import question_words
from headroom.memory.rules.times import now
from tests.engines.edge_server import Collection

from .__main__ import made
from .stores import WIDTH, Item, as_write

_BATCH = 1000


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--memories", type=int, default=100_000)
    parser.add_argument("--users", type=int, default=1_000)
    parser.add_argument("--int8", action="store_true")
    parser.add_argument("--on-disk", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        collection = _collection(Path(folder) / "c", int8=chosen.int8, on_disk=chosen.on_disk)
        before, begun = _resident(), time.perf_counter()
        for items in made(chosen.memories, chosen.users):
            for start in range(0, len(items), _BATCH):
                collection.upsert({"points": _points(items[start : start + _BATCH])})
        loaded = time.perf_counter() - begun
        files = [each for each in (Path(folder) / "c").rglob("*") if each.is_file()]
        disk = sum(each.stat().st_blocks * 512 for each in files)
        anonymous = _resident() - before
        times = [
            _search(collection, items)
            for items, _ in zip(made(chosen.memories, chosen.users), range(300), strict=False)
        ]
        count = chosen.memories
        print(f"{count:,} memories of {chosen.users:,} users; int8 {chosen.int8}, on disk {chosen.on_disk}")
        print(f"loaded and indexed {count / loaded:,.0f} a second; disk {disk / count:,.0f} bytes a memory")
        print(f"memory {anonymous / count:,.0f} bytes a memory, without the pages of mapped files")
        print(f"search {np.percentile(times, 50):.2f} ms, p99 {np.percentile(times, 99):.2f}")


def _collection(folder: Path, *, int8: bool, on_disk: bool) -> Collection:
    where = on_disk or None
    scalar: dict[str, Any] = {"scalar": {"type": "int8", "always_ram": True}} if int8 else {}
    body: dict[str, Any] = {
        "vectors": {connection.DENSE: {"size": WIDTH, "distance": "Dot", "on_disk": where}},
        "sparse_vectors": {connection.WORDS: {}},
        "on_disk_payload": True,
        "hnsw_config": {"m": 0, "payload_m": 16, "ef_construct": 200, "on_disk": where},
        "quantization_config": scalar,
    }
    collection = Collection(folder, body)
    for name, schema in connection.indexes(where).items():
        collection.index({"field_name": name, "field_schema": json.loads(schema.model_dump_json(exclude_none=True))})
    return collection


def _points(items: list[Item]) -> list[Any]:
    writes: list[Write] = [as_write(item) for item in items]
    planned = Planner(Reader(user_id=items[0].user_id), (), now()).apply(writes)
    points = [structure(point, planned.vectors[point.id], WIDTH) for point in planned.inserts.values()]
    return [json.loads(point.model_dump_json(exclude_none=True)) for point in points]


def _search(collection: Collection, items: list[Item]) -> float:
    """Ask what one search asks, in milliseconds."""
    where = json.loads(seen(Reader(user_id=items[0].user_id), now()).model_dump_json(exclude_none=True))
    vector = items[0].vector.tolist()
    near = {"query": vector, "using": connection.DENSE, "limit": 50, "with_payload": True, "params": {"hnsw_ef": 50}}
    words = question_words(items[0].content)[:6]
    lists = [
        {
            "query": json.loads(sparse([word]).model_dump_json()),
            "using": connection.WORDS,
            "filter": where,
            "limit": 100,
        }
        for word in words
    ]
    begun = time.perf_counter()
    collection.query_batch({"searches": [{**near, "filter": where}, *lists]})
    return (time.perf_counter() - begun) * 1000


def _resident() -> int:
    """Memory of this process that no file backs, in bytes (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main()
