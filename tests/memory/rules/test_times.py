"""Aware UTC datetimes outside, whole microseconds inside."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom.errors import InvalidInput
from headroom.memory.rules.times import micros, moment, now, require_aware

pytestmark = pytest.mark.quick


@given(st.datetimes(timezones=st.just(timezone.utc)))
def test_no_microsecond_is_lost(value: datetime) -> None:
    """Every moment of the years 1 to 9999 comes back as it was."""
    assert moment(micros(value)) == value


@given(st.datetimes(timezones=st.builds(timezone, st.timedeltas(-timedelta(hours=23), timedelta(hours=23)))))
def test_what_is_accepted_can_be_read_back(value: datetime) -> None:
    """An aware time of any zone is either stored as the same moment in UTC or refused."""
    try:
        stored = require_aware("created_at", value)
    except InvalidInput:
        assert value.year in (1, 9999)
        return
    assert stored is not None
    assert moment(stored) == value
    assert moment(stored).tzinfo is timezone.utc


def test_a_zone_without_an_offset_is_no_zone() -> None:
    """A tzinfo that knows no offset leaves the time as vague as none."""

    class Vague(tzinfo):
        def utcoffset(self, _: datetime | None) -> timedelta | None:
            return None

    with pytest.raises(InvalidInput, match="time zone"):
        require_aware("as_of", datetime(2024, 1, 1, tzinfo=Vague()))


def test_none_stays_none() -> None:
    """No time given is no time stored."""
    assert require_aware("as_of", None) is None


def test_now_is_now() -> None:
    """The clock is UTC."""
    assert abs(moment(now()) - datetime.now(timezone.utc)) < timedelta(seconds=5)
