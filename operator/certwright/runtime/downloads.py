"""Fetches in the background: when the next is due, one at a time for each object, and what they brought.

A fetch may take half a minute, and a worker that waited for it would keep others waiting. So a pass starts it and ends,
and the object is looked at again when it has ended. What a server said is held until a pass has dealt with it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from certwright.cluster.ports import Clock
from certwright.fetch.failures import FetchError
from certwright.fetch.ports import Fetched, Fetcher, FetchRequest
from certwright.fetch.schedule import ask_conditionally, next_fetch
from certwright.findings import Detail, Finding, Reason, finding
from certwright.reconcile.objects import ObjectKey
from certwright.reconcile.plan import StartFetch
from certwright.reconcile.questions import Contact, Delivery, FetchState, GivenList, Reading

logger = logging.getLogger(__name__)

FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(seconds=3600)
MOST_AT_ONCE = 8
WHAT = "`spec.url`"

Read = Callable[[GivenList], Awaitable[Reading | Finding]]
"""Reads a list; what is wrong with it is part of the answer."""

OnEnd = Callable[[ObjectKey, bool], None]
"""Takes the object whose fetch has ended, and whether content came."""


@dataclass(slots=True)
class _Line:
    """What is known of one object's fetching.

    Attributes:
        ended: when the last fetch ended.
        came: when content last came.
        failures: how many fetches failed since one did not.
        hopeless: the last failed for a reason that only a change of the wish or of the settings mends.
    """

    uid: str
    origin: str
    ended: datetime | None = None
    came: datetime | None = None
    failures: int = 0
    hopeless: bool = False
    delivery: Delivery | None = None
    task: asyncio.Task[None] | None = None


class Downloads:
    """Fetch for objects.

    Args:
        fetcher: does it.
        read: reads what came.
        clock: whose judgement time fetches are due on.
        on_end: called whenever a fetch has ended.
    """

    def __init__(self, fetcher: Fetcher, *, read: Read, clock: Clock, on_end: OnEnd) -> None:
        self._fetcher = fetcher
        self._read = read
        self._clock = clock
        self._on_end = on_end
        self._lines: dict[ObjectKey, _Line] = {}
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)

    def state(self, contact: Contact) -> FetchState:
        """Say how it stands, and when the next fetch is due."""
        line = self._lines.get(contact.subject)
        if line is None or (line.uid, line.origin) != (contact.uid, contact.origin):
            return FetchState(due=self._first_due(contact))
        if line.task is not None:
            return FetchState(running=True)
        if line.delivery is not None:
            return FetchState(delivery=line.delivery)
        return FetchState(due=None if line.hopeless else _next_due(contact, line))

    def start(self, action: StartFetch) -> FetchState:
        """Begin to fetch; one for another wish that is under way is given up."""
        contact = action.contact
        line = self._lines.get(contact.subject)
        if line is None or (line.uid, line.origin) != (contact.uid, contact.origin):
            self.forget(contact.subject)
            line = self._lines[contact.subject] = _Line(contact.uid, contact.origin)
        if line.task is None:
            line.delivery = None
            line.task = asyncio.create_task(self._run(line, action), name=f"fetch for {contact.subject}")
        return FetchState(running=True)

    def conclude(self, contact: Contact, delivery: Delivery) -> None:
        """Let go of a delivery that a pass has dealt with."""
        line = self._lines.get(contact.subject)
        if line is not None and line.delivery is delivery:
            line.delivery = None

    def forget(self, subject: ObjectKey) -> None:
        """Give up whatever is known, or under way, for an object."""
        line = self._lines.pop(subject, None)
        if line is not None and line.task is not None:
            line.task.cancel()

    def forget_all(self) -> None:
        """Give everything up: from now on another replica fetches, and statuses say what came of it."""
        for subject in list(self._lines):
            self.forget(subject)

    @property
    def running(self) -> list[asyncio.Task[None]]:
        """List the fetches under way."""
        return [line.task for line in self._lines.values() if line.task is not None]

    async def close(self) -> None:
        """Give up every fetch under way."""
        tasks = self.running
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _first_due(self, contact: Contact) -> datetime:
        """Say when to fetch for the first time in this process: what the last one did may be worth its interval."""
        now = self._clock.judgement()
        if contact.fetched_at is None or contact.troubled:
            return now
        return max(now, _scheduled(contact, contact.fetched_at))

    async def _run(self, line: _Line, action: StartFetch) -> None:
        delivery = Delivery(self._clock.judgement(), action.contact.origin)
        try:
            async with self._slots:
                delivery = await self._fetch(line, action)
        except Exception as error:
            logger.exception("a fetch failed", extra={"about": action.key})
            name = type(error).__name__
            text = f"Cannot fetch: unexpected {name}. This is a defect of certwright; its log says more."
            delivery = replace(delivery, problem=finding(Reason.FETCH_FAILED, text, detail=Detail.INTERRUPTED))
            line.failures += 1
        finally:
            line.task = None
        line.ended, line.delivery = self._clock.judgement(), replace(delivery, at=self._clock.judgement())
        self._on_end(action.key, line.delivery.reading is not None)

    async def _fetch(self, line: _Line, action: StartFetch) -> Delivery:
        contact, now = action.contact, self._clock.judgement()
        came = line.came or contact.fetched_at
        validators = (action.etag, action.last_modified)
        if not ask_conditionally(now, full_fetch_at=came, next_update=contact.next_update):
            validators = (None, None)
        try:
            fetched = await self._fetcher.fetch(FetchRequest(action.url, action.ca_pem, *validators))
        except FetchError as error:
            line.failures += 1
            line.hopeless = not error.may_pass
            return Delivery(now, contact.origin, problem=error.finding)
        line.failures, line.hopeless = 0, False
        return await self._deliver(line, contact, fetched)

    async def _deliver(self, line: _Line, contact: Contact, fetched: Fetched) -> Delivery:
        delivery = Delivery(
            self._clock.judgement(),
            contact.origin,
            not_modified=fetched.not_modified,
            etag=fetched.etag,
            last_modified=fetched.last_modified,
            notes=fetched.notes,
        )
        if fetched.not_modified:
            return delivery
        line.came = self._clock.judgement()
        reading = await self._read(GivenList(WHAT, fetched.body))
        if isinstance(reading, Finding):
            return replace(delivery, problem=reading)
        return replace(delivery, reading=reading)


def _scheduled(contact: Contact, at: datetime) -> datetime:
    # The same in every process, so that a restart neither hastens nor delays it.
    random = Random(f"{contact.uid} {at.isoformat()}")  # noqa: S311 - spreads load, guards nothing
    return next_fetch(at, contact.interval, next_update=contact.next_update, random=random)


def _next_due(contact: Contact, line: _Line) -> datetime | None:
    if line.ended is None:
        return None
    if not line.failures:
        return _scheduled(contact, line.ended)
    wait: timedelta = min(FIRST_RETRY * 2 ** min(line.failures - 1, 10), LONGEST_RETRY, contact.interval)
    random = Random(f"{contact.uid} {line.ended.isoformat()}")  # noqa: S311 - as above
    due: datetime = line.ended + wait * random.uniform(0.5, 1.0)
    return due
