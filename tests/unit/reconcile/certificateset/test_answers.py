"""The documented answers, for each certificate and for the set, and what may not be touched while one refuses."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from certwright.api.certificateset_spec import SLOTS_LIMIT
from certwright.findings import FailureCause
from certwright.reconcile.objects import Kind, ObjectKey
from tests.support.pki import Entity
from tests.unit.reconcile.certificateset.conftest import (
    API,
    CONSENT,
    ISSUING,
    NEXT_PROXY,
    NODES,
    OWN,
    OWNER,
    PROXY,
    ROOT,
    SLOTS,
    SPEC,
    SYNCER,
    UPLOADS,
    SetWorld,
    from_upload,
)

LONG = ISSUING.issue_leaf(f"{'c' * 60}.{'d' * 60}.example.com")
LONG_KEY = {"tls.key": LONG.key_pem}
EXPIRED = ISSUING.issue_leaf(
    "proxy.example.com", not_before=datetime(2025, 1, 1, tzinfo=UTC), not_after=datetime(2025, 6, 1, tzinfo=UTC)
)


async def answer(world: SetWorld, **changes: Any) -> dict[str, int | None]:
    """Wish, settle, and give the codes of the certificates."""
    world.wish(**changes)
    await world.settle()
    return world.codes()


def untouched(world: SetWorld, before: object) -> bool:
    return world.contents() == before and world.revisions() == {world.status["deployedRevision"]}


# ---- update


async def test_unknown_name_is_403_when_it_is_updated(deployed: SetWorld) -> None:
    before = deployed.contents()
    deployed.upload("proxy", NEXT_PROXY)
    certificates = [*SPEC["certificates"], {**from_upload("api"), "name": "sentinel"}]
    assert (await answer(deployed, certificates=certificates))["sentinel"] == 403
    assert (deployed.code, deployed.condition("Ready")) == (403, ("False", "UnknownName"))
    assert deployed.condition("Stalled") == ("True", "UnknownName")
    assert untouched(deployed, before)


async def test_expired_certificate_is_406_and_nothing_changes_when_others_are_good(deployed: SetWorld) -> None:
    before = deployed.contents()
    deployed.upload("api", EXPIRED)
    deployed.upload("proxy", NEXT_PROXY)
    assert await answer(deployed) == {"proxy": 200, "api": 406, "syncer": 200}
    assert deployed.code == 406
    assert deployed.condition("Deployed") == ("True", "Valid")
    assert untouched(deployed, before)


async def test_swapped_keys_are_400_when_they_are_those_of_two_slots(deployed: SetWorld) -> None:
    before = deployed.contents()
    deployed.upload("proxy", NEXT_PROXY, key=API)
    deployed.upload("api", API, key=NEXT_PROXY)
    codes = await answer(deployed)
    assert (codes["proxy"], codes["api"], deployed.code) == (400, 400, 400)
    assert {each["reason"] for each in deployed.status["findings"]} == {"KeyMismatch"}
    assert untouched(deployed, before)


async def test_other_half_of_a_pair_is_waited_for_when_certificate_and_key_change_one_after_another(
    deployed: SetWorld,
) -> None:
    def hand_in_key(entity: Entity) -> None:
        deployed.cluster.put_secret(
            "proxy-key", {"tls.key": entity.key_pem}, type="Opaque", annotations=CONSENT, namespace=UPLOADS
        )

    hand_in_key(PROXY)
    apart = {**from_upload("proxy"), "privateKeyRef": {"namespace": UPLOADS, "name": "proxy-key"}}
    deployed.wish(certificates=[apart, from_upload("api")])
    await deployed.settle()
    before = deployed.contents()
    deployed.upload("proxy", NEXT_PROXY)
    changed = deployed.clock.now
    await deployed.settle()
    assert (deployed.code, deployed.condition("Ready")) == (400, ("False", "KeyMismatch"))
    assert (deployed.condition("Reconciling"), deployed.condition("Stalled")) == (("True", "KeyMismatch"), None)
    await deployed.settle(minutes=2)
    assert deployed.clock.now == changed + timedelta(seconds=60)
    assert (deployed.condition("Reconciling"), deployed.condition("Stalled")) == (None, ("True", "KeyMismatch"))
    assert untouched(deployed, before)
    hand_in_key(NEXT_PROXY)
    await deployed.settle()
    assert (deployed.code, deployed.condition("Ready")) == (200, ("True", "Valid"))
    assert not untouched(deployed, before)


async def test_absent_source_is_404_and_waited_for_when_it_is_named(deployed: SetWorld) -> None:
    codes = await answer(deployed, certificates=[*SPEC["certificates"], from_upload("syncer")])
    assert (codes["syncer"], deployed.code) == (404, 404)
    assert deployed.condition("Reconciling") == ("True", "ReferenceNotFound")
    deployed.upload("syncer", SYNCER)
    await deployed.settle()
    assert (deployed.codes()["syncer"], deployed.code) == (200, 200)


async def test_source_is_not_read_when_it_does_not_consent(world: SetWorld) -> None:
    world.upload("proxy", PROXY, consent=False)
    world.upload("api", API)
    assert (await answer(world))["proxy"] == 400
    (found,) = world.status["findings"]
    assert (found["reason"], found["detail"]) == ("InvalidRequest", "ConsentMissing")
    assert found["message"].endswith(f"kubectl annotate secret -n uploads proxy certwright.io/allow-read={OWNER}")
    assert world.targets() == {}


@pytest.mark.parametrize("consent", ["ClusterCertificateSet/other", "ImportedCertificate/gateway", ""])
async def test_consent_is_for_one_set_when_it_names_another(world: SetWorld, consent: str) -> None:
    world.upload("api", API)
    key = world.upload("proxy", PROXY)
    world.cluster.change(key, annotations={"certwright.io/allow-read": consent})
    assert (await answer(world))["proxy"] == 400


async def test_single_update_goes_out_when_only_one_entry_changed(deployed: SetWorld) -> None:
    deployed.upload("proxy", NEXT_PROXY)
    assert await answer(deployed) == {"proxy": 200, "api": 200, "syncer": 200}
    target = deployed.target(NODES[0], "proxy-tls")
    assert target is not None
    assert target.data["tls.crt"] == NEXT_PROXY.chain_pem.encode()
    assert deployed.code == 200


# ---- delete, and what an omission does


async def test_optional_certificate_goes_everywhere_when_it_is_absent(deployed: SetWorld) -> None:
    deployed.upload("syncer", SYNCER)
    await answer(deployed, certificates=[*SPEC["certificates"], from_upload("syncer")])
    assert len(deployed.targets()) == 9
    assert await answer(deployed, absent=["syncer"]) == {"proxy": 200, "api": 200, "syncer": 200}
    assert {name for _, name in deployed.targets()} == {"proxy-tls", "api-tls"}
    assert deployed.code == 200


async def test_required_certificate_is_403_when_it_is_absent(deployed: SetWorld) -> None:
    before = deployed.contents()
    assert (await answer(deployed, certificates=[from_upload("api")], absent=["proxy"]))["proxy"] == 403
    assert (deployed.code, deployed.condition("Ready")) == (403, ("False", "RequiredCertificate"))
    assert untouched(deployed, before)


async def test_unknown_name_is_404_when_it_is_absent(deployed: SetWorld) -> None:
    assert (await answer(deployed, absent=["sentinel"]))["sentinel"] == 404
    assert deployed.code == 404


async def test_deletion_is_500_and_tried_again_when_it_fails(deployed: SetWorld) -> None:
    deployed.upload("syncer", SYNCER)
    await answer(deployed, certificates=[*SPEC["certificates"], from_upload("syncer")])
    key = ObjectKey(Kind.SECRET, NODES[1], "syncer-tls")
    deployed.cluster.fail("delete", key, *[FailureCause.FORBIDDEN] * 5)
    deployed.wish(absent=["syncer"])
    deployed.clock.advance(seconds=6)
    await deployed.reconcile()
    assert (deployed.codes()["syncer"], deployed.code) == (500, 500)
    await deployed.settle()
    assert (deployed.codes()["syncer"], deployed.code) == (200, 200)
    assert deployed.target(NODES[1], "syncer-tls") is None


async def test_required_certificate_is_kept_and_403_when_it_is_not_listed(deployed: SetWorld) -> None:
    before = deployed.contents()
    assert await answer(deployed, certificates=[from_upload("proxy")]) == {"proxy": 200, "api": 403, "syncer": 200}
    assert untouched(deployed, before)


async def test_required_certificate_is_403_when_it_was_never_filled(world: SetWorld) -> None:
    world.upload("proxy", PROXY)
    assert (await answer(world, certificates=[from_upload("proxy")]))["api"] == 403
    assert world.targets() == {}


async def test_optional_certificate_is_kept_with_a_warning_when_it_is_not_listed(deployed: SetWorld) -> None:
    deployed.upload("syncer", SYNCER)
    await answer(deployed, certificates=[*SPEC["certificates"], from_upload("syncer")])
    deployed.upload("proxy", NEXT_PROXY)
    await answer(deployed)
    assert deployed.code == 200
    assert [each["reason"] for each in deployed.status["findings"]] == ["SourceRemoved"]
    assert len(deployed.targets()) == 9
    await answer(deployed, slots=SLOTS[:2])
    assert (deployed.code, len(deployed.targets())) == (200, 9)


async def test_certificate_without_key_is_stored_alone_when_its_slot_wants_none(world: SetWorld) -> None:
    world.cluster.put_secret("ca", {"ca.pem": ROOT.pem}, kind=Kind.CONFIG_MAP, namespace=UPLOADS)
    reference = {"namespace": UPLOADS, "kind": "ConfigMap", "name": "ca", "key": "ca.pem"}
    await answer(
        world,
        slots=[{"name": "ca", "secretName": "ca", "privateKey": "None"}],
        certificates=[{"name": "ca", "certificateRef": reference}],
    )
    target = world.target(NODES[0], "ca")
    assert world.code == 200
    assert target is not None
    assert (target.type, set(target.data)) == ("Opaque", {"tls.crt"})


# ---- the set as a whole


async def test_set_is_refused_untouched_when_it_is_too_large(world: SetWorld) -> None:
    names = [f"node-{number}" for number in range(200)]
    for name in names:
        world.cluster.put_namespace(name)
    slots = [{"name": f"slot-{number}", "secretName": f"slot-{number}", "required": False} for number in range(64)]
    await answer(world, slots=slots, certificates=[], namespaces=names)
    (found,) = world.status["findings"]
    assert (world.code, found["detail"]) == (400, "LimitExceeded")
    assert world.targets() == {}
    assert world.kept() == []


@pytest.mark.parametrize("name", ["kube-system", OWN])
async def test_namespace_gets_nothing_when_the_settings_do_not_name_it(world: SetWorld, name: str) -> None:
    world.cluster.put_namespace(name)
    world.upload("proxy", PROXY)
    world.upload("api", API)
    await answer(world, namespaces=[name])
    assert (world.code, world.targets()) == (400, {})


async def test_no_namespace_counts_as_updated_when_nothing_is_deployed(world: SetWorld) -> None:
    world.upload("proxy", PROXY, consent=False)
    world.upload("api", API)
    await answer(world)
    assert (world.code, world.status["updatedNamespaces"]) == (400, "0/3")
    assert {row["message"] for row in world.status["namespaces"]} == {"It holds nothing of this set yet."}


async def test_selector_leaves_out_what_is_excluded_or_of_the_system(world: SetWorld) -> None:
    world.cluster.put_namespace("kube-system")
    world.upload("proxy", PROXY)
    world.upload("api", API)
    await answer(world, namespaces=None, namespaceSelector={}, exclude=["node-c", UPLOADS, "shop"])
    assert {namespace for namespace, _ in world.targets()} == {"node-a", "node-b"}
    assert world.status["updatedNamespaces"] == "2/2"


async def test_set_is_409_and_untouched_when_a_listed_namespace_is_missing(deployed: SetWorld) -> None:
    before = deployed.contents()
    deployed.upload("proxy", NEXT_PROXY)
    await answer(deployed, namespaces=[*NODES, "node-d"])
    assert (deployed.code, deployed.condition("Ready")) == (409, ("False", "TargetMissing"))
    assert untouched(deployed, before)
    deployed.cluster.put_namespace("node-d")
    await deployed.settle()
    assert deployed.code == 200


async def test_set_is_409_and_untouched_when_a_target_is_somebody_elses(world: SetWorld) -> None:
    key = world.cluster.put_secret("proxy-tls", {"theirs": "x"}, namespace=NODES[1])
    world.upload("proxy", PROXY)
    world.upload("api", API)
    await answer(world)
    assert (world.code, world.condition("Ready")) == (409, ("False", "TargetNotOwned"))
    assert set(world.targets()) == {(NODES[1], "proxy-tls")}
    row = next(each for each in world.status["namespaces"] if each["name"] == NODES[1])
    command = f"kubectl annotate secret -n node-b proxy-tls certwright.io/allow-write={OWNER}"
    assert row["message"].endswith(command)
    world.cluster.change(key, annotations={"certwright.io/allow-write": OWNER})
    await world.settle()
    assert world.code == 200
    target = world.target(NODES[1], "proxy-tls")
    assert target is not None
    assert (target.type, target.data["theirs"]) == ("Opaque", b"x")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type": "kubernetes.io/dockerconfigjson"}, "TargetImmutable"),
        ({"immutable": True}, "TargetImmutable"),
        ({"annotations": {"cert-manager.io/certificate-name": "x"}}, "TargetNotOwned"),
    ],
)
async def test_set_is_409_and_untouched_when_a_target_cannot_be_written(
    world: SetWorld, changes: dict[str, Any], reason: str
) -> None:
    marks = {"annotations": {"certwright.io/allow-write": OWNER}, **changes}
    world.cluster.put_secret("proxy-tls", {"theirs": "x"}, namespace=NODES[1], **marks)
    world.upload("proxy", PROXY)
    world.upload("api", API)
    await answer(world)
    assert (world.code, world.condition("Ready")) == (409, ("False", reason))
    assert len(world.targets()) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"slots": [SLOTS[0], {**SLOTS[1], "secretName": "proxy-tls"}]},
        {"absent": ["proxy"]},
        {"namespaces": [UPLOADS], "slots": [{**SLOTS[0], "secretName": "proxy"}, SLOTS[1]]},
    ],
)
async def test_wish_is_400_when_it_contradicts_itself(world: SetWorld, changes: dict[str, Any]) -> None:
    world.upload("proxy", PROXY)
    world.upload("api", API)
    await answer(world, **changes)
    assert world.code == 400
    assert world.targets() == {}


async def test_wish_is_400_when_it_cannot_be_read(world: SetWorld) -> None:
    world.cluster.put_subject("gateway", {"slots": 7}, kind=world.kind)
    await world.settle()
    assert (world.code, world.condition("Valid")) == (400, ("False", "InvalidRequest"))


# ---- settling


async def test_one_commit_brings_all_when_sources_change_one_after_another(deployed: SetWorld) -> None:
    before = deployed.status["deployedRevision"]
    deployed.upload("proxy", NEXT_PROXY)
    result = await deployed.reconcile()
    assert deployed.condition("Reconciling") == ("True", "NotChecked")
    held = f"It holds {before[:19]}, not the revision wished for."
    assert {row["message"] for row in deployed.status["namespaces"]} == {held}
    assert result.requeue_at is not None
    assert (result.requeue_at - deployed.clock.now).total_seconds() == 5
    deployed.clock.advance(seconds=4)
    deployed.upload("api", SYNCER)
    await deployed.reconcile()
    assert deployed.status["deployedRevision"] == before
    assert deployed.cluster.mishaps.writes == 1 or deployed.status["record"]["pendingSince"]
    await deployed.settle()
    commits = [key for verb, key in deployed.cluster.mishaps.log if verb == "content" and key.name == "proxy-tls"]
    assert (len(commits), deployed.code) == (3, 200)
    target = deployed.target(NODES[0], "api-tls")
    assert target is not None
    assert target.data["tls.key"] == SYNCER.key_pem.encode()


@pytest.mark.parametrize("bad", [False, True])
async def test_verdict_stands_and_nothing_is_written_when_the_clock_is_turned_back(
    deployed: SetWorld, *, bad: bool
) -> None:
    if bad:
        deployed.upload("api", EXPIRED)
        await deployed.settle()
    status = dict(deployed.status)
    deployed.clock.advance(seconds=-75)
    deployed.reset()
    for _ in range(3):
        result = await deployed.reconcile(full=True)
        assert (result.retry, deployed.cluster.mishaps.writes, dict(deployed.status)) == (False, 0, status)


async def test_set_is_looked_at_when_inputs_have_settled_though_it_waited_for_long_before(deployed: SetWorld) -> None:
    """Patience ends while they settle: that is no reason to look again at once, and again."""
    deployed.wish(certificates=[*SPEC["certificates"], from_upload("syncer")])
    await deployed.settle()
    assert deployed.condition("Reconciling") == ("True", "ReferenceNotFound")
    deployed.clock.advance(minutes=9, seconds=58)
    deployed.upload("proxy", NEXT_PROXY)
    await deployed.reconcile()
    deployed.clock.advance(seconds=3)
    result = await deployed.reconcile()
    assert deployed.condition("Reconciling") == ("True", "NotChecked")
    assert result.requeue_at is not None
    assert result.requeue_at > deployed.clock.now


async def test_commit_begins_after_a_minute_when_inputs_never_rest(deployed: SetWorld) -> None:
    before = deployed.status["deployedRevision"]
    for turn in range(17):
        deployed.upload("proxy", SYNCER if turn % 2 else NEXT_PROXY)
        await deployed.reconcile()
        deployed.clock.advance(seconds=4)
    assert deployed.status["deployedRevision"] != before


async def test_verdict_waits_when_the_clock_is_doubted(deployed: SetWorld) -> None:
    deployed.upload("proxy", NEXT_PROXY)
    deployed.clock.is_doubted = True
    deployed.clock.advance(seconds=6)
    result = await deployed.reconcile()
    assert deployed.condition("Valid") == ("Unknown", "NotChecked")
    assert result.requeue_at is not None
    deployed.clock.is_doubted = False
    await deployed.settle()
    assert deployed.code == 200


async def test_end_of_a_certificate_is_warned_of_and_seen_when_its_day_comes(deployed: SetWorld) -> None:
    before = deployed.contents()
    assert "findings" not in deployed.status
    deployed.clock.now = datetime.fromisoformat(deployed.status["nextCheckTime"])
    await deployed.settle()
    assert (deployed.code, deployed.condition("Ready")) == (200, ("True", "Valid"))
    warned = deployed.status["findings"][0]
    assert (warned["severity"], warned["reason"]) == ("Warning", "ExpiringSoon")
    assert "Hand in its successor." in warned["message"]

    deployed.clock.now = datetime.fromisoformat(deployed.status["nextCheckTime"])
    await deployed.settle()
    assert deployed.code == 406
    assert deployed.contents() == before


async def test_warning_is_told_once_when_several_certificates_end_together(deployed: SetWorld) -> None:
    deployed.clock.now = datetime.fromisoformat(deployed.status["nextCheckTime"])
    await deployed.settle()
    await deployed.reconcile(full=True)
    told = [each.note for each in deployed.cluster.events if each.reason == "ExpiringSoon"]
    assert [each.endswith("So do 1 more of its certificates.") for each in told] == [True]


async def test_consent_in_vain_is_no_finding_when_a_config_map_is_read(world: SetWorld) -> None:
    assert CONSENT == {"certwright.io/allow-read": OWNER}
    world.cluster.put_secret("chain", {"tls.crt": ISSUING.pem}, kind=Kind.CONFIG_MAP, namespace=UPLOADS)
    world.upload("api", API)
    world.cluster.put_secret(
        "proxy", {"tls.crt": PROXY.pem, "tls.key": PROXY.key_pem}, annotations=CONSENT, namespace=UPLOADS
    )
    reference = {"chainRef": {"namespace": UPLOADS, "kind": "ConfigMap", "name": "chain"}}
    await answer(world, certificates=[{**from_upload("proxy"), **reference}, from_upload("api")])
    assert world.code == 200


# ---- which certificate it is, and what is worst


def row_of(world: SetWorld, name: str) -> tuple[int | None, str]:
    row = next(each for each in world.status["certificates"] if each["name"] == name)
    return row.get("responseCode"), row["reason"]


async def test_row_says_why_when_the_removal_of_its_certificate_fails(deployed: SetWorld) -> None:
    deployed.upload("syncer", SYNCER)
    await answer(deployed, certificates=[*SPEC["certificates"], from_upload("syncer")])
    key = ObjectKey(Kind.SECRET, NODES[1], "syncer-tls")
    deployed.cluster.fail("delete", key, *[FailureCause.FORBIDDEN] * 5)
    deployed.wish(absent=["syncer"])
    deployed.clock.advance(seconds=6)
    await deployed.reconcile()
    assert (row_of(deployed, "syncer"), row_of(deployed, "proxy")) == ((500, "StoreFailed"), (200, "Valid"))


async def test_row_is_200_when_the_removal_of_what_a_rename_left_fails(deployed: SetWorld) -> None:
    """The one that is to be removed altogether has nothing in the way."""
    deployed.upload("syncer", SYNCER)
    await answer(deployed, certificates=[*SPEC["certificates"], from_upload("syncer")])
    deployed.cluster.fail("delete", ObjectKey(Kind.SECRET, NODES[1], "proxy-tls"), *[FailureCause.FORBIDDEN] * 5)
    deployed.wish(slots=[{**SLOTS[0], "secretName": "front-tls"}, *SLOTS[1:]], absent=["syncer"])
    deployed.clock.advance(seconds=6)
    await deployed.reconcile()
    assert (deployed.code, row_of(deployed, "syncer")) == (500, (200, "Valid"))


async def test_row_is_409_when_a_namespace_cannot_get_its_certificate(world: SetWorld) -> None:
    world.cluster.put_secret("proxy-tls", {"theirs": "x"}, namespace=NODES[1])
    world.upload("proxy", PROXY)
    world.upload("api", API)
    await answer(world)
    assert (row_of(world, "proxy"), row_of(world, "api")) == ((409, "TargetNotOwned"), (200, "Valid"))


async def test_message_is_about_what_names_the_code_when_something_else_cannot_be_read(deployed: SetWorld) -> None:
    key = deployed.upload("proxy", PROXY)
    deployed.upload("api", EXPIRED)
    deployed.cluster.fail("read", key, *[FailureCause.UNAVAILABLE] * 2)
    deployed.clock.advance(seconds=6)
    result = await deployed.reconcile()
    assert (deployed.code, deployed.condition("Ready"), result.retry) == (406, ("False", "Expired"), True)
    assert (deployed.condition("Valid"), deployed.condition("Stalled")) == (("False", "Expired"), ("True", "Expired"))
    assert "`api`" in deployed.status["detailedError"]


async def test_set_is_ready_and_says_so_when_no_slot_is_filled(world: SetWorld) -> None:
    await answer(world, slots=[SLOTS[2]], certificates=[])
    assert (world.code, world.condition("Ready"), world.condition("Deployed")) == (
        200,
        ("True", "Valid"),
        ("True", "Valid"),
    )
    messages = {each["type"]: each["message"] for each in world.status["conditions"]}
    assert messages["Ready"] == messages["Deployed"] == "No slot is filled: there is nothing to deploy."


# ---- bounds


async def test_status_stays_small_when_many_namespaces_have_much_to_say(world: SetWorld) -> None:
    slots = [{"name": f"{number}-{'x' * 50}", "secretName": f"s{number}-{'x' * 200}"} for number in range(12)]
    names = [f"node-{number:03}-{'y' * 50}" for number in range(150)]
    for name in names:
        world.cluster.put_namespace(name)
        world.cluster.put_secret(slots[0]["secretName"], {"theirs": "x"}, namespace=name)
    world.upload("api", API)
    certificates = [{**from_upload("api"), "name": slot["name"]} for slot in slots]
    await answer(world, slots=slots, certificates=certificates, namespaces=names)
    assert len(json.dumps(world.status)) < 64 * 1024
    rows = world.status["namespaces"]
    assert (world.code, world.status["namespacesCount"], 0 < len(rows) < 100) == (409, 150, True)
    assert not any(each.get("updated") for each in rows)


def name_many(letter: str) -> list[str]:
    """Give as many names as a set may have slots, each as long as may be."""
    return [f"{letter}{number:02}-{'x' * 59}" for number in range(SLOTS_LIMIT)]


def wish_many(world: SetWorld, letter: str) -> dict[str, Any]:
    """Give a wish for as many certificates as there may be, each from three objects with long names."""
    for part, data in (("leaf", {"tls.crt": LONG.pem}), ("chain", {"tls.crt": ISSUING.pem}), ("key", LONG_KEY)):
        for name in name_many(letter):
            world.cluster.put_secret(f"{name}-{part}", data, type="Opaque", annotations=CONSENT, namespace=UPLOADS)

    def refer(name: str, part: str) -> dict[str, str]:
        return {"namespace": UPLOADS, "name": f"{name}-{part}"}

    certificates = [
        {
            "name": name,
            "certificateRef": refer(name, "leaf"),
            "chainRef": refer(name, "chain"),
            "privateKeyRef": refer(name, "key"),
        }
        for name in name_many(letter)
    ]
    slots = [{"name": name, "secretName": f"{name}-tls"} for name in name_many(letter)]
    return {"slots": slots, "certificates": certificates, "namespaces": [NODES[0]]}


async def test_status_stays_small_and_is_evidence_when_many_certificates_come_from_several_objects_each(
    world: SetWorld,
) -> None:
    await answer(world, **wish_many(world, "a"))
    assert (world.code, len(world.status["certificates"])) == (200, SLOTS_LIMIT)
    assert len(json.dumps(world.status)) < 64 * 1024
    world.restart()
    world.cluster.calls.clear()
    assert (await world.reconcile()).settled
    assert world.cluster.calls["read"] == 0
    world.cluster.put_secret(
        f"{name_many('a')[63]}-chain", {"tls.crt": ROOT.pem}, annotations=CONSENT, namespace=UPLOADS
    )
    assert not (await world.reconcile()).settled


async def test_status_stays_small_and_lists_what_is_wrong_when_there_are_too_many_certificates_for_it(
    world: SetWorld,
) -> None:
    for letter in "ab":
        await answer(world, **wish_many(world, letter))
    unknown = [{**from_upload("api"), "name": name} for name in name_many("c")]
    slots = [{"name": name, "secretName": f"{name}-tls"} for name in name_many("d")]
    await answer(world, slots=slots, certificates=unknown, absent=name_many("e"), namespaces=[NODES[0]])
    rows = world.status["certificates"]
    assert len(json.dumps(world.status)) < 64 * 1024
    assert (world.code, world.status["certificatesCount"], len(rows)) == (403, 5 * SLOTS_LIMIT, 5 * SLOTS_LIMIT // 2)
    assert {each["responseCode"] for each in rows} == {403, 404}


async def test_set_is_refused_when_what_is_kept_of_slots_taken_out_is_too_much(world: SetWorld) -> None:
    world.upload("api", API)
    for turn in "abc":
        slots = [
            {"name": f"{turn}-{number}", "secretName": f"{turn}-{number}", "required": False} for number in range(64)
        ]
        certificates = [{**from_upload("api"), "name": slot["name"]} for slot in slots]
        await answer(world, slots=slots, certificates=certificates, namespaces=[NODES[0]])
    assert (world.code, len(world.targets())) == (400, 128)
    assert [each["detail"] for each in world.status["findings"] if each["severity"] == "Error"] == ["LimitExceeded"]
    await answer(world, slots=slots, certificates=[], namespaces=[NODES[0]])
    assert world.code == 200


async def test_every_name_is_answered_when_none_is_known(world: SetWorld) -> None:
    world.upload("api", API)
    slots = [{"name": f"slot-{number}", "secretName": f"slot-{number}"} for number in range(64)]
    certificates = [{**from_upload("api"), "name": f"other-{number}"} for number in range(64)]
    codes = await answer(world, slots=slots, certificates=certificates, absent=[f"gone-{n}" for n in range(64)])
    assert (world.code, len(codes), set(codes.values())) == (403, 192, {403, 404})
