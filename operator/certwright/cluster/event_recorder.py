"""Events about our objects: few, aggregated, and never in the way of anything."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import uuid4

from certwright.cluster.ports import Clock
from certwright.cluster.requests import FIELD_MANAGER, Patch, Request, Verb, encode
from certwright.cluster.resources import EVENTS, LONGEST_NAME, RESOURCES
from certwright.cluster.retries import Retrying
from certwright.findings import ClusterError, FailureCause, printable
from certwright.reconcile.plan import EventType, Record

CONTROLLER = "certwright.io/certwright"

LANES = 2
"""Events of one object go one after another; no more requests than this are under way, so that statuses go first."""

LANE_LENGTH = 500
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

LONGEST_NOTE_BYTES = 1024
LONGEST_INSTANCE = 128

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Identity:
    """What makes two occurrences the same event.

    The note belongs to it: the API lets nobody change the note of an event, and a count beside the words of an
    earlier problem would mislead.
    """

    uid: str
    type: EventType
    reason: str
    action: str
    note: int


@dataclass(frozen=True, slots=True)
class _Occurrence:
    identity: _Identity
    at: datetime
    regarding: dict[str, str]
    note: str


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

    def __init__(self, requests: Retrying, *, clock: Clock, instance: str, events_per_hour: int) -> None:
        """Prepare to record.

        Args:
            requests: the way to the API server.
            clock: gives the time of an occurrence.
            instance: who reports, the name of the pod.
            events_per_hour: most writes about one object in an hour.
        """
        self.figures = EventFigures()
        self._requests = requests
        self._clock = clock
        self._instance = instance[:LONGEST_INSTANCE]
        self._limit = events_per_hour
        self._lanes: list[asyncio.Queue[_Occurrence]] = [asyncio.Queue(LANE_LENGTH) for _ in range(LANES)]
        self._tasks: list[asyncio.Task[None]] = []
        self._series: OrderedDict[_Identity, _Series] = OrderedDict()
        self._written_at: OrderedDict[str, list[datetime]] = OrderedDict()

    async def __aenter__(self) -> Self:
        """Begin to write."""
        self._tasks = [asyncio.create_task(self._serve(lane), name="event recorder") for lane in self._lanes]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write what is waiting, within a few seconds, and stop."""
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                await self.flush()
        except TimeoutError:
            LOGGER.warning("%d events were not written in time", sum(lane.qsize() for lane in self._lanes))
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def flush(self) -> None:
        """Wait until nothing is waiting to be written."""
        for lane in self._lanes:
            await lane.join()

    def record(self, action: Record) -> None:
        """Take an event; never blocks, never raises. When many wait, those that warn of nothing are left out."""
        occurrence = _occurrence(action, self._clock.system())
        lane = self._lanes[hash(occurrence.identity.uid) % LANES]
        room = LANE_LENGTH if action.type is EventType.WARNING else LANE_LENGTH // 2
        if lane.qsize() >= room:
            self.figures.overflowed += 1
            return
        lane.put_nowait(occurrence)

    async def _serve(self, lane: asyncio.Queue[_Occurrence]) -> None:
        while True:
            occurrence = await lane.get()
            try:
                await self._write(occurrence)
            except ClusterError as error:
                self.figures.failed += 1
                LOGGER.debug("event not written: %s", error.message)
            except Exception:
                self.figures.failed += 1
                LOGGER.exception("event not written")
            finally:
                lane.task_done()

    async def _write(self, occurrence: _Occurrence) -> None:
        series = self._continued(occurrence)
        if not self._allow(occurrence):
            self.figures.limited += 1
            return
        if series is None or not await self._count_up(occurrence, series):
            await self._create(occurrence)
        self.figures.written += 1

    # ---- what was written before

    def _continued(self, occurrence: _Occurrence) -> _Series | None:
        """Give the series that this occurrence goes on with, counted; counted even when it will not be written."""
        series = self._series.get(occurrence.identity)
        if series is None or occurrence.at - series.last > SERIES_AGE:
            return None
        self._series.move_to_end(occurrence.identity)
        series.count += 1
        series.last = occurrence.at
        return series

    def _allow(self, occurrence: _Occurrence) -> bool:
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

    async def _count_up(self, occurrence: _Occurrence, series: _Series) -> bool:
        """Write the new count; say `False` when the event has expired meanwhile."""
        namespace = occurrence.regarding["namespace"] or CLUSTER_SCOPED_NAMESPACE
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

    async def _create(self, occurrence: _Occurrence) -> None:
        namespace = occurrence.regarding["namespace"] or CLUSTER_SCOPED_NAMESPACE
        name = _event_name(occurrence.regarding["name"])
        request = Request(
            Verb.CREATE,
            EVENTS,
            f"{EVENTS.collection(namespace)}?fieldManager={FIELD_MANAGER}",
            namespace,
            body=encode(self._manifest(occurrence, namespace, name)),
        )
        await self._requests.send(request, tries=MOST_TRIES)
        self._series[occurrence.identity] = _Series(name, 1, occurrence.at)
        self._series.move_to_end(occurrence.identity)
        if len(self._series) > MOST_SERIES:
            self._series.popitem(last=False)

    def _manifest(self, occurrence: _Occurrence, namespace: str, name: str) -> dict[str, Any]:
        identity = occurrence.identity
        return {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {"name": name, "namespace": namespace},
            "eventTime": micro_time(occurrence.at),
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance,
            "type": identity.type.value,
            "reason": identity.reason,
            "action": identity.action,
            "regarding": {field: text for field, text in occurrence.regarding.items() if text},
            "note": occurrence.note,
        }


def micro_time(at: datetime) -> str:
    """Write an instant as the API's `MicroTime`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _occurrence(action: Record, at: datetime) -> _Occurrence:
    subject = action.subject
    regarding = {
        "apiVersion": RESOURCES[subject.key.kind].api_version,
        "kind": subject.key.kind.value,
        "namespace": subject.key.namespace,
        "name": subject.key.name,
        "uid": subject.version.uid,
        "resourceVersion": subject.version.resource_version,
    }
    note = _cut(printable(action.note, limit=LONGEST_NOTE_BYTES), LONGEST_NOTE_BYTES)
    identity = _Identity(subject.version.uid, action.type, action.reason, action.action, hash(note))
    return _Occurrence(identity, at, regarding, note)


def _cut(text: str, size: int) -> str:
    encoded = text.encode()
    return text if len(encoded) <= size else encoded[: size - 3].decode(errors="ignore") + "…"


def _event_name(subject: str) -> str:
    suffix = uuid4().hex[:16]
    return f"{subject[: LONGEST_NAME - len(suffix) - 1].rstrip('.-')}.{suffix}"
