"""A diary is found by its dates, by the days of the user's own clock, at any end of the calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from headroom.errors import InvalidInput
from headroom.memory import UserMemory
from headroom.testing import HashEmbedder

DINNERS = (
    "pizza|lentil soup|sushi|pasta with pesto|fried rice|a burger|goulash|tacos|ramen|grilled salmon|pancakes|chili|"
    "a salad|risotto|curry|dumplings|falafel|roast chicken|omelette|ratatouille"
).split("|")
MONTHS = "January February March April May June July August September October November December".split()
START = datetime(2026, 9, 25, 19, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def diary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UserMemory]:
    """Twenty days of dinners, over the bundled model."""
    with UserMemory("alice", db_path=tmp_path_factory.mktemp("diary") / "m.db", timezone="UTC") as memory:
        for number, dinner in enumerate(DINNERS):
            memory.add(f"User had {dinner} for dinner", created_at=START + timedelta(days=number))
        yield memory


@pytest.mark.parametrize(
    "question",
    [
        "What did I have on {day} {month} {year}?",
        "What did I have for dinner on {month} {day}, {year}?",
        "{iso}: what did I eat?",
        "What did I eat on {day} {month}?",
    ],
)
def test_a_diary_is_found_by_its_dates(diary: UserMemory, question: str) -> None:
    """Of twenty days that are told alike, the one that is asked about comes first, nineteen times at least."""
    first = 0
    for number in range(len(DINNERS)):
        day = START + timedelta(days=number)
        asked = question.format(day=day.day, month=MONTHS[day.month - 1], year=day.year, iso=day.date())
        first += diary.search(asked)[0].created_at.date() == day.date()
    assert first >= 19


def test_a_day_is_the_users_own(tmp_path: Path) -> None:
    """What was said late on 3 October in New York, when it was 4 October in UTC, was said on 3 October."""
    late = datetime(2026, 10, 3, 23, 30, tzinfo=ZoneInfo("America/New_York"))
    with UserMemory("alice", db_path=tmp_path / "m.db", embedder=HashEmbedder()) as memory:
        told = memory.add("ate pizza", created_at=late)
        memory.add("ate sushi", created_at=late - timedelta(days=1))
        memory.add("ate tacos", created_at=late + timedelta(days=1))
        asked = "What was eaten on 3 October 2026?"
        assert memory.search(asked, timezone="America/New_York")[0].id == told
        assert memory.search(asked.replace("3 Oct", "4 Oct"), timezone="UTC")[0].id == told
    with UserMemory("alice", db_path=tmp_path / "m.db", embedder=HashEmbedder(), timezone="America/New_York") as memory:
        assert memory.search(asked)[0].id == told


def test_the_days_of_a_change_of_the_clocks(tmp_path: Path) -> None:
    """A day of 23 or 25 hours has all its hours and no others."""
    zone = ZoneInfo("Europe/Berlin")
    with UserMemory("alice", db_path=tmp_path / "m.db", embedder=HashEmbedder(), timezone="Europe/Berlin") as memory:
        for month, day in ((3, 29), (10, 25)):
            first = datetime(2026, month, day, 0, 5, tzinfo=zone)
            last = datetime(2026, month, day, 23, 55, tzinfo=zone)
            ids = {memory.add(f"walked home at {at}", created_at=at) for at in (first, last)}
            memory.add(f"walked before {month}", created_at=first - timedelta(minutes=10))
            memory.add(f"walked after {month}", created_at=last + timedelta(minutes=10))
            found = memory.search(f"Who walked on {day} {MONTHS[month - 1]} 2026?", top_k=2)
            assert {result.id for result in found} == ids


def test_no_time_is_an_error(tmp_path: Path) -> None:
    """The years 1 and 9999, in every zone; what is named wrongly is InvalidInput."""
    with UserMemory("alice", db_path=tmp_path / "m.db", embedder=HashEmbedder()) as memory:
        ends = (
            datetime(1, 1, 1, tzinfo=timezone.utc),
            datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=timezone.utc),
            datetime(1900, 1, 1, tzinfo=timezone.utc),
        )
        for at in ends:
            memory.add(f"said at {at.year}", created_at=at)
        for question in ("what was said in May", "said today", "said on 31 December 2099", "said 999 years ago"):
            for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC", None):
                assert len(memory.search(question, timezone=zone)) == 3
        assert [record.content for record in memory.get_all()] == ["said at 9999", "said at 1900", "said at 1"]
        for wrong in ("Mars/Olympus", "", "../etc/passwd", 5, "UTC\x00"):
            with pytest.raises(InvalidInput, match="timezone"):
                memory.search("said", timezone=wrong)  # type: ignore[arg-type]
            with pytest.raises(InvalidInput, match="timezone"):
                UserMemory("alice", db_path=tmp_path / "m.db", timezone=wrong)  # type: ignore[arg-type]


def test_a_clock_that_goes_back_breaks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is saved, changed and forgotten while the clock jumps back is ordered by its times, and history holds."""
    clock = [datetime(2026, 6, 1, tzinfo=timezone.utc)]

    def now() -> int:
        clock[0] -= timedelta(hours=1)
        return int(clock[0].timestamp() * 1_000_000)

    for module in ("engine", "rules.checks", "local.tables.write", "local.tables.history", "local.tables.amend"):
        monkeypatch.setattr(f"headroom.memory.{module}.now", now)
    with UserMemory("alice", db_path=tmp_path / "m.db", embedder=HashEmbedder()) as memory:
        first = memory.add("lives in Berlin")
        second = memory.update(first, "lives in Rome")
        versions = memory.history(second)
        assert [version.id for version in versions] == [first, second]
        assert all(version.valid_until is None or version.valid_until > version.created_at for version in versions)
        assert [result.id for result in memory.search("lives")] == [second]
        assert memory.forget(second)
        assert memory.restore(second)
        assert memory.undo(since=datetime(2020, 1, 1, tzinfo=timezone.utc)).hidden
