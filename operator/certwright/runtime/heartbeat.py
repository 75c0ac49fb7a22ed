"""How late the event loop is: what holds it up holds up everything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

BEAT_SECONDS = 1.0
LATE_SECONDS = 5.0
MEMORY_BEATS = 30


class Heartbeat:
    """Beat once a second, see how late that was, and let others look at the clock on the same occasion.

    Args:
        on_beat: called with the lag in seconds.
    """

    def __init__(self, on_beat: Callable[[float], None]) -> None:
        self._on_beat = on_beat
        self._lags: list[float] = []

    async def run(self) -> None:
        """Beat until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + BEAT_SECONDS
            await asyncio.sleep(BEAT_SECONDS)
            lag = max(0.0, loop.time() - due)
            self._lags = [*self._lags[1 - MEMORY_BEATS :], lag]
            self._on_beat(lag)

    @property
    def is_late(self) -> bool:
        """Say whether most of the last beats were much too late; one may be, when the machine slept."""
        late = sum(lag > LATE_SECONDS for lag in self._lags)
        return 2 * late > MEMORY_BEATS
