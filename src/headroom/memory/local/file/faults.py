"""SQLite's errors made ours, and what damage looks like above SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from ....errors import NotADatabase, StoreUnavailable, StoreUnwritable


class Damaged(Exception):
    """A row holds what no row can hold: bytes of the file were changed by something else."""


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
        if "no such table" not in str(exc):
            raise
        raise NotADatabase(path=path, reason="its tables are gone") from exc


def _reason(exc: Exception) -> str:
    return str(exc).removeprefix("SQLITE_") or type(exc).__name__
