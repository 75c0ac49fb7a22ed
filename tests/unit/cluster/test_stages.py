"""Stages of many writes: bounded, folded at once, and none of them twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from certwright.cluster.execute import execute
from certwright.cluster.gather import IN_FLIGHT, gather, side_by_side
from certwright.cluster.library import NoLibrary
from certwright.findings import ClusterError, FailureCause
from certwright.pki.certificate import Certificate
from certwright.pki.trust_bundle import BundleRecipe
from certwright.reconcile.objects import Kind, ObjectKey, Snapshot
from certwright.reconcile.plan import ApplyBundle, ApplyClusterTrustBundle, SetFinalizer, WriteStatus
from certwright.reconcile.questions import KeptTrust
from tests.support.memory_cluster import START, MemoryCluster
from tests.support.pki import PKI

RECIPE = BundleRecipe((Certificate.from_der(PKI().root().der),), "ca.crt")
LABELS = {"app.kubernetes.io/managed-by": "certwright"}
BUNDLE = ObjectKey(Kind.CLUSTER_TRUST_BUNDLE, "", "corporate")


class Turnstile:
    """Count who is inside at once."""

    def __init__(self) -> None:
        self.inside = self.most = 0

    async def pass_through(self, number: int) -> int:
        self.inside += 1
        self.most = max(self.most, self.inside)
        for _ in range(number % 3):
            await asyncio.sleep(0)
        self.inside -= 1
        return number


@pytest.mark.parametrize("count", [0, 1, 2, IN_FLIGHT, 100])
async def test_answers_come_in_order_and_few_are_waited_for_at_once(count: int) -> None:
    turnstile = Turnstile()
    answers = await side_by_side([turnstile.pass_through(number) for number in range(count)])
    assert answers == list(range(count))
    assert turnstile.most <= IN_FLIGHT


async def test_nothing_goes_on_when_one_of_many_fails() -> None:
    turnstile = Turnstile()

    async def fail() -> int:
        raise RuntimeError("a defect")

    work = [turnstile.pass_through(number) for number in range(100)]
    with pytest.raises(RuntimeError, match="a defect"):
        await side_by_side([*work[:10], fail(), *work[10:]])
    await asyncio.sleep(0)
    assert turnstile.most <= IN_FLIGHT


async def test_nothing_goes_on_when_the_wait_is_cancelled() -> None:
    started: list[int] = []

    async def wait(number: int) -> None:
        started.append(number)
        await asyncio.Event().wait()

    task = asyncio.create_task(side_by_side([wait(number) for number in range(100)]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(started) == IN_FLIGHT


def snapshot_of(cluster: MemoryCluster, kind: Kind = Kind.CLUSTER_TRUST_STORE) -> Snapshot:
    return Snapshot(cluster.put_subject("corporate", {}, kind=kind), START, "")


def bundles(*names: str) -> tuple[ApplyBundle, ...]:
    keys = [ObjectKey(Kind.CONFIG_MAP, name, "ca") for name in names]
    return tuple(ApplyBundle(key, None, RECIPE, LABELS, {}) for key in keys)


async def test_outcomes_of_a_stage_are_all_in_the_snapshot() -> None:
    cluster = MemoryCluster()
    names = [f"ns-{number}" for number in range(70)]
    stage = bundles(*names)
    cluster.fail("apply", stage[3].key, FailureCause.QUOTA_EXCEEDED)
    theirs = cluster.put_secret("ca", {"x": "y"}, kind=Kind.CONFIG_MAP, namespace="ns-5")

    after = await execute(stage, snapshot_of(cluster), cluster=cluster, cache=cluster, library=NoLibrary())

    assert set(after.failures) == {stage[3].key}
    assert after.objects[theirs] == cluster.objects[theirs]
    good = [each for each in after.objects.values() if each is not None and each.written]
    assert len(good) == 68
    assert all(each.intact for each in good)

    again = await execute((stage[3],), after, cluster=cluster, cache=cluster, library=NoLibrary())
    assert again.failures == {}


async def test_stage_with_a_cluster_trust_bundle_says_when_there_is_no_such_kind() -> None:
    cluster = MemoryCluster()
    action = ApplyClusterTrustBundle(BUNDLE, None, replace(RECIPE, data_key="trustBundle"), LABELS, {})
    after = await execute((action,), snapshot_of(cluster), cluster=cluster, cache=cluster, library=NoLibrary())
    written = after.objects[BUNDLE]
    assert written is not None
    assert written.data["trustBundle"].startswith(b"# ")

    cluster.serves_bundles = False
    after = await execute((action,), snapshot_of(cluster), cluster=cluster, cache=cluster, library=NoLibrary())
    assert after.failures[BUNDLE].cause is FailureCause.NOT_SERVED


async def test_finalizer_changes_the_subject_and_a_lost_race_ends_the_pass() -> None:
    cluster = MemoryCluster()
    before = snapshot_of(cluster, Kind.TRUST_DECISION)
    key, version = before.subject.key, before.subject.version
    action = SetFinalizer(key, version, "certwright.io/deployed", present=True)

    after = await execute((action,), before, cluster=cluster, cache=cluster, library=NoLibrary())
    assert after.subject.finalizers == ("certwright.io/deployed",)
    status = WriteStatus(key, after.subject.version, {"id": "x"}, after.subject)
    after = await execute((status,), after, cluster=cluster, cache=cluster, library=NoLibrary())
    assert (after.subject.status, after.subject.finalizers) == ({"id": "x"}, ("certwright.io/deployed",))

    with pytest.raises(ClusterError) as caught:
        await execute((action,), after, cluster=cluster, cache=cluster, library=NoLibrary())
    assert caught.value.cause is FailureCause.CONFLICT


class Asking:
    """A reconciler that needs what it was given."""

    def __init__(self, *needs: ObjectKey | KeptTrust) -> None:
        self._needs = frozenset(needs)

    def needs(self, snapshot: Snapshot) -> frozenset[ObjectKey | KeptTrust]:
        del snapshot
        return self._needs


class Referring(MemoryCluster):
    """A cluster that remembers what it was told to keep."""

    def __init__(self) -> None:
        super().__init__()
        self.referred: set[ObjectKey] = set()

    def refer(self, keys: frozenset[ObjectKey]) -> None:
        self.referred |= keys


async def test_what_is_absent_is_neither_asked_for_nor_kept() -> None:
    cluster = Referring()
    there = cluster.put_secret("ca", {"x": "y"}, kind=Kind.CONFIG_MAP)
    absent = [ObjectKey(Kind.CONFIG_MAP, f"ns-{number}", "ca") for number in range(50)]
    lost = KeptTrust("sha256:x", (absent[0],))

    after = await gather(
        Asking(there, *absent, lost),  # type: ignore[arg-type]  # nothing else of a reconciler is asked
        snapshot_of(cluster),
        cluster=cluster,
        cache=cluster,
        library=NoLibrary(),
    )

    assert (cluster.reads, cluster.referred) == ([there], {there})
    assert [after.objects[key] for key in absent] == [None] * 50
    assert after.answers[lost] is None
