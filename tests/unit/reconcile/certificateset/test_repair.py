"""Between commits: what leaves, what came too late, and what is on its way out of the cluster."""

from __future__ import annotations

import pytest

from certwright.api.certificateset_spec import NODES_LIMIT
from certwright.reconcile.certificateset.kept import journal_key
from certwright.reconcile.marks import LABELS
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.plan import EPOCH_ANNOTATION, OWNER_ANNOTATION
from certwright.reconcile.set_actions import (
    COMMIT_ANNOTATION,
    KEPT_ANNOTATION,
    REVISION_ANNOTATION,
    SLOT_ANNOTATION,
    ApplyContent,
)
from tests.unit.reconcile.certificateset.conftest import (
    API,
    NODES,
    OWN,
    OWNER,
    PROXY,
    SPEC,
    SYNCER,
    UPLOADS,
    SetWorld,
    from_upload,
)

PLACE = ObjectKey(Kind.SECRET, NODES[0], "proxy-tls")
ALL = [*SPEC["certificates"], from_upload("syncer")]


async def test_namespace_that_leaves_is_tried_again_when_its_secrets_cannot_be_released(deployed: SetWorld) -> None:
    deployed.cluster.mishaps.forbidden.add(NODES[2])
    deployed.wish(namespaces=list(NODES[:2]))
    result = await deployed.settle()
    assert (deployed.code, result.retry) == (409, True)
    assert "in namespace `node-c`" in deployed.status["detailedError"]
    assert "Allow the operator to write Secrets there." in deployed.status["detailedError"]
    left = deployed.target(NODES[2], "proxy-tls")
    assert left is not None
    assert left.annotations[OWNER_ANNOTATION] == OWNER

    deployed.reset()
    await deployed.settle()
    left = deployed.target(NODES[2], "proxy-tls")
    assert left is not None
    assert OWNER_ANNOTATION not in left.annotations
    assert (deployed.code, deployed.status["updatedNamespaces"]) == (200, "2/2")


async def undo_the_first_commit(world: SetWorld) -> str:
    """Have no room in a namespace, and give the revision that could not be deployed."""
    world.upload("proxy", PROXY)
    world.upload("api", API)
    world.wish()
    world.cluster.mishaps.quotas[NODES[1]] = 1
    await world.settle()
    assert (world.code, world.targets()) == (409, {})
    return str(world.status["failedRevision"])


@pytest.mark.parametrize(("late", "stays"), [(True, False), (False, True)])
async def test_secret_is_taken_away_when_it_was_written_after_its_commit_was_undone(
    world: SetWorld, *, late: bool, stays: bool
) -> None:
    """A process that was stopped wrote it; what bears our marks from elsewhere is left to the next commit."""
    failed = await undo_the_first_commit(world)
    marks = {
        OWNER_ANNOTATION: OWNER,
        REVISION_ANNOTATION: failed if late else "sha256:older",
        SLOT_ANNOTATION: "proxy",
        COMMIT_ANNOTATION: "1",
        EPOCH_ANNOTATION: "1",
    }
    data = {"tls.crt": PROXY.chain_pem.encode(), "tls.key": PROXY.key_pem.encode()}
    await world.cluster.apply_content(ApplyContent(PLACE, None, data, LABELS, marks, type="kubernetes.io/tls"))
    await world.reconcile(full=True)
    assert ((NODES[0], "proxy-tls") in world.targets()) == stays
    assert world.code == 409

    world.reset()
    await world.settle(minutes=3)
    assert (world.code, len(world.targets())) == (200, 6)


async def test_target_is_said_to_be_going_when_it_differs_and_its_finalizers_hold_it(deployed: SetWorld) -> None:
    target = deployed.cluster.objects[PLACE]
    deployed.cluster.change(PLACE, data={**target.data, "tls.crt": b"other"}, deleting=True)
    await deployed.settle()
    assert (deployed.code, deployed.condition("Ready")) == (409, ("False", "TargetMissing"))
    row = next(each for each in deployed.status["namespaces"] if each["name"] == NODES[0])
    assert row["message"] == (
        "Secret `proxy-tls` in namespace `node-a` is being deleted. If it stays, remove its finalizers."
    )
    deployed.cluster.remove(PLACE)
    await deployed.settle()
    assert (deployed.code, len(deployed.targets())) == (200, 6)


async def test_set_asks_for_an_unlisted_certificate_when_what_was_kept_of_it_is_gone(deployed: SetWorld) -> None:
    deployed.upload("syncer", SYNCER)
    deployed.wish(certificates=ALL)
    await deployed.settle()
    before = deployed.contents()
    assert len(before) == 9
    deployed.wish()
    await deployed.settle()
    payload = next(
        key
        for key, each in deployed.cluster.objects.items()
        if key.namespace == OWN and each.annotations.get(SLOT_ANNOTATION) == "syncer"
    )
    assert deployed.cluster.objects[payload].annotations[KEPT_ANNOTATION] == "Payload"
    deployed.cluster.remove(payload)
    await deployed.settle()
    assert (deployed.code, deployed.codes()["syncer"]) == (409, 409)
    lost = [each["message"] for each in deployed.status["findings"] if each["reason"] == "JournalLost"]
    assert any(
        "`syncer` is not listed any more, and what was kept of it is gone. List it again." in each for each in lost
    )
    assert deployed.contents() == before

    deployed.wish(certificates=ALL)
    await deployed.settle()
    assert (deployed.code, deployed.contents()) == (200, before)


# ---- what happened while nobody watched


@pytest.mark.parametrize("name", ["tls.crt", "tls.key"])
async def test_value_is_put_back_when_somebody_changed_it_while_nobody_watched(deployed: SetWorld, name: str) -> None:
    """Managed fields tell of the other value alone that it is as we wrote it."""
    before = deployed.contents()
    deployed.cluster.change(PLACE, data={**deployed.cluster.objects[PLACE].data, name: b"other"})
    deployed.restart()
    await deployed.settle()
    assert (deployed.code, deployed.contents()) == (200, before)
    deployed.restart()
    deployed.cluster.forget_calls()
    assert (await deployed.reconcile()).settled
    assert deployed.cluster.calls.total() == 0


async def test_label_is_looked_at_once_and_no_status_written_when_it_came_while_nobody_watched(
    deployed: SetWorld,
) -> None:
    deployed.cluster.change(PLACE, labels={**deployed.cluster.objects[PLACE].labels, "theirs": "x"})
    deployed.restart()
    await deployed.settle()
    assert (deployed.code, deployed.cluster.mishaps.writes) == (200, 0)
    assert (await deployed.reconcile()).settled


@pytest.mark.parametrize(
    ("wrong", "lost"),
    [
        (["kube-system"], ["proxy-tls"]),
        (["kube-system"], ["proxy-tls", "api-tls"]),
        ([f"node-{number:04}" for number in range(NODES_LIMIT // 3)], ["proxy-tls"]),
    ],
    ids=["system", "system, all of it", "too many"],
)
async def test_lost_secrets_come_back_and_nobody_joins_when_the_choice_of_namespaces_is_wrong(
    deployed: SetWorld, wrong: list[str], lost: list[str]
) -> None:
    for name in ("node-new", wrong[0]):
        deployed.cluster.put_namespace(name)
    before = deployed.contents()
    deployed.wish(namespaces=[*NODES[:2], "node-new", *wrong])
    await deployed.settle()
    assert (deployed.code, deployed.condition("Ready")) == (400, ("False", "InvalidRequest"))
    for name in lost:
        deployed.cluster.remove(ObjectKey(Kind.SECRET, NODES[0], name))
    await deployed.settle()
    assert (deployed.code, deployed.contents()) == (400, before)
    places = {key.namespace for key in deployed.cluster.objects if key.kind is Kind.SECRET}
    assert places == {*NODES, UPLOADS, OWN}


# ---- policy


def owners(world: SetWorld) -> set[tuple[str, ...]]:
    return {tuple(each["uid"] for each in target.owner_references) for target in world.targets().values()}


@pytest.mark.parametrize("restarted", [False, True])
async def test_secrets_bear_the_policy_when_it_changes_and_nothing_else(deployed: SetWorld, *, restarted: bool) -> None:
    """What bears an owner reference goes with the set, whatever the set says by then."""
    before, uid = deployed.contents(), deployed.subject.version.uid
    assert owners(deployed) == {()}
    for policy, wanted in (("Delete", {(uid,)}), ("Retain", {()})):
        if restarted:
            deployed.restart()
        deployed.wish(deletionPolicy=policy)
        await deployed.settle()
        assert (deployed.code, owners(deployed)) == (200, wanted)
        assert (await deployed.reconcile()).settled
    deployed.cluster.delete_subject(deployed.key)
    assert deployed.contents() == before


async def test_policy_reaches_every_secret_when_the_journal_was_lost_meanwhile(deployed: SetWorld) -> None:
    deployed.wish(deletionPolicy="Delete")
    await deployed.settle()
    deployed.cluster.remove(journal_key(OWN, deployed.subject.version.uid))
    deployed.cluster.mishaps.forbidden.add(NODES[1])
    deployed.wish()
    await deployed.settle()
    assert (deployed.code, len(owners(deployed))) == (409, 2)
    deployed.reset()
    await deployed.settle(minutes=3)
    assert (deployed.code, owners(deployed)) == (200, {()})


async def test_secrets_lose_the_policy_when_it_is_taken_back_before_it_was_everywhere(deployed: SetWorld) -> None:
    """No status has ever said that it was."""
    deployed.cluster.mishaps.forbidden.add(NODES[1])
    deployed.wish(deletionPolicy="Delete")
    await deployed.settle()
    assert (deployed.code, len(owners(deployed))) == (409, 2)
    deployed.reset()
    deployed.wish()
    await deployed.settle()
    assert (deployed.code, owners(deployed)) == (200, {()})


async def test_policy_reaches_a_namespace_later_when_it_could_not_be_written(deployed: SetWorld) -> None:
    deployed.wish(deletionPolicy="Delete")
    await deployed.settle()
    deployed.cluster.mishaps.forbidden.add(NODES[1])
    deployed.wish()
    await deployed.settle()
    assert (deployed.code, len(owners(deployed))) == (409, 2)
    deployed.restart()
    deployed.reset()
    await deployed.settle()
    assert (deployed.code, owners(deployed)) == (200, {()})


# ---- what is kept of a slot that was taken out


async def test_kept_certificate_reaches_a_namespace_when_what_stood_in_its_place_is_gone(deployed: SetWorld) -> None:
    """Nothing names the place any more, so nobody hears that it is free."""
    deployed.upload("syncer", SYNCER)
    deployed.wish(certificates=ALL)
    await deployed.settle()
    deployed.cluster.put_namespace("node-d")
    foreign = deployed.cluster.put_secret("syncer-tls", {"theirs": "x"}, namespace="node-d")
    deployed.wish(slots=SPEC["slots"][:2], namespaces=[*NODES, "node-d"])
    result = await deployed.settle()
    assert (deployed.code, deployed.condition("Ready")) == (409, ("False", "TargetNotOwned"))
    assert result.retry
    deployed.cluster.remove(foreign)
    await deployed.settle()
    assert (deployed.code, deployed.status["updatedNamespaces"]) == (200, "4/4")
