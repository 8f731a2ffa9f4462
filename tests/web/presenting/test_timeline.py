"""The slider of time."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from headroom.web.presenting.timeline import Span

pytestmark = pytest.mark.quick

BERLIN = ZoneInfo("Europe/Berlin")


def span(begun: datetime, now: datetime, zone: ZoneInfo | None = BERLIN) -> Span:
    return Span(begun=begun, now=now, zone=zone)


def test_a_day_ends_at_local_midnight() -> None:
    """A step stands for all of its day, also on the days that have 23 or 25 hours."""
    walked = span(datetime(2026, 10, 24, 9, tzinfo=BERLIN), datetime(2026, 11, 5, 9, tzinfo=BERLIN))
    lengths = [(walked.stop(step).moment - walked.stop(step - 1).moment) // timedelta(hours=1) for step in (1, 2)]
    assert [walked.stop(step).name for step in (0, 1)] == ["24 October 2026", "25 October 2026"]
    assert lengths == [25, 24]


def test_the_last_step_is_today() -> None:
    """The slider ends at today, whose last moment is not before now; a step beyond it is today too."""
    now = datetime(2026, 11, 5, 23, 59, tzinfo=BERLIN)
    walked = span(datetime(2026, 1, 1, tzinfo=timezone.utc), now)
    assert walked.stop(walked.last).moment >= now
    assert walked.stop(walked.last + 99) == walked.stop(walked.last)
    assert walked.stop(-5) == walked.stop(0)


def test_the_first_step_shows_the_first_memory() -> None:
    """What was stored first is known at step 0, in days and in minutes."""
    begun = datetime(2026, 11, 1, 8, 30, 12, tzinfo=BERLIN)
    for length in (timedelta(minutes=20), timedelta(days=40)):
        assert span(begun, begun + length).stop(0).moment >= begun


def test_a_young_memory_is_walked_by_minutes() -> None:
    """In the first three days a step is a minute, and each has the time in its name."""
    begun = datetime(2026, 11, 1, 8, 30, tzinfo=BERLIN)
    walked = span(begun, begun + timedelta(minutes=20))
    assert (walked.unit, walked.last) == ("minute", 20)
    assert walked.stop(3).name.endswith("08:33")
    assert walked.start == "2026-11-01T08:30:00+00:00"


def test_the_zone_is_the_systems_if_none_is_named() -> None:
    """Without a zone the days are the system's."""
    walked = span(datetime(2026, 1, 1, tzinfo=timezone.utc), datetime(2026, 3, 1, tzinfo=timezone.utc), None)
    midnight = walked.stop(4).moment.astimezone() + timedelta(microseconds=1)
    assert (midnight.hour, midnight.minute) == (0, 0)
