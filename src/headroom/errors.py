"""The errors of Headroom Memory, one tree under one base:

    HeadroomError
    ├── InvalidInput (also ValueError)        an argument that cannot be used; nothing was written
    ├── NotFound (also LookupError)           no such memory, of this user, that this reader sees
    ├── MissingExtra (also ImportError)       an optional dependency that is not installed
    ├── Closed                                a Memory that was used after close()
    ├── LimitReached                          one session of an agent stored or forgot too much
    ├── SettingsUnreadable                    a settings file of another program that cannot be changed safely
    ├── UnreadableImport                      a file to import that is missing, damaged, or of another format
    ├── StoreError                            the memory file
    │   ├── StoreUnwritable                   its folder is missing or refuses writing
    │   │   └── StoreMissing                  there is no file yet, and it was not to be made
    │   ├── OpenedReadOnly                    it was opened with read_only=True
    │   ├── NotADatabase                      it is not a memory file, or it is damaged
    │   ├── WrongKey                          it is encrypted with another key, or a key is missing or too much
    │   ├── EncryptionUnavailable             a key was given, and the SQLite that is installed cannot encrypt
    │   ├── NewerSchema                       a newer version of this library wrote it
    │   ├── EmbedderMismatch                  it holds vectors of another embedder
    │   ├── StoreUnavailable                  it is locked, full or gone at the moment: trying again may help
    │   │   └── ServerUnavailable             Qdrant or Neo4j does not answer
    │   └── ServerRefused                     Qdrant or Neo4j does not accept the credentials, or the request
    └── EmbedderError                         the embedder failed
        ├── ModelUnavailable                  its model is not on this machine, or damaged
        └── EmbedderUnavailable               its server does not answer at the moment: memories wait for their vectors

Every message says what to do next. None contains a user's text or a key.
"""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "Closed",
    "EmbedderError",
    "EmbedderMismatch",
    "EmbedderUnavailable",
    "EncryptionUnavailable",
    "HeadroomError",
    "InvalidInput",
    "LimitReached",
    "MissingExtra",
    "ModelUnavailable",
    "NewerSchema",
    "NotADatabase",
    "NotFound",
    "OpenedReadOnly",
    "ServerRefused",
    "ServerUnavailable",
    "SettingsUnreadable",
    "StoreError",
    "StoreMissing",
    "StoreUnavailable",
    "StoreUnwritable",
    "UnreadableImport",
    "WrongKey",
]


class HeadroomError(Exception):
    """Base of every error this library raises on purpose."""


class InvalidInput(HeadroomError, ValueError):
    """An argument that cannot be used; nothing was written."""


class NotFound(HeadroomError, LookupError):
    """There is no memory of this id that this user and reader could use so."""

    def __init__(self, *, memory_id: str, wanted: str = "present") -> None:
        super().__init__(
            f"there is no {wanted} memory with the id {str(memory_id)[:64]!r} for this user; "
            "list the memories, or those that are held, to see which ids there are"
        )
        self.memory_id = memory_id


class MissingExtra(HeadroomError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, *, module: str, extra: str) -> None:
        super().__init__(f'{module} is not installed; run: pip install "headroom-memory[{extra}]"')
        self.module, self.extra = module, extra


class Closed(HeadroomError):
    """The Memory was closed before this call."""

    def __init__(self) -> None:
        super().__init__("this Memory is closed; make a new one to go on")


class LimitReached(HeadroomError):
    """One session of an agent stored or forgot as much as it may."""

    def __init__(self, *, what: str) -> None:
        super().__init__(
            f"this session has reached its limit of {what}; begin a new session, or let the user do it: headroom --help"
        )


class SettingsUnreadable(HeadroomError):
    """A settings file of another program cannot be changed safely; nothing was changed."""

    def __init__(self, *, path: Path, reason: str, snippet: str) -> None:
        by_hand = f"; or add this to it by hand:\n{snippet}" if snippet else ""
        super().__init__(f"cannot change {path}: {reason}; mend the file and try again{by_hand}")
        self.path = path


class UnreadableImport(HeadroomError):
    """A file to import is missing, damaged, or of another format. Nothing of it is to be seen in the memory."""

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be imported: {reason}; check the file, and what it is said to come from")
        self.path = path


class StoreError(HeadroomError):
    """The memory file cannot be used as it is."""


class StoreUnwritable(StoreError):
    """The file or its folder is missing or refuses writing."""

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(
            f"cannot write the memory file {path}: {reason}; "
            "create the folder, change its rights, or pass another db_path"
        )
        self.path = path


class StoreMissing(StoreUnwritable):
    """There is no memory file yet, and what was asked for does not make one."""

    def __init__(self, *, path: Path) -> None:
        StoreError.__init__(
            self, f"there is no memory file {path} yet: the first save makes it; if you have one, pass its path"
        )
        self.path = path


class OpenedReadOnly(StoreError):
    """The memory was opened to be read alone."""

    def __init__(self) -> None:
        super().__init__("this memory was opened with read_only=True; open it without that to change it")


class NotADatabase(StoreError):
    """The file is not a SQLite database, or it is damaged."""

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} cannot be read as a memory file: {reason}; restore it from a backup or pass another db_path"
        )
        self.path = path


class WrongKey(StoreError):
    """The file is encrypted with another key, or a key is missing, or one was given for a file that has none."""

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be opened: {reason}")
        self.path = path


class EncryptionUnavailable(StoreError):
    """A key was given, but the installed SQLite cannot encrypt: plain apsw took the place of apsw-sqlite3mc."""

    def __init__(self) -> None:
        super().__init__(
            "an encryption key was given, but the installed apsw cannot encrypt; "
            "run: pip uninstall apsw && pip install --force-reinstall apsw-sqlite3mc"
        )


class NewerSchema(StoreError):
    """A newer version of this library wrote the file."""

    def __init__(self, *, path: Path, step: str) -> None:
        super().__init__(
            f"{path} was written by a newer version (schema step {step!r}); run: pip install --upgrade headroom-memory"
        )
        self.path, self.step = path, step


class EmbedderMismatch(StoreError):
    """The file holds vectors of another embedder than the one configured."""

    def __init__(self, *, stored: str, configured: str) -> None:
        super().__init__(
            f"this file holds vectors of {stored}, not of {configured}, and the two cannot be compared; "
            "configure the embedder that wrote it, or move the file to the new one: headroom reembed --help"
        )
        self.stored, self.configured = stored, configured


class StoreUnavailable(StoreError):
    """The file is locked, full or gone at the moment; trying again may help."""

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(f"the memory file {path} is not available at the moment: {reason}; try again")
        self.path = path


class ServerUnavailable(StoreUnavailable):
    """Qdrant or Neo4j does not answer, or answers that it cannot just now."""

    def __init__(self, *, engine: str, url: str, reason: str) -> None:
        HeadroomError.__init__(
            self, f"{engine} at {url} is not available: {reason}; start it, or correct its address, and try again"
        )
        self.engine, self.url = engine, url


class ServerRefused(StoreError):
    """Qdrant or Neo4j does not accept the credentials, or what was asked of it."""

    def __init__(self, *, engine: str, url: str, reason: str) -> None:
        super().__init__(f"{engine} at {url} refuses: {reason}; check its address, key, user and password")
        self.engine, self.url = engine, url


class EmbedderError(HeadroomError):
    """The embedder could not embed a text."""


class ModelUnavailable(EmbedderError):
    """The embedder's model is not on this machine, or its file is damaged."""


class EmbedderUnavailable(EmbedderError):
    """The embedder's server does not answer at the moment; what is saved meanwhile gets its vector later."""
