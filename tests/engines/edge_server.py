"""Qdrant's own engine (qdrant-edge: the real segments, HNSW and payload indexes) behind a part of its REST API.

This is no Qdrant server: one shard in one process, no cluster, no optimizer in the background. It lets the official
client talk HTTP to the real engine on a machine that has no server. Run as `python -m tests.engines.edge_server DIR`;
it prints the port that it listens on.
"""

from __future__ import annotations

import itertools
import json
import shutil
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import qdrant_edge as edge

from . import edge_json as read
from . import edge_strict as strict
from .edge_json import Json, Refused

_Update = edge.UpdateOperation


class Collection:
    """One shard of the engine."""

    def __init__(self, folder: Path, body: dict[str, Json]) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        config, self._widths = read.config_of(body)
        self._folder, self._body, self._fields = folder, body, dict[str, str]()
        self._uses = dict[str, frozenset[str]]()
        self._shard = edge.EdgeShard.create(str(folder), config)
        self._lock, self._operations = threading.Lock(), itertools.count(1)

    def drop(self) -> bool:
        self._shard.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        return True

    def answer(self, method: str, call: str, body: Json) -> Json:
        """Answer one call of the API, as strictly as a server does."""
        strict.check(call, body, self._uses)
        return _ROUTES[method, call](self, body)

    def info(self) -> Json:
        found = self._shard.info()
        params = {
            name: self._body[name]
            for name in ("vectors", "sparse_vectors", "shard_number", "replication_factor", "on_disk_payload")
            if self._body.get(name) is not None
        }
        return {
            "status": "green",
            "optimizer_status": "ok",
            "points_count": found.points_count,
            "indexed_vectors_count": found.indexed_vectors_count,
            "segments_count": found.segments_count,
            "payload_schema": {name: {"data_type": kind, "points": 0} for name, kind in self._fields.items()},
            "config": {
                "params": params,
                "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000},
                "optimizer_config": {
                    "deleted_threshold": 0.2,
                    "vacuum_min_vector_number": 1000,
                    "default_segment_number": 1,
                    "flush_interval_sec": 5,
                },
                "metadata": self._body.get("metadata"),
            },
        }

    def index(self, body: Json) -> Json:
        schema = body["field_schema"]
        self._uses[body["field_name"]] = strict.uses_of(schema)
        self._fields[body["field_name"]] = schema if isinstance(schema, str) else schema["type"]
        return self._update(_Update.create_field_index(body["field_name"], read.schema_of(schema)))

    def optimize(self, _: Json) -> Json:
        """Build the indexes now; a server does this by itself, in the background."""
        with self._lock:
            return self._shard.optimize()

    def upsert(self, body: Json) -> Json:
        points = [read.point(each, self._widths) for each in body["points"]]
        return self._update(
            _Update.upsert_points(
                points,
                condition=read.filter_of(body.get("update_filter")),
                update_mode=read.mode_of(body.get("update_mode")),
            )
        )

    def retrieve(self, body: Json) -> Json:
        found = self._shard.retrieve(
            read.ids_of(body["ids"]),
            with_payload=read.selected(body.get("with_payload", True)),
            with_vector=read.selected(body.get("with_vector")),
        )
        return [read.record_json(each) for each in found]

    def query(self, body: Json) -> Json:
        return {"points": [read.record_json(each, scored=True) for each in self._shard.query(read.query_of(body))]}

    def query_batch(self, body: Json) -> Json:
        return [self.query(each) for each in body["searches"]]

    def count(self, body: Json) -> Json:
        request = edge.CountRequest(exact=body.get("exact", True), filter=read.filter_of(body.get("filter")))
        return {"count": self._shard.count(request)}

    def scroll(self, body: Json) -> Json:
        order = body.get("order_by")
        found, following = self._shard.scroll(
            edge.ScrollRequest(
                offset=None if body.get("offset") is None else read.point_id(body["offset"]),
                limit=body.get("limit") or 10,
                filter=read.filter_of(body.get("filter")),
                with_payload=read.selected(body.get("with_payload", True)),
                with_vector=read.selected(body.get("with_vector")),
                order_by=read.order_of(order) if order else None,
            )
        )
        offset = None if following is None else read.id_json(following)
        return {"points": [read.record_json(each) for each in found], "next_page_offset": offset}

    def facet(self, body: Json) -> Json:
        request = edge.FacetRequest(
            key=body["key"],
            limit=body.get("limit") or 10,
            exact=bool(body.get("exact")),
            filter=read.filter_of(body.get("filter")),
        )
        return {"hits": [{"value": hit.value, "count": hit.count} for hit in self._shard.facet(request).hits]}

    def delete(self, body: Json) -> Json:
        if body.get("points") is not None:
            return self._update(_Update.delete_points(read.ids_of(body["points"])))
        return self._update(_Update.delete_points_by_filter(read.filter_of(body["filter"])))

    def set_payload(self, body: Json) -> Json:
        if body.get("points") is not None:
            return self._update(_Update.set_payload(read.ids_of(body["points"]), body["payload"]))
        return self._update(_Update.set_payload_by_filter(read.filter_of(body["filter"]), body["payload"]))

    def set_vectors(self, body: Json) -> Json:
        vectors = [edge.PointVectors(read.point_id(p["id"]), read.vector(p["vector"])) for p in body["points"]]
        return self._update(_Update.update_vectors(vectors))

    def batch(self, body: Json) -> Json:
        calls: dict[str, Callable[[Json], Json]] = {
            "upsert": self.upsert,
            "delete": self.delete,
            "set_payload": self.set_payload,
            "update_vectors": self.set_vectors,
        }
        return [calls[name](each) for operation in body["operations"] for name, each in operation.items()]

    def _update(self, operation: Any) -> Json:
        with self._lock:
            self._shard.update(operation)
            return {"operation_id": next(self._operations), "status": "completed"}


_ROUTES: dict[tuple[str, str], Callable[[Collection, Json], Json]] = {
    ("PUT", "index"): Collection.index,
    ("POST", "optimize"): Collection.optimize,
    ("PUT", "points"): Collection.upsert,
    ("POST", "points"): Collection.retrieve,
    ("POST", "points/query"): Collection.query,
    ("POST", "points/query/batch"): Collection.query_batch,
    ("POST", "points/count"): Collection.count,
    ("POST", "points/scroll"): Collection.scroll,
    ("POST", "facet"): Collection.facet,
    ("POST", "points/delete"): Collection.delete,
    ("POST", "points/payload"): Collection.set_payload,
    ("PUT", "points/vectors"): Collection.set_vectors,
    ("POST", "points/batch"): Collection.batch,
}


class Store:
    """The collections by name."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._collections = folder, dict[str, Collection]()
        self._lock = threading.Lock()

    def answer(self, method: str, path: str, body: Json) -> Json:
        match path.split("?")[0].strip("/").split("/"):
            case ["cluster"]:
                return {"status": "disabled"}
            case ["collections"]:
                return {"collections": [{"name": name} for name in self._collections]}
            case ["collections", name]:
                return self._whole(method, name, body)
            case ["collections", name, "exists"]:
                return {"exists": name in self._collections}
            case ["collections", name, *rest] if (method, "/".join(rest)) in _ROUTES:
                return self._named(name).answer(method, "/".join(rest), body)
        raise Refused(501, f"no such call here: {method} {path}")

    def _whole(self, method: str, name: str, body: Json) -> Json:
        if method == "GET":
            return self._named(name).info()
        with self._lock:
            if method == "DELETE":
                collection = self._collections.pop(name, None)
                return collection is not None and collection.drop()
            if name in self._collections:
                raise Refused(409, f"Wrong input: Collection `{name}` already exists!")
            self._collections[name] = Collection(self._folder / name, body)
        return True

    def _named(self, name: str) -> Collection:
        try:
            return self._collections[name]
        except KeyError:
            raise Refused(404, f"Not found: Collection `{name}` doesn't exist!") from None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # an answer goes out in two writes: with it, each waits 40 ms for the other side
    store: Store
    key: str | None

    def _answer(self) -> None:
        begun = time.perf_counter()
        length = int(self.headers.get("content-length") or 0)
        raw = self.rfile.read(length)
        status, body = 200, dict[str, Json]()
        try:
            if self.key is not None and self.headers.get("api-key") != self.key:
                raise Refused(401, "Must provide an API key or an Authorization bearer token")
            if length > strict.LONGEST_BODY:
                raise Refused(
                    413, f"Payload ({length} bytes) is larger than allowed (limit: {strict.LONGEST_BODY} bytes)"
                )
            if self.path == "/":
                body = {"title": "qdrant-edge behind a REST shim", "version": "1.18.0"}
            else:
                result = self.store.answer(self.command, self.path, json.loads(raw) if raw else {})
                body = {"result": result, "status": "ok", "time": time.perf_counter() - begun}
        except Refused as exc:
            status, body = exc.status, {"status": {"error": str(exc)}, "time": 0.0}
        except Exception as exc:  # noqa: BLE001 - whatever the engine raises is an answer of the server
            status, body = 400, {"status": {"error": f"{type(exc).__name__}: {exc}"}, "time": 0.0}
        self._send(status, json.dumps(body).encode())

    def _send(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_POST = do_DELETE = _answer

    def log_message(self, *_: object) -> None:
        """Log nothing: the output is for the port."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


def main(folder: str, key: str | None = None) -> None:
    """Serve until the process is ended."""
    handler = type("Handler", (_Handler,), {"store": Store(Path(folder)), "key": key})
    server = _Server(("127.0.0.1", 0), handler)
    print(server.server_address[1], flush=True)  # noqa: T201
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
