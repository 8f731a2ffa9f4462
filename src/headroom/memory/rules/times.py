"""Aware UTC datetimes outside, whole microseconds since 1970 in the file."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ...errors import InvalidInput

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
DAY = 86_400_000_000
"""Microseconds of a day."""
FIRST = (datetime.min.replace(tzinfo=timezone.utc) - _EPOCH) // _MICROSECOND
LAST = (datetime.max.replace(tzinfo=timezone.utc) - _EPOCH) // _MICROSECOND
"""The ends of the calendar, in microseconds: no memory is of an earlier or a later time."""


def now() -> int:
    """Return the time in microseconds since 1970."""
    return micros(datetime.now(timezone.utc))


def micros(moment: datetime) -> int:
    """Convert an aware datetime."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(value: int) -> datetime:
    """Convert microseconds to an aware UTC datetime."""
    return _EPOCH + timedelta(microseconds=value)


def end_of(created_at: datetime, at: datetime) -> datetime:
    """Return when a memory ends that is ended `at`: after it began, or with the calendar."""
    return max(at, created_at if micros(created_at) >= LAST else created_at + _MICROSECOND)


def zone_of(name: str | None) -> tzinfo | None:
    """Look up a time zone by its IANA name; None is the system's. Raise InvalidInput if there is none of this name."""
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise InvalidInput(f"timezone must be a name such as 'Europe/Berlin' or 'UTC', not {name!r}") from None


def local(at: datetime, zone: tzinfo | None) -> datetime:
    """Return a time as the clocks show it in `zone`, or on this system; in UTC at the ends of the calendar."""
    try:
        return at.astimezone(zone)
    except (OverflowError, OSError, ValueError):
        return at


def require_aware(name: str, value: datetime | None) -> int | None:
    """Convert an argument; raise InvalidInput if it is no datetime or has no time zone."""
    if value is None:
        return None
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise InvalidInput(f"{name} must be a datetime with a time zone, such as datetime.now(timezone.utc)")
    try:
        return micros(value.astimezone(timezone.utc))
    except OverflowError:
        raise InvalidInput(f"{name} must lie in the years 1 to 9999 in UTC") from None
