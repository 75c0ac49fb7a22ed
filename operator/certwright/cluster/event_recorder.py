"""Events about our objects: few, aggregated, and never in the way of anything."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from certwright.cluster.occurrence import Identity, Occurrence, make_name, manifest_of, micro_time, occurrence_of
from certwright.cluster.ports import Clock
from certwright.cluster.requests import FIELD_MANAGER, Patch, Request, Verb, encode
from certwright.cluster.resources import EVENTS
from certwright.cluster.retries import Retrying
from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.plan import EventType, Record

QUEUE_LENGTH = 12_000
"""How many events may wait; beyond that many, less a share for warnings, they are left out."""

SHARE_FOR_WARNINGS = 2_000
PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 1.0
"""How long an event lets other work go first: a status may not wait for events, nor events for ever."""

SERIES_AGE = timedelta(minutes=30)
"""How long after its last occurrence the same event is counted up instead of written anew."""

MOST_SERIES = 4096
MOST_OBJECTS = 10_000
"""How many objects are remembered for the hourly limit."""

HOUR = timedelta(hours=1)
MOST_TRIES = 2
FLUSH_SECONDS = 5.0
CLUSTER_SCOPED_NAMESPACE = "default"
"""Where Kubernetes keeps events about objects that are in no namespace."""

LONGEST_INSTANCE = 128

LOGGER = logging.getLogger(__name__)


@dataclass(slots=True)
class _Series:
    name: str
    count: int
    last: datetime


@dataclass(slots=True)
class EventFigures:
    """What became of the events.

    Attributes:
        written: created or counted up on the API server.
        limited: not written, because the object had its share of the hour.
        overflowed: not written, because too many were waiting.
        failed: refused by the API server, or lost on the way.
    """

    written: int = 0
    limited: int = 0
    overflowed: int = 0
    failed: int = 0


class EventRecorder:
    """Write `events.k8s.io/v1` events in the background, for as long as it is entered.

    An event that cannot be written is a figure, not a failure.
    """

    def __init__(
        self,
        requests: Retrying,
        *,
        clock: Clock,
        instance: str,
        events_per_hour: int,
        is_busy: Callable[[], bool] = lambda: False,
    ) -> None:
        """Prepare to record.

        Args:
            requests: the way to the API server.
            clock: gives the time of an occurrence.
            instance: who reports, the name of the pod.
            events_per_hour: most writes about one object in an hour.
            is_busy: whether there is work that should go first.
        """
        self.figures = EventFigures()
        self._requests = requests
        self._clock = clock
        self._instance = instance[:LONGEST_INSTANCE]
        self._limit = events_per_hour
        self._is_busy = is_busy
        # One after another, so that those of one object keep their order and there is never more than one request.
        self._waiting: asyncio.Queue[Occurrence] = asyncio.Queue(QUEUE_LENGTH)
        self._task: asyncio.Task[None] | None = None
        self._leaving = False
        self._series: OrderedDict[Identity, _Series] = OrderedDict()
        self._written_at: OrderedDict[str, list[datetime]] = OrderedDict()

    async def __aenter__(self) -> Self:
        """Begin to write."""
        self._task = asyncio.create_task(self._serve(), name="event recorder")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write what is waiting, within a few seconds, and stop."""
        self._leaving = True
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                await self.flush()
        except TimeoutError:
            LOGGER.warning("%d events were not written in time", self._waiting.qsize())
        finally:
            if self._task is not None:
                self._task.cancel()
                await asyncio.wait({self._task})

    async def flush(self) -> None:
        """Wait until nothing is waiting to be written."""
        await self._waiting.join()

    def record(self, action: Record) -> None:
        """Take an event; never blocks, never raises. When many wait, those that warn of nothing are left out."""
        occurrence = occurrence_of(action, self._clock.system())
        room = QUEUE_LENGTH - (0 if action.type is EventType.WARNING else SHARE_FOR_WARNINGS)
        if self._waiting.qsize() >= room:
            self.figures.overflowed += 1
            return
        self._waiting.put_nowait(occurrence)

    async def _serve(self) -> None:
        while True:
            occurrence = await self._waiting.get()
            try:
                await self._let_others_go_first()
                await self._write(occurrence)
            except ClusterError as error:
                self.figures.failed += 1
                LOGGER.debug("event not written: %s", error.message)
            except Exception:
                self.figures.failed += 1
                LOGGER.exception("event not written")
            finally:
                self._waiting.task_done()

    async def _let_others_go_first(self) -> None:
        waited = 0.0
        while waited < LONGEST_PAUSE_SECONDS and self._is_busy() and not self._leaving:
            await asyncio.sleep(PAUSE_SECONDS)
            waited += PAUSE_SECONDS

    async def _write(self, occurrence: Occurrence) -> None:
        series = self._continued(occurrence)
        if not self._allow(occurrence):
            self.figures.limited += 1
            return
        if series is None or not await self._count_up(occurrence, series):
            await self._create(occurrence)
        self.figures.written += 1

    # ---- what was written before

    def _continued(self, occurrence: Occurrence) -> _Series | None:
        """Give the series that this occurrence goes on with, counted; counted even when it will not be written."""
        series = self._series.get(occurrence.identity)
        if series is None or occurrence.at - series.last > SERIES_AGE:
            return None
        self._series.move_to_end(occurrence.identity)
        series.count += 1
        series.last = occurrence.at
        return series

    def _allow(self, occurrence: Occurrence) -> bool:
        uid, at = occurrence.identity.uid, occurrence.at
        recent = [moment for moment in self._written_at.get(uid, ()) if at - moment < HOUR]
        if len(recent) >= self._limit:
            return False
        recent.append(at)
        self._written_at[uid] = recent
        self._written_at.move_to_end(uid)
        if len(self._written_at) > MOST_OBJECTS:
            self._written_at.popitem(last=False)
        return True

    # ---- requests

    async def _count_up(self, occurrence: Occurrence, series: _Series) -> bool:
        """Write the new count; say `False` when the event has expired meanwhile."""
        namespace = occurrence.key.namespace or CLUSTER_SCOPED_NAMESPACE
        change = {"series": {"count": series.count, "lastObservedTime": micro_time(series.last)}}
        request = Request(
            Verb.PATCH,
            EVENTS,
            f"{EVENTS.single(namespace, series.name)}?fieldManager={FIELD_MANAGER}",
            namespace,
            series.name,
            body=encode(change),
            content_type=Patch.MERGE.value,
        )
        try:
            await self._requests.send(request, tries=MOST_TRIES)
        except ClusterError as error:
            if error.cause is FailureCause.NOT_FOUND:
                return False
            raise
        return True

    async def _create(self, occurrence: Occurrence) -> None:
        namespace = occurrence.key.namespace or CLUSTER_SCOPED_NAMESPACE
        name = make_name(occurrence.key.name)
        request = Request(
            Verb.CREATE,
            EVENTS,
            f"{EVENTS.collection(namespace)}?fieldManager={FIELD_MANAGER}",
            namespace,
            body=encode(manifest_of(occurrence, namespace, name, instance=self._instance)),
        )
        await self._requests.send(request, tries=MOST_TRIES)
        self._series[occurrence.identity] = _Series(name, 1, occurrence.at)
        self._series.move_to_end(occurrence.identity)
        if len(self._series) > MOST_SERIES:
            self._series.popitem(last=False)
