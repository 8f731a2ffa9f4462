"""What is different between two moments of a memory: a pure rule over versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from ...memory.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What came, what took another's place, and what went, each newest first."""

    added: tuple[Record, ...]
    changed: tuple[tuple[Record, Record], ...]
    """Pairs: what was known at the earlier moment, and the version that stood in its place at the later one."""
    gone: tuple[Record, ...]


def known_at(version: Record, moment: datetime) -> bool:
    """Return whether a version was the present one at `moment`."""
    ended = [end for end in (version.valid_until, version.expires_at) if end is not None]
    return version.created_at <= moment and all(moment < end for end in ended)


def difference(versions: Iterable[Record], earlier: datetime, later: datetime) -> Difference:
    """Compare what was known at two moments. `versions` holds all that were known at either, and their successors."""
    by_id = {version.id: version for version in versions}
    before = {key: version for key, version in by_id.items() if known_at(version, earlier)}
    after = {key: version for key, version in by_id.items() if known_at(version, later)}
    changed, replaced = [], set()
    gone = []
    for key, version in before.items():
        if key in after:
            continue
        successor = _standing(version, by_id, after)
        if successor is None:
            gone.append(version)
        else:
            changed.append((version, successor))
            replaced.add(successor.id)
    added = [version for key, version in after.items() if key not in before and key not in replaced]
    return Difference(
        added=tuple(sorted(added, key=_when, reverse=True)),
        changed=tuple(sorted(changed, key=lambda pair: _when(pair[1]), reverse=True)),
        gone=tuple(sorted(gone, key=_when, reverse=True)),
    )


def _standing(version: Record, by_id: Mapping[str, Record], after: Mapping[str, Record]) -> Record | None:
    """Follow what superseded a version to the one that was known later."""
    seen = set()
    while version.superseded_by is not None and version.id not in seen:
        seen.add(version.id)
        following = by_id.get(version.superseded_by)
        if following is None:
            return None
        if following.id in after:
            return following
        version = following
    return None


def _when(version: Record) -> datetime:
    return version.created_at
