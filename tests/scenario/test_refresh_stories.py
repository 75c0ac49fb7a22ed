"""Stored is not refreshed: workloads that read a certificate when they start have to start again.

The tests play the controllers of the workloads; nothing runs pods here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tests.support.pki import Entity
from tests.support.worlds import Report, World
from tests.support.worlds.manifests import serving, workload
from tests.support.worlds.material import stored, upload

NOT_REFRESHED = ("CERTIFICATE_STORED_BUT_NOT_REFRESHED", 528)
POLL = timedelta(seconds=5)
MINUTE = timedelta(seconds=61)


def refreshing(kind: str = "Deployment", name: str = "shop") -> dict[str, Any]:
    return {"secretName": f"{name}-tls", "refresh": [{"kind": kind, "name": name}]}


async def serve(world: World, *names: str, **spec: Any) -> None:
    """Have certificates served that nobody had to roll out: their Secrets are new."""
    for name in names:
        await world.apply(
            upload(world.corp.leaf(), name), serving(name, refreshing(spec.get(name, "Deployment"), name))
        )
    for name in names:
        report = await world.settle(name, lambda report: report.is_ok)
        assert report.condition("Refreshed") == ("True", "Valid")


async def replace(world: World, name: str = "shop") -> Entity:
    """Hand in a successor."""
    await world.apply(upload(later := world.corp.leaf(), name))
    await world.settle(name, lambda report: report.served["fingerprint"] == later.certificate.fingerprint)
    return later


async def template_annotations(world: World, kind: str = "Deployment", name: str = "shop") -> Mapping[str, str]:
    found = await world.read(kind, name)
    assert found is not None
    annotations: Mapping[str, str] = found.manifest["spec"]["template"].get("metadata", {}).get("annotations", {})
    return annotations


async def roll_out(world: World, name: str = "shop", *, old: int = 0) -> None:
    """Play the controller of a Deployment of one replica, `old` ones of which still run beside it."""
    found = await world.read("Deployment", name)
    assert found is not None
    status = {
        "observedGeneration": found.manifest["metadata"]["generation"],
        "replicas": 1 + old,
        "updatedReplicas": 1,
        "readyReplicas": 1,
        "availableReplicas": 1,
    }
    await world.patch("Deployment", name, {"status": status})
    await world.travel(POLL)


async def test_object_is_ready_when_every_replica_runs_the_new_certificate(world: World) -> None:
    await world.apply(workload("Deployment", "shop"))
    await serve(world, "shop")
    assert await template_annotations(world) == {}

    later = await replace(world)
    report = await world.settle("shop", lambda report: report.answer == NOT_REFRESHED)
    target = await world.read("Secret", "shop-tls")
    assert target is not None
    assert target.data == stored(later)
    assert report.finding("NotRefreshed")["detail"] == "RolloutPending"
    assert report.target_answer("shop-tls") == NOT_REFRESHED
    assert report.conditions["Stored"] == ("True", "Valid")
    assert report.conditions["Refreshed"] == ("False", "NotRefreshed")
    assert report.conditions["Reconciling"] == ("True", "NotRefreshed")
    started = f"refresh.certwright.io/{report.subject.version.uid[:12]}"
    assert await template_annotations(world) == {started: report.target("shop-tls")["digest"]}

    await roll_out(world, old=1)
    report = await world.settle("shop", lambda report: "1 old replicas are still running" in report.message())
    assert report.answer == NOT_REFRESHED

    await roll_out(world)
    report = await world.settle("shop", lambda report: report.is_ok)
    assert report.condition("Refreshed") == ("True", "Valid")
    assert report.target("shop-tls")["refreshedTime"]
    await _expect(world, "Refreshing", "Refreshed")


async def test_workload_is_rolled_out_once_a_minute_when_certificates_come_faster(world: World) -> None:
    await world.apply(workload("Deployment", "shop"))
    await serve(world, "shop")
    await replace(world)
    await roll_out(world)
    await world.settle("shop", lambda report: report.is_ok)
    first = await template_annotations(world)

    await replace(world)
    report = await world.settle("shop", lambda report: "its last roll-out is too recent" in report.message())
    assert report.answer == NOT_REFRESHED
    assert await template_annotations(world) == first

    await world.travel(MINUTE)
    await world.settle("shop", lambda report: "its controller has not seen the change yet" in report.message())
    assert await template_annotations(world) != first
    await roll_out(world)
    await world.settle("shop", lambda report: report.is_ok)


async def test_nothing_is_rolled_out_when_drift_is_put_back(world: World) -> None:
    await world.apply(workload("Deployment", "shop"))
    await serve(world, "shop")
    await replace(world)
    await roll_out(world)
    await world.settle("shop", lambda report: report.is_ok)
    before = await world.read("Deployment", "shop")
    await world.travel(MINUTE)

    await world.delete("Secret", "shop-tls")

    async def is_back() -> bool:
        return await world.read("Secret", "shop-tls") is not None

    await world.wait(is_back, "the target")
    await world.settle("shop", lambda report: report.is_ok)
    assert await world.read("Deployment", "shop") == before


BLOCKED = {
    "paused": ("Deployment", "RolloutBlocked", "its roll-outs are paused: run `kubectl rollout resume`"),
    "manual": ("StatefulSet", "RolloutBlocked", "its update strategy is `OnDelete`: delete its pods to restart them"),
    "absent": ("Deployment", "WorkloadMissing", "Deployment `absent` does not exist."),
}


async def test_object_is_stalled_when_a_roll_out_waits_for_a_person(world: World) -> None:
    await world.apply(
        workload("Deployment", "paused", paused=True),
        workload("StatefulSet", "manual", updateStrategy={"type": "OnDelete"}),
    )
    await serve(world, *BLOCKED, **{name: kind for name, (kind, _, _) in BLOCKED.items()})
    await asyncio.gather(*(replace(world, name) for name in BLOCKED))

    for name, (_, detail, message) in BLOCKED.items():
        report = await world.settle(name, lambda report: report.answer == NOT_REFRESHED)
        assert report.finding("NotRefreshed")["detail"] == detail
        assert message in report.message()
        assert report.condition("Stalled") == ("True", "NotRefreshed")
        assert report.condition("Stored") == ("True", "Valid")


async def test_object_is_ready_at_once_when_no_replica_runs(world: World) -> None:
    await world.apply(workload("Deployment", "shop", replicas=0))
    await serve(world, "shop")

    await replace(world)
    report = await world.settle("shop", lambda report: report.is_ok)

    assert report.condition("Refreshed") == ("True", "Valid")
    assert await template_annotations(world) == {}


async def test_daemon_set_is_refreshed_when_every_node_has_the_new_pod(world: World) -> None:
    nodes = {"desiredNumberScheduled": 2, "currentNumberScheduled": 2, "numberMisscheduled": 0, "numberReady": 2}
    await world.apply(workload("DaemonSet", "shop"))
    await world.patch("DaemonSet", "shop", {"status": {**nodes, "observedGeneration": 1}})
    await serve(world, "shop", shop="DaemonSet")

    await replace(world)
    await world.settle("shop", lambda report: report.answer == NOT_REFRESHED)
    for updated, wanted in ((1, "1 of 2 replicas are updated"), (2, " is valid until ")):
        found = await world.read("DaemonSet", "shop")
        assert found is not None
        seen = {"observedGeneration": found.manifest["metadata"]["generation"]}
        progress = {"updatedNumberScheduled": updated, "numberAvailable": 2}
        await world.patch("DaemonSet", "shop", {"status": {**nodes, **seen, **progress}})
        await world.travel(POLL)
        await world.settle("shop", lambda report, wanted=wanted: wanted in report.message())  # type: ignore[misc]
    assert (await world.status("shop")).is_ok


async def test_object_is_stalled_when_the_component_refresh_is_not_installed(world: World) -> None:
    await world.apply(workload("Deployment", "shop"))
    await serve(world, "shop")
    async with world.without_right_to_refresh():
        await replace(world)
        report = await world.settle("shop", lambda report: report.answer == NOT_REFRESHED)
        assert report.finding("NotRefreshed")["detail"] == "Forbidden"
        assert "Install the component `refresh`" in report.message()
        assert report.condition("Stalled") == ("True", "NotRefreshed")
        assert report.condition("Stored") == ("True", "Valid")

    await world.settle("shop", _has_started)
    await roll_out(world)
    await world.settle("shop", lambda report: report.is_ok)


async def test_object_is_stalled_when_a_roll_out_takes_too_long(world: World) -> None:
    await world.apply(workload("Deployment", "shop"))
    await serve(world, "shop")
    await replace(world)
    await world.settle("shop", lambda report: report.condition("Reconciling") == ("True", "NotRefreshed"))

    await world.travel(timedelta(minutes=10, seconds=1))
    await world.settle("shop", lambda report: report.condition("Stalled") == ("True", "WaitedTooLong"))

    await roll_out(world)
    report = await world.settle("shop", lambda report: report.is_ok)
    assert report.condition("Stalled") is None


def _has_started(report: Report) -> bool:
    return "its controller has not seen the change yet" in report.message()


async def _expect(world: World, *reasons: str) -> None:
    async def told() -> bool:
        return set(reasons) <= {event.reason for event in await world.events("shop")}

    await world.wait(told, f"the events {reasons}")
