"""The slider of time: from its steps to moments and names. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone, tzinfo

from ...memory.rules.times import local
from .phrasing import clock, day_name, full_day

_SHORT = timedelta(days=3)
"""A memory younger than this is walked through by minutes, an older one by days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One place of the slider: its step, the last moment that it stands for, and its name."""

    step: int
    moment: datetime
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What the slider goes over, in the reader's zone. Step 0 is the day, or the minute, of the first memory."""

    begun: datetime
    now: datetime
    zone: tzinfo | None

    @property
    def unit(self) -> str:
        """How long a step is: "day" or "minute"."""
        return "minute" if self.now - self.begun < _SHORT else "day"

    @property
    def last(self) -> int:
        """The step of the present."""
        if self.unit == "minute":
            return int((self._begin(self.now) - self._begin(self.begun)).total_seconds() // 60)
        return (self._begin(self.now).date() - self._begin(self.begun).date()).days

    @property
    def start(self) -> str:
        """The local time of step 0, as an ISO time that pretends to be UTC: what the page's script counts from."""
        return self._begin(self.begun).replace(tzinfo=timezone.utc).isoformat()

    @property
    def first_name(self) -> str:
        """The day of the first memory."""
        return full_day(local(self.begun, self.zone).date())

    def stop(self, step: int) -> Stop:
        """Find a place of the slider; a step beyond its ends is the end."""
        step = min(max(step, 0), self.last)
        today = local(self.now, self.zone).date()
        if self.unit == "minute":
            moment = local(self._aware_start() + timedelta(minutes=step + 1), self.zone)
            shown = moment - timedelta(minutes=1)
            return Stop(step=step, moment=moment, name=f"{day_name(shown.date(), today)}, {clock(shown, self.zone)}")
        day = self._begin(self.begun).date() + timedelta(days=step)
        midnight = datetime.combine(day + timedelta(days=1), time())  # the local one: days are not all 24 hours
        aware = local(midnight, None) if self.zone is None else midnight.replace(tzinfo=self.zone)
        moment = local(aware, timezone.utc) - timedelta(microseconds=1)
        return Stop(step=step, moment=moment, name=full_day(day))

    def _begin(self, moment: datetime) -> datetime:
        """Return the local time at which the day, or the minute, of `moment` begins, without its zone."""
        shown = local(moment, self.zone).replace(tzinfo=None, second=0, microsecond=0)
        return shown if self.unit == "minute" else shown.replace(hour=0, minute=0)

    def _aware_start(self) -> datetime:
        return self.begun.astimezone(timezone.utc).replace(second=0, microsecond=0)
