"""The connection to Qdrant: one collection, its indexes, and what becomes of an error."""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from qdrant_client import QdrantClient
from qdrant_client import models as m
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from ....errors import EmbedderMismatch, ServerRefused, ServerUnavailable
from ....runtime.forks import renew_in_child
from ....runtime.lending import Lending
from ....runtime.threads import waiting
from ...config import MemoryConfig

R = TypeVar("R")

DENSE, WORDS = "dense", "words"
"""The two vectors of a point: the embedding, and a one for each word."""

_PAUSES = (0.05, 0.2, 0.5)
"""Seconds before each further try. Every request may be sent twice: ids and revisions make it the same one."""
_BUSY = (429, 502, 503, 504)
_CONNECTIONS = 32
_WAITING = 8
"""Threads that may wait for the server while others compute."""
_LOOPBACK = re.compile(r"http://(127\.\d+\.\d+\.\d+|localhost|\[::1\])([:/]|$)")

_KEYWORD, _INTEGER = m.KeywordIndexType.KEYWORD, m.IntegerIndexType.INTEGER
_NAMES = (
    *("state", "todo", "scope", "session_id", "agent_id", "turn_id"),
    *("saved_by", "origins", "entities", "turns", "superseded_by", "names", "staging", "waits"),
)
_LOOKED_UP = ("fingerprint", "rev", "labels")
_RANGES = ("until", "over_at", "created_at", "changed_at", "seq")


class Qdrant:
    """One collection of a Qdrant server. Safe from many threads."""

    def __init__(self, config: MemoryConfig, embedder_id: str) -> None:
        """Connect. Raise ServerUnavailable or ServerRefused at once if that fails, and EmbedderMismatch."""
        self._config, self._embedder_id = config, embedder_id
        self.url, self.name = str(config.qdrant_url), str(config.qdrant_collection)
        self._made = False
        self._width, self._id = 0, uuid.UUID(int=0)
        self._clients = Lending(self._connect)
        self._renew()
        renew_in_child(self._renew)
        try:
            self._look(retry=False)
        except BaseException:
            self.close()
            raise

    @property
    def made(self) -> bool:
        """Whether the collection is there. It is made at the first write, when the width of vectors is known."""
        return self._made or self._look()

    @property
    def width(self) -> int:
        """The width of the collection's embeddings; 0 as long as it is not made."""
        return self._width

    @property
    def id(self) -> uuid.UUID:
        """What the collection's memories have their ids from, so that no two collections share any."""
        return self._id

    def make(self, width: int) -> None:
        """Make the collection, unless it is there. Raise EmbedderMismatch if its vectors have another width."""
        if self._made:
            return
        with self._making:
            if not self._look():
                self.call(lambda client: self._create(client, width))
                self._look()
        if self._width != width:
            named = f"{self._embedder_id} of width"
            raise EmbedderMismatch(stored=f"{named} {self._width}", configured=f"{named} {width}")

    def call(self, work: Callable[[QdrantClient], R], *, retry: bool = True) -> R:
        """Send a request, and again if the connection broke. Raise ServerUnavailable, ServerRefused or Closed."""
        for pause in (*(_PAUSES if retry else ()), None):
            try:
                with self._room(), self._clients.lend() as client:
                    return work(client)
            except ResponseHandlingException as exc:
                if isinstance(exc.source, ValueError):  # its text would quote the answer, which holds memories
                    reason = "it answers in a form that this version of qdrant-client does not know"
                    raise ServerRefused(engine="Qdrant", url=self.url, reason=reason) from exc
                if pause is None:
                    raise ServerUnavailable(engine="Qdrant", url=self.url, reason=str(exc.source)) from exc
            except ResourceExhaustedResponse as exc:
                if pause is None:
                    reason = f"its rate limit is reached; it asks to wait for {exc.retry_after_s} seconds"
                    raise ServerUnavailable(engine="Qdrant", url=self.url, reason=reason) from exc
            except UnexpectedResponse as exc:
                if exc.status_code not in _BUSY or pause is None:
                    raise self._refusal(exc) from exc
            time.sleep(pause)
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close the connections, after the requests under way. Closing twice is fine."""
        self._clients.close(self._config.server_timeout)

    @contextmanager
    def _room(self) -> Iterator[None]:
        """Make room for others to compute meanwhile, unless many wait already: a thread each is not for hundreds."""
        if not self._waiting.acquire(blocking=False):
            yield
            return
        try:
            with waiting():
                yield
        finally:
            self._waiting.release()

    def _connect(self) -> QdrantClient:
        key = self._config.qdrant_api_key
        # As a header, because the client warns of a key without TLS: right for any host but this machine.
        here = _LOOPBACK.match(self.url) is not None
        return QdrantClient(
            url=self.url,
            api_key=None if here else key,
            headers={"api-key": key} if here and key else None,
            timeout=self._config.server_timeout,
            pool_size=_CONNECTIONS,
            check_compatibility=False,
        )

    def _renew(self) -> None:
        """Begin anew in a forked child: a lock that was held there is never released."""
        self._making, self._waiting = threading.RLock(), threading.Semaphore(_WAITING)

    def _look(self, *, retry: bool = True) -> bool:
        """Look whether the collection is there, and whose vectors it holds."""
        try:
            found = self.call(lambda client: client.get_collection(self.name), retry=retry)
        except ServerRefused as exc:
            if isinstance(exc.__cause__, UnexpectedResponse) and exc.__cause__.status_code == 404:
                return False
            raise
        metadata = found.config.metadata or {}
        stored = metadata.get("embedder")
        if stored is None:
            reason = f"the collection {self.name!r} was not made by this library; choose another qdrant_collection"
            raise ServerRefused(engine="Qdrant", url=self.url, reason=reason)
        if stored != self._embedder_id:
            raise EmbedderMismatch(stored=str(stored), configured=self._embedder_id)
        self._id = uuid.UUID(metadata["id"])
        vectors = found.config.params.vectors
        self._width = vectors[DENSE].size if isinstance(vectors, Mapping) else 0
        if not self._config.read_only:
            self._index(found.payload_schema or {}, retry=retry)
        self._made = True
        return True

    def _index(self, there: Container[str], *, retry: bool) -> None:
        """Make the indexes that are missing: all of a new collection, or those that an earlier try did not get to."""
        for field, schema in indexes(self._config.qdrant_on_disk or None).items():
            if field not in there:
                self.call(partial(_make_index, self.name, field, schema), retry=retry)

    def _create(self, client: QdrantClient, width: int) -> None:
        config = self._config
        on_disk = config.qdrant_on_disk or None
        int8 = m.ScalarQuantization(scalar=m.ScalarQuantizationConfig(type=m.ScalarType.INT8, always_ram=True))
        try:
            client.create_collection(
                self.name,
                # Not cosine: that normalises what it stores, and a vector must come back bit for bit.
                vectors_config={DENSE: m.VectorParams(size=width, distance=m.Distance.DOT, on_disk=on_disk)},
                sparse_vectors_config={WORDS: m.SparseVectorParams(index=m.SparseIndexParams(on_disk=on_disk))},
                shard_number=config.qdrant_shard_number,
                replication_factor=config.qdrant_replication_factor,
                write_consistency_factor=config.qdrant_write_consistency_factor,
                on_disk_payload=True,
                # A graph for each user with many memories, and none across users.
                hnsw_config=m.HnswConfigDiff(
                    m=0, payload_m=config.hnsw_m, ef_construct=config.hnsw_ef_construction, on_disk=on_disk
                ),
                quantization_config=int8 if config.qdrant_quantization else None,
                metadata={"embedder": self._embedder_id, "id": str(uuid.uuid4())},
            )
        except UnexpectedResponse as exc:
            if exc.status_code != 409:  # else another process was faster
                raise

    def _refusal(self, exc: UnexpectedResponse) -> ServerRefused | ServerUnavailable:
        # The answer of the server may quote what was sent: only its status is passed on.
        reason = {401: "the API key is wrong or missing", 403: "the API key is wrong or does not allow this"}.get(
            exc.status_code or 0, f"it answers with status {exc.status_code}"
        )
        kind = ServerUnavailable if exc.status_code in (*_BUSY, 500) else ServerRefused
        return kind(engine="Qdrant", url=self.url, reason=reason)


def _make_index(name: str, field: str, schema: Any, client: QdrantClient) -> None:
    client.create_payload_index(name, field, schema)


def indexes(on_disk: bool | None) -> dict[str, Any]:
    """Return the payload indexes of a collection: what each field is."""
    found: dict[str, Any] = {"user_id": m.KeywordIndexParams(type=_KEYWORD, is_tenant=True, on_disk=on_disk)}
    for name in _NAMES:
        found[name] = m.KeywordIndexParams(type=_KEYWORD, on_disk=on_disk, enable_hnsw=False)
    for name in _LOOKED_UP:
        found[name] = _integer(on_disk, ranges=False)
    for name in _RANGES:
        found[name] = _integer(on_disk, ranges=True)
    found["importance"] = m.FloatIndexParams(type=m.FloatIndexType.FLOAT, on_disk=on_disk, enable_hnsw=False)
    return found


def _integer(on_disk: bool | None, *, ranges: bool) -> m.IntegerIndexParams:
    return m.IntegerIndexParams(type=_INTEGER, lookup=True, range=ranges, on_disk=on_disk, enable_hnsw=False)
