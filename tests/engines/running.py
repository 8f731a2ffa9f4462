"""The engines that a test session runs on: servers that are there already, or what this machine can start."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import arcadedb, neo4j_server, qdrant_edge_rest
from .process import NotHere, Process

_NEO4J = ("USER", "PASSWORD", "DATABASE")


@dataclass(kw_only=True)
class Engine:
    """A running engine, under the name that it has."""

    name: str
    url: str
    settings: Mapping[str, Any]
    """What MemoryConfig needs to reach it."""
    process: Process | None = None
    is_server: bool = False
    """It was there before the tests: a real server."""
    said: list[str] = field(default_factory=list)
    """Which engines did not run, and why."""


@contextmanager
def qdrant(folder: Path) -> Iterator[Engine]:
    """Return a Qdrant to talk to: $HEADROOM_TEST_QDRANT_URL, or its engine behind the shim. Raise NotHere."""
    url = os.environ.get("HEADROOM_TEST_QDRANT_URL")
    if url:
        key = os.environ.get("HEADROOM_TEST_QDRANT_API_KEY") or None
        settings = {"qdrant_url": url, "qdrant_api_key": key}
        yield Engine(name=f"Qdrant server at {url}", url=url, settings=settings, is_server=True)
        return
    process, url = qdrant_edge_rest.start(folder)
    settings = {"qdrant_url": url, "qdrant_api_key": qdrant_edge_rest.API_KEY}
    said = ["a Qdrant server (set HEADROOM_TEST_QDRANT_URL to run on one)"]
    try:
        yield Engine(
            name="qdrant-edge (Qdrant's engine in process, behind a REST shim of the tests; no Qdrant server)",
            url=url,
            settings=settings,
            process=process,
            said=said,
        )
    finally:
        process.stop()


@contextmanager
def graph(folder: Path) -> Iterator[Engine]:
    """Return a Neo4j to talk to: $HEADROOM_TEST_NEO4J_URI, the server itself, or ArcadeDB over Bolt. Raise NotHere."""
    uri = os.environ.get("HEADROOM_TEST_NEO4J_URI")
    if uri:
        user, password, database = (os.environ.get(f"HEADROOM_TEST_NEO4J_{name}") for name in _NEO4J)
        settings = {"neo4j_uri": uri, "neo4j_user": user or "neo4j", "neo4j_password": password or None}
        settings["neo4j_database"] = database or None
        yield Engine(name=f"Neo4j server at {uri}", url=uri, settings=settings, is_server=True)
        return
    engine = _started(folder)
    try:
        yield engine
    finally:
        if engine.process is not None:
            engine.process.stop()


def _started(folder: Path) -> Engine:
    said = []
    kinds = (
        (f"Neo4j {neo4j_server.VERSION} Community server, from Maven", neo4j_server, "neo4j"),
        ("ArcadeDB over Bolt (not Neo4j)", arcadedb, "root"),
    )
    for name, module, user in kinds:
        if os.environ.get("HEADROOM_TEST_GRAPH", "") not in ("", module.__name__.rpartition(".")[2]):
            continue
        try:
            process, uri = module.start(folder / user)
        except NotHere as exc:
            said.append(f"{name}: {exc}")
            continue
        settings = {"neo4j_uri": uri, "neo4j_user": user, "neo4j_password": module.PASSWORD}
        return Engine(name=name, url=uri, settings=settings, process=process, said=said)
    raise NotHere("; ".join(said))


def new_name() -> str:
    """Return the name of a collection that no other test uses."""
    return f"test_{uuid.uuid4().hex[:12]}"
