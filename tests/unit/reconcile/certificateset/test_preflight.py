"""Before a commit: what refuses it is found while nothing has been touched, and is said about the place that it is."""

from __future__ import annotations

import pytest

from certwright.api.certificateset_spec import NODES_LIMIT
from certwright.findings import FailureCause
from certwright.reconcile.certificateset.journal import Phase
from certwright.reconcile.objects import Kind, ObjectKey
from tests.unit.reconcile.certificateset.conftest import (
    API,
    NEXT_PROXY,
    NODES,
    OWNER,
    PROXY,
    SLOTS,
    SYNCER,
    SetWorld,
    from_upload,
)

PLACE = ObjectKey(Kind.SECRET, NODES[1], "proxy-tls")
RENAMED = [{**SLOTS[0], "secretName": "front-tls"}, *SLOTS[1:]]


def written(world: SetWorld) -> set[str]:
    """Give the namespaces of nodes that got anything."""
    return {key.namespace for verb, key in world.cluster.mishaps.log if verb == "content" and key.namespace in NODES}


def message_of(world: SetWorld, namespace: str) -> str:
    return next(str(row["message"]) for row in world.status["namespaces"] if row["name"] == namespace)


async def test_set_is_409_and_untouched_when_the_dry_run_of_a_write_is_refused(deployed: SetWorld) -> None:
    before = deployed.contents()
    deployed.upload("proxy", NEXT_PROXY)
    deployed.cluster.mishaps.forbidden.add(NODES[1])
    await deployed.settle(passes=80)
    assert (deployed.code, deployed.condition("Ready")) == (409, ("False", "StoreFailed"))
    assert deployed.condition("Stalled") == ("True", "StoreFailed")
    assert message_of(deployed, NODES[1]).endswith("Allow the operator to write Secrets there.")
    assert (deployed.contents(), written(deployed)) == (before, set())
    assert deployed.journal is not None
    assert deployed.journal.phase is Phase.IDLE

    deployed.reset()
    await deployed.settle()
    assert (deployed.code, written(deployed)) == (200, set(NODES))


async def test_advice_leads_out_when_a_slot_that_is_filled_is_to_have_no_key_any_more(deployed: SetWorld) -> None:
    """Who deletes a Secret of the set gets it back as it is deployed: that would be no way out."""
    keyless = {**SLOTS[0], "privateKey": "None"}
    deployed.wish(slots=[keyless, *SLOTS[1:]])
    await deployed.settle()
    assert (deployed.code, deployed.condition("Ready")) == (409, ("False", "TargetImmutable"))
    assert message_of(deployed, NODES[1]).endswith("Choose another `secretName`.")
    deployed.wish(slots=[{**keyless, "secretName": "front-tls"}, *SLOTS[1:]])
    await deployed.settle()
    assert (deployed.code, deployed.condition("Ready")) == (200, ("True", "Valid"))
    assert deployed.contents()[NODES[1], "front-tls"][0] == "Opaque"


async def test_foreign_secret_is_to_be_deleted_when_its_type_does_not_fit_and_it_may_be_written(
    deployed: SetWorld,
) -> None:
    allowed = {"certwright.io/allow-write": OWNER}
    deployed.cluster.put_secret("syncer-tls", {}, type="example.com/x", annotations=allowed, namespace=NODES[0])
    deployed.upload("syncer", SYNCER)
    deployed.wish(certificates=[from_upload(name) for name in ("proxy", "api", "syncer")])
    await deployed.settle()
    assert deployed.condition("Ready") == ("False", "TargetImmutable")
    assert message_of(deployed, NODES[0]).endswith("Delete it yourself.")
    assert message_of(deployed, NODES[1]).startswith("It holds sha256:")
    assert message_of(deployed, NODES[1]).endswith(", not the revision wished for.")


async def test_set_waits_when_the_dry_run_of_a_write_is_not_answered(deployed: SetWorld) -> None:
    before = deployed.contents()
    deployed.upload("proxy", NEXT_PROXY)
    deployed.clock.advance(seconds=6)
    deployed.cluster.fail("rehearse", PLACE, FailureCause.UNAVAILABLE)
    result = await deployed.reconcile()
    assert (result.retry, deployed.contents()) == (True, before)
    assert deployed.condition("Reconciling") == ("True", "StoreFailed")
    await deployed.settle()
    assert deployed.code == 200


async def test_set_waits_untouched_when_a_target_cannot_be_read(deployed: SetWorld) -> None:
    before = deployed.contents()
    deployed.upload("proxy", NEXT_PROXY)
    deployed.clock.advance(seconds=6)
    deployed.cluster.fail("read", PLACE, *[FailureCause.UNAVAILABLE] * 3)
    result = await deployed.reconcile()
    assert (result.retry, deployed.contents(), written(deployed)) == (True, before, set())
    assert "`proxy-tls` in namespace `node-b`" in message_of(deployed, NODES[1])
    await deployed.settle()
    assert deployed.code == 200


async def test_renamed_secret_is_left_when_somebody_took_the_old_one_over(deployed: SetWorld) -> None:
    taken = {**deployed.cluster.objects[PLACE].annotations, "certwright.io/owner": "ImportedCertificate/shop"}
    deployed.cluster.change(PLACE, annotations=taken)
    theirs = deployed.cluster.objects[PLACE]
    deployed.wish(slots=RENAMED)
    await deployed.settle()
    assert deployed.code == 200
    assert deployed.cluster.objects[PLACE] == theirs
    assert {name for namespace, name in deployed.targets() if namespace == NODES[0]} == {"front-tls", "api-tls"}


async def test_what_somebody_added_to_a_target_comes_back_when_the_commit_is_undone(deployed: SetWorld) -> None:
    target = deployed.cluster.objects[PLACE]
    deployed.cluster.change(PLACE, data={**target.data, "note.txt": b"theirs"})
    before = deployed.contents()
    assert before[NODES[1], "proxy-tls"][1]["note.txt"] == b"theirs"
    deployed.upload("proxy", NEXT_PROXY)
    deployed.upload("syncer", SYNCER)
    deployed.wish(certificates=[from_upload(name) for name in ("proxy", "api", "syncer")])
    deployed.cluster.mishaps.quotas[NODES[2]] = 2
    await deployed.settle(passes=80)
    assert (deployed.code, deployed.contents()) == (409, before)
    assert deployed.status["failedRevision"] == deployed.status["revision"]


async def test_change_is_400_and_untouched_when_old_and_new_secrets_together_are_too_many(world: SetWorld) -> None:
    """Each wish is small enough; a rename writes and deletes in one commit, though."""
    names = [f"node-{number:04}" for number in range(NODES_LIMIT // 2 + 1)]
    for name in names:
        world.cluster.put_namespace(name)
    world.upload("proxy", PROXY)
    world.wish(slots=SLOTS[:1], certificates=[from_upload("proxy")], namespaces=names)
    await world.settle()
    assert world.code == 200
    world.wish(slots=RENAMED[:1], certificates=[from_upload("proxy")], namespaces=names)
    await world.settle()
    assert (world.code, world.condition("Ready")) == (400, ("False", "InvalidRequest"))
    assert "2,000" in world.status["detailedError"]
    assert "Make the change in several steps." in world.status["detailedError"]
    secrets = {key.name for key in world.cluster.objects if key.namespace in names}
    assert secrets == {"proxy-tls"}


@pytest.mark.parametrize("damaged", ["tls.crt", "tls.key", "other key"])
async def test_payload_is_kept_anew_when_somebody_damaged_it_and_the_wish_still_makes_it(
    deployed: SetWorld, damaged: str
) -> None:
    before = deployed.contents()
    payload = next(
        key
        for key, each in deployed.cluster.objects.items()
        if each.annotations.get("certwright.io/slot") == "proxy" and key.namespace not in NODES
    )
    good = dict(deployed.cluster.objects[payload].data)
    bad = {"tls.key": API.key_pem.encode()} if damaged == "other key" else {damaged: b"nothing"}
    deployed.cluster.change(payload, data={**good, **bad})
    await deployed.settle()
    assert dict(deployed.cluster.objects[payload].data) == good
    assert (deployed.code, deployed.contents()) == (200, before)
    assert deployed.kept() == ["Journal", "Payload", "Payload"]
