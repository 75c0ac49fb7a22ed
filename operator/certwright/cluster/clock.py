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
    opinion that costs nothing.
    """

    def __init__(self, *, skew_limit_seconds: float, offset: timedelta = timedelta(0)) -> None:
        self._limit = timedelta(seconds=skew_limit_seconds)
        self._offset = offset
        self._skew: timedelta | None = None
        self._uncertainty = timedelta(0)
        self._measured_at = float("-inf")
        self._doubted = False

    def system(self) -> datetime:
        """Give system time, aware UTC."""
        return datetime.now(UTC)

    def judgement(self) -> datetime:
        """Give system time plus the offset of tests, aware UTC, whole seconds."""
        return (self.system() + self._offset).replace(microsecond=0)

    def doubted(self) -> bool:
        """Say whether system time and the API server's `Date` are more than the allowed skew apart."""
        return self._doubted

    @property
    def skew_seconds(self) -> float | None:
        """Give how far the API server is ahead of system time, as last measured; `None` before its first answer."""
        return None if self._skew is None else self._skew.total_seconds()

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
        self._skew = (server + DATE_RESOLUTION / 2) - (self.system() - half_trip)
        self._uncertainty = half_trip + DATE_RESOLUTION / 2
        self._doubted = abs(self._skew) - self._uncertainty > self._limit
