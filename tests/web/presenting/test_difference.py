"""What is different between two moments."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from headroom.memory.records import Record, Scope
from headroom.web.presenting.difference import difference

pytestmark = pytest.mark.quick

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def version(name: str, begun: int, ended: int | None = None, by: str | None = None) -> Record:
    """Make a version that was known from one day to another."""
    return Record(
        id=name,
        content=name,
        user_id="alice",
        scope=Scope.USER,
        session_id=None,
        agent_id=None,
        turn_id=None,
        importance=0.5,
        metadata={},
        created_at=START + timedelta(days=begun),
        valid_until=None if ended is None else START + timedelta(days=ended),
        superseded_by=by,
        expires_at=None,
        entities=(),
        relationships=(),
        sources=(),
    )


def told(versions: list[Record], earlier: int, later: int) -> tuple[list[str], list[tuple[str, str]], list[str]]:
    """Compare two days by the names of versions."""
    found = difference(versions, START + timedelta(days=earlier), START + timedelta(days=later))
    return (
        [record.id for record in found.added],
        [(old.id, new.id) for old, new in found.changed],
        [record.id for record in found.gone],
    )


def test_what_came_changed_and_went() -> None:
    """Each version is told once: as new, as taking another's place, or as gone; what stayed is not told."""
    versions = [
        version("stays", 0),
        version("new", 5),
        version("old", 0, 6, by="corrected"),
        version("corrected", 6),
        version("forgotten", 0, 7),
        version("came and went", 5, 6),
    ]
    assert told(versions, 1, 9) == (["new"], [("old", "corrected")], ["forgotten"])


def test_a_chain_of_corrections_is_one_change() -> None:
    """Between two days only the first and the last of several versions count."""
    versions = [version("a", 0, 2, by="b"), version("b", 2, 4, by="c"), version("c", 4, 6, by="d"), version("d", 6)]
    assert told(versions, 1, 5) == ([], [("a", "c")], [])
    assert told(versions, 1, 9) == ([], [("a", "d")], [])


def test_what_was_corrected_and_then_forgotten_is_gone() -> None:
    """A memory whose last version was forgotten, or is not known any more, is gone."""
    versions = [version("a", 0, 2, by="b"), version("b", 2, 4)]
    assert told(versions, 1, 9) == ([], [], ["a"])
    assert told(versions[:1], 1, 9) == ([], [], ["a"])


def test_the_newest_come_first() -> None:
    """Each part is ordered by when its versions were made, the newest first."""
    assert told([version("b", 3), version("c", 4), version("a", 2)], 1, 9)[0] == ["c", "b", "a"]
