"""Events as people see them."""

import json
import subprocess
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from certwright.cluster.clock import SystemClock
from certwright.cluster.event_recorder import EventRecorder
from certwright.cluster.retries import Retrying
from certwright.reconcile.objects import Kind, ObjectKey, Subject, Version
from certwright.reconcile.plan import EventType, Record
from tests.support.cluster_client import connected
from tests.support.control_plane import ControlPlane

Kubectl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
async def requests(control_plane: ControlPlane) -> AsyncIterator[Retrying]:
    async with connected(control_plane.kubeconfig_admin) as made:
        yield made


def record(namespace: str, *, note: str = "The Secret shop-tls was updated.", name: str = "shop") -> Record:
    clock = SystemClock(skew_limit_seconds=60)
    key = ObjectKey(Kind.IMPORTED_CERTIFICATE, namespace, name)
    subject = Subject(key, Version("6f1b0e5c-0000-4000-8000-000000000001", "7"), 1, clock.system(), {})
    return Record(subject, EventType.NORMAL, "SecretUpdated", "Store", note)


def recorder(requests: Retrying, *, events_per_hour: int = 10) -> EventRecorder:
    clock = SystemClock(skew_limit_seconds=60)
    return EventRecorder(requests, clock=clock, instance="certwright-0", events_per_hour=events_per_hour)


def events(kubectl: Kubectl, namespace: str) -> list[dict[str, Any]]:
    listed = kubectl("get", "events.events.k8s.io", "-n", namespace, "-o", "json").stdout
    found: list[dict[str, Any]] = json.loads(listed)["items"]
    return found


async def test_record_is_taken_by_the_api_server(kubectl: Kubectl, requests: Retrying, namespace: str) -> None:
    async with recorder(requests) as entered:
        entered.record(record(namespace))

    (event,) = events(kubectl, namespace)
    assert entered.figures.written == 1
    assert (event["type"], event["reason"], event["action"]) == ("Normal", "SecretUpdated", "Store")
    assert event["note"] == "The Secret shop-tls was updated."
    assert event["reportingController"] == "certwright.io/certwright"
    assert event["reportingInstance"] == "certwright-0"
    assert event["regarding"]["name"] == "shop"
    assert "series" not in event


async def test_record_becomes_a_series_when_it_happens_again(
    kubectl: Kubectl, requests: Retrying, namespace: str
) -> None:
    async with recorder(requests) as entered:
        for _ in range(3):
            entered.record(record(namespace))
        entered.record(record(namespace, note="Another."))

    found = {event["note"]: event.get("series", {}).get("count") for event in events(kubectl, namespace)}
    assert found == {"The Secret shop-tls was updated.": 3, "Another.": None}


async def test_record_begins_anew_when_somebody_deleted_the_event(
    kubectl: Kubectl, requests: Retrying, namespace: str
) -> None:
    async with recorder(requests) as entered:
        entered.record(record(namespace))
        await entered.flush()
        assert entered.figures.written == 1
        kubectl("delete", "events", "-n", namespace, "--all")
        entered.record(record(namespace))

    assert entered.figures.written == 2
    assert len(events(kubectl, namespace)) == 1


async def test_record_fits_when_name_and_note_are_as_long_as_they_may_be(
    kubectl: Kubectl, requests: Retrying, namespace: str
) -> None:
    async with recorder(requests) as entered:
        entered.record(record(namespace, name="a" * 253, note="ü" * 2000))

    assert entered.figures.failed == 0
    assert len(events(kubectl, namespace)) == 1


async def test_record_is_shown_by_kubectl(kubectl: Kubectl, requests: Retrying, namespace: str) -> None:
    async with recorder(requests) as entered:
        entered.record(record(namespace))
        entered.record(record(namespace))

    shown = kubectl("events", "-n", namespace).stdout
    assert "ImportedCertificate/shop" in shown
    assert "(x2 over" in shown


async def test_record_stops_at_the_limit_of_the_hour(kubectl: Kubectl, requests: Retrying, namespace: str) -> None:
    async with recorder(requests, events_per_hour=3) as entered:
        for number in range(10):
            entered.record(record(namespace, note=f"Note {number}."))

    assert len(events(kubectl, namespace)) == 3
    assert entered.figures.limited == 7


async def test_record_is_lost_quietly_when_the_namespace_is_gone(requests: Retrying) -> None:
    async with recorder(requests) as entered:
        entered.record(record("no-such-namespace"))

    assert (entered.figures.written, entered.figures.failed) == (0, 1)
