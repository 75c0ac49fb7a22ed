"""Somebody else acts between plan and write, answers are lost, the API server is busy: nothing lost, nothing twice."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from itertools import pairwise

import pytest
from prometheus_client import CollectorRegistry

from tests.support.control_plane import ControlPlane
from tests.support.interposer import Call, Interposer, calls
from tests.support.pki import Entity
from tests.support.rough_world import (
    OPERATOR,
    PATIENCE_SECONDS,
    SECRETS,
    WISHES,
    RoughWorld,
    fresh_namespace,
    installed,
)
from tests.support.waiting import wait_until
from tests.support.worlds import OperatorThread, Report
from tests.support.worlds.manifests import encode, imported, secret, serving
from tests.support.worlds.material import stored, upload

KIND = "importedcertificates"
TARGET = "shop-tls"
OWNER = "certwright.io/owner"


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with installed() as running:
        yield running


@pytest.fixture(scope="module")
def interposer(plane: ControlPlane) -> Iterator[Interposer]:
    with Interposer(plane) as running:
        yield running


@pytest.fixture(scope="module")
def operator(plane: ControlPlane, interposer: Interposer) -> Iterator[OperatorThread]:
    with OperatorThread(interposer.kubeconfig(plane.kubeconfig_for(*OPERATOR))) as running:
        yield running


@pytest.fixture
def world(plane: ControlPlane, interposer: Interposer, operator: OperatorThread) -> Iterator[RoughWorld]:
    with fresh_namespace(plane) as namespace:
        yield RoughWorld(plane, operator, interposer, namespace)
        interposer.reset()
        operator.clock.reset()


def is_ok(report: Report) -> bool:
    return report.is_ok


async def serve(world: RoughWorld, name: str = "shop") -> Entity:
    """Have a good certificate served."""
    leaf = world.corp.leaf()
    await world.apply(upload(leaf, name), serving(name))
    await world.settle(name, is_ok)
    return leaf


def serves(leaf: Entity) -> object:
    """Say whether a report speaks of this certificate, and all is well."""
    return lambda report: report.is_ok and report.served["fingerprint"] == leaf.certificate.fingerprint


def applies(world: RoughWorld, name: str = TARGET) -> object:
    return calls("patch", "secrets", namespace=world.namespace, name=name)


def statuses(world: RoughWorld, name: str = "shop") -> object:
    return calls("patch", KIND, namespace=world.namespace, name=name, subresource="status")


def codes(found: list[Call]) -> list[int]:
    return [call.answered for call in found]


async def data_of(world: RoughWorld, name: str = TARGET) -> dict[str, bytes]:
    found = await world.read("Secret", name)
    assert found is not None, f"there is no Secret {name}"
    return dict(found.data)


def assert_told_once(world: RoughWorld) -> None:
    """See that no event was written twice, nor counted up."""
    found = world.plane.client.get(f"/apis/events.k8s.io/v1/namespaces/{world.namespace}/events")["items"]
    told = [(each["regarding"]["name"], each["reason"], each["note"]) for each in found]
    assert len(told) == len(set(told)), told
    assert [each["reason"] for each in found if each.get("series")] == []


# ---- between plan and write


async def test_target_is_planned_anew_when_somebody_changes_it_before_the_write(world: RoughWorld) -> None:
    await serve(world)
    held = world.interposer.hold(applies(world))
    await world.apply(upload(later := world.corp.leaf()))
    held.wait()
    since = len(world.interposer.of(applies(world)))
    await world.patch("Secret", TARGET, {"metadata": {"labels": {"team": "shop"}}, "data": encode({"more": "x"})})
    held.release()

    await world.settle("shop", serves(later))

    now = await world.read("Secret", TARGET)
    assert now.data == {**stored(later), "more": b"x"}
    assert now.labels["team"] == "shop"
    assert codes(world.interposer.of(applies(world))[since - 1 :]) == [HTTPStatus.CONFLICT, HTTPStatus.OK]
    assert world.writes(SECRETS, TARGET) == 3  # ours, theirs, ours


async def test_verdict_is_about_the_new_wish_when_it_comes_before_the_status(world: RoughWorld) -> None:
    held = world.interposer.hold(statuses(world))
    leaf = world.corp.leaf()
    await world.apply(upload(leaf), serving())
    held.wait()
    await world.apply(serving(dnsNames=["api.example.com"]))
    held.release()

    report = await world.settle("shop", lambda report: report.errors == ["NameMissing"])

    assert report.subject.spec["dnsNames"] == ["api.example.com"]
    assert report.served["fingerprint"] == leaf.certificate.fingerprint
    assert world.writes(SECRETS, TARGET) == 1
    assert_told_once(world)


async def test_status_is_sent_again_and_nothing_is_read_when_only_an_annotation_came_before_it(
    world: RoughWorld,
) -> None:
    held = world.interposer.hold(statuses(world))
    await world.apply(upload(world.corp.leaf()), serving())
    held.wait()
    reads = len(world.interposer.of(calls("get", "secrets", namespace=world.namespace)))
    await world.patch("ImportedCertificate", "shop", {"metadata": {"annotations": {"note": "mine"}}})
    held.release()

    report = await world.settle("shop", is_ok)
    await world.rest()

    assert report.subject.annotations["note"] == "mine"
    assert codes(world.interposer.of(statuses(world))) == [HTTPStatus.CONFLICT, HTTPStatus.OK]
    read = world.interposer.of(calls("get", "secrets", namespace=world.namespace))[reads:]
    assert [call.name for call in read if call.name != "canary"] == []
    assert world.writes(SECRETS, TARGET) == 1


async def test_target_is_made_again_when_it_is_deleted_before_the_write(world: RoughWorld) -> None:
    await serve(world)
    held = world.interposer.hold(applies(world))
    await world.apply(upload(later := world.corp.leaf()))
    held.wait()
    await world.delete("Secret", TARGET)
    held.release()

    report = await world.settle("shop", serves(later))

    now = await world.read("Secret", TARGET)
    assert now.data == stored(later)
    assert report.target(TARGET)["uid"] == now.version.uid
    assert world.writes(SECRETS, TARGET) == 1


async def test_target_of_somebody_else_is_untouched_when_it_takes_the_place_of_ours_before_the_write(
    world: RoughWorld,
) -> None:
    served = await serve(world)
    held = world.interposer.hold(applies(world))
    await world.apply(upload(world.corp.leaf()))
    held.wait()
    await world.delete("Secret", TARGET)
    await world.apply(secret(TARGET, {"theirs": "x"}))
    theirs = await world.read("Secret", TARGET)
    held.release()

    report = await world.settle("shop", lambda report: "TargetNotOwned" in report.errors)
    await world.rest()

    assert await world.read("Secret", TARGET) == theirs
    assert world.writes(SECRETS, TARGET) == 1
    assert report.served["fingerprint"] == served.certificate.fingerprint
    assert f"kubectl annotate secret -n {world.namespace} {TARGET}" in report.message()


async def test_target_of_somebody_else_is_untouched_when_it_is_made_before_our_creation(world: RoughWorld) -> None:
    held = world.interposer.hold(applies(world))
    await world.apply(upload(world.corp.leaf()), serving())
    held.wait()
    await world.apply(secret(TARGET, {"theirs": "x"}))
    theirs = await world.read("Secret", TARGET)
    held.release()

    await world.settle("shop", lambda report: "TargetNotOwned" in report.errors)
    await world.rest()

    assert await world.read("Secret", TARGET) == theirs
    assert world.writes(SECRETS, TARGET) == 1


async def test_no_ghost_comes_when_the_wish_is_deleted_before_its_status(world: RoughWorld) -> None:
    held = world.interposer.hold(statuses(world))
    await world.apply(upload(world.corp.leaf()), serving())
    held.wait()
    await world.delete("ImportedCertificate", "shop")
    held.release()

    await world.rest()

    refused = codes(world.interposer.of(statuses(world)))
    assert len(refused) == 1
    assert refused[0] in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}
    assert world.plane.client.get(world._path("ImportedCertificate", "shop")) is None


async def test_each_wish_gets_its_own_status_when_another_of_the_same_name_comes_before_it(world: RoughWorld) -> None:
    held = world.interposer.hold(statuses(world))
    await world.apply(upload(world.corp.leaf()), serving())
    held.wait()
    await world.delete("ImportedCertificate", "shop")
    await world.apply(imported("shop", certificateRef={"name": "elsewhere"}))
    held.release()

    report = await world.settle("shop", lambda report: report.errors == ["ReferenceNotFound"])
    await world.rest()

    assert report.served == {}
    assert report.status.get("targets", []) == []
    assert world.writes(WISHES, "shop") == 2


async def test_last_upload_is_served_when_it_changes_between_read_and_write(world: RoughWorld) -> None:
    held = world.interposer.hold(applies(world))
    await world.apply(upload(world.corp.leaf()), serving())
    held.wait()
    await world.apply(upload(last := world.corp.leaf()))
    held.release()

    await world.settle("shop", serves(last))
    await world.rest()

    report = await world.status("shop")
    assert await data_of(world) == stored(last)
    assert report.input_version("shop-upload") == (await world.read("Secret", "shop-upload")).version.resource_version


async def test_last_upload_is_judged_when_it_changes_between_read_and_status(world: RoughWorld) -> None:
    held = world.interposer.hold(statuses(world))
    good, bad = world.corp.leaf(), world.corp.leaf()
    await world.apply(upload(good), serving())
    held.wait()
    await world.apply(upload(bad, crt=bad.pem))
    held.release()

    report = await world.settle("shop", lambda report: report.errors == ["IssuerNotFound"])

    assert report.served["fingerprint"] == good.certificate.fingerprint
    assert await data_of(world) == stored(good)


async def test_nothing_is_left_to_do_when_the_namespace_is_deleted_before_the_write(world: RoughWorld) -> None:
    held = world.interposer.hold(applies(world))
    await world.apply(upload(world.corp.leaf()), serving())
    held.wait()
    world.plane.client.delete(f"/api/v1/namespaces/{world.namespace}")
    held.release()

    wait_until(
        lambda: world.plane.client.get(f"/api/v1/namespaces/{world.namespace}") is None,
        deadline_seconds=PATIENCE_SECONDS,
        what="the namespace to be gone",
    )
    parts = world.operator._operator.parts
    wait_until(
        lambda: not any(key.namespace == world.namespace for key, _ in list(parts.mirror.items())),
        deadline_seconds=PATIENCE_SECONDS,
        what="the operator to hear of it",
    )
    wait_until(lambda: world.operator.is_idle, deadline_seconds=PATIENCE_SECONDS, what="the operator to be idle")
    assert not [key for key in parts.workers._retries._due if key.namespace == world.namespace]


# ---- lost answers


async def test_target_is_written_once_when_the_answer_to_its_creation_is_lost(world: RoughWorld) -> None:
    world.interposer.swallow(applies(world))
    await world.apply(upload(leaf := world.corp.leaf()), serving())

    await world.settle("shop", serves(leaf))
    await world.rest()

    assert world.writes(SECRETS, TARGET) == 1
    assert world.writes(WISHES, "shop") == 2
    assert await data_of(world) == stored(leaf)
    assert [event.reason for event in await world.events("shop")] == ["Stored"]


async def test_target_is_written_once_when_the_answer_to_its_update_is_lost(world: RoughWorld) -> None:
    await serve(world)
    world.interposer.swallow(applies(world))
    await world.apply(upload(later := world.corp.leaf()))

    report = await world.settle("shop", serves(later))
    await world.rest()

    now = await world.read("Secret", TARGET)
    assert world.writes(SECRETS, TARGET) == 2
    assert now.data == stored(later)
    assert report.target(TARGET)["resourceVersion"] == now.version.resource_version


async def test_status_is_written_once_when_the_answer_to_it_is_lost(world: RoughWorld) -> None:
    world.interposer.swallow(statuses(world))
    await world.apply(upload(world.corp.leaf()), serving())

    await world.settle("shop", is_ok)
    await world.rest()

    assert world.writes(WISHES, "shop") == 2  # the person's, and ours
    assert world.writes(SECRETS, TARGET) == 1
    assert_told_once(world)


async def test_target_is_written_and_nothing_is_said_when_the_request_is_lost(world: RoughWorld) -> None:
    world.interposer.lose(applies(world))
    await world.apply(upload(leaf := world.corp.leaf()), serving())

    await world.settle("shop", serves(leaf))
    await world.rest()

    assert world.writes(SECRETS, TARGET) == 1
    assert world.writes(WISHES, "shop") == 2
    assert [event.reason for event in await world.events("shop")] == ["Stored"]


async def test_events_are_told_once_when_the_status_does_not_arrive(world: RoughWorld) -> None:
    world.interposer.lose(statuses(world), times=2)
    await serve(world)

    await world.rest()

    assert_told_once(world)


async def test_events_are_told_once_when_a_wish_without_targets_changes_before_its_status(world: RoughWorld) -> None:
    held = world.interposer.hold(statuses(world))
    await world.apply(upload(world.corp.leaf()), imported("shop", certificateRef={"name": "shop-upload"}))
    held.wait()
    await world.apply(imported("shop", certificateRef={"name": "shop-upload"}, warnBeforePercentage=10))
    held.release()

    await world.settle("shop", is_ok)
    await world.rest()

    assert [event.reason for event in await world.events("shop")] == ["Validated"]
    assert_told_once(world)


async def test_event_is_told_once_when_the_answer_to_it_is_lost(world: RoughWorld) -> None:
    lost = calls("create", "events", namespace=world.namespace)
    world.interposer.swallow(lost)
    await serve(world)

    world.interposer.wait_for(lost)
    await world.rest()

    assert_told_once(world)


# ---- a busy API server


async def test_apply_waits_as_long_as_it_is_told_when_there_are_too_many_requests(world: RoughWorld) -> None:
    world.interposer.refuse(applies(world), HTTPStatus.TOO_MANY_REQUESTS, retry_after=2)
    await world.apply(upload(leaf := world.corp.leaf()), serving())

    await world.settle("shop", serves(leaf))

    first, second = world.interposer.of(applies(world))
    assert codes([first, second]) == [HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.CREATED]
    assert second.at - first.at >= 2
    assert world.writes(WISHES, "shop") == 2


@pytest.mark.parametrize("which", ["target", "status"])
async def test_work_is_put_off_as_long_as_it_is_told_when_that_is_long(
    world: RoughWorld, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    """Nobody waits so long with a worker in his hands: it is given back, and the object's turn comes later."""
    monkeypatch.setattr("certwright.cluster.retries.LONGEST_WAIT_SECONDS", 1.0)
    where = applies(world) if which == "target" else statuses(world)
    world.interposer.refuse(where, HTTPStatus.TOO_MANY_REQUESTS, retry_after=4)
    await world.apply(upload(leaf := world.corp.leaf()), serving())

    await world.settle("shop", serves(leaf))

    first, second = world.interposer.of(where)[:2]
    assert first.answered == HTTPStatus.TOO_MANY_REQUESTS
    assert second.at - first.at >= 4
    assert world.writes(SECRETS, TARGET) == 1


@pytest.mark.parametrize("code", [HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE])
async def test_each_write_is_repeated_when_the_api_server_fails(world: RoughWorld, code: HTTPStatus) -> None:
    for where in (applies(world), statuses(world), calls("get", "secrets", namespace=world.namespace)):
        world.interposer.refuse(where, code, times=2)
    await world.apply(upload(leaf := world.corp.leaf()), serving())

    await world.settle("shop", serves(leaf))

    assert codes(world.interposer.of(applies(world))) == [code, code, HTTPStatus.CREATED]
    assert codes(world.interposer.of(statuses(world))) == [code, code, HTTPStatus.OK]
    assert world.writes(SECRETS, TARGET) == 1
    assert world.writes(WISHES, "shop") == 2


async def test_object_recovers_when_every_write_fails_for_longer_than_one_is_repeated(world: RoughWorld) -> None:
    world.interposer.refuse(applies(world), HTTPStatus.SERVICE_UNAVAILABLE, times=5)
    await world.apply(upload(leaf := world.corp.leaf()), serving())

    waiting = await world.settle("shop")
    report = await world.settle("shop", serves(leaf))

    assert waiting.condition("Reconciling") == ("True", "StoreFailed")
    assert waiting.condition("Stalled") is None
    assert report.condition("Reconciling") is None

    assert world.writes(SECRETS, TARGET) == 1
    intervals = [later.at - earlier.at for earlier, later in pairwise(world.interposer.of(applies(world)))]
    assert min(intervals) >= 0.1


# ---- time


@pytest.fixture
def readyz(operator: OperatorThread) -> Callable[[], tuple[int, str]]:
    """Give what `/readyz` says, as a kubelet would hear it."""

    def ask() -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", operator._operator.servers.port, timeout=10)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    return ask


async def serve_for(world: RoughWorld, rest: timedelta) -> Report:
    """Have a certificate served that ends soon, and is known to."""
    await world.apply(upload(world.corp.leaf(not_after=world.corp.at + rest)), serving())
    return await world.settle("shop", lambda report: report.condition("ExpiringSoon") == ("True", "ExpiringSoon"))


async def until_readyz(
    world: RoughWorld, readyz: Callable[[], tuple[int, str]], *, code: HTTPStatus, words: str
) -> None:
    """Wait for it, with some traffic: without answers of the API server nobody hears of its time."""

    async def says() -> bool:
        world.plane.client.apply(
            world._path("Secret", "shop-upload"),
            secret("shop-upload", {}, annotations={"turn": str(time.monotonic())}),
            manager="traffic",
        )
        found, text = readyz()
        return found == code and words in text

    await world.wait(says, f"/readyz to say {code} and {words}")


async def test_expiry_waits_and_readyz_names_the_clock_when_the_time_of_the_api_server_differs(
    world: RoughWorld, readyz: Callable[[], tuple[int, str]]
) -> None:
    before = await serve_for(world, timedelta(hours=1))
    world.interposer.date_offset = timedelta(minutes=-10)
    await until_readyz(world, readyz, code=HTTPStatus.SERVICE_UNAVAILABLE, words="system time differs")

    await world.travel(timedelta(hours=2))
    await world.apply(serving(warnBeforePercentage=21))
    doubtful = await world.settle("shop")

    assert "Expired" not in doubtful.errors
    assert doubtful.served == before.served
    assert [event.reason for event in await world.events("shop") if event.reason == "Expired"] == []
    world.interposer.date_offset = timedelta(0)
    await until_readyz(world, readyz, code=HTTPStatus.OK, words="ok")
    await world.apply(serving(warnBeforePercentage=22))  # it would be looked at by itself, within a minute
    expired = await world.settle("shop", lambda report: "Expired" in report.errors)
    assert expired.served == before.served
    assert world.writes(SECRETS, TARGET) == 1


async def test_no_expiry_is_announced_when_system_time_jumps(
    world: RoughWorld, readyz: Callable[[], tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is asked of the API server between the jump and the instant at which the certificate seems to expire."""
    before = await serve_for(world, timedelta(minutes=5))
    await world.rest()
    passes = world.operator._operator.metrics.registry
    seen = total(passes)

    with monkeypatch.context() as patched:
        patched.setattr(world.operator.clock, "system", lambda: datetime.now(UTC) + timedelta(minutes=10))
        world.operator.wake()
        wait_until(lambda: total(passes) > seen, deadline_seconds=PATIENCE_SECONDS, what="a pass at the seeming expiry")
        wait_until(lambda: readyz()[0] != HTTPStatus.OK, deadline_seconds=PATIENCE_SECONDS, what="/readyz to doubt")
        assert (await world.status("shop")).status == before.status
        assert "system time differs" in readyz()[1]

    wait_until(lambda: readyz()[0] == HTTPStatus.OK, deadline_seconds=PATIENCE_SECONDS, what="/readyz to be content")
    await world.rest()
    assert (await world.status("shop")).status == before.status
    assert_told_once(world)


def total(registry: CollectorRegistry) -> float:
    """Give how many passes there have been."""
    return sum(
        sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "certwright_reconcile_total"
    )
