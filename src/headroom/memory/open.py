"""From a MemoryConfig to a wired engine: the only place that picks classes. Equal settings share one engine."""

from __future__ import annotations

import atexit
import importlib
import os
import threading
from collections import OrderedDict, deque
from collections.abc import Hashable
from contextlib import suppress
from functools import partial
from inspect import getattr_static
from pathlib import Path
from typing import Any, cast

from ..errors import InvalidInput, StoreUnwritable
from ..runtime import ending
from ..runtime.extras import need
from .cohort import Cohorts
from .config import MemoryConfig
from .embedders.cached import CachedEmbedder
from .embedders.models import BUNDLED
from .embedders.remote import RemoteEmbedder
from .embedders.table import make_embedder
from .engine import Engine
from .local import checkup, upkeep
from .local.file import schema
from .local.file.database import Database
from .local.file.opening import require_file
from .local.tables.reembed import Progress, reembed_file
from .protocols import Backend, Embedder
from .read_only import read_only
from .records import Finding, Reconciled

# The class of each backend, and the modules of an extra that it needs.
_BACKENDS = {
    "local": ("local.backend:LocalBackend", ()),
    "qdrant-neo4j": ("remote.backend:RemoteBackend", ("qdrant_client", "neo4j")),
}

_Key = Hashable

_IDLE = 4
"""Engines that stay open with no holder: a client made for each request must not open the file each time."""

_lock = threading.RLock()
_engines: dict[_Key, Engine] = {}
_made: dict[Engine, tuple[_Key, MemoryConfig, Embedder | None]] = {}
"""What each open engine was made of."""
_let_go: deque[Engine] = deque()
"""Engines whose holders were collected. A finalizer may run while any lock is held, so it takes none."""
_holders: dict[Engine, int] = {}
_idle: OrderedDict[Engine, None] = OrderedDict()


def acquire(config: MemoryConfig, embedder: Embedder | None = None) -> Engine:
    """Open the memory that `config` describes, or share the one that is open. Give it back with `release`.

    One whose file was deleted or exchanged since is not shared any more: its holders keep it, and its errors.
    Raise a StoreError if the file cannot be used, and InvalidInput if the settings contradict each other.
    Loads no model.
    """
    key = name_of(config, embedder)
    _take_back()
    with _lock:
        engine = _engines.get(key)
        if engine is not None and not engine.usable():
            _retire(key, engine)
            engine = None
        if engine is None:
            engine = _engines[key] = _wire(config, embedder)
            _holders[engine] = 0
            _made[engine] = key, config, embedder
        _holders[engine] += 1
        _idle.pop(engine, None)
        return engine


def name_of(memory: MemoryConfig | Engine, embedder: Embedder | None = None) -> Hashable:
    """Return what is equal for all settings, and all engines made of them, that share one memory."""
    if isinstance(memory, Engine):
        return _made[memory][0] if memory in _made else memory
    return (memory.settled(), None if embedder is None else id(embedder))


def is_open(config: MemoryConfig) -> bool:
    """Return whether the memory that `config` describes is open in this process."""
    return name_of(config) in _engines


def successor(engine: Engine) -> Engine:
    """Return the engine of the file that took the place of this one's: hold it as if it were from `acquire`.

    Return `engine` itself, not held once more, if its file is in its place, and if there is none: a file that is gone
    is not made anew, as it may come back; the engine's own errors say so.
    """
    with _lock:
        if engine.usable() or engine not in _made or not _made[engine][1].path.exists():
            return engine
        _, config, embedder = _made[engine]
        return acquire(config, embedder)


def let_go(engine: Engine) -> None:
    """Return an engine from a finalizer. It lingers, and counts as given back when the next one is opened."""
    _let_go.append(engine)


def _take_back() -> None:
    with suppress(IndexError):
        while True:
            release(_let_go.popleft(), linger=True)


def release(engine: Engine, *, linger: bool = False) -> None:
    """Return an engine. Its last holder closes it, or leaves it open for the next with `linger`."""
    with _lock:
        if engine not in _holders:
            return
        _holders[engine] -= 1
        if _holders[engine] > 0:
            return
        if not linger:
            _close(engine)
            return
        _idle[engine] = None
        if len(_idle) > _IDLE:
            _close(next(iter(_idle)))


def backup(config: MemoryConfig, target: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Copy the file that `config` names to `target` while programs use it; see `Memory.backup`."""
    upkeep.backup(config, target, overwrite=overwrite)


def restore_backup(config: MemoryConfig, source: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Put a copy of the backup `source` where `config` names its file; see `Memory.restore_backup`."""
    if config.db_path is None:
        make_home(config)
    _close_idle(config.path)
    upkeep.restore_backup(config, source, overwrite=overwrite)


def rekey(config: MemoryConfig, encryption_key: str | None) -> None:
    """Encrypt the file that `config` names, change its key, or decrypt it; see `Memory.rekey`."""
    _close_idle(config.path)
    upkeep.rekey(config, encryption_key)


def _close_idle(path: Path) -> None:
    """Close the engines of a file that nobody holds any more and that stay open for the next who does."""
    with _lock:
        _take_back()
        for engine in [each for each in _idle if _made[each][1].path == path]:
            _close(engine)


def reembed(config: MemoryConfig, embedder: Embedder | None = None, progress: Progress | None = None) -> int:
    """Move the file that `config` names to the embedder that it asks for; return how many memories were embedded.

    Raise StoreMissing if there is no such file, which is not made anew, and InvalidInput for a backend that keeps no
    file.
    """
    if config.backend != "local":
        raise InvalidInput("a collection keeps its embedder: export it, and import it into one of the new embedder")
    require_file(config.path)
    chosen = make_embedder(config) if embedder is None else _checked(embedder, config)
    database = Database(config.path, schema.prepare, key=config.key)
    try:
        return reembed_file(database, chosen, progress)
    finally:
        database.close()


def check_up(config: MemoryConfig, embedder: Embedder | None = None, *, mend: bool = True) -> list[Finding]:
    """Check the file that `config` names; with `mend`, rebuild what is only a copy of something else.

    Raise StoreMissing if there is no such file, and InvalidInput for a backend that keeps no file.
    """
    if config.backend != "local":
        raise InvalidInput(f"the backend {config.backend} keeps no file here to be checked; run: headroom reconcile")
    require_file(config.path)
    chosen = make_embedder(config) if embedder is None else _checked(embedder, config)
    open_file = partial(Database, config.path, schema.prepare, key=config.key)
    return list(checkup.check_up(open_file, config.path, chosen, mend=mend))


def reconcile(config: MemoryConfig, embedder: Embedder | None = None, *, mend: bool = True) -> Reconciled:
    """Compare the graph in Neo4j with the memories in Qdrant, and with `mend` put right what differs.

    Raise InvalidInput for a backend that has nothing to compare, and a StoreError that names the server if one is away.
    """
    if config.backend == "local":
        raise InvalidInput("a memory file has nothing to be reconciled with; headroom doctor checks it")
    backend = _backend(config, make_embedder(config) if embedder is None else _checked(embedder, config))
    try:
        found: Reconciled = cast(Any, backend).reconcile(mend=mend and not config.read_only)
        return found
    finally:
        backend.close()


def _wire(config: MemoryConfig, embedder: Embedder | None) -> Engine:
    if config.backend == "local" and config.db_path is None and not config.read_only:
        make_home(config)
    chosen = make_embedder(config) if embedder is None else _checked(embedder, config)
    backend = _backend(config, chosen)
    # An embedder of the user's own most often asks a server too.
    waits = embedder is not None or isinstance(chosen, RemoteEmbedder)
    cached = CachedEmbedder(chosen, config.cache_max_size if config.cache_enabled else 0, waits=waits)
    cohorts = Cohorts(chosen, backend, bundled=chosen.id == BUNDLED.id)
    return Engine(backend, cached, cohorts=cohorts, redact_secrets=config.redact_secrets)


def _backend(config: MemoryConfig, embedder: Embedder) -> Backend:
    place, modules = _BACKENDS[config.backend]
    for module in modules:
        need(module, config.backend)
    module, name = place.split(":")
    backend: Backend = getattr(importlib.import_module(f".{module}", __package__), name)(config, embedder)
    return read_only(backend) if config.read_only else backend


def make_home(config: MemoryConfig) -> None:
    """Make the default folder; a folder that was named must be there, so that a typing error is noticed."""
    try:
        config.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise StoreUnwritable(path=config.path, reason=exc.strerror or str(exc)) from exc


def _checked(embedder: Embedder, config: MemoryConfig) -> Embedder:
    # Not isinstance(): it would read `width`, which may ask a server.
    methods = all(callable(getattr(embedder, name, None)) for name in ("embed", "embed_query", "close"))
    named = isinstance(getattr(embedder, "id", None), str)
    if not (methods and named) or getattr_static(embedder, "width", None) is None:
        raise InvalidInput("embedder must have id, width, embed(), embed_query() and close(); see headroom.testing")
    if config.vector_dimension is not None and config.vector_dimension != embedder.width:
        raise InvalidInput(f"vector_dimension is {config.vector_dimension}, but {embedder.id} gives {embedder.width}")
    return embedder


def _retire(key: _Key, engine: Engine) -> None:
    """Share an engine no more; if nobody holds it, close it."""
    del _engines[key]
    if not _holders[engine]:
        _close(engine)


def _close(engine: Engine) -> None:
    _idle.pop(engine, None)
    _holders.pop(engine, None)
    _made.pop(engine, None)
    for key in [key for key, value in _engines.items() if value is engine]:
        del _engines[key]
    engine.close()


@atexit.register
def _close_all() -> None:
    ending.begin()
    for engine in list(_holders):
        _close(engine)


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
