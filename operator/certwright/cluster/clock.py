"""Time: the only place of the operator that asks the system for it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST_ROUND_TRIP_SECONDS = 5.0
"""An answer that took longer says too little about the moment its `Date` was written."""

MEASURE_EVERY_SECONDS = 5.0

DATE_RESOLUTION = timedelta(seconds=1)


class SystemClock:
    """Implement `certwright.cluster.ports.Clock`, and doubt system time when the API server's differs too much.

    A wrong clock would make good certificates expire, or keep bad ones; the API server's `Date` header is a second
    opinion that costs nothing. Between two of them the API server's time is carried on by a clock that nobody can set:
    system time that jumps is doubted at once, before anything is judged by it.
    """

    def __init__(self, *, skew_limit_seconds: float, offset: timedelta = timedelta(0)) -> None:
        self._limit = timedelta(seconds=skew_limit_seconds)
        self._offset = offset
        self._server: datetime | None = None
        self._heard_at = 0.0
        self._uncertainty = timedelta(0)
        self._measured_at = float("-inf")

    def system(self) -> datetime:
        """Give system time, aware UTC."""
        return datetime.now(UTC)

    def judgement(self) -> datetime:
        """Give system time plus the offset of tests, aware UTC, whole seconds."""
        return (self.system() + self._offset).replace(microsecond=0)

    def doubted(self) -> bool:
        """Say whether system time and the API server's are more than the allowed skew apart."""
        skew = self._skew()
        return skew is not None and abs(skew) - self._uncertainty > self._limit

    @property
    def skew_seconds(self) -> float | None:
        """Give how far the API server is ahead of system time; `None` before its first answer."""
        skew = self._skew()
        return None if skew is None else skew.total_seconds()

    def advance(self, offset: timedelta) -> None:
        """Move judgement time, for tests and demonstrations; system time stays what it is."""
        self._offset += offset

    def heard_date(self, date: str, *, round_trip_seconds: float) -> None:
        """Compare system time with the `Date` header of an answer that has just arrived.

        The header was written somewhere within the round trip, and says whole seconds: both are allowed for, so that
        a slow answer never raises doubt. Anything that is no date is ignored.
        """
        at = time.monotonic()
        if at - self._measured_at < MEASURE_EVERY_SECONDS or round_trip_seconds > LONGEST_ROUND_TRIP_SECONDS:
            return
        try:
            server = parsedate_to_datetime(date)
        except ValueError:
            return
        if server.tzinfo is None:
            server = server.replace(tzinfo=UTC)
        self._measured_at = at
        half_trip = timedelta(seconds=round_trip_seconds / 2)
        self._server = server + DATE_RESOLUTION / 2 + half_trip
        self._heard_at = steady_seconds()
        self._uncertainty = half_trip + DATE_RESOLUTION / 2

    def _skew(self) -> timedelta | None:
        if self._server is None:
            return None
        return self._server + timedelta(seconds=steady_seconds() - self._heard_at) - self.system()


def steady_seconds() -> float:
    """Give the seconds of a clock that nobody can set, and that counts while the machine sleeps, where there is one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
