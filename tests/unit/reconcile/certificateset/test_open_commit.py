"""While a commit, or its undoing, is open: what people take away, and what goes by itself, stops neither."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from certwright.findings import FailureCause
from certwright.reconcile.certificateset.journal import Phase
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.set_actions import KEPT_ANNOTATION, REVISION_ANNOTATION
from tests.unit.reconcile.certificateset.conftest import (
    NEXT_PROXY,
    NODES,
    OWNER,
    SPEC,
    SYNCER,
    SetWorld,
    from_upload,
)

PLACE = ObjectKey(Kind.SECRET, NODES[2], "proxy-tls")
ALL = [*SPEC["certificates"], from_upload("syncer")]


def phase(world: SetWorld) -> Phase:
    journal = world.journal
    assert journal is not None
    return journal.phase


async def begin(world: SetWorld) -> None:
    """Have a commit that waits for one place, whose API server asks for patience."""
    world.upload("proxy", NEXT_PROXY)
    world.clock.advance(seconds=6)
    world.cluster.fail("content", PLACE, *[FailureCause.THROTTLED] * 2)
    await world.reconcile()
    assert phase(world) is Phase.COMMITTING


async def get_stuck(world: SetWorld) -> None:
    """Have a commit undone for want of rights in one namespace, and the undoing stuck for want of them in all."""
    world.upload("proxy", NEXT_PROXY)
    world.upload("syncer", SYNCER)
    world.wish(certificates=ALL)
    world.clock.advance(seconds=6)

    def withdraw(_: int, verb: str, key: ObjectKey) -> None:
        if verb == "content" and key.namespace == NODES[1]:
            world.cluster.mishaps.forbidden.update(NODES)

    world.cluster.mishaps.before = withdraw
    await world.settle(minutes=0.2, passes=80)
    assert phase(world) is Phase.ROLLING_BACK
    assert world.target(NODES[0], "syncer-tls") is not None
    world.reset()


# ---- a commit


@pytest.mark.parametrize("new_leader", [True, False])
async def test_commit_ends_when_its_payloads_are_lost_and_the_wish_still_makes_them(
    deployed: SetWorld, *, new_leader: bool
) -> None:
    await begin(deployed)
    journal = deployed.journal
    assert journal is not None
    lost = [
        key
        for key, each in deployed.cluster.objects.items()
        if KEPT_ANNOTATION in each.annotations and each.annotations.get(REVISION_ANNOTATION) == journal.target
    ]
    assert len(lost) == 2
    for key in lost:
        deployed.cluster.remove(key)
    if new_leader:
        deployed.restart(new_term=True)
    await deployed.settle(minutes=0.5)
    assert (deployed.code, deployed.revisions()) == (200, {journal.target})
    assert deployed.cluster.objects[PLACE].data["tls.crt"] == NEXT_PROXY.chain_pem.encode()
    assert deployed.kept() == ["Journal", "Payload", "Payload"]


async def test_commit_goes_on_when_it_is_taken_over_late_and_the_api_server_is_busy_for_a_moment(
    deployed: SetWorld,
) -> None:
    await begin(deployed)
    deployed.clock.advance(minutes=5)
    deployed.restart(new_term=True)
    deployed.cluster.fail("content", PLACE, *[FailureCause.THROTTLED] * 2)
    result = await deployed.reconcile()
    assert (result.retry, phase(deployed)) == (True, Phase.COMMITTING)
    assert deployed.condition("Reconciling") == ("True", "StoreFailed")
    await deployed.settle()
    assert (deployed.code, deployed.status.get("failedRevision")) == (200, None)


async def test_commit_is_undone_when_the_api_server_is_busy_for_a_minute_after_it_was_taken_over(
    deployed: SetWorld,
) -> None:
    await begin(deployed)
    deployed.clock.advance(minutes=5)
    deployed.restart(new_term=True)
    deployed.cluster.fail("content", PLACE, *[FailureCause.THROTTLED] * 4)
    await deployed.reconcile()
    assert phase(deployed) is Phase.COMMITTING
    deployed.clock.advance(seconds=60)
    await deployed.reconcile()
    await deployed.settle()
    assert (deployed.code, deployed.status["failedRevision"]) == (409, deployed.status["revision"])


async def test_commit_ends_without_a_namespace_when_the_person_takes_it_out(deployed: SetWorld) -> None:
    """The documented way out of a commit that one namespace holds up."""
    await begin(deployed)
    deployed.cluster.fail("content", PLACE, *[FailureCause.THROTTLED] * 100)
    deployed.wish(namespaces=list(NODES[:2]))
    await deployed.settle(minutes=0.5)
    assert (deployed.code, deployed.status["updatedNamespaces"]) == (200, "2/2")
    assert deployed.status["deployedRevision"] == deployed.status["revision"]
    held = {deployed.cluster.objects[ObjectKey(Kind.SECRET, name, "proxy-tls")].data["tls.crt"] for name in NODES[:2]}
    assert held == {NEXT_PROXY.chain_pem.encode()}


async def test_commit_that_deletes_ends_when_a_namespace_goes_before_its_deletion(deployed: SetWorld) -> None:
    """The API server knows of it before the watch has said so."""
    deployed.upload("syncer", SYNCER)
    deployed.wish(certificates=ALL)
    await deployed.settle()
    gone = ObjectKey(Kind.SECRET, NODES[2], "syncer-tls")
    deployed.cluster.fail("delete", gone, FailureCause.NAMESPACE_TERMINATING)
    deployed.reset()
    deployed.wish(absent=["syncer"])
    deployed.clock.advance(seconds=6)
    await deployed.reconcile()
    assert phase(deployed) is Phase.IDLE
    assert ("delete", gone) in deployed.cluster.mishaps.log
    assert deployed.target(NODES[0], "syncer-tls") is None
    await deployed.settle()
    assert deployed.code == 200


# ---- its undoing


async def test_target_comes_back_when_somebody_deletes_it_while_the_commit_is_undone(deployed: SetWorld) -> None:
    before = copy.deepcopy(deployed.contents())
    await get_stuck(deployed)
    deployed.cluster.remove(ObjectKey(Kind.SECRET, NODES[0], "proxy-tls"))
    deployed.cluster.remove(PLACE)
    await deployed.settle()
    assert (deployed.code, phase(deployed), deployed.contents()) == (409, Phase.IDLE, before)
    assert deployed.revisions() == {deployed.status["deployedRevision"]}


async def test_rollback_ends_when_a_namespace_goes_before_it_is_put_back(deployed: SetWorld) -> None:
    """The API server knows of it before the watch has said so."""
    before = copy.deepcopy(deployed.contents())
    await get_stuck(deployed)
    place = ObjectKey(Kind.SECRET, NODES[0], "proxy-tls")
    deployed.cluster.fail("content", place, FailureCause.NAMESPACE_TERMINATING)
    for _ in range(4):
        await deployed.reconcile()
        if phase(deployed) is Phase.IDLE:
            break
    assert phase(deployed) is Phase.IDLE
    # The namespace stayed after all: what it holds is drift, and is put back as any other.
    await deployed.settle()
    assert (deployed.code, deployed.contents()) == (409, before)


async def test_rollback_ends_when_a_target_is_deleted_that_no_known_revision_had(deployed: SetWorld) -> None:
    """The journal had been lost, so the commit began from nothing that could be brought back."""
    for key in [key for key, each in deployed.cluster.objects.items() if KEPT_ANNOTATION in each.annotations]:
        deployed.cluster.remove(key)
    before = copy.deepcopy(deployed.contents())
    await get_stuck(deployed)
    assert deployed.journal is not None
    assert deployed.journal.origin is None
    deployed.cluster.remove(PLACE)
    await deployed.settle()
    del before[NODES[2], "proxy-tls"]
    assert (deployed.code, phase(deployed), deployed.contents()) == (409, Phase.IDLE, before)
    await deployed.settle(minutes=3)
    assert (deployed.code, len(deployed.targets())) == (200, 9)


async def test_rollback_waits_no_longer_for_a_namespace_when_the_person_takes_it_out(deployed: SetWorld) -> None:
    """What the commit created there is held by a finalizer of somebody."""
    await get_stuck(deployed)
    held = ObjectKey(Kind.SECRET, NODES[0], "syncer-tls")
    deployed.cluster.mishaps.kept.add(held)
    await deployed.settle()
    assert (deployed.code, phase(deployed)) == (409, Phase.ROLLING_BACK)
    deployed.wish(certificates=ALL, namespaces=list(NODES[1:]))
    await deployed.settle()
    assert (deployed.code, phase(deployed)) == (200, Phase.IDLE)
    assert deployed.status["updatedNamespaces"] == "2/2"


async def test_lost_backup_is_no_trouble_when_the_person_takes_its_namespace_out(deployed: SetWorld) -> None:
    deployed.cluster.put_secret(
        "syncer-tls", {"theirs": "x"}, namespace=NODES[0], annotations={"certwright.io/allow-write": OWNER}
    )
    before = copy.deepcopy(deployed.contents())
    await get_stuck(deployed)
    (backup,) = [k for k, each in deployed.cluster.objects.items() if each.annotations.get(KEPT_ANNOTATION) == "Backup"]
    deployed.cluster.remove(backup)
    deployed.upload("proxy", NEXT_PROXY, key=SYNCER)
    await deployed.settle()
    assert phase(deployed) is Phase.ROLLING_BACK
    assert "JournalLost" in {each["reason"] for each in deployed.status["findings"]}
    deployed.wish(certificates=ALL, namespaces=list(NODES[1:]))
    await deployed.settle()
    assert (deployed.code, phase(deployed)) == (400, Phase.IDLE)
    now = deployed.contents()
    assert {place: now.get(place) for place in before if place[0] != NODES[0]} == {
        place: content for place, content in before.items() if place[0] != NODES[0]
    }


async def test_set_that_goes_is_put_back_in_silence_when_somebody_cut_its_finalizer(deployed: SetWorld) -> None:
    """Another finalizer holds the object, and its roll-back cannot write yet."""
    before = copy.deepcopy(deployed.contents())
    await get_stuck(deployed)
    deployed.cluster.mishaps.forbidden.update(NODES)
    subject = deployed.subject
    deployed.cluster.subjects[deployed.key] = replace(subject, finalizers=("example.com/hold",), deleting=True)
    await deployed.settle()
    assert phase(deployed) is Phase.ROLLING_BACK
    assert [verb for verb, key in deployed.cluster.mishaps.log if key == deployed.key] == []
    deployed.reset()
    await deployed.settle()
    assert (deployed.contents(), deployed.kept()) == (before, [])
