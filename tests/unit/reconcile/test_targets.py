"""Targets: created, updated, adopted, refused, repaired, restored, given up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from certwright.findings import FailureCause
from certwright.pki.private_key import PrivateKey
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.plan import EPOCH_ANNOTATION, MANAGED_BY_LABEL, OWNER_ANNOTATION
from tests.support.pki import ed25519_key
from tests.unit.reconcile.conftest import ISSUING, NEXT, REFERENCED, SERVING, SHOP, TARGET, World, secret_key

OWNER = "ImportedCertificate/shop"
DELETE = {**SERVING, "deletionPolicy": "Delete"}
OTHER = secret_key("other-tls")
TWO = {**REFERENCED, "targets": [{"secretName": "shop-tls"}, {"secretName": "other-tls"}]}
P12: dict[str, Any] = {"type": "PKCS12", "key": "keystore.p12", "passwordRef": {"name": "password"}}
PACKED = {**REFERENCED, "targets": [{"secretName": "shop-tls", "formats": [P12]}]}


def foreign(world: World, **parts: Any) -> ObjectKey:
    return world.cluster.put_secret("shop-tls", {"tls.crt": "theirs", "tls.key": "theirs", "note": "keep"}, **parts)


async def serve(world: World, spec: dict[str, Any] = SERVING) -> None:
    world.upload(SHOP)
    await world.judge(spec)


# ---- creation


async def test_target_is_created_when_it_does_not_exist(world: World) -> None:
    await serve(world)
    assert world.target.type == "kubernetes.io/tls"
    assert world.target.labels == {MANAGED_BY_LABEL: "certwright"}
    assert world.target.annotations == {OWNER_ANNOTATION: OWNER, EPOCH_ANNOTATION: "0"}
    assert world.target.owner_references == ()
    assert world.target.data == {"tls.crt": SHOP.chain_pem.encode(), "tls.key": SHOP.key_pem.encode()}
    row = world.status["targets"][0]
    assert (row["certificateStoreStatus"], row["responseCode"]) == ("OK", 200)
    assert (row["uid"], row["resourceVersion"]) == (world.target.version.uid, world.target.version.resource_version)
    assert row["storedTime"] == "2026-06-01T12:00:00Z"
    assert row["digest"].startswith("sha256:")
    assert world.condition("Stored") == ("True", "Valid")
    assert world.events == ["Stored"]


async def test_target_is_created_with_two_writes_and_one_read_when_all_is_new(world: World) -> None:
    world.upload(SHOP)
    world.wish(SERVING)
    await world.reconcile()
    assert (world.cluster.calls["apply"], world.cluster.calls["status"], world.cluster.calls["read"]) == (1, 1, 1)


async def test_target_is_brought_up_to_date_when_a_former_leader_created_it_too_late(world: World) -> None:
    old = {"tls.crt": SHOP.chain_pem, "tls.key": SHOP.key_pem}
    late = {OWNER_ANNOTATION: OWNER, EPOCH_ANNOTATION: "0"}
    world.cluster.put_secret(
        "shop-tls", old, type="kubernetes.io/tls", annotations=late, labels={MANAGED_BY_LABEL: "certwright"}
    )
    world.upload(NEXT)
    await world.judge(SERVING)

    assert world.target.data == {"tls.crt": NEXT.chain_pem.encode(), "tls.key": NEXT.key_pem.encode()}
    assert world.condition("Ready") == ("True", "Valid")


async def test_target_repeats_entity_when_it_is_given(world: World) -> None:
    await serve(
        world, {**REFERENCED, "targets": [{"secretName": "shop-tls", "entityType": "COLLECTOR", "entityId": 32}]}
    )
    row = world.status["targets"][0]
    assert (row["entityType"], row["entityId"], row["certificateStoreStatus"]) == ("COLLECTOR", 32, "OK")


async def test_target_is_left_alone_when_the_entity_type_is_unknown(world: World) -> None:
    await serve(world, TWO)
    stored = world.target
    world.upload(NEXT)
    targets = [{"secretName": "shop-tls", "entityType": "ROUTER"}, {"secretName": "other-tls"}]
    status = await world.judge({**REFERENCED, "targets": targets})
    assert world.target == stored
    assert world.cluster.objects[OTHER].data["tls.key"].decode() == NEXT.key_pem
    row, other = status["targets"]
    assert (row["certificateStoreStatus"], row["responseCode"]) == ("BAD_REQUEST", 400)
    assert "`entityType` must be one of `SERVER` and `COLLECTOR`, not `ROUTER`" in row["detailedError"]
    assert row["digest"] != other["digest"]
    assert other["certificateStoreStatus"] == "OK"
    assert (status["certificateStoreStatus"], status["responseCode"], status["validation"]) == ("BAD_REQUEST", 400, 0)
    assert world.condition("Stalled") == ("True", "InvalidRequest")
    assert world.condition("Valid") == ("True", "Valid")
    assert "TargetRefused" in world.events


# ---- update


async def test_target_is_updated_when_the_material_changes(world: World) -> None:
    await serve(world)
    before = world.status
    world.clock.advance(hours=1)
    world.upload(NEXT)
    await world.reconcile()
    assert world.target.data["tls.key"].decode() == NEXT.key_pem
    assert world.target.version.uid == before["targets"][0]["uid"]
    assert world.status["served"]["fingerprint"] == NEXT.certificate.fingerprint
    assert world.status["served"]["since"] == "2026-06-01T13:00:00Z"
    assert world.status["targets"][0]["storedTime"] == "2026-06-01T13:00:00Z"
    assert world.condition("Ready") == ("True", "Valid")


async def test_target_keeps_its_times_when_nothing_changes(world: World) -> None:
    await serve(world)
    before = world.status
    world.clock.advance(hours=1)
    await world.reconcile(full=True)
    assert world.status == before
    assert world.cluster.writes == 0


async def test_target_loses_the_key_of_a_format_when_it_leaves_the_wish(world: World) -> None:
    world.cluster.put_secret("password", {"password": "changeit"})
    await serve(world, PACKED)
    assert "keystore.p12" in world.target.data
    await world.judge(SERVING)
    assert set(world.target.data) == {"tls.crt", "tls.key"}
    await world.reconcile(full=True)
    assert world.cluster.writes == 0


# ---- ownership


async def test_target_is_refused_when_it_is_somebody_elses(world: World) -> None:
    foreign(world)
    before = world.target
    await serve(world)
    assert world.target == before
    status = world.status
    assert status["certificateStoreStatus"] == "GENERAL_ERROR_WHILE_STORING_CERTIFICATE"
    assert (status["responseCode"], status["validation"]) == (527, 0)
    assert world.condition("Ready") == ("False", "TargetNotOwned")
    assert world.condition("Stalled") == ("True", "TargetNotOwned")
    assert world.condition("Stored") == ("False", "TargetNotOwned")
    assert world.condition("Valid") == ("True", "Valid")
    assert world.message().endswith("kubectl annotate secret -n shop shop-tls certwright.io/allow-write=" + OWNER)
    assert "served" not in status
    assert world.events == ["Validated", "TargetRefused"]


async def test_target_message_keeps_its_command_whole_when_names_are_long(world: World) -> None:
    name = "s" * 120
    world.cluster.put_secret(name, {"tls.crt": "theirs"})
    world.upload(SHOP)
    await world.judge({**REFERENCED, "targets": [{"secretName": name}]})
    assert world.message().endswith(f"kubectl annotate secret -n shop {name} certwright.io/allow-write={OWNER}")


async def test_target_is_adopted_when_somebody_allows_it(world: World) -> None:
    foreign(world, annotations={"certwright.io/allow-write": OWNER}, type="Opaque")
    await serve(world, DELETE)
    assert world.condition("Ready") == ("True", "Valid")
    assert world.target.type == "Opaque"
    assert world.target.data["note"] == b"keep"
    assert world.target.data["tls.key"].decode() == SHOP.key_pem
    assert world.target.owner_references == ()
    assert EPOCH_ANNOTATION not in world.target.annotations
    # The consent may go again: what is ours is known by its owner.
    annotations = {name: text for name, text in world.target.annotations.items() if "allow-write" not in name}
    world.cluster.change(TARGET, annotations=annotations)
    await world.reconcile()
    assert world.condition("Ready") == ("True", "Valid")
    assert world.target.owner_references == ()


async def test_target_is_refused_when_another_object_of_ours_owns_it(world: World) -> None:
    foreign(
        world,
        annotations={OWNER_ANNOTATION: "ImportedCertificate/other"},
        labels={MANAGED_BY_LABEL: "certwright"},
        type="kubernetes.io/tls",
    )
    await serve(world)
    assert world.condition("Ready") == ("False", "TargetNotOwned")
    assert "belongs to ImportedCertificate/other" in world.message()


async def test_target_is_refused_when_cert_manager_writes_it(world: World) -> None:
    consent = {"certwright.io/allow-write": OWNER, "cert-manager.io/certificate-name": "shop"}
    foreign(world, annotations=consent)
    await serve(world)
    assert world.condition("Ready") == ("False", "TargetNotOwned")
    assert "is written by cert-manager" in world.message()


async def test_target_is_refused_when_its_type_cannot_hold_a_certificate(world: World) -> None:
    foreign(world, annotations={"certwright.io/allow-write": OWNER}, type="kubernetes.io/basic-auth")
    await serve(world)
    assert world.condition("Ready") == ("False", "TargetImmutable")
    assert world.status["findings"][0]["detail"] == "TypeDiffers"
    assert "Delete it yourself" in world.message()


async def test_target_is_refused_when_it_is_immutable(world: World) -> None:
    foreign(world, annotations={"certwright.io/allow-write": OWNER}, immutable=True)
    await serve(world)
    assert world.condition("Ready") == ("False", "TargetImmutable")
    assert "is immutable and holds other content" in world.message()


async def test_target_is_accepted_when_it_is_immutable_and_holds_the_right_thing(world: World) -> None:
    await serve(world)
    world.cluster.change(TARGET, immutable=True)
    await world.reconcile()
    assert world.condition("Ready") == ("True", "Valid")


async def test_target_is_not_taken_over_when_it_was_recreated_by_somebody_else(world: World) -> None:
    await serve(world)
    world.cluster.remove(TARGET)
    foreign(world)
    before = world.target
    await world.reconcile()
    assert world.target == before
    assert world.condition("Ready") == ("False", "TargetNotOwned")
    # The memory of what was stored stays, and does not make the stranger's ours.
    await world.reconcile(full=True)
    assert world.target == before
    world.cluster.remove(TARGET)
    await world.reconcile()
    assert world.condition("Ready") == ("True", "Valid")


async def test_target_is_an_input_when_both_fields_name_it(world: World) -> None:
    world.upload(SHOP)
    before = dict(world.cluster.objects)
    status = await world.judge({**REFERENCED, "targets": [{"secretName": "upload"}]})
    assert world.cluster.objects == before
    assert (status["certificateStoreStatus"], status["findings"][0]["detail"]) == ("BAD_REQUEST", "TargetIsInput")
    assert world.condition("Stalled") == ("True", "InvalidRequest")


# ---- drift and loss


@pytest.mark.parametrize(
    "drift",
    [
        {"data": {"tls.crt": b"", "tls.key": b""}},
        {"data": {"tls.crt": SHOP.pem.encode(), "tls.key": SHOP.key_pem.encode()}},
        {"labels": {}},
        {"annotations": {}},
        {"labels": {}, "annotations": {EPOCH_ANNOTATION: "0"}},
    ],
    ids=["content", "chain", "label", "annotations", "marks"],
)
async def test_target_is_put_back_when_somebody_changes_it(world: World, drift: dict[str, Any]) -> None:
    await serve(world)
    stored, before = world.target, world.status
    world.clock.advance(hours=1)
    world.cluster.change(TARGET, **drift)
    await world.reconcile()
    assert world.target.data == stored.data
    assert world.target.labels == stored.labels
    assert world.target.annotations[OWNER_ANNOTATION] == OWNER
    assert world.status["targets"][0]["storedTime"] == before["targets"][0]["storedTime"]
    # Our own write is recorded, so that a restart finds nothing to read.
    assert world.status["targets"][0]["resourceVersion"] == world.target.version.resource_version
    assert world.condition("Ready") == ("True", "Valid")
    world.restart()
    result = await world.reconcile()
    assert result.settled
    assert not world.cluster.reads


async def test_target_is_read_once_and_not_recorded_when_somebody_else_annotates_it(world: World) -> None:
    await serve(world)
    world.cluster.change(TARGET, annotations={**world.target.annotations, "example.com/note": "hi"})
    await world.reconcile()
    assert world.cluster.writes == 0
    assert world.cluster.reads
    result = await world.reconcile()
    assert result.settled
    assert not world.cluster.reads
    world.restart()
    await world.reconcile()
    assert world.cluster.writes == 0


async def test_target_is_put_back_when_its_certificate_is_expired_meanwhile(world: World) -> None:
    await serve(world)
    world.clock.advance(days=400)
    world.cluster.remove(TARGET)
    await world.reconcile()
    assert world.condition("Ready") == ("False", "Expired")
    assert world.target.data["tls.key"].decode() == SHOP.key_pem


async def test_target_is_restored_when_the_new_material_is_refused(world: World) -> None:
    await serve(world, TWO)
    world.upload(NEXT, chain=False)
    await world.reconcile()
    world.cluster.remove(TARGET)
    await world.reconcile()
    assert world.target.data == world.cluster.objects[OTHER].data
    assert world.condition("Ready") == ("False", "IssuerNotFound")
    assert world.condition("Stored") == ("True", "IssuerNotFound")


async def test_target_is_lost_when_nothing_holds_the_last_good(world: World) -> None:
    await serve(world)
    world.upload(NEXT, chain=False)
    await world.reconcile()
    world.cluster.remove(TARGET)
    status = await world.judge(SERVING) or world.status
    assert TARGET not in world.cluster.objects
    assert "LastGoodLost" in world.reasons
    assert world.condition("Stored") == ("False", "LastGoodLost")
    assert status["targets"][0]["digest"]
    world.upload(NEXT)
    await world.reconcile()
    assert world.condition("Ready") == ("True", "Valid")


async def test_target_is_lost_when_its_content_was_changed_and_the_material_is_refused(world: World) -> None:
    await serve(world)
    world.upload(NEXT, chain=False)
    world.cluster.change(TARGET, data={"tls.crt": SHOP.pem.encode(), "tls.key": NEXT.key_pem.encode()})
    await world.reconcile()
    assert "LastGoodLost" in world.reasons


async def test_target_stays_away_when_it_is_new_and_the_material_is_refused(world: World) -> None:
    await serve(world)
    world.upload(NEXT, chain=False)
    await world.judge(TWO)
    assert OTHER not in world.cluster.objects
    assert world.condition("Stored") == ("False", "IssuerNotFound")
    rows = {row["secretName"]: row for row in world.status["targets"]}
    assert "digest" in rows["shop-tls"]
    assert "digest" not in rows["other-tls"]
    assert {row["certificateStoreStatus"] for row in rows.values()} == {"CERTIFICATE_CHAIN_IS_INVALID"}


async def test_target_waits_when_it_is_being_deleted(world: World) -> None:
    await serve(world)
    world.cluster.change(TARGET, deleting=True)
    result = await world.reconcile()
    assert result.retry
    assert world.condition("Reconciling") == ("True", "TargetMissing")
    world.cluster.remove(TARGET)
    await world.reconcile()
    assert world.condition("Ready") == ("True", "Valid")


# ---- departure and deletion policy


async def test_target_is_released_when_it_leaves_the_spec(world: World) -> None:
    await serve(world, TWO)
    await world.judge(SERVING)
    released = world.cluster.objects[OTHER]
    assert released.data["tls.key"].decode() == SHOP.key_pem
    assert released.labels == {}
    assert released.annotations == {}
    assert [row["secretName"] for row in world.status["targets"]] == ["shop-tls"]


async def test_target_is_deleted_when_it_leaves_the_spec_and_the_policy_says_so(world: World) -> None:
    await serve(world, {**TWO, "deletionPolicy": "Delete"})
    assert world.cluster.objects[OTHER].owner_references
    await world.judge(DELETE)
    assert OTHER not in world.cluster.objects
    assert [row["secretName"] for row in world.status["targets"]] == ["shop-tls"]


async def test_target_is_released_when_it_was_adopted_though_the_policy_deletes(world: World) -> None:
    world.cluster.put_secret("other-tls", {"tls.crt": "theirs"}, annotations={"certwright.io/allow-write": OWNER})
    await serve(world, {**TWO, "deletionPolicy": "Delete"})
    await world.judge(DELETE)
    assert MANAGED_BY_LABEL not in world.cluster.objects[OTHER].labels


async def test_target_is_released_when_it_became_an_input_though_the_policy_deletes(world: World) -> None:
    await serve(world, {**TWO, "deletionPolicy": "Delete"})
    await world.judge({**DELETE, "certificateRef": {"name": "other-tls"}})
    assert world.cluster.objects[OTHER].labels == {}
    assert world.condition("Ready") == ("True", "Valid")


async def test_target_is_remembered_when_giving_it_up_fails(world: World) -> None:
    await serve(world, TWO)
    world.cluster.fail("release", OTHER, FailureCause.UNAVAILABLE)
    world.wish(SERVING)
    result = await world.reconcile()
    assert result.retry
    assert [row["secretName"] for row in world.status["targets"]] == ["shop-tls", "other-tls"]
    assert world.condition("Ready") == ("False", "StoreFailed")
    await world.reconcile()
    assert world.condition("Ready") == ("True", "Valid")
    assert world.cluster.objects[OTHER].labels == {}


@pytest.mark.parametrize("fate", ["removed", "recreated", "taken", "stripped"])
async def test_target_is_forgotten_when_it_is_no_longer_ours_to_give_up(world: World, fate: str) -> None:
    await serve(world, TWO)
    if fate in {"removed", "recreated"}:
        world.cluster.remove(OTHER)
    if fate == "recreated":
        world.cluster.put_secret("other-tls", {"tls.crt": "theirs"})
    if fate == "taken":
        world.cluster.change(OTHER, annotations={OWNER_ANNOTATION: "ImportedCertificate/other"})
    if fate == "stripped":
        world.cluster.change(OTHER, annotations={}, labels={})
    before = world.cluster.objects.get(OTHER)
    await world.judge(SERVING)
    assert world.cluster.objects.get(OTHER) == before
    assert [row["secretName"] for row in world.status["targets"]] == ["shop-tls"]


async def test_target_gets_and_loses_the_owner_reference_when_the_policy_changes(world: World) -> None:
    await serve(world)
    await world.judge(DELETE)
    (reference,) = world.target.owner_references
    assert reference == {
        "apiVersion": "certwright.io/v1alpha1",
        "kind": "ImportedCertificate",
        "name": "shop",
        "uid": world.subject.version.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }
    await world.reconcile(full=True)
    assert world.cluster.writes == 0
    await world.judge(SERVING)
    assert world.target.owner_references == ()


async def test_nothing_is_done_when_the_object_is_being_deleted(world: World) -> None:
    await serve(world)
    key = world.subject.key
    world.cluster.subjects[key] = replace(world.subject, deleting=True, generation=9)
    world.cluster.remove(TARGET)
    result = await world.reconcile(full=True)
    assert (world.cluster.writes, result.requeue_at) == (0, None)
    assert not world.cluster.reads
    result = await world.reconcile()
    assert result.settled


# ---- failures of writes


@pytest.mark.parametrize(
    ("cause", "reason", "detail", "condition", "retry"),
    [
        (FailureCause.FORBIDDEN, "StoreFailed", "Forbidden", "Stalled", True),
        (FailureCause.QUOTA_EXCEEDED, "StoreFailed", "QuotaExceeded", "Stalled", True),
        (FailureCause.NAMESPACE_TERMINATING, "StoreFailed", "NamespaceTerminating", "Stalled", False),
        (FailureCause.INVALID, "StoreFailed", "WriteFailed", "Stalled", False),
        (FailureCause.TOO_LARGE, "StoreFailed", "LimitExceeded", "Stalled", False),
        (FailureCause.IMMUTABLE, "TargetImmutable", None, "Stalled", False),
        (FailureCause.UNAVAILABLE, "StoreFailed", "WriteFailed", "Reconciling", True),
        (FailureCause.TIMEOUT, "StoreFailed", "WriteFailed", "Reconciling", True),
    ],
)
async def test_target_says_why_when_a_write_fails(
    world: World,
    cause: FailureCause,
    reason: str,
    detail: str | None,
    condition: str,
    retry: bool,  # noqa: FBT001
) -> None:
    world.upload(SHOP)
    world.wish(TWO)
    world.cluster.fail("apply", TARGET, cause)
    result = await world.reconcile()
    assert result.retry is retry
    assert world.status["responseCode"] == 527
    assert world.condition(condition) == ("True", reason)
    assert world.status["findings"][0].get("detail") == detail
    # One target that fails does not stop the others.
    assert OTHER in world.cluster.objects
    assert [row["certificateStoreStatus"] for row in world.status["targets"]] == [
        "GENERAL_ERROR_WHILE_STORING_CERTIFICATE",
        "OK",
    ]
    assert world.status["served"]["fingerprint"] == SHOP.certificate.fingerprint
    await world.reconcile(full=True)
    assert world.condition("Ready") == ("True", "Valid")


async def test_target_says_why_when_it_cannot_be_read(world: World) -> None:
    await serve(world)
    world.cluster.fail("read", TARGET, FailureCause.UNAVAILABLE)
    result = await world.reconcile(full=True)
    assert result.retry
    assert world.status["findings"][0]["detail"] == "ReadFailed"
    assert world.condition("Reconciling") == ("True", "StoreFailed")
    assert world.status["targets"][0]["digest"]
    world.restart()
    result = await world.reconcile()
    assert not result.settled
    assert world.condition("Ready") == ("True", "Valid")


async def test_target_is_planned_anew_when_somebody_was_quicker(world: World) -> None:
    await serve(world)
    world.upload(NEXT)
    world.cluster.fail("apply", TARGET, FailureCause.CONFLICT)
    await world.reconcile()
    assert world.condition("Ready") == ("True", "Valid")
    assert world.target.data["tls.key"].decode() == NEXT.key_pem
    assert world.cluster.calls["apply"] == 2


# ---- PKCS#12


async def test_pkcs12_is_written_once_when_a_hundred_passes_are_made(world: World) -> None:
    world.cluster.put_secret("password", {"password": "changeit\n"})
    await serve(world, PACKED)
    stored = world.target
    assert stored.data["keystore.p12"]
    for _ in range(100):
        await world.reconcile(full=True)
        assert world.cluster.writes == 0
    assert world.target == stored


async def test_pkcs12_is_made_anew_when_the_password_changes_in_fact(world: World) -> None:
    world.cluster.put_secret("password", {"password": "changeit"})
    await serve(world, PACKED)
    stored = world.target
    # Another version of the Secret, and the same password: only the record moves.
    world.cluster.put_secret("password", {"password": "changeit\n"})
    await world.reconcile()
    assert world.target == stored
    world.cluster.put_secret("password", {"password": "changed"})
    await world.reconcile()
    assert world.target.data["keystore.p12"] != stored.data["keystore.p12"]
    assert world.condition("Ready") == ("True", "Valid")


async def test_pkcs12_takes_the_alias_when_one_is_given(world: World) -> None:
    world.cluster.put_secret("password", {"password": "changeit"})
    await serve(world, PACKED)
    digest = world.status["targets"][0]["digest"]
    targets = [{"secretName": "shop-tls", "formats": [{**P12, "alias": "web"}]}]
    await world.judge({**REFERENCED, "targets": targets})
    assert world.status["targets"][0]["digest"] != digest


@pytest.mark.parametrize(
    ("password", "status", "reason"),
    [
        (None, "NOT_FOUND", "ReferenceNotFound"),
        (b"", "BAD_REQUEST", "InvalidRequest"),
        (b"\xff", "BAD_REQUEST", "InvalidRequest"),
    ],
)
async def test_pkcs12_is_not_made_when_its_password_is_unusable(
    world: World, password: bytes | None, status: str, reason: str
) -> None:
    if password is not None:
        world.cluster.put_secret("password", {"password": password})
    await serve(world, {**REFERENCED, "targets": [*PACKED["targets"], {"secretName": "other-tls"}]})
    assert TARGET not in world.cluster.objects
    assert OTHER in world.cluster.objects
    assert world.status["targets"][0]["certificateStoreStatus"] == status
    assert world.condition("Ready") == ("False", reason)
    assert world.condition("Valid") == ("True", "Valid")


async def test_pkcs12_is_asked_for_again_when_its_password_cannot_be_read(world: World) -> None:
    world.cluster.put_secret("password", {"password": "changeit"})
    world.upload(SHOP)
    world.wish(PACKED)
    world.cluster.fail("read", secret_key("password"), FailureCause.UNAVAILABLE)
    result = await world.reconcile()
    assert result.retry
    assert world.status["targets"][0]["certificateStoreStatus"] == "IN_PROGRESS"
    assert world.condition("Reconciling") == ("True", "NotChecked")
    assert world.condition("Stored") == ("False", "NotChecked")


async def test_pkcs12_is_refused_when_it_cannot_hold_the_key(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.cluster.put_secret("password", {"password": "changeit"})
    world.upload(ISSUING.issue_leaf("shop.example.com", key=ed25519_key("x")))
    monkeypatch.setattr(PrivateKey, "algorithm", property(lambda _: "ML-DSA-65"))
    await world.judge(PACKED)
    assert world.status["findings"][0]["detail"] == "KeyTypeUnsupported"
    assert TARGET not in world.cluster.objects


# ---- circles of our own targets


def chained(world: World, name: str, source: str, target: str) -> None:
    """Let another ImportedCertificate take `source` and have written `target`."""
    world.cluster.put_subject(name, {"certificateRef": {"name": source}, "targets": [{"secretName": target}]})
    world.cluster.put_secret(
        target,
        {"tls.crt": SHOP.chain_pem, "tls.key": SHOP.key_pem},
        type="kubernetes.io/tls",
        labels={MANAGED_BY_LABEL: "certwright"},
        annotations={OWNER_ANNOTATION: f"ImportedCertificate/{name}"},
    )


async def test_target_is_refused_when_it_closes_a_circle(world: World) -> None:
    chained(world, "second", "shop-tls", "second-tls")
    status = await world.judge({"certificateRef": {"name": "second-tls"}, "targets": [{"secretName": "shop-tls"}]})
    assert TARGET not in world.cluster.objects
    assert (status["certificateStoreStatus"], status["findings"][0]["detail"]) == ("BAD_REQUEST", "TargetCycle")
    assert "is an input of ImportedCertificate `second`" in world.message()


async def test_target_is_refused_when_it_closes_a_circle_of_three(world: World) -> None:
    chained(world, "second", "shop-tls", "second-tls")
    chained(world, "third", "second-tls", "third-tls")
    await world.judge({"certificateRef": {"name": "third-tls"}, "targets": [{"secretName": "shop-tls"}]})
    assert world.status["findings"][0]["detail"] == "TargetCycle"


async def test_target_is_written_when_the_chain_of_objects_has_a_beginning(world: World) -> None:
    world.upload(SHOP)
    chained(world, "second", "upload", "second-tls")
    await world.judge({"certificateRef": {"name": "second-tls"}, "targets": [{"secretName": "shop-tls"}]})
    assert world.condition("Ready") == ("True", "Valid")


@pytest.mark.parametrize("fate", ["gone", "unreadable", "another kind"])
async def test_target_is_written_when_the_owner_of_the_input_says_nothing(world: World, fate: str) -> None:
    chained(world, "second", "shop-tls", "second-tls")
    if fate == "gone":
        del world.cluster.subjects[ObjectKey(Kind.IMPORTED_CERTIFICATE, "shop", "second")]
    elif fate == "unreadable":
        world.cluster.put_subject("second", {"certificateRef": 7})
    else:
        world.cluster.change(secret_key("second-tls"), annotations={OWNER_ANNOTATION: "TrustStore/second"})
    await world.judge({"certificateRef": {"name": "second-tls"}, "targets": [{"secretName": "shop-tls"}]})
    assert world.condition("Ready") == ("True", "Valid")


async def test_target_message_ends_with_its_command_when_there_is_more_to_say(world: World) -> None:
    foreign(world)
    world.cluster.put_secret("other-tls", {"tls.crt": "theirs"})
    await serve(world, TWO)
    assert world.message().startswith("1 more in `status.findings`. Secret `shop-tls` is somebody else's")
    assert world.message().endswith("certwright.io/allow-write=" + OWNER)
