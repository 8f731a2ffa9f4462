"""The files beside the database that keep the HNSW graphs of its users, so that none is built twice.

A file holds who is linked to whom, by the numbers of memories: no vector and no text. It is a copy that may be
missing, old, broken or of another database. Which of its links still hold is seen from a mark of each vector.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...errors import StoreUnwritable
from ..config import MemoryConfig
from ..protocols import Vectors
from .hnsw_links import Links
from .nearest import Ints

_logger = logging.getLogger("headroom")

_BEGIN = b"headroom hnsw 1\n"
_DIGEST = 16
_HOUR = 3600

Marks = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a graph must have been made with to be of use."""

    embedder: str
    width: int
    m: int
    ef_construction: int

    @classmethod
    def of(cls, embedder: str, width: int, config: MemoryConfig) -> Kind:
        """Give the kind that `config` asks for."""
        return cls(embedder=embedder, width=width, m=config.hnsw_m, ef_construction=config.hnsw_ef_construction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A graph as a file holds it."""

    links: Links
    seqs: Ints
    """The memory of each element, shape (n,)."""
    marks: Marks
    """What `marks_of` said of its vector, shape (n,)."""
    lost: int
    """Elements that were taken out since all was linked anew: each leaves a gap in the graph."""


class GraphFiles:
    """The folder `<database>-hnsw`, with one file a user."""

    def __init__(self, database: Path) -> None:
        """Touches nothing: the folder is made with the first file."""
        self._folder = Path(f"{database}-hnsw")

    @property
    def nbytes(self) -> int:
        """Bytes on disk."""
        with suppress(OSError):
            return sum(entry.stat().st_size for entry in os.scandir(self._folder))
        return 0

    def load(self, user: int, kind: Kind) -> Saved | None:
        """Read the graph of `user`; None where there is none that is whole and of this kind."""
        path = self._path(user)
        try:
            return _unpacked(path.read_bytes(), kind)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as exc:
            _logger.info("%s is not used, and made anew: %s", path.name, exc)
            return None

    def has(self, user: int) -> bool:
        """Tell whether there is a file of `user`, whatever it holds."""
        return self._path(user).exists()

    def write(self, user: int, kind: Kind, saved: Saved) -> Path | None:
        """Write a graph of `user` to a new file, for `take`; None where that fails."""
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._sweep(user)
            handle, name = tempfile.mkstemp(dir=self._folder, prefix=f"{user}.", suffix=".new")  # of mode 0600
            with open(handle, "wb") as file:
                file.write(_packed(kind, saved))
                file.flush()
                os.fsync(file.fileno())
            return Path(name)
        except OSError as exc:
            _logger.info("no graph is kept in %s: %s", self._folder.name, exc.strerror)
            return None

    def take(self, user: int, new: Path) -> None:
        """Let a file that `write` gave be the graph of `user`, in place of the one before."""
        try:
            os.replace(new, self._path(user))
        except OSError as exc:
            _logger.info("no graph is kept in %s: %s", self._folder.name, exc.strerror)

    def forget(self, user: int, seqs: Iterable[int]) -> None:
        """Remove the file of `user` where it knows one of these memories. Raises StoreUnwritable where it must stay."""
        path = self._path(user)
        try:
            with suppress(FileNotFoundError):
                if not _knows(path, seqs):
                    return
            for beside in self._folder.glob(f"{user}.*"):
                beside.unlink(missing_ok=True)
        except OSError as exc:
            raise StoreUnwritable(path=path, reason=exc.strerror or str(exc)) from exc

    def clear(self) -> None:
        """Remove the files of all users."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, user: int) -> Path:
        return self._folder / f"{user}.links"

    def _sweep(self, user: int) -> None:
        """Remove what a process left that was killed while it wrote."""
        for left in self._folder.glob(f"{user}.*.new"):
            with suppress(FileNotFoundError):
                if left.stat().st_mtime < time.time() - _HOUR:
                    left.unlink()


def marks_of(rows: Vectors) -> Marks:
    """Give each vector a number from 1 to 255 by the signs in it, and 0 to a row of zeros; shape (len(rows),).

    Another vector has the same one by a chance of 1 in 255. It tells a changed row from one that was not, and too
    little to find a vector by.
    """
    signs = np.packbits(rows > 0, axis=1).astype(np.uint32)
    weights = np.arange(1, 2 * signs.shape[1], 2, dtype=np.uint32) * np.uint32(2_654_435_761)
    mixed = ((signs * weights).sum(axis=1, dtype=np.uint32) >> np.uint32(8)) % np.uint32(255) + np.uint32(1)
    return np.where(rows.any(axis=1), mixed, 0).astype(np.uint8)


def _packed(kind: Kind, saved: Saved) -> bytes:
    links = saved.links
    counts = {"rows": len(links), "lists": len(links.upper), "entry": links.entry, "lost": saved.lost}
    head = json.dumps({**asdict(kind), **counts}).encode() + b"\n"
    arrays = (
        saved.seqs.astype("<i8"),
        saved.marks,
        links.levels.astype("<i4"),
        links.base.astype("<u4"),
        links.upper.astype("<u4"),
    )
    whole = b"".join([_BEGIN, head, *(array.tobytes() for array in arrays)])
    return whole + blake2b(whole, digest_size=_DIGEST).digest()


def _unpacked(data: bytes, kind: Kind) -> Saved:
    """Raises ValueError, KeyError or TypeError where the bytes are not what `_packed` gives for this kind."""
    whole = memoryview(data)[:-_DIGEST]
    if not data.startswith(_BEGIN) or blake2b(whole, digest_size=_DIGEST).digest() != data[-_DIGEST:]:
        raise ValueError("it is not whole")
    body = data.index(b"\n", len(_BEGIN)) + 1
    head = json.loads(data[len(_BEGIN) : body])
    if any(head[name] != value for name, value in asdict(kind).items()):
        raise ValueError("it was made with other settings or another embedder")
    rows, lists, taken = head["rows"], head["lists"], body

    def array(dtype: str, *shape: int) -> npt.NDArray[np.generic]:
        nonlocal taken
        values = np.frombuffer(whole, dtype, int(np.prod(shape)), taken).reshape(shape)
        taken += values.nbytes
        return values

    seqs, marks, levels = array("<i8", rows), array("u1", rows), array("<i4", rows)
    base, upper = array("<u4", rows, 2 * kind.m + 1), array("<u4", lists, kind.m + 1)
    links = Links(
        levels=levels.astype(np.int32), base=base.astype(np.uint32), upper=upper.astype(np.uint32), entry=head["entry"]
    )
    if not links.sound():
        raise ValueError("its links lead nowhere")
    return Saved(links=links, seqs=seqs.astype(np.int64), marks=marks.astype(np.uint8), lost=head["lost"])


def _knows(path: Path, seqs: Iterable[int]) -> bool:
    """Tell whether the file holds links of one of these memories, or cannot be read."""
    with path.open("rb") as file:
        if file.readline() != _BEGIN:
            return True
        try:
            known = np.frombuffer(file.read(8 * json.loads(file.readline())["rows"]), "<i8")
        except (ValueError, KeyError, TypeError):
            return True
    return bool(np.isin(np.fromiter(seqs, np.int64), known).any())
