"""Between commits: drift, nodes that come and go, what is lost, and the end of a set."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from certwright.findings import FailureCause
from certwright.reconcile.certificateset.journal import Journal, Phase, decode_journal, encode_journal
from certwright.reconcile.certificateset.kept import JOURNAL_KEY, journal_key
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.set_actions import KEPT_ANNOTATION, REVISION_ANNOTATION
from tests.unit.reconcile.certificateset.conftest import (
    API,
    NEXT_PROXY,
    NODES,
    OWN,
    OWNER,
    PROXY,
    SPEC,
    SetWorld,
    from_upload,
)

PLACE = ObjectKey(Kind.SECRET, NODES[0], "proxy-tls")


def kept(world: SetWorld, what: str) -> list[ObjectKey]:
    return [key for key, each in world.cluster.objects.items() if each.annotations.get(KEPT_ANNOTATION) == what]


# ---- drift


@pytest.mark.parametrize("how", ["changed", "removed", "unmarked"])
async def test_target_is_put_back_when_somebody_meddles(deployed: SetWorld, how: str) -> None:
    before = deployed.contents()
    target = deployed.cluster.objects[PLACE]
    match how:
        case "changed":
            deployed.cluster.change(PLACE, data={**target.data, "tls.crt": b"other"})
        case "removed":
            deployed.cluster.remove(PLACE)
        case "unmarked":
            annotations = {**target.annotations, REVISION_ANNOTATION: "none"}
            deployed.cluster.change(PLACE, annotations=annotations)
    await deployed.settle()
    assert deployed.contents() == before
    assert deployed.code == 200


async def test_target_is_left_when_somebody_takes_it_over(deployed: SetWorld) -> None:
    target = deployed.cluster.objects[PLACE]
    annotations = {**target.annotations, "certwright.io/owner": "ImportedCertificate/shop"}
    deployed.cluster.change(PLACE, annotations=annotations)
    await deployed.settle()
    assert (deployed.code, deployed.condition("Ready")) == (409, ("False", "TargetNotOwned"))
    assert deployed.cluster.objects[PLACE].annotations == annotations


async def test_foreign_label_is_read_once_when_it_appears(deployed: SetWorld) -> None:
    deployed.cluster.change(PLACE, labels={**deployed.cluster.objects[PLACE].labels, "theirs": "x"})
    await deployed.settle()
    assert deployed.cluster.mishaps.writes == 0
    assert deployed.cluster.objects[PLACE].labels["theirs"] == "x"


# ---- nodes


async def test_namespace_gets_everything_when_it_joins(deployed: SetWorld) -> None:
    deployed.cluster.put_namespace("node-d")
    deployed.wish(namespaces=[*NODES, "node-d"])
    await deployed.settle()
    assert deployed.status["updatedNamespaces"] == "4/4"
    assert deployed.target("node-d", "proxy-tls") is not None
    assert [verb for verb, key in deployed.cluster.mishaps.log if key.kind is Kind.CONFIG_MAP] == []


async def test_join_is_a_row_and_no_rollback_when_it_fails(deployed: SetWorld) -> None:
    before = deployed.contents()
    deployed.cluster.put_namespace("node-d")
    deployed.cluster.mishaps.forbidden.add("node-d")
    deployed.wish(namespaces=[*NODES, "node-d"])
    await deployed.settle(passes=80)
    assert (deployed.code, deployed.status["updatedNamespaces"]) == (409, "3/4")
    assert deployed.contents() == before
    deployed.reset()
    await deployed.settle()
    assert deployed.code == 200


@pytest.mark.parametrize(("policy", "left"), [("Retain", True), ("Delete", False)])
async def test_namespace_keeps_or_loses_secrets_by_policy_when_it_leaves(
    deployed: SetWorld, policy: str, *, left: bool
) -> None:
    deployed.wish(deletionPolicy=policy)
    await deployed.settle()
    deployed.wish(deletionPolicy=policy, namespaces=list(NODES[:2]))
    await deployed.settle()
    target = deployed.target(NODES[2], "proxy-tls")
    assert (target is not None) == left
    assert target is None or "certwright.io/owner" not in target.annotations
    assert (deployed.code, deployed.status["updatedNamespaces"]) == (200, "2/2")


async def test_namespace_that_was_left_out_comes_back_when_its_secrets_are_handed_over(deployed: SetWorld) -> None:
    deployed.wish(exclude=[NODES[2]])
    await deployed.settle()
    deployed.wish()
    await deployed.settle()
    assert (deployed.code, deployed.status["updatedNamespaces"]) == (409, "2/3")
    assert {each["reason"] for each in deployed.status["findings"]} == {"TargetNotOwned"}
    for name in ("proxy-tls", "api-tls"):
        left = deployed.target(NODES[2], name)
        assert left is not None
        deployed.cluster.objects[left.key] = replace(
            left,
            version=replace(left.version, resource_version=f"{left.version.resource_version}0"),
            annotations={**left.annotations, "certwright.io/allow-write": OWNER},
        )
    await deployed.settle()
    assert (deployed.code, deployed.status["updatedNamespaces"]) == (200, "3/3")


async def test_namespace_joins_when_it_is_created_again(deployed: SetWorld) -> None:
    deployed.cluster.delete_namespace(NODES[1])
    await deployed.settle()
    assert deployed.code == 409
    deployed.cluster.put_namespace(NODES[1])
    await deployed.settle()
    assert (deployed.code, len(deployed.targets())) == (200, 6)


async def test_adopted_secret_is_released_and_never_deleted_when_its_namespace_leaves(world: SetWorld) -> None:
    world.cluster.put_secret(
        "proxy-tls", {"theirs": "x"}, namespace=NODES[2], annotations={"certwright.io/allow-write": OWNER}
    )
    world.upload("proxy", PROXY)
    world.upload("api", API)
    world.wish(deletionPolicy="Delete")
    await world.settle()
    assert world.code == 200
    world.wish(deletionPolicy="Delete", namespaces=list(NODES[:2]))
    await world.settle()
    target = world.target(NODES[2], "proxy-tls")
    assert target is not None
    assert "certwright.io/owner" not in target.annotations
    assert world.target(NODES[2], "api-tls") is None


# ---- loss


async def test_set_is_written_anew_when_its_journal_is_lost_and_the_wish_is_good(deployed: SetWorld) -> None:
    before = deployed.contents()
    for key in (*kept(deployed, "Journal"), *kept(deployed, "Payload")):
        deployed.cluster.remove(key)
    await deployed.settle()
    assert (deployed.code, deployed.contents()) == (200, before)
    assert deployed.kept() == ["Journal", "Payload", "Payload"]


async def test_journal_lost_is_said_and_nothing_touched_when_the_wish_is_bad(deployed: SetWorld) -> None:
    before = deployed.contents()
    deployed.cluster.remove(kept(deployed, "Journal")[0])
    deployed.upload("proxy", NEXT_PROXY, key=API)
    await deployed.settle()
    assert "JournalLost" in {each["reason"] for each in deployed.status["findings"]}
    assert (deployed.code, deployed.contents()) == (400, before)
    assert deployed.condition("Stalled") is not None


async def test_filled_slot_is_not_guessed_away_when_the_journal_is_lost(deployed: SetWorld) -> None:
    before = deployed.contents()
    deployed.cluster.remove(kept(deployed, "Journal")[0])
    slots = [SPEC["slots"][0], {**SPEC["slots"][1], "required": False}]
    deployed.wish(slots=slots, certificates=[from_upload("proxy")])
    await deployed.settle()
    assert (deployed.code, deployed.condition("Ready")) == (409, ("False", "JournalLost"))
    assert deployed.contents() == before
    deployed.wish(slots=slots, certificates=[from_upload("proxy")], absent=["api"])
    await deployed.settle()
    assert deployed.code == 200
    assert {name for _, name in deployed.targets()} == {"proxy-tls"}


async def test_set_says_what_stands_there_and_the_way_out_when_one_of_its_name_was_deleted_before(
    deployed: SetWorld,
) -> None:
    revision = str(deployed.status["deployedRevision"])
    before, (proxy, api, _) = deployed.contents(), SPEC["slots"]
    deployed.cluster.delete_subject(deployed.key)
    deployed.cluster.remove(PLACE)
    del before[PLACE.namespace, PLACE.name]
    deployed.wish(slots=[proxy], certificates=[from_upload("proxy")])
    await deployed.settle()
    assert (deployed.code, deployed.condition("Ready"), deployed.contents()) == (409, ("False", "JournalLost"), before)
    rows = deployed.status["namespaces"]
    assert {each.get("message") for each in rows} == {f"It holds {revision[:19]}."}
    assert (deployed.status["updatedNamespaces"], {each.get("updated") for each in rows} & {True}) == ("0/3", set())
    lost = [each["message"] for each in deployed.status["findings"] if "`api`" in each["message"]]
    assert lost[0].endswith("remove it with `spec.absent`, each with a slot in `spec.slots`.")
    deployed.wish(slots=[proxy, {**api, "required": False}], certificates=[from_upload("proxy")], absent=["api"])
    await deployed.settle()
    assert (deployed.code, {name for _, name in deployed.targets()}) == (200, {"proxy-tls"})


async def test_payload_is_kept_anew_when_it_is_lost_and_the_wish_still_makes_it(deployed: SetWorld) -> None:
    deployed.cluster.remove(kept(deployed, "Payload")[0])
    await deployed.settle()
    assert deployed.kept() == ["Journal", "Payload", "Payload"]
    assert deployed.code == 200


async def test_journal_lost_is_said_when_a_payload_is_gone_and_nothing_makes_it(deployed: SetWorld) -> None:
    before = deployed.contents()
    for key in kept(deployed, "Payload"):
        deployed.cluster.remove(key)
    deployed.upload("proxy", NEXT_PROXY, key=API)
    await deployed.settle()
    assert "JournalLost" in {each["reason"] for each in deployed.status["findings"]}
    assert deployed.contents() == before


async def test_rollback_goes_forward_when_a_payload_is_gone_and_the_wish_is_good(deployed: SetWorld) -> None:
    """The revision before is lost while the roll-back cannot write; then it can."""
    deployed.upload("proxy", NEXT_PROXY)
    deployed.clock.advance(seconds=6)

    def withdraw(_: int, verb: str, key: ObjectKey) -> None:
        if verb == "content" and key.namespace == NODES[1]:
            deployed.cluster.mishaps.forbidden.update(NODES)

    deployed.cluster.mishaps.before = withdraw
    await deployed.settle(passes=80)
    journal = deployed.journal
    assert journal is not None
    assert journal.phase is Phase.ROLLING_BACK
    for key in kept(deployed, "Payload"):
        if deployed.cluster.objects[key].annotations[REVISION_ANNOTATION] == journal.origin:
            deployed.cluster.remove(key)
    deployed.reset()
    await deployed.settle(minutes=3, passes=80)
    assert deployed.code == 200
    assert deployed.status["deployedRevision"] == deployed.status["revision"] != journal.origin


async def test_nothing_is_decided_when_the_journal_cannot_be_read(deployed: SetWorld) -> None:
    before = deployed.contents()
    key = journal_key(OWN, deployed.subject.version.uid)
    deployed.cluster.fail("read", key, *[FailureCause.UNAVAILABLE] * 3)
    deployed.upload("proxy", NEXT_PROXY)
    deployed.clock.advance(seconds=6)
    result = await deployed.reconcile()
    assert result.retry
    assert deployed.contents() == before
    await deployed.settle()
    assert deployed.code == 200


async def test_journal_of_another_format_counts_as_lost(deployed: SetWorld) -> None:
    key = journal_key(OWN, deployed.subject.version.uid)
    deployed.cluster.change(key, data={JOURNAL_KEY: b'{"format": 99}'})
    await deployed.settle()
    assert deployed.code == 200
    assert deployed.journal is not None


# ---- the end


async def test_nothing_is_kept_when_a_set_is_deleted_in_the_middle_of_a_commit(deployed: SetWorld) -> None:
    before = copy.deepcopy(deployed.contents())
    deployed.upload("proxy", NEXT_PROXY)
    deployed.clock.advance(seconds=6)

    def delete(_: int, verb: str, key: ObjectKey) -> None:
        if verb == "content" and key.namespace == NODES[2] and not deployed.subject.deleting:
            deployed.cluster.delete_subject(deployed.key)

    deployed.cluster.mishaps.before = delete
    await deployed.settle()
    assert deployed.key not in deployed.cluster.subjects
    assert [key for key, each in deployed.cluster.objects.items() if KEPT_ANNOTATION in each.annotations] == []
    assert deployed.contents() != before
    assert len(deployed.revisions()) == 1


async def test_journal_survives_writing_and_reading() -> None:
    journal = Journal("uid", epoch=3, contents={"sha256:a": {"x": "x-tls"}}, deployed="sha256:a")
    assert decode_journal(encode_journal(journal)) == journal
    assert encode_journal(replace(journal, epoch=4)) != encode_journal(journal)
    assert [decode_journal(each) for each in (b"", b"[]", b"{}", b'{"format": 1}')] == [None] * 4
