"""Short ways to ask an engine, for tests: the public faces build the same questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headroom.memory.engine import Engine
from headroom.memory.query import Listing, Query, State
from headroom.memory.records import Reader, Record, SearchResult
from headroom.memory.rules.filters import parse


def find(
    engine: Engine,
    reader: Reader,
    text: Any,
    *,
    where: Mapping[str, object] | None = None,
    saved_by: str | None = None,
    origin: str | None = None,
    **options: Any,
) -> list[SearchResult]:
    """Search as `reader`."""
    narrowed = parse(where, saved_by=saved_by, origin=origin)
    return engine.search(Query(reader=reader, text=text, where=narrowed, **options))


def listed(
    engine: Engine,
    reader: Reader,
    *,
    state: State = State.PRESENT,
    where: Mapping[str, object] | None = None,
    limit: int | None = None,
    after: str | None = None,
) -> list[Record]:
    """List what `reader` sees."""
    return engine.get_all(Listing(reader=reader, state=state, where=parse(where), limit=limit, after=after))
