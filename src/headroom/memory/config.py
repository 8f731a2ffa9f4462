"""MemoryConfig: every setting of a Memory in one place, validated once."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from pathlib import Path
from typing import Any

from ..errors import InvalidInput


class EmbedderBackend(str, Enum):
    """What turns text into vectors."""

    ONNX = "onnx"
    LOCAL = "local"
    OPENAI = "openai"
    OLLAMA = "ollama"


class VectorBackend(str, Enum):
    """What finds the nearest vectors."""

    AUTO = "auto"
    SQLITE_VEC = "sqlite_vec"
    HNSW = "hnsw"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryConfig:
    """The settings of a Memory. Making one touches neither disk nor network.

    `db_path`: the SQLite file; None is `$HEADROOM_HOME/memory.db`, and `~/.headroom` if that is unset.
    `read_only`: search a file that others write, or one on a read-only file system; nothing is stored.
    `encryption_key`: a passphrase, or `raw:` and 64 hex digits, of an encrypted file; None is what HEADROOM_KEY says,
    and no encryption if that is unset. A new file is encrypted with it; `Memory.rekey` changes an existing one.
    `vector_dimension`: None is the embedder's own width; a number is checked against it.
    `cache_max_size`: texts whose vector is kept in memory.
    `index_cache_mb`: MiB of search indexes kept in memory, for the users seen lately.
    `redact_secrets`: whether passwords, keys and card numbers are taken out of what is to be stored. None does so for
    what came through a model's block or an agent, and not for what the application itself saves.
    `embedder_model`: None is the backend's default; for ONNX that is the model inside this package.
    `embedder_threads`: threads of one embedding call of the ONNX backend; None is 1 for a query, the cores for a batch.
    `onnx_providers`: what onnxruntime computes on, in order of preference, such as ("CUDAExecutionProvider",).
    `openai_api_key`, `openai_base_url`: None is what OPENAI_API_KEY and OPENAI_BASE_URL say.
    `ollama_base_url`: None is what OLLAMA_HOST says, and http://127.0.0.1:11434 if that is unset.

    For `backend="qdrant-neo4j"`. None is what the environment says (HEADROOM_QDRANT_URL, HEADROOM_QDRANT_API_KEY,
    HEADROOM_QDRANT_COLLECTION, HEADROOM_NEO4J_URI, HEADROOM_NEO4J_USER, HEADROOM_NEO4J_PASSWORD,
    HEADROOM_NEO4J_DATABASE), and then the standard ports of this machine.
    `neo4j_uri`: "none" runs on Qdrant alone, without `include_graph`.
    `qdrant_collection`: "headroom" if nothing is said; the graph in Neo4j is kept apart by the same name.
    `server_timeout`: seconds that one request to a server may take.
    The others are settings of a collection, which count when it is made, at the first write; None is Qdrant's default.
    `qdrant_quantization`: "int8" keeps one byte a dimension in memory, and searches that before the exact vectors.
    `qdrant_on_disk`: keep exact vectors, payload and its indexes on disk, read through the page cache.
    """

    backend: str = "local"
    db_path: str | os.PathLike[str] | None = None
    read_only: bool = False
    encryption_key: str | None = field(default=None, repr=False)
    redact_secrets: bool | None = None
    vector_backend: VectorBackend | str = VectorBackend.AUTO
    vector_dimension: int | None = None
    hnsw_ef_construction: int = 200
    hnsw_m: int = 16
    hnsw_ef_search: int = 50
    cache_enabled: bool = True
    cache_max_size: int = 1000
    index_cache_mb: int = 256
    embedder_backend: EmbedderBackend | str = EmbedderBackend.ONNX
    embedder_model: str | None = None
    embedder_threads: int | None = None
    onnx_providers: Sequence[str] = ("CPUExecutionProvider",)
    openai_api_key: str | None = field(default=None, repr=False)
    openai_base_url: str | None = None
    ollama_base_url: str | None = None
    qdrant_url: str | None = None
    qdrant_api_key: str | None = field(default=None, repr=False)
    qdrant_collection: str | None = None
    qdrant_shard_number: int | None = None
    qdrant_replication_factor: int | None = None
    qdrant_write_consistency_factor: int | None = None
    qdrant_quantization: str | None = None
    qdrant_on_disk: bool = False
    neo4j_uri: str | None = None
    neo4j_user: str | None = None
    neo4j_password: str | None = field(default=None, repr=False)
    neo4j_database: str | None = None
    server_timeout: int = 10

    def __post_init__(self) -> None:
        _set_enum(self, "vector_backend", VectorBackend)
        _set_enum(self, "embedder_backend", EmbedderBackend)
        _set_names(self, "onnx_providers")
        _check_path(self.db_path)
        _check_servers(self)
        if not isinstance(self.read_only, bool):
            raise InvalidInput(f"read_only must be True or False, not {self.read_only!r}")
        if self.redact_secrets is not None and not isinstance(self.redact_secrets, bool):
            raise InvalidInput(f"redact_secrets must be True, False or None, not {self.redact_secrets!r}")
        if self.encryption_key is not None:
            check_key(self.encryption_key)
        if self.backend not in BACKENDS:
            raise InvalidInput(f"unknown backend {self.backend!r}; choose one of: {', '.join(BACKENDS)}")
        for name in _COUNTS:
            value = getattr(self, name)
            if value is None and name in _OPTIONAL:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InvalidInput(f"{name} must be a whole number of at least 1, not {value!r}")

    def settled(self) -> MemoryConfig:
        """Return a copy in which stands what the environment and the defaults say now, for comparing two of them."""
        if self.backend == "local":
            return replace(self, db_path=str(self.path), encryption_key=self.key)
        found: dict[str, Any] = {
            name: getattr(self, name) or os.environ.get(f"HEADROOM_{name.upper()}") or default
            for name, default in _SERVERS.items()
        }
        return replace(self, db_path=None, **found)

    @property
    def path(self) -> Path:
        """The SQLite file as an absolute path. Raise InvalidInput if it begins with `~` and there is no such home."""
        if self.db_path is not None:
            return _expanded(self.db_path, "db_path")
        home = os.environ.get("HEADROOM_HOME") or os.path.join("~", ".headroom")
        return _expanded(home, "HEADROOM_HOME") / "memory.db"

    @property
    def key(self) -> str | None:
        """The key of the SQLite file: `encryption_key`, else HEADROOM_KEY; None for a file that is not encrypted.

        Raise InvalidInput if HEADROOM_KEY cannot be a key.
        """
        given = self.encryption_key or os.environ.get("HEADROOM_KEY")
        return check_key(given) if given else None


BACKENDS = ("local", "qdrant-neo4j")
_SERVERS: dict[str, str | None] = {
    "qdrant_url": "http://127.0.0.1:6333",
    "qdrant_api_key": None,
    "qdrant_collection": "headroom",
    "neo4j_uri": "bolt://127.0.0.1:7687",
    "neo4j_user": "neo4j",
    "neo4j_password": None,
    "neo4j_database": None,
}
_RAW_KEY = re.compile(r"raw:[0-9a-fA-F]{64}")
_COLLECTION = re.compile(r"[A-Za-z0-9_.-]{1,200}")
_URI = re.compile(r"(?:(bolt|neo4j)(\+s|\+ssc)?://[^\s/]+/?|none)")
_OPTIONAL = tuple(f.name for f in fields(MemoryConfig) if f.type == "int | None")
_COUNTS = (*_OPTIONAL, *(f.name for f in fields(MemoryConfig) if f.type == "int"))


def check_key(key: object) -> str:
    """Raise InvalidInput unless `key` is a passphrase, or `raw:` and 64 hex digits; never say what it is."""
    if not isinstance(key, str) or not key.strip() or "\x00" in key or not _is_unicode(key):
        raise InvalidInput("encryption_key must be a passphrase, or raw: and 64 hex digits (32 bytes)")
    if key.lower().startswith("raw:") and not _RAW_KEY.fullmatch(key):
        raise InvalidInput("encryption_key begins with raw: and must go on with exactly 64 hex digits (32 bytes)")
    return key


def _is_unicode(text: str) -> bool:
    """Return whether a text holds no half of a surrogate pair, which cannot be encoded."""
    return text == text.encode("utf-8", "ignore").decode("utf-8")


def _expanded(path: str | os.PathLike[str], name: str) -> Path:
    """Make a path absolute, `~` included, which Python leaves as it is if it knows of no home folder."""
    given = os.fspath(path)
    expanded = os.path.expanduser(given)
    if given.startswith("~") and (expanded.startswith("~") or not os.environ.get("HOME", "none set")):
        raise InvalidInput(f"no home folder is known for {given!r}; set {name} to the path of a folder that is there")
    return Path(os.path.abspath(expanded))


def _check_path(value: object) -> None:
    if value is None:
        return
    if not isinstance(value, (str, os.PathLike)) or not str(value) or "\x00" in str(value):
        raise InvalidInput(f"db_path must be the path of a file, not {value!r}")
    if str(value).startswith((":memory:", "file:")):
        raise InvalidInput(f"db_path must be the path of a file, not {value!r}; for a passing memory use a tempfile")


def _check_servers(config: MemoryConfig) -> None:
    for name in _SERVERS:
        value = getattr(config, name)
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise InvalidInput(f"{name} must be text that is not empty")
    if config.qdrant_url is not None and not config.qdrant_url.startswith(("http://", "https://")):
        raise InvalidInput("qdrant_url must begin with http:// or https://")
    if config.neo4j_uri is not None and not _URI.fullmatch(config.neo4j_uri):
        raise InvalidInput('neo4j_uri must begin with bolt:// or neo4j:// (+s for TLS), or be "none"')
    if config.qdrant_collection is not None and not _COLLECTION.fullmatch(config.qdrant_collection):
        raise InvalidInput("qdrant_collection must be 1 to 200 letters, digits, dots, dashes and underscores")
    if config.qdrant_quantization not in (None, "int8"):
        raise InvalidInput('qdrant_quantization must be None or "int8"')


def _set_names(config: MemoryConfig, name: str) -> None:
    value = getattr(config, name)
    names = () if isinstance(value, str) or not isinstance(value, Sequence) else tuple(value)
    if not names or not all(isinstance(each, str) and each for each in names):
        raise InvalidInput(f"{name} must be a list of at least one name, not {value!r}")
    object.__setattr__(config, name, names)


def _set_enum(config: MemoryConfig, name: str, kind: type[Enum]) -> None:
    value = getattr(config, name)
    try:
        object.__setattr__(config, name, kind(value))
    except ValueError:
        known = ", ".join(member.value for member in kind)
        raise InvalidInput(f"unknown {name} {value!r}; choose one of: {known}") from None
