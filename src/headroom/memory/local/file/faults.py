"""SQLite's errors made ours, and what damage looks like above SQLite."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import numpy as np

from ....errors import NotADatabase, StoreUnavailable, StoreUnwritable


class Damaged(Exception):
    """A row holds what no row can hold: bytes of the file were changed by something else."""


@contextmanager
def damage_noticed() -> Iterator[None]:
    """Take it for damage if stored values are of no kind that was ever stored. Use it around their conversion alone."""
    try:
        with np.errstate(over="raise"):
            yield
    except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError) as exc:
        raise Damaged from exc


def row_checksum(raw_id: bytes, content: str, scope: str, *ids: str | None) -> int:
    """Sum up what is never changed in the row of a memory: its id, text and scope, and the ids of who saved it.

    SQLite notices damage in the structure of its pages, not in the values. CRC-32 costs under a microsecond a row and
    notices each flipped bit; it does not stand against somebody who means to deceive.
    """
    return zlib.crc32("\x00".join([raw_id.hex(), content, scope, *(each or "\x01" for each in ids)]).encode())


@contextmanager
def errors_mapped(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, each with what to do next."""
    try:
        yield
    except (apsw.NotADBError, apsw.CorruptError) as exc:
        raise NotADatabase(path=path, reason=_reason(exc)) from exc
    except (Damaged, UnicodeDecodeError) as exc:
        raise NotADatabase(path=path, reason="some of its bytes were changed") from exc
    except (apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError, apsw.AuthError) as exc:
        raise StoreUnwritable(path=path, reason=_reason(exc)) from exc
    except (apsw.BusyError, apsw.LockedError) as exc:
        raise StoreUnavailable(path=path, reason="another process is writing to it") from exc
    except apsw.FullError as exc:
        raise StoreUnavailable(path=path, reason="the disk is full") from exc
    except apsw.IOError as exc:
        raise StoreUnavailable(path=path, reason=_reason(exc)) from exc
    except apsw.SQLError as exc:
        if not any(sign in str(exc) for sign in ("no such", "no column", "malformed", "tokenizer", "fts5")):
            raise
        raise NotADatabase(path=path, reason="its tables are gone or changed") from exc
    except apsw.ConstraintError as exc:
        raise NotADatabase(path=path, reason="its rows contradict each other") from exc


def _reason(exc: Exception) -> str:
    return str(exc).removeprefix("SQLITE_") or type(exc).__name__
