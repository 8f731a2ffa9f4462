"""mem0: what `get_all()` returns, saved as JSON.

Made for mem0ai 0.1 to 1.0 (the list of output format v1.0; the object of v1.1 and of the open-source `Memory`, with
`results` and `relations`) and for the paged answers of the platform's API v1 and v2. Structured exports of the platform
have a schema of their own: one is read if its memories have a field `memory`, `content` or `text`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...records import Draft, Relationship
from .brought import Brought, moment, pieces
from .json_files import items

_ENDS_A_DAY = "T23:59:59+00:00"


def read(path: Path) -> Iterator[Brought]:
    """Yield the memories of an export, with the user, agent and run that mem0 names; relations become memories too."""
    for item in items(path, "*.json*", "results", "memories", "relations"):
        if isinstance(item, Mapping):
            yield from _relation(item) if "relationship" in item or "relation" in item else _memory(item)


def _memory(item: Mapping[str, Any]) -> Iterator[Brought]:
    metadata = dict(item.get("metadata") or {})
    metadata |= {name: item[name] for name in ("categories", "role") if item.get(name)}
    expires = item.get("expiration_date")
    for text in pieces(next((item[name] for name in ("memory", "content", "text", "data") if item.get(name)), None)):
        yield Brought(
            draft=Draft(
                text,
                metadata=metadata,
                created_at=moment(item.get("created_at")),
                expires_at=moment(f"{expires}{_ENDS_A_DAY}" if expires and len(str(expires)) == 10 else expires),
            ),
            user_id=item.get("user_id") or item.get("owner"),
            session_id=item.get("run_id") or item.get("session_id"),
            agent_id=item.get("agent_id"),
        )


def _relation(item: Mapping[str, Any]) -> Iterator[Brought]:
    """An edge of mem0's graph, such as {"source": "alice", "relationship": "works_at", "target": "acme"}."""
    names = (item.get("source"), item.get("relationship") or item.get("relation"))
    edge = [name for name in (*names, item.get("target") or item.get("destination")) if isinstance(name, str)]
    if len(edge) == 3:
        said = Relationship(*(part.replace("_", " ").strip() for part in edge))
        yield Brought(
            draft=Draft(" ".join(said), entities=(said.source, said.target), relationships=(said,)),
            user_id=item.get("user_id"),
        )
