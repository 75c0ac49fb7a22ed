"""Keep the source of events running: wait until it can, start it, start it again when it leaves.

kopf leaves on errors in a watch other than 410, and on 404 and 410 of a list; that is no reason for us to leave.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random
from typing import Protocol

from certwright.findings import ClusterError
from certwright.runtime.logs import describe_error
from certwright.runtime.readiness import Readiness

logger = logging.getLogger(__name__)

POLL_SECONDS = 2.0
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
CHECK_SECONDS = 300.0
"""How often it is looked whether what the source needs is still there: a right that is withdrawn ends no stream."""

STEADY_SECONDS = 60.0
"""Who ran for so long is started again quickly when it leaves."""

SHORT_LIVES = 3
"""Who left so often in a row before it was steady does not watch: that must be seen from outside."""

Sleep = Callable[[float], Awaitable[None]]


class Source(Protocol):
    """What is kept running; in practice `certwright.runtime.kopf_source.KopfSource`."""

    async def run(self) -> None:
        """Deliver events until cancelled, or until something stands in the way."""
        ...


class Requirements(Protocol):
    """What must be there first; in practice `certwright.runtime.preflight.Preflight`."""

    async def missing_kinds(self) -> str:
        """Name the kinds that are not served; empty when all are."""
        ...

    async def missing_rights(self) -> str:
        """Name the rights that are missing; empty when none is."""
        ...


class Supervisor:
    """Run a source for ever.

    Args:
        source: what to run.
        requirements: what it needs to begin.
        readiness: told under `api`, `kinds` and `rights` what is missing, and under `watches` that the source does not
            stay.
        on_start: called each time the source begins: what happened before is to be looked for.
        random: scatters the pauses.
        sleep: waits.

    Attributes:
        started: set once the source has begun.
        starts: how often it has begun.
    """

    def __init__(
        self,
        source: Source,
        requirements: Requirements,
        *,
        readiness: Readiness,
        on_start: Callable[[], None],
        random: Random,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._source = source
        self._requirements = requirements
        self._readiness = readiness
        self._on_start = on_start
        self._random = random
        self._sleep = sleep
        self._running: asyncio.Task[None] | None = None
        self._restarting = False
        self.started = asyncio.Event()
        self.starts = 0

    async def run(self) -> None:
        """Keep the source running until cancelled."""
        pause, short_lives = FIRST_PAUSE_SECONDS, 0
        while True:
            await self._until_possible()
            began = _now()
            left = await self._run_once()
            short_lives += 1
            if self._restarting or _now() - began > STEADY_SECONDS:
                pause, short_lives = FIRST_PAUSE_SECONDS, 0
            logger.warning("watching ended (%s); it begins again in %.0f s", left, pause)
            if short_lives >= SHORT_LIVES:
                self._readiness.lacks("watches", f"watching ends again and again, so changes are seen late: {left}")
            self._restarting = False
            await self._sleep(pause * self._random.uniform(0.5, 1.0))
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def restart(self) -> None:
        """Let the source begin anew, with a list."""
        if self._running is not None:
            self._restarting = True
            self._running.cancel()

    async def check(self) -> bool:
        """Look whether what the source needs is (still) there, tell readiness, and say so."""
        try:
            kinds = await self._requirements.missing_kinds()
            rights = "" if kinds else await self._requirements.missing_rights()
        except ClusterError as error:
            self._readiness.lacks("api", error.message)
            return False
        self._readiness.has("api")
        for topic, words in (("kinds", kinds), ("rights", rights)):
            if words:
                self._readiness.lacks(topic, words)
            elif topic == "kinds" or not kinds:
                self._readiness.has(topic)
        return not kinds and not rights

    async def _until_possible(self) -> None:
        while not await self.check():
            await self._sleep(POLL_SECONDS)

    async def _run_once(self) -> str:
        # A task of its own: what it puts into context variables must not leak into ours.
        self._running = asyncio.create_task(self._source.run(), name="watch our own kinds")
        self.starts += 1
        self.started.set()
        self._on_start()
        try:
            await self._watch_over(self._running)
        except asyncio.CancelledError:
            self._running.cancel()
            await asyncio.wait({self._running})
            raise
        task, self._running = self._running, None
        if task.cancelled():
            return "to begin anew" if self._restarting else "cancelled"
        error = task.exception()
        return "without a reason" if error is None else describe_error(error)

    async def _watch_over(self, running: asyncio.Task[None]) -> None:
        """Wait for the end of the source; look now and then whether what it needs is still there."""
        pause = STEADY_SECONDS
        while not (await asyncio.wait({running}, timeout=pause))[0]:
            self._readiness.has("watches")
            pause = CHECK_SECONDS if await self.check() else POLL_SECONDS


def _now() -> float:
    return asyncio.get_running_loop().time()
