"""Roll-outs: a stored certificate is of use when the pods that read it at their start have started again."""

from __future__ import annotations

from typing import Any

import pytest

from certwright.findings import FailureCause
from certwright.reconcile.importedcertificate.refresh import _observe
from certwright.reconcile.importedcertificate.rollouts import Progress, has_no_replicas, observe_rollout
from certwright.reconcile.objects import Kind, ObjectKey, Observed, Version
from tests.support.memory_cluster import NAMESPACE
from tests.unit.reconcile.conftest import ISSUING, NEXT, REFERENCED, SHOP, TARGET, World

SHOP_WORKLOAD = {"kind": "Deployment", "name": "shop"}
ROLLING = {**REFERENCED, "targets": [{"secretName": "shop-tls", "refresh": [SHOP_WORKLOAD]}]}
WORKLOAD = ObjectKey(Kind.DEPLOYMENT, NAMESPACE, "shop")
DONE = {"observedGeneration": 99, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
RUNNING = {"observedGeneration": 99, "replicas": 3, "updatedReplicas": 1, "availableReplicas": 2}


def deploy(world: World, status: dict[str, Any] = DONE, **spec: Any) -> None:
    """Create the Deployment, or do what its controller does."""
    before = world.cluster.objects.get(WORKLOAD)
    wished = {"replicas": 2, **(dict(before.manifest["spec"]) if before else {}), **spec}
    world.cluster.put_workload(Kind.DEPLOYMENT, "shop", spec=wished, status=status)


def template_annotations(world: World, key: ObjectKey = WORKLOAD) -> dict[str, str]:
    template = world.cluster.objects[key].manifest["spec"].get("template", {})
    return dict(template.get("metadata", {}).get("annotations", {}))


async def serve(world: World, spec: dict[str, Any] = ROLLING) -> None:
    deploy(world)
    world.upload(SHOP)
    await world.judge(spec)
    world.clock.advance(hours=1)


async def roll(world: World) -> None:
    """Serve one certificate, then another whose roll-out is under way."""
    await serve(world)
    deploy(world, RUNNING)
    world.upload(NEXT)
    await world.reconcile()


async def test_refresh_rolls_nothing_out_when_the_secret_is_first_created(world: World) -> None:
    await serve(world)
    assert template_annotations(world) == {}
    assert world.condition("Refreshed") == ("True", "Valid")
    assert world.condition("Ready") == ("True", "Valid")
    assert world.status["targets"][0]["refreshedTime"] == world.status["targets"][0]["storedTime"]
    assert WORKLOAD not in world.cluster.reads


async def test_refresh_starts_a_rollout_when_the_content_changes(world: World) -> None:
    await roll(world)
    name = f"refresh.certwright.io/{world.subject.version.uid[:12]}"
    assert template_annotations(world) == {name: world.status["targets"][0]["digest"]}
    status = world.status
    assert (status["certificateStoreStatus"], status["responseCode"]) == ("CERTIFICATE_STORED_BUT_NOT_REFRESHED", 528)
    assert status["targets"][0]["certificateStoreStatus"] == "CERTIFICATE_STORED_BUT_NOT_REFRESHED"
    assert status["validation"] == 0
    assert world.condition("Refreshed") == ("False", "NotRefreshed")
    assert world.condition("Stored") == ("True", "Valid")
    assert world.condition("Reconciling") == ("True", "NotRefreshed")
    assert "1 of 2 replicas are updated" in world.message()
    assert status["record"]["rolloutTime"] == "2026-06-01T13:00:00Z"
    assert "refreshedTime" not in status["targets"][0]
    assert status["served"]["fingerprint"] == NEXT.certificate.fingerprint
    assert world.events[-1] == "Refreshing"


async def test_refresh_is_started_before_it_is_told_when_a_target_is_handed_back(world: World) -> None:
    await serve(world)
    deploy(world, RUNNING)
    world.cluster.change(TARGET, annotations={"certwright.io/owner": "Somebody/else"})
    world.upload(NEXT)
    await world.reconcile()
    assert world.message().startswith("Secret `shop-tls` belongs to Somebody/else")
    assert template_annotations(world) == {}

    world.cluster.change(TARGET, annotations={})
    await world.reconcile()
    assert len(template_annotations(world)) == 1
    assert "1 of 2 replicas are updated" in world.message()
    assert (world.cluster.calls["annotate"], world.cluster.calls["status"]) == (1, 1)


async def test_refresh_is_polled_when_the_rollout_is_under_way(world: World) -> None:
    await roll(world)
    result = await world.reconcile()
    assert not result.settled
    assert result.requeue_at is not None
    assert (result.requeue_at - world.clock.now).total_seconds() == 5
    assert world.cluster.calls["annotate"] == 0
    deploy(world, DONE)
    world.clock.advance(seconds=5)
    await world.reconcile()
    assert world.condition("Ready") == ("True", "Valid")
    assert world.condition("Refreshed") == ("True", "Valid")
    assert world.status["targets"][0]["refreshedTime"] == "2026-06-01T13:00:05Z"
    assert world.events[-1] == "Refreshed"
    world.restart()
    assert (await world.reconcile()).settled


async def test_refresh_is_done_at_once_when_the_rollout_is(world: World) -> None:
    await serve(world)
    world.upload(NEXT)
    await world.reconcile()
    assert world.cluster.calls["annotate"] == 1
    assert world.cluster.calls["status"] == 1
    assert world.condition("Ready") == ("True", "Valid")


async def test_refresh_writes_nothing_when_it_is_looked_at_again(world: World) -> None:
    await roll(world)
    before = world.status
    for _ in range(3):
        world.clock.advance(seconds=5)
        await world.reconcile()
        assert world.cluster.writes == 0
    assert world.status == before


async def test_refresh_is_stalled_when_the_rollout_takes_too_long(world: World) -> None:
    await roll(world)
    world.clock.advance(minutes=10)
    await world.reconcile()
    assert world.condition("Stalled") == ("True", "WaitedTooLong")
    assert world.condition("Reconciling") is None
    before = world.status
    world.clock.advance(minutes=10)
    await world.reconcile()
    assert world.status == before
    deploy(world, DONE)
    await world.reconcile()
    assert world.condition("Ready") == ("True", "Valid")


async def test_refresh_waits_a_minute_when_the_last_rollout_is_recent(world: World) -> None:
    await roll(world)
    deploy(world, DONE)
    world.clock.advance(seconds=20)
    world.upload(ISSUING.issue_leaf("shop.example.com"))
    result = await world.reconcile()
    assert world.cluster.calls["annotate"] == 0
    assert "its last roll-out is too recent" in world.message()
    assert result.requeue_at is not None
    assert (result.requeue_at - world.clock.now).total_seconds() == 40
    world.clock.advance(seconds=40)
    await world.reconcile()
    assert world.cluster.calls["annotate"] == 1
    assert world.condition("Ready") == ("True", "Valid")
    assert world.status["record"]["rolloutTime"] == "2026-06-01T13:01:00Z"


async def test_refresh_rolls_nothing_out_when_drift_is_repaired(world: World) -> None:
    await serve(world)
    world.cluster.change(TARGET, data={})
    await world.reconcile()
    world.cluster.remove(TARGET)
    await world.reconcile()
    assert template_annotations(world) == {}
    assert world.condition("Ready") == ("True", "Valid")


async def test_refresh_rolls_nothing_out_when_it_is_asked_for_later(world: World) -> None:
    await serve(world, {**REFERENCED, "targets": [{"secretName": "shop-tls"}]})
    await world.judge(ROLLING)
    assert template_annotations(world) == {}
    assert world.condition("Refreshed") == ("True", "Valid")
    assert world.status["targets"][0]["refreshedTime"]


async def test_refresh_starts_a_rollout_when_an_adopted_secret_changes(world: World) -> None:
    world.cluster.put_secret(
        "shop-tls", {"tls.crt": "theirs"}, annotations={"certwright.io/allow-write": "ImportedCertificate/shop"}
    )
    await serve(world)
    assert len(template_annotations(world)) == 1
    assert world.condition("Ready") == ("True", "Valid")


async def test_refresh_is_still_owed_when_the_process_died_between_writes(world: World) -> None:
    await serve(world)
    world.upload(NEXT)
    world.cluster.fail("status", world.subject.key, FailureCause.UNAVAILABLE)
    world.cluster.fail("annotate", WORKLOAD, FailureCause.UNAVAILABLE)
    result = await world.reconcile()
    assert result.retry
    assert template_annotations(world) == {}
    world.restart()
    await world.reconcile()
    assert len(template_annotations(world)) == 1
    assert world.condition("Ready") == ("True", "Valid")


async def test_refresh_is_still_owed_when_the_target_is_in_trouble_meanwhile(world: World) -> None:
    await roll(world)
    world.cluster.fail("read", TARGET, FailureCause.UNAVAILABLE)
    await world.reconcile(full=True)
    assert world.condition("Refreshed") == ("False", "NotRefreshed")
    assert world.message("Refreshed").startswith("A target has to be stored")
    await world.reconcile(full=True)
    assert world.condition("Refreshed") == ("False", "NotRefreshed")
    deploy(world, DONE)
    await world.reconcile()
    assert world.condition("Ready") == ("True", "Valid")


async def test_refresh_uses_one_digest_when_two_targets_share_a_workload(world: World) -> None:
    password = {"name": "password"}
    world.cluster.put_secret("password", {"password": "changeit"})
    formats = [{"type": "PKCS12", "key": "k.p12", "passwordRef": password}]
    targets = [
        {"secretName": "shop-tls", "refresh": [SHOP_WORKLOAD]},
        {"secretName": "java-tls", "refresh": [SHOP_WORKLOAD], "formats": formats},
    ]
    await serve(world, {**REFERENCED, "targets": targets})
    world.upload(NEXT)
    await world.reconcile()
    (value,) = template_annotations(world).values()
    assert value.startswith("sha256:")
    assert value not in {row["digest"] for row in world.status["targets"]}
    world.clock.advance(hours=1)
    await world.reconcile(full=True)
    assert world.cluster.writes == 0


# ---- what stands still


async def test_refresh_is_stalled_when_the_workload_does_not_exist(world: World) -> None:
    await serve(world)
    world.cluster.remove(WORKLOAD)
    world.upload(NEXT)
    result = await world.reconcile()
    assert world.condition("Stalled") == ("True", "NotRefreshed")
    assert world.status["findings"][0]["detail"] == "WorkloadMissing"
    assert result.requeue_at is not None
    deploy(world)
    await world.reconcile()
    assert world.condition("Ready") == ("True", "Valid")


async def test_refresh_is_stalled_when_it_may_not_patch(world: World) -> None:
    await serve(world)
    world.upload(NEXT)
    world.cluster.fail("annotate", WORKLOAD, FailureCause.FORBIDDEN)
    result = await world.reconcile()
    assert result.retry
    assert world.condition("Stalled") == ("True", "NotRefreshed")
    assert world.status["findings"][0]["detail"] == "Forbidden"
    assert "Install the component `refresh`" in world.message()
    assert world.status["responseCode"] == 528
    await world.reconcile()
    assert world.condition("Ready") == ("True", "Valid")


async def test_refresh_is_retried_when_the_workload_cannot_be_read(world: World) -> None:
    await serve(world)
    world.upload(NEXT)
    world.cluster.fail("read", WORKLOAD, FailureCause.UNAVAILABLE)
    result = await world.reconcile()
    assert result.retry
    assert world.condition("Reconciling") == ("True", "NotRefreshed")
    await world.reconcile()
    assert world.condition("Ready") == ("True", "Valid")


@pytest.mark.parametrize(
    ("spec", "words"),
    [({"paused": True}, "its roll-outs are paused"), ({"updateStrategy": {"type": "OnDelete"}}, "`OnDelete`")],
)
async def test_refresh_is_stalled_when_the_workload_does_not_roll(
    world: World, spec: dict[str, Any], words: str
) -> None:
    await serve(world)
    deploy(world, RUNNING, **spec)
    world.upload(NEXT)
    await world.reconcile()
    assert len(template_annotations(world)) == 1
    assert world.condition("Stalled") == ("True", "NotRefreshed")
    assert world.status["findings"][0]["detail"] == "RolloutBlocked"
    assert words in world.message()
    assert world.status["record"]["rolloutTime"]


async def test_refresh_needs_nothing_when_no_pod_runs(world: World) -> None:
    await serve(world)
    deploy(world, {"observedGeneration": 99, "replicas": 0}, replicas=0)
    world.upload(NEXT)
    await world.reconcile()
    assert template_annotations(world) == {}
    assert world.condition("Ready") == ("True", "Valid")


def test_refresh_is_pending_when_the_workload_was_not_looked_at(world: World) -> None:
    world.wish(ROLLING)
    state = _observe(WORKLOAD, "sha256:0", world.snapshot(), None)
    assert state.waiting
    assert state.problem is not None
    assert "it has not been looked at yet" in state.problem.message


# ---- roll-outs by kind


def workload(kind: Kind, spec: dict[str, Any], status: dict[str, Any], generation: int = 2) -> Observed:
    manifest = {"metadata": {"generation": generation}, "spec": spec, "status": status}
    return Observed(ObjectKey(kind, NAMESPACE, "shop"), Version("u", "1"), manifest=manifest)


DAEMON = {
    "observedGeneration": 2,
    "desiredNumberScheduled": 3,
    "updatedNumberScheduled": 3,
    "numberAvailable": 3,
}


@pytest.mark.parametrize(
    ("kind", "spec", "status", "progress", "words"),
    [
        (Kind.DEPLOYMENT, {"replicas": 2}, DONE, Progress.COMPLETE, ""),
        (Kind.DEPLOYMENT, {}, {**DONE, "replicas": 1}, Progress.COMPLETE, ""),
        (Kind.DEPLOYMENT, {"replicas": 2}, {**DONE, "observedGeneration": 1}, Progress.RUNNING, "not seen the change"),
        (Kind.DEPLOYMENT, {"replicas": 2}, {}, Progress.RUNNING, "not seen the change"),
        (Kind.DEPLOYMENT, {"replicas": 2}, RUNNING, Progress.RUNNING, "1 of 2 replicas are updated"),
        (Kind.DEPLOYMENT, {"replicas": 2}, {**DONE, "replicas": 3}, Progress.RUNNING, "1 old replicas"),
        (
            Kind.STATEFUL_SET,
            {"replicas": 2},
            {**DONE, "availableReplicas": 1},
            Progress.RUNNING,
            "1 of 2 replicas are a",
        ),
        (Kind.STATEFUL_SET, {"replicas": 2}, DONE, Progress.COMPLETE, ""),
        (Kind.DAEMON_SET, {}, DAEMON, Progress.COMPLETE, ""),
        (Kind.DAEMON_SET, {}, {**DAEMON, "updatedNumberScheduled": 1}, Progress.RUNNING, "1 of 3 replicas are updated"),
        (Kind.DAEMON_SET, {}, {**DAEMON, "numberAvailable": 2}, Progress.RUNNING, "2 of 3 replicas are available"),
        (
            Kind.DAEMON_SET,
            {"updateStrategy": {"type": "OnDelete"}},
            {**DAEMON, "updatedNumberScheduled": 1},
            Progress.BLOCKED,
            "OnDelete",
        ),
    ],
)
def test_rollout_tells_its_progress_when_the_controller_wrote_it(
    kind: Kind, spec: dict[str, Any], status: dict[str, Any], progress: Progress, words: str
) -> None:
    rollout = observe_rollout(workload(kind, spec, status))
    assert rollout.progress is progress
    assert words in rollout.message


@pytest.mark.parametrize(
    ("kind", "spec", "status", "empty"),
    [
        (Kind.DEPLOYMENT, {"replicas": 0}, {"replicas": 0}, True),
        (Kind.DEPLOYMENT, {"replicas": 0}, {"replicas": 1}, False),
        (Kind.DEPLOYMENT, {}, {}, False),
        (Kind.DAEMON_SET, {}, {"observedGeneration": 2, "desiredNumberScheduled": 0}, True),
        (Kind.DAEMON_SET, {}, {"observedGeneration": 1, "desiredNumberScheduled": 0}, False),
        (Kind.DAEMON_SET, {}, DAEMON, False),
    ],
)
def test_workload_has_no_replicas_when_none_is_wanted_and_none_runs(
    kind: Kind,
    spec: dict[str, Any],
    status: dict[str, Any],
    empty: bool,  # noqa: FBT001
) -> None:
    assert has_no_replicas(workload(kind, spec, status)) is empty
