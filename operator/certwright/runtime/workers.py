"""The asyncio shell of queue and delays: starts work when there is some, never more than allowed, one task a key."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from random import Random
from typing import Any

from certwright.cluster.ports import Clock
from certwright.reconcile.objects import ObjectKey
from certwright.runtime.delays import BackOff, Delays, Pace
from certwright.runtime.leadership import Gate
from certwright.runtime.queue import Priority, WorkQueue

logger = logging.getLogger(__name__)

LONGEST_SLEEP_SECONDS = 3600.0
"""The wall clock is read again at least this often: it can be set, and timers do not count while a machine sleeps."""

FIRST_RETRY_SECONDS = 1.0
QUICK_CONFLICTS = 3
"""So many lost races in a row are tried again at once; beyond that somebody is writing against us."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the work on a key ended, as far as it matters for when to look again.

    Attributes:
        check_at: look again then even if nothing changes (judgement time).
        retry: something failed: look again with back-off.
        conflict: a race was lost: look again at once, unless that becomes a habit.
        again: something changed meanwhile: look again at once.
        retry_after: seconds the server asked us to wait at least.
    """

    check_at: datetime | None = None
    retry: bool = False
    conflict: bool = False
    again: bool = False
    retry_after: float = 0.0


Work = Callable[[ObjectKey], Coroutine[Any, Any, Outcome]]


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers from the settings that the workers keep to."""

    workers: int
    backoff_max_seconds: float
    release_per_second: float


class Workers:
    """Work on keys, at most `limits.workers` at once.

    Args:
        work: does the work on one key; raises nothing but `CancelledError`.
        gate: while it is closed nothing starts, and what runs is cancelled.
        clock: whose judgement time the checks are due on.
        limits: the numbers from the settings.
        random: scatters the retries.
    """

    def __init__(self, work: Work, *, gate: Gate, clock: Clock, limits: Limits, random: Random) -> None:
        self._work = work
        self._gate = gate
        self._clock = clock
        self._limit = limits.workers
        self.queue = WorkQueue()
        self._checks = Delays()
        self._retries = Delays()
        self._pace = Pace(limits.release_per_second)
        self._backoff = BackOff(
            first_seconds=FIRST_RETRY_SECONDS, max_seconds=limits.backoff_max_seconds, random=random
        )
        self._tasks: dict[ObjectKey, asyncio.Task[Outcome]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._next: asyncio.Handle | None = None
        self._started = False

    @property
    def delayed(self) -> int:
        """Count the keys that wait for an instant."""
        return len(self._checks) + len(self._retries)

    @property
    def is_behind(self) -> bool:
        """Say whether there is more to do than is being done."""
        return self._started and self._gate.is_open and len(self.queue) > 0

    def age_of_oldest(self) -> float:
        """Give the seconds that the longest-waiting key has been waiting; 0 while another replica works."""
        oldest = self.queue.oldest() if self._gate.is_open else None
        return 0.0 if oldest is None else _now() - oldest

    def start(self) -> None:
        """Begin to work on what was added, and will be."""
        self._started = True
        self.wake()

    def add(self, key: ObjectKey, priority: Priority = Priority.CHANGE) -> None:
        """Ask for work on a key."""
        self.queue.add(key, priority, now=_now())
        self._pump()

    def forget(self, key: ObjectKey) -> None:
        """Drop everything that is planned for a key; work under way goes on."""
        self.queue.discard(key)
        self._checks.cancel(key)
        self._retries.cancel(key)
        self._backoff.succeeded(key)

    def wake(self) -> None:
        """Look at the clock and at the gate again, for one of them may have changed."""
        if not self._gate.is_open:
            for task in self._tasks.values():
                task.cancel()
        self._release()

    async def stop(self, *, grace_seconds: float) -> None:
        """Start nothing any more; let what runs end, for at most `grace_seconds`, then cancel it."""
        self._started = False
        if self._timer is not None:
            self._timer.cancel()
        running = set(self._tasks.values())
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=grace_seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    def _pump(self) -> None:
        """Start one piece of work, and the next one a turn of the loop later: many that are ready hold nobody up."""
        if self._next is not None or not (self._started and self._gate.is_open and len(self._tasks) < self._limit):
            return
        key = self.queue.take()
        if key is None:
            return
        self._checks.cancel(key)
        self._retries.cancel(key)
        # A task in a dictionary, for the loop itself keeps only weak references to its tasks.
        task = self._tasks[key] = asyncio.create_task(self._work(key), name=f"work on {key}")
        # Not a `finally` in a wrapper: a task that is cancelled before its first step never enters one.
        task.add_done_callback(partial(self._ended, key))
        self._next = asyncio.get_running_loop().call_soon(self._pump_on)

    def _pump_on(self) -> None:
        self._next = None
        self._pump()

    def _ended(self, key: ObjectKey, task: asyncio.Task[Outcome]) -> None:
        del self._tasks[key]
        self.queue.done(key, now=_now())
        if task.cancelled():
            self.queue.add(key, Priority.CHANGE, now=_now())
        elif (error := task.exception()) is not None:
            logger.error("the work on %s ended with %s, a defect", key, type(error).__name__)
            self._plan(key, Outcome(retry=True))
        else:
            self._plan(key, task.result())
        self._release()

    def _plan(self, key: ObjectKey, outcome: Outcome) -> None:
        if outcome.check_at is not None:
            self._checks.set(key, outcome.check_at.timestamp())
        if outcome.again:
            self.queue.add(key, Priority.CHANGE, now=_now())
        if not (outcome.retry or outcome.conflict):
            self._backoff.succeeded(key)
            return
        seconds = max(self._backoff.failed(key), outcome.retry_after)
        if outcome.conflict and self._backoff.failures(key) <= QUICK_CONFLICTS:
            self.queue.add(key, Priority.CHANGE, now=_now())
        else:
            self._retries.set(key, _now() + seconds)

    def _release(self) -> None:
        """Let due keys in, start what can start, and come back when the next key is due."""
        now = _now()
        for key in self._retries.pop_due(now, limit=len(self._retries)):
            self.queue.add(key, Priority.ROUTINE, now=now)
        due = self._checks.pop_due(self._clock.judgement().timestamp(), limit=self._pace.allowance(now))
        self._pace.spend(len(due))
        for key in due:
            self.queue.add(key, Priority.ROUTINE, now=now)
        self._pump()
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._started:
            return
        seconds = LONGEST_SLEEP_SECONDS
        if (retry_at := self._retries.next_due()) is not None:
            seconds = min(seconds, retry_at - _now())
        if (check_at := self._checks.next_due()) is not None:
            until_check = check_at - self._clock.judgement().timestamp()
            seconds = min(seconds, max(until_check, self._pace.until_next()))
        self._timer = asyncio.get_running_loop().call_later(max(seconds, 0.0), self._release)


def _now() -> float:
    return asyncio.get_running_loop().time()
