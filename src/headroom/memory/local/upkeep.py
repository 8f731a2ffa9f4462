"""What is done to a memory file as a whole: a backup of it, putting one back, and changing its key."""

from __future__ import annotations

import os
from contextlib import closing
from os import PathLike
from pathlib import Path

from ...errors import InvalidInput
from ..config import MemoryConfig, check_key
from .file import copies, schema
from .file.database import Database
from .file.opening import require_file


def backup(config: MemoryConfig, target: str | PathLike[str], *, overwrite: bool = False) -> None:
    """Copy the file that `config` names to `target` while programs use it; see `Memory.backup`."""
    path, copy = _file(config), _path(target)
    if copy.exists() and copy.samefile(path):
        raise InvalidInput("a backup needs another name than the file itself")
    prepare = schema.check if config.read_only else schema.prepare
    with closing(Database(path, prepare, key=config.key, read_only=config.read_only)) as database:
        copies.backup(database, copy, config.key, overwrite=overwrite)


def restore_backup(config: MemoryConfig, source: str | PathLike[str], *, overwrite: bool = False) -> None:
    """Put a copy of the backup `source` where `config` names its file; see `Memory.restore_backup`."""
    _require_local(config)
    backed_up = _path(source)
    if not backed_up.is_file():
        raise InvalidInput(f"there is no such backup: {backed_up}")
    copies.restore(backed_up, config.path, config.key, overwrite=overwrite)


def rekey(config: MemoryConfig, encryption_key: str | None) -> None:
    """Encrypt the file that `config` names, change its key, or decrypt it; see `Memory.rekey`."""
    new = None if encryption_key is None else check_key(encryption_key)
    path = _file(config)
    copies.rekey(path, config.key, new)


def _file(config: MemoryConfig) -> Path:
    _require_local(config)
    require_file(config.path)
    return config.path


def _require_local(config: MemoryConfig) -> None:
    if config.backend != "local":
        raise InvalidInput(f"the backend {config.backend} keeps no file here; export its memories instead")


def _path(given: str | PathLike[str]) -> Path:
    return Path(os.path.abspath(os.path.expanduser(given)))
