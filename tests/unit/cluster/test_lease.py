"""One Lease over HTTP: what is sent, what stays, and that nothing takes longer than it may."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from certwright.cluster.connection import Connection
from certwright.cluster.lease import Claim, Lease, Leases
from certwright.findings import ClusterError, FailureCause
from tests.support.scripted_server import ScriptedServer, answer, never, refusal

NOW = datetime(2026, 6, 1, 12, 30, 15, 250_000, tzinfo=UTC)
CLAIM = Claim("pod-0", 15, 4, renewed=NOW, acquired=NOW)
PATH = "/apis/coordination.k8s.io/v1/namespaces/certwright-system/leases"
SECONDS = 5.0


@pytest.fixture
def leases(connection: Connection) -> Leases:
    return Leases(connection, "certwright-system", "certwright")


def stored(**spec: Any) -> dict[str, Any]:
    metadata = {
        "name": "certwright",
        "namespace": "certwright-system",
        "uid": "u",
        "resourceVersion": "7",
        "labels": {"team": "pki"},
        "managedFields": [{"manager": "certwright"}],
    }
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}


HELD = {
    "holderIdentity": "pod-1",
    "leaseDurationSeconds": 15,
    "leaseTransitions": 3,
    "strategy": "OldestEmulationVersion",
}


async def test_lease_is_read_when_there_is_one(server: ScriptedServer, leases: Leases) -> None:
    server.script(answer(stored(**HELD), headers={"Date": "Mon, 01 Jun 2026 12:30:16 GMT"}))

    lease = await leases.read(seconds=SECONDS)

    assert lease is not None
    assert (lease.version, lease.holder, lease.seconds, lease.transitions) == ("7", "pod-1", 15, 3)
    assert lease.answered == datetime(2026, 6, 1, 12, 30, 16, tzinfo=UTC)
    assert [(each.method, each.path) for each in server.received] == [("GET", f"{PATH}/certwright")]


async def test_lease_is_nobodys_when_nothing_is_said(server: ScriptedServer, leases: Leases) -> None:
    server.script(answer(stored(), headers={"Date": "today"}))

    lease = await leases.read(seconds=SECONDS)

    assert lease is not None
    assert (lease.holder, lease.seconds, lease.transitions, lease.answered) == ("", None, 0, None)


async def test_there_is_none_when_the_api_server_says_so(server: ScriptedServer, leases: Leases) -> None:
    server.script(refusal(404, "NotFound", details={"name": "certwright", "kind": "leases"}))

    assert await leases.read(seconds=SECONDS) is None


async def test_lease_says_everything_when_it_is_created(server: ScriptedServer, leases: Leases) -> None:
    server.script(answer(stored(**HELD), status=201))

    await leases.create(CLAIM, seconds=SECONDS)

    (request,) = server.received
    assert (request.method, request.path, request.query) == ("POST", PATH, {"fieldManager": "certwright"})
    assert request.json() == {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "certwright", "namespace": "certwright-system"},
        "spec": {
            "holderIdentity": "pod-0",
            "leaseDurationSeconds": 15,
            "leaseTransitions": 4,
            "renewTime": "2026-06-01T12:30:15.250000Z",
            "acquireTime": "2026-06-01T12:30:15.250000Z",
        },
    }


async def test_what_others_wrote_stays_when_the_lease_is_replaced(server: ScriptedServer, leases: Leases) -> None:
    lease = Lease("7", "pod-0", 15, 4, None, stored(**HELD, acquireTime="2026-06-01T12:00:00.000000Z"))
    server.script(answer(stored(**HELD)))

    await leases.replace(lease, Claim("pod-0", 15, 4, renewed=NOW), seconds=SECONDS)

    (request,) = server.received
    assert (request.method, request.path) == ("PUT", f"{PATH}/certwright")
    sent = request.json()
    assert sent["metadata"] == {
        "name": "certwright",
        "namespace": "certwright-system",
        "uid": "u",
        "resourceVersion": "7",
        "labels": {"team": "pki"},
    }
    assert sent["spec"] == {
        **HELD,
        "holderIdentity": "pod-0",
        "leaseTransitions": 4,
        "acquireTime": "2026-06-01T12:00:00.000000Z",
        "renewTime": "2026-06-01T12:30:15.250000Z",
    }


Ask = Callable[[Leases], Awaitable[Any]]
ASKING: dict[str, Ask] = {
    "read": lambda leases: leases.read(seconds=SECONDS),
    "create": lambda leases: leases.create(CLAIM, seconds=SECONDS),
    "replace": lambda leases: leases.replace(Lease("7", "", 1, 3, None, stored()), CLAIM, seconds=SECONDS),
}


@pytest.mark.parametrize(
    ("code", "reason", "cause"),
    [
        (409, "Conflict", FailureCause.CONFLICT),
        (409, "AlreadyExists", FailureCause.ALREADY_EXISTS),
        (403, "Forbidden", FailureCause.FORBIDDEN),
        (503, "", FailureCause.UNAVAILABLE),
    ],
)
@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
async def test_refusal_is_told_and_not_tried_again(
    server: ScriptedServer, leases: Leases, ask: Ask, code: int, reason: str, cause: FailureCause
) -> None:
    server.script(refusal(code, reason))

    with pytest.raises(ClusterError) as caught:
        await ask(leases)

    assert caught.value.cause is cause
    assert len(server.received) == 1


async def test_request_ends_in_time_when_nobody_answers(server: ScriptedServer, leases: Leases) -> None:
    released = asyncio.Event()
    server.script(never(released))
    began = time.monotonic()

    with pytest.raises(ClusterError) as caught:
        await leases.create(CLAIM, seconds=0.2)
    released.set()

    assert caught.value.cause is FailureCause.TIMEOUT
    assert time.monotonic() - began < SECONDS


async def test_nothing_is_sent_when_no_time_is_left(server: ScriptedServer, leases: Leases) -> None:
    with pytest.raises(ClusterError) as caught:
        await leases.create(CLAIM, seconds=-1.0)

    assert (caught.value.cause, server.received) == (FailureCause.TIMEOUT, [])
