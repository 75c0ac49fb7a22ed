import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from certwright.cluster import event_recorder
from certwright.cluster.event_recorder import EventRecorder
from certwright.cluster.retries import Retrying
from certwright.reconcile.objects import Kind, ObjectKey, Subject, Version
from certwright.reconcile.plan import EventType, Record
from tests.support.scripted_server import Answer, ScriptedServer, answer, never, refusal

START = datetime(2026, 1, 1, 8, 0, 0, 250, tzinfo=UTC)
EVENTS = "/apis/events.k8s.io/v1/namespaces/shop/events"


class SetClock:
    def __init__(self) -> None:
        self.now = START

    def system(self) -> datetime:
        return self.now

    def judgement(self) -> datetime:
        raise AssertionError("events happen in system time")

    def doubted(self) -> bool:
        return False

    def pass_(self, **duration: float) -> None:
        self.now += timedelta(**duration)


def subject(name: str = "site", *, uid: str = "uid-1", namespace: str = "shop") -> Subject:
    return Subject(ObjectKey(Kind.IMPORTED_CERTIFICATE, namespace, name), Version(uid, "7"), 1, START, {})


def stored(about: Subject | None = None, *, note: str = "stored", kind: EventType = EventType.NORMAL) -> Record:
    return Record(about or subject(), kind, "Stored", "Store", note)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def recorder(server: ScriptedServer, requests: Retrying, clock: SetClock) -> AsyncIterator[EventRecorder]:
    server.otherwise = answer({})  # type: ignore[method-assign]
    async with EventRecorder(requests, clock=clock, instance="pod-1", events_per_hour=10) as entered:
        yield entered


async def settle(recorder: EventRecorder) -> None:
    async with asyncio.timeout(5):
        await recorder.flush()


async def test_record_creates_an_event_when_it_is_new(server: ScriptedServer, recorder: EventRecorder) -> None:
    recorder.record(stored())
    await settle(recorder)

    sent = server.received[0]
    assert (sent.method, sent.path) == ("POST", EVENTS)
    event = sent.json()
    name = event["metadata"].pop("name")
    assert name.startswith("site.")
    assert event == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"namespace": "shop"},
        "eventTime": "2026-01-01T08:00:00.000250Z",
        "reportingController": "certwright.io/certwright",
        "reportingInstance": "pod-1",
        "type": "Normal",
        "reason": "Stored",
        "action": "Store",
        "regarding": {
            "apiVersion": "certwright.io/v1alpha1",
            "kind": "ImportedCertificate",
            "namespace": "shop",
            "name": "site",
            "uid": "uid-1",
            "resourceVersion": "7",
        },
        "note": "stored",
    }
    assert recorder.figures.written == 1


async def test_record_counts_a_series_up_when_it_happens_again(
    server: ScriptedServer, recorder: EventRecorder, clock: SetClock
) -> None:
    for _ in range(3):
        recorder.record(stored())
        clock.pass_(minutes=10)
    await settle(recorder)

    assert server.verbs() == ["POST", "PATCH", "PATCH"]
    name = server.received[0].json()["metadata"]["name"]
    last = server.received[2]
    assert last.path == f"{EVENTS}/{name}"
    assert last.headers["Content-Type"] == "application/merge-patch+json"
    assert last.json() == {"series": {"count": 3, "lastObservedTime": "2026-01-01T08:20:00.000250Z"}}


@pytest.mark.parametrize(
    "other",
    [
        stored(note="another"),
        stored(kind=EventType.WARNING),
        stored(subject(uid="uid-2")),
        Record(subject(), EventType.NORMAL, "Refreshed", "Store", "stored"),
        Record(subject(), EventType.NORMAL, "Stored", "Refresh", "stored"),
    ],
)
async def test_record_creates_another_event_when_anything_differs(
    other: Record, server: ScriptedServer, recorder: EventRecorder
) -> None:
    recorder.record(stored())
    recorder.record(other)
    await settle(recorder)

    assert server.verbs() == ["POST", "POST"]


async def test_record_creates_another_event_when_the_series_is_old(
    server: ScriptedServer, recorder: EventRecorder, clock: SetClock
) -> None:
    recorder.record(stored())
    clock.pass_(minutes=31)
    recorder.record(stored())
    await settle(recorder)

    assert server.verbs() == ["POST", "POST"]


async def test_record_creates_another_event_when_the_first_has_expired(
    server: ScriptedServer, recorder: EventRecorder
) -> None:
    recorder.record(stored())
    await settle(recorder)
    name = server.received[0].json()["metadata"]["name"]
    server.script(refusal(404, "NotFound", details={"name": name}))
    recorder.record(stored())
    recorder.record(stored())
    await settle(recorder)

    assert server.verbs() == ["POST", "PATCH", "POST", "PATCH"]
    assert server.received[3].json()["series"]["count"] == 2


async def test_record_writes_no_more_than_the_limit_when_an_object_is_noisy(
    server: ScriptedServer, recorder: EventRecorder, clock: SetClock
) -> None:
    for number in range(25):
        recorder.record(stored(note=f"note {number}"))
    recorder.record(stored(subject("other", uid="uid-2")))
    await settle(recorder)

    assert len(server.received) == 11
    assert recorder.figures.limited == 15

    clock.pass_(minutes=61)
    recorder.record(stored(note="later"))
    await settle(recorder)
    assert len(server.received) == 12


async def test_record_counts_what_it_does_not_write_when_a_series_is_noisy(
    server: ScriptedServer, recorder: EventRecorder, clock: SetClock
) -> None:
    for _ in range(20):
        recorder.record(stored())
        clock.pass_(minutes=4)
    await settle(recorder)

    # The tenth write falls at minute 36; the next is due at minute 60, the sixteenth occurrence.
    counts = [received.json()["series"]["count"] for received in server.received if received.method == "PATCH"]
    assert counts == [2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 17, 18, 19, 20]


async def test_record_writes_nothing_when_the_limit_is_zero(
    server: ScriptedServer, requests: Retrying, clock: SetClock
) -> None:
    async with EventRecorder(requests, clock=clock, instance="pod-1", events_per_hour=0) as recorder:
        recorder.record(stored())

    assert server.received == []


@pytest.mark.parametrize("trouble", [refusal(403, "Forbidden"), refusal(503), answer([], status=422)])
async def test_record_goes_on_when_an_event_is_refused(
    trouble: Answer, server: ScriptedServer, recorder: EventRecorder
) -> None:
    server.script(*[trouble] * 2)
    recorder.record(stored())
    await settle(recorder)
    server.answers.clear()
    recorder.record(stored(note="next"))
    await settle(recorder)

    assert recorder.figures.failed == 1
    assert recorder.figures.written == 1


async def test_record_goes_on_when_there_is_a_defect_of_ours(
    recorder: EventRecorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> dict[str, Any]:
        raise KeyError("defect")

    with monkeypatch.context() as patched, caplog.at_level(logging.ERROR):
        patched.setattr(event_recorder, "manifest_of", broken)
        recorder.record(stored())
        await settle(recorder)
    recorder.record(stored())
    await settle(recorder)

    assert recorder.figures.failed == 1
    assert recorder.figures.written == 1
    assert "event not written" in caplog.text


async def test_record_leaves_out_first_what_warns_of_nothing_when_many_wait(
    server: ScriptedServer, recorder: EventRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_recorder, "SHARE_FOR_WARNINGS", event_recorder.QUEUE_LENGTH - 3)
    released = asyncio.Event()
    server.script(never(released))
    for number in range(5):
        recorder.record(stored(note=str(number)))
    recorder.record(stored(kind=EventType.WARNING))

    assert recorder.figures.overflowed == 2
    released.set()
    await settle(recorder)
    assert recorder.figures.written == 4


async def test_record_lets_other_work_go_first_when_there_is_some(
    server: ScriptedServer, requests: Retrying, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_recorder, "PAUSE_SECONDS", 0.01)
    server.otherwise = answer({})  # type: ignore[method-assign]
    busy = True
    async with EventRecorder(
        requests, clock=clock, instance="pod-1", events_per_hour=10, is_busy=lambda: busy
    ) as recorder:
        recorder.record(stored())
        await asyncio.sleep(0.05)
        assert not server.received
        busy = False
        await settle(recorder)
    assert recorder.figures.written == 1


async def test_record_does_not_wait_for_ever_when_there_is_always_other_work(
    server: ScriptedServer, requests: Retrying, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_recorder, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(event_recorder, "LONGEST_PAUSE_SECONDS", 0.02)
    server.otherwise = answer({})  # type: ignore[method-assign]
    async with EventRecorder(
        requests, clock=clock, instance="pod-1", events_per_hour=10, is_busy=lambda: True
    ) as recorder:
        recorder.record(stored())
        await settle(recorder)
    assert recorder.figures.written == 1


async def test_leaving_writes_what_waits(server: ScriptedServer, requests: Retrying, clock: SetClock) -> None:
    server.otherwise = answer({})  # type: ignore[method-assign]
    async with EventRecorder(requests, clock=clock, instance="pod-1", events_per_hour=10) as recorder:
        for number in range(5):
            recorder.record(stored(note=str(number)))

    assert recorder.figures.written == 5


async def test_leaving_gives_up_when_the_server_does_not_answer(
    server: ScriptedServer,
    requests: Retrying,
    clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(event_recorder, "FLUSH_SECONDS", 0.05)
    released = asyncio.Event()
    server.script(never(released))
    async with EventRecorder(requests, clock=clock, instance="pod-1", events_per_hour=10) as recorder:
        recorder.record(stored())
        recorder.record(stored(note="waits"))
    released.set()

    assert "1 events were not written in time" in caplog.text


async def test_record_fits_what_the_api_allows_when_names_and_notes_are_long(
    server: ScriptedServer, recorder: EventRecorder
) -> None:
    recorder.record(stored(subject("a" * 235 + ".b" * 9), note="ü" * 600 + "\u202e"))
    recorder.record(stored(subject(uid="uid-2"), note="ü" * 3000))
    await settle(recorder)

    for sent in server.received:
        event = sent.json()
        assert len(event["metadata"]["name"]) <= 253
        assert ".." not in event["metadata"]["name"]
        assert len(event["note"].encode()) <= 1024
        assert event["note"].endswith("…")


async def test_record_remembers_a_bounded_number_when_there_are_many_objects(
    recorder: EventRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_recorder, "MOST_SERIES", 5)
    monkeypatch.setattr(event_recorder, "MOST_OBJECTS", 7)
    for number in range(20):
        recorder.record(stored(subject(uid=f"uid-{number}")))
    await settle(recorder)

    assert len(recorder._series) == 5
    assert len(recorder._written_at) == 7


async def test_record_uses_the_default_namespace_when_the_subject_has_none(
    server: ScriptedServer, recorder: EventRecorder
) -> None:
    recorder.record(stored(subject(namespace="")))
    recorder.record(stored(subject(namespace="")))
    await settle(recorder)

    assert server.received[0].path == "/apis/events.k8s.io/v1/namespaces/default/events"
    assert "namespace" not in server.received[0].json()["regarding"]
    assert server.received[1].path.startswith("/apis/events.k8s.io/v1/namespaces/default/events/site.")
