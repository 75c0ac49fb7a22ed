"""Targets in the namespace of the store: drift, owners, forms, and what becomes of those that left the wish."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from certwright.findings import FailureCause
from certwright.pki.trust_bundle import holds_trust_store
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.plan import ALLOW_WRITE_ANNOTATION, MANAGED_BY_LABEL, OWNER_ANNOTATION
from tests.support.memory_cluster import NAMESPACE
from tests.unit.reconcile.truststore.yard import MAP, NEXT, OPERATOR, ROOT, STORE, TARGET, Yard

SECRET = ObjectKey(Kind.SECRET, NAMESPACE, "corporate-ca")
JAVA = ObjectKey(Kind.SECRET, NAMESPACE, "java-ca")
KEYSTORE: dict[str, Any] = {
    "kind": "Secret",
    "name": "java-ca",
    "key": "trust.p12",
    "format": "PKCS12",
    "passwordRef": {"name": "password"},
}
OWNER = "TrustStore/corporate"
ALLOWED = {ALLOW_WRITE_ANNOTATION: OWNER}


async def deploy(yard: Yard, *targets: dict[str, Any], **spec: Any) -> None:
    yard.decide("corp", ROOT)
    yard.wish(targets=list(targets or (TARGET,)), **spec)
    await yard.rest()


async def test_target_bears_owner_digest_and_epoch(yard: Yard) -> None:
    await deploy(yard)
    target = yard.target()
    assert target.labels == {MANAGED_BY_LABEL: "certwright"}
    assert target.annotations == {
        "certwright.io/owner": OWNER,
        "certwright.io/digest": yard.status["targets"][0]["digest"],
        "certwright.io/epoch": "0",
    }
    assert b"# CN=Corp Root until" in target.data["ca.crt"]


async def test_secret_holds_the_same(yard: Yard) -> None:
    await deploy(yard, TARGET, {"kind": "Secret", "name": "corporate-ca", "key": "bundle.pem"})
    assert yard.target(SECRET).type == "Opaque"
    assert yard.target(SECRET).data["bundle.pem"] == yard.target().data["ca.crt"]
    yard.decide("next", NEXT)
    await yard.rest()
    assert yard.bundle(SECRET, "bundle.pem") == {"Corp Root", "Next Root"}
    assert yard.calls["apply"] == 2


async def test_key_that_is_renamed_leaves_nothing_behind(yard: Yard) -> None:
    await deploy(yard)
    yard.rewish(targets=[{**TARGET, "key": "other.pem"}])
    await yard.rest()
    assert set(yard.target().data) == {"other.pem"}


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        {"data": {"ca.crt": b"theirs"}},
        {"data": {}},
        {"annotations": {OWNER_ANNOTATION: OWNER}},
        {"annotations": {OWNER_ANNOTATION: OWNER, "certwright.io/digest": "sha256:" + "0" * 64}},
    ],
)
async def test_drift_is_put_back_from_the_record(yard: Yard, change: dict[str, Any], live: bool) -> None:  # noqa: FBT001
    await deploy(yard)
    good, status = yard.target().data, yard.status
    if not live:
        yard.decide("corp", certificate="nonsense")
        await yard.rest()
        status = yard.status
    yard.cluster.change(MAP, **change)
    await yard.rest()
    assert yard.target().data == good
    assert yard.calls["apply"] == 1
    # That it is in order again is remembered over a start; else nothing changes.
    assert yard.calls["status"] == 1
    horizon = yard.status["record"]["horizon"]
    assert horizon == f"ConfigMap={yard.target().version.resource_version}"
    assert {**yard.status, "record": {**yard.status["record"], "horizon": status["record"]["horizon"]}} == status
    await yard.rest(full=True)
    assert yard.writes == 0


async def test_target_is_vouched_for_by_its_store_once_it_was_looked_into(yard: Yard) -> None:
    await deploy(yard)
    yard.cluster.change(MAP, labels={**yard.target().labels, "team": "shop"}, intact=False)
    await yard.rest()
    assert yard.cluster.vouched[MAP] == yard.target().version
    assert yard.writes == 0


async def test_nobody_vouches_for_the_target_of_another(yard: Yard) -> None:
    theirs = {OWNER_ANNOTATION: "TrustStore/other"}
    yard.cluster.put_secret("corporate-ca", {"ca.crt": ROOT.pem}, kind=Kind.CONFIG_MAP, annotations=theirs)
    await deploy(yard)
    assert yard.reasons == ["TargetNotOwned"]
    assert MAP not in yard.cluster.vouched


async def test_deleted_target_comes_back(yard: Yard) -> None:
    await deploy(yard)
    yard.cluster.remove(MAP)
    await yard.rest()
    assert yard.bundle() == {"Corp Root"}
    assert yard.calls["apply"] == 1


async def test_what_others_add_to_a_target_is_theirs(yard: Yard) -> None:
    await deploy(yard)
    yard.cluster.change(MAP, data={**yard.target().data, "note": b"hi"})
    yard.cluster.change(MAP, intact=False)
    await yard.rest()
    assert yard.writes == 0
    assert yard.target().data["note"] == b"hi"
    assert (await yard.pass_over(STORE)).settled


async def test_lost_race_is_planned_anew(yard: Yard) -> None:
    await deploy(yard)
    yard.decide("next", NEXT)
    await yard.pass_over(yard.decision("next"))
    yard.cluster.fail("apply", MAP, FailureCause.CONFLICT, None)
    await yard.pass_over(STORE)
    assert yard.bundle() == {"Corp Root", "Next Root"}


async def test_target_of_somebody_else_is_left_alone_until_it_is_allowed(yard: Yard) -> None:
    yard.cluster.put_secret("corporate-ca", {"ca.crt": "theirs"}, kind=Kind.CONFIG_MAP)
    await deploy(yard, TARGET, {"name": "other-ca"})
    assert yard.target().data == {"ca.crt": b"theirs"}
    assert yard.bundle(ObjectKey(Kind.CONFIG_MAP, NAMESPACE, "other-ca")) == {"Corp Root"}
    assert yard.conditions["Ready"] == ("False", "TargetNotOwned")
    assert yard.conditions["Stalled"] == ("True", "TargetNotOwned")
    assert yard.conditions["Deployed"] == ("False", "TargetNotOwned")
    command = f"kubectl annotate configmap -n {NAMESPACE} corporate-ca {ALLOW_WRITE_ANNOTATION}={OWNER}"
    assert yard.message().endswith(command)
    assert yard.rollout["state"] == "Failed"
    assert (yard.rollout["failed"], yard.rollout["percentComplete"]) == (1, 50)
    assert yard.rollout["message"].endswith(command)
    rows = [(each["name"], each.get("updated", False)) for each in yard.status["targets"]]
    assert rows == [("corporate-ca", False), ("other-ca", True)]
    assert yard.events == ["Deployed", "TargetRefused"]
    # Their own changes are no news, and a restart finds nothing to do.
    yard.cluster.change(MAP, data={"ca.crt": b"theirs too"})
    await yard.rest()
    assert yard.writes == 0
    yard.cluster.change(MAP, annotations=ALLOWED)
    await yard.rest()
    assert yard.bundle() == {"Corp Root"}
    assert yard.target().owner_references == ()
    assert yard.conditions["Ready"] == ("True", "Valid")


async def test_adopted_target_is_released_and_never_deleted(yard: Yard) -> None:
    yard.cluster.put_secret("corporate-ca", {"note": "theirs"}, kind=Kind.CONFIG_MAP, annotations=ALLOWED)
    await deploy(yard)
    assert yard.bundle() == {"Corp Root"}
    yard.rewish(targets=[])
    await yard.rest()
    assert yard.calls["release"] == 1
    assert yard.target().data["note"] == b"theirs"
    assert OWNER_ANNOTATION not in yard.target().annotations
    await yard.rest(full=True)
    assert yard.writes == 0


async def test_target_of_another_store_is_left_to_it(yard: Yard) -> None:
    await deploy(yard)
    other = replace(yard, main=ObjectKey(Kind.TRUST_STORE, NAMESPACE, "other"))
    other.cluster, other.reconcilers = yard.cluster, yard.reconcilers
    other.restart()
    other.wish(targets=[TARGET])
    await other.rest()
    assert other.conditions["Ready"] == ("False", "TargetNotOwned")
    assert f"belongs to {OWNER}" in other.found


async def test_secret_of_cert_manager_is_no_target(yard: Yard) -> None:
    annotations = {"cert-manager.io/certificate-name": "shop", **ALLOWED}
    yard.cluster.put_secret("corporate-ca", {"tls.crt": "x"}, annotations=annotations)
    await deploy(yard, {"kind": "Secret", "name": "corporate-ca"})
    assert yard.reasons == ["TargetNotOwned"]
    assert "cert-manager" in yard.found


async def test_secret_of_another_type_stays_what_it_is(yard: Yard) -> None:
    yard.cluster.put_secret("corporate-ca", {"tls.crt": "x"}, type="kubernetes.io/tls", annotations=ALLOWED)
    await deploy(yard, {"kind": "Secret", "name": "corporate-ca"})
    assert (yard.status["findings"][0]["reason"], yard.status["findings"][0]["detail"]) == (
        "TargetImmutable",
        "TypeDiffers",
    )
    assert "Delete it yourself" in yard.found


async def test_immutable_target_is_said(yard: Yard) -> None:
    await deploy(yard)
    yard.cluster.change(MAP, immutable=True)
    await yard.rest(full=True)
    assert yard.conditions["Ready"] == ("True", "Valid")
    yard.decide("next", NEXT)
    await yard.rest()
    assert yard.conditions["Ready"] == ("False", "TargetImmutable")
    assert yard.bundle() == {"Corp Root"}
    await yard.rest(full=True)
    assert yard.writes == 0
    yard.restart()
    assert (await yard.pass_over(STORE)).settled
    yard.cluster.remove(MAP)
    await yard.rest()
    assert yard.bundle() == {"Corp Root", "Next Root"}


async def test_immutable_target_that_somebody_allowed_is_said(yard: Yard) -> None:
    yard.cluster.put_secret("corporate-ca", {}, kind=Kind.CONFIG_MAP, annotations=ALLOWED, immutable=True)
    await deploy(yard)
    assert yard.reasons == ["TargetImmutable"]


async def test_target_that_is_being_deleted_is_waited_for(yard: Yard) -> None:
    yard.cluster.put_secret("corporate-ca", {}, kind=Kind.CONFIG_MAP, annotations=ALLOWED)
    yard.cluster.change(MAP, deleting=True)
    await deploy(yard)
    assert yard.conditions["Ready"] == ("False", "TargetMissing")
    assert yard.conditions["Reconciling"] == ("True", "TargetMissing")
    assert yard.rollout["state"] == "Running"
    assert yard.message().startswith("Waiting: ")
    yard.cluster.remove(MAP)
    await yard.rest()
    assert yard.bundle() == {"Corp Root"}


FAILURES = {
    FailureCause.FORBIDDEN: ("Forbidden", "Failed"),
    FailureCause.QUOTA_EXCEEDED: ("QuotaExceeded", "Failed"),
    FailureCause.TOO_LARGE: ("LimitExceeded", "Failed"),
    FailureCause.INVALID: ("WriteFailed", "Failed"),
    FailureCause.UNAVAILABLE: ("WriteFailed", "Running"),
}
LASTING = {FailureCause.TOO_LARGE, FailureCause.INVALID}


@pytest.mark.parametrize("cause", FAILURES)
async def test_failed_write_is_said_and_tried_again_when_time_may_mend_it(yard: Yard, cause: FailureCause) -> None:
    detail, state = FAILURES[cause]
    yard.decide("corp", ROOT)
    yard.wish(targets=[TARGET, {"name": "other-ca"}])
    await yard.pass_over(yard.decision("corp"))
    yard.cluster.fail("apply", MAP, cause)
    result = await yard.pass_over(STORE)
    assert result.retry is (cause not in LASTING)
    assert yard.status["findings"][0]["detail"] == detail
    assert yard.rollout["state"] == state
    assert yard.bundle(ObjectKey(Kind.CONFIG_MAP, NAMESPACE, "other-ca")) == {"Corp Root"}
    await yard.rest(full=True)
    assert yard.bundle() == {"Corp Root"}


async def test_target_that_cannot_be_read_is_tried_again(yard: Yard) -> None:
    await deploy(yard)
    yard.cluster.change(MAP, data={"ca.crt": b"theirs"})
    yard.cluster.fail("read", MAP, FailureCause.TIMEOUT)
    result = await yard.pass_over(STORE)
    assert result.retry
    assert yard.status["findings"][0]["detail"] == "ReadFailed"
    await yard.rest()
    assert yard.bundle() == {"Corp Root"}


async def test_field_that_the_api_server_calls_immutable_is_said(yard: Yard) -> None:
    await deploy(yard)
    yard.cluster.fail("apply", MAP, FailureCause.IMMUTABLE)
    yard.decide("next", NEXT)
    await yard.pass_over(yard.decision("next"))
    await yard.pass_over(STORE)
    assert yard.reasons == ["TargetImmutable"]


# ---- what is wished for no more


async def test_target_that_leaves_the_wish_is_deleted(yard: Yard) -> None:
    await deploy(yard, TARGET, {"name": "other-ca"})
    yard.rewish(targets=[{"name": "other-ca"}])
    await yard.rest()
    assert MAP not in yard.cluster.objects
    assert (yard.calls["delete"], yard.calls["apply"]) == (1, 0)
    assert yard.status["targetsCount"] == 1


async def test_target_that_leaves_the_wish_is_released_when_it_is_to_stay(yard: Yard) -> None:
    await deploy(yard, deletionPolicy="Retain")
    assert yard.target().owner_references == ()
    yard.rewish(targets=[])
    await yard.rest()
    assert yard.calls["release"] == 1
    assert MANAGED_BY_LABEL not in yard.target().labels


async def test_deletion_that_fails_is_tried_again(yard: Yard) -> None:
    await deploy(yard)
    yard.rewish(targets=[])
    yard.cluster.fail("delete", MAP, FailureCause.FORBIDDEN)
    result = await yard.pass_over(STORE)
    assert result.retry
    assert yard.conditions["Ready"] == ("False", "StoreFailed")
    assert yard.rollout["state"] == "Failed"
    await yard.rest()
    assert MAP not in yard.cluster.objects
    assert yard.conditions["Ready"] == ("True", "Valid")


async def test_deletion_that_meets_a_change_is_planned_anew(yard: Yard) -> None:
    await deploy(yard)
    yard.rewish(targets=[])
    yard.cluster.fail("delete", MAP, FailureCause.CONFLICT)
    await yard.pass_over(STORE)
    assert MAP not in yard.cluster.objects


async def test_what_was_taken_over_by_others_meanwhile_is_not_deleted(yard: Yard) -> None:
    await deploy(yard)
    yard.rewish(targets=[])
    original = yard.cluster.delete

    async def delete(action: Any) -> None:
        yard.cluster.change(MAP, annotations={})
        await original(action)

    yard.cluster.delete = delete  # type: ignore[method-assign]
    await yard.pass_over(STORE)
    assert MAP in yard.cluster.objects


async def test_policy_that_changes_is_written_to_every_target(yard: Yard) -> None:
    await deploy(yard)
    yard.rewish(deletionPolicy="Retain")
    await yard.rest()
    assert (yard.calls["apply"], yard.target().owner_references) == (1, ())
    yard.rewish(deletionPolicy="Delete")
    await yard.rest()
    assert len(yard.target().owner_references) == 1


# ---- what is wrong in the wish


async def test_reserved_name_is_refused(yard: Yard) -> None:
    await deploy(yard, {"name": "kube-root-ca.crt"}, TARGET)
    assert yard.conditions["Ready"] == ("False", "InvalidRequest")
    assert "kube-root-ca.crt" in yard.found
    assert yard.bundle() == {"Corp Root"}
    assert (await yard.pass_over(STORE)).settled


async def test_target_that_a_decision_is_read_from_is_refused(yard: Yard) -> None:
    yard.cluster.put_secret("corporate-ca", {"ca.crt": ROOT.pem}, kind=Kind.CONFIG_MAP, annotations=ALLOWED)
    yard.decide("corp", certificateRef={"name": "corporate-ca"}, fingerprint=ROOT.certificate.fingerprint)
    yard.wish(targets=[TARGET])
    await yard.rest()
    assert yard.status["findings"][0]["detail"] == "TargetIsInput"
    assert yard.target().data == {"ca.crt": ROOT.pem.encode()}
    assert (await yard.pass_over(STORE)).settled


async def test_target_that_has_become_an_input_is_given_up(yard: Yard) -> None:
    await deploy(yard)
    yard.decide("corp", certificateRef={"name": "corporate-ca"}, fingerprint=ROOT.certificate.fingerprint)
    yard.rewish(targets=[])
    await yard.rest()
    assert yard.calls["release"] == 1
    assert MAP in yard.cluster.objects


async def test_name_like_those_of_records_is_refused_where_records_are() -> None:
    yard = Yard(main=ObjectKey(Kind.TRUST_STORE, OPERATOR, "corporate"))
    yard.cluster.put_subject("corp", {"certificate": ROOT.pem}, kind=Kind.TRUST_DECISION, namespace=OPERATOR)
    yard.wish(targets=[{"name": "store-of-roots"}, TARGET])
    await yard.rest()
    assert yard.reasons == ["InvalidRequest"]
    assert "operator's own records" in yard.found
    assert yard.bundle(ObjectKey(Kind.CONFIG_MAP, OPERATOR, "corporate-ca")) == {"Corp Root"}
    assert (await yard.pass_over(yard.main)).settled


# ---- PKCS#12


async def test_trust_store_is_written_once_and_kept(yard: Yard) -> None:
    yard.cluster.put_secret("password", {"password": "changeit\n"})
    await deploy(yard, KEYSTORE)
    stored = yard.target(JAVA).data["trust.p12"]
    assert holds_trust_store(stored, [ROOT.certificate], b"changeit")
    await yard.rest(full=True)
    assert yard.writes == 0
    yard.cluster.change(ObjectKey(Kind.SECRET, NAMESPACE, "password"), annotations={"example.com/note": "hi"})
    await yard.rest()
    assert (yard.calls["apply"], yard.target(JAVA).data["trust.p12"]) == (0, stored)
    yard.cluster.change(ObjectKey(Kind.SECRET, NAMESPACE, "password"), data={"password": b"other"})
    await yard.rest()
    assert holds_trust_store(yard.target(JAVA).data["trust.p12"], [ROOT.certificate], b"other")
    assert yard.calls["apply"] == 1
    assert yard.reconcilers[Kind.TRUST_STORE].is_heavy(yard.snapshot())


async def test_config_map_may_hold_a_trust_store(yard: Yard) -> None:
    yard.cluster.put_secret("password", {"password": "changeit"})
    await deploy(yard, {**KEYSTORE, "kind": "ConfigMap"})
    key = ObjectKey(Kind.CONFIG_MAP, NAMESPACE, "java-ca")
    assert holds_trust_store(yard.target(key).data["trust.p12"], [ROOT.certificate], b"changeit")


async def test_password_is_waited_for(yard: Yard) -> None:
    await deploy(yard, KEYSTORE, TARGET)
    assert yard.bundle() == {"Corp Root"}
    assert yard.conditions["Ready"] == ("False", "ReferenceNotFound")
    assert yard.conditions["Reconciling"] == ("True", "ReferenceNotFound")
    assert JAVA not in yard.cluster.objects
    yard.cluster.put_secret("password", {"password": "changeit"})
    await yard.rest()
    assert yard.conditions["Ready"] == ("True", "Valid")


async def test_password_that_is_lost_leaves_the_file(yard: Yard) -> None:
    yard.cluster.put_secret("password", {"password": "changeit"})
    await deploy(yard, KEYSTORE)
    stored = yard.target(JAVA).data
    yard.cluster.remove(ObjectKey(Kind.SECRET, NAMESPACE, "password"))
    yard.decide("next", NEXT)
    await yard.rest()
    assert yard.target(JAVA).data == stored
    assert yard.conditions["Ready"] == ("False", "ReferenceNotFound")


async def test_password_that_cannot_be_read_is_tried_again(yard: Yard) -> None:
    yard.cluster.put_secret("password", {"password": "changeit"})
    await deploy(yard, KEYSTORE)
    yard.decide("next", NEXT)
    await yard.pass_over(yard.decision("next"))
    yard.cluster.fail("read", ObjectKey(Kind.SECRET, NAMESPACE, "password"), FailureCause.TIMEOUT)
    result = await yard.pass_over(STORE)
    assert result.retry
    assert yard.conditions["Ready"] == ("False", "NotChecked")


@pytest.mark.parametrize("password", [b"\xff\xfe", b"", b"\n"])
async def test_password_that_is_none_is_refused(yard: Yard, password: bytes) -> None:
    yard.cluster.put_secret("password", {"password": password})
    await deploy(yard, KEYSTORE)
    assert (yard.status["findings"][0]["reason"], yard.status["findings"][0]["detail"]) == (
        "InvalidRequest",
        "PasswordMissing",
    )
    assert (await yard.pass_over(STORE)).settled


async def test_form_and_password_must_fit(yard: Yard) -> None:
    yard.cluster.put_secret("password", {"password": "changeit"})
    bare = {name: value for name, value in KEYSTORE.items() if name != "passwordRef"}
    await deploy(yard, bare, {**TARGET, "passwordRef": {"name": "password"}})
    assert yard.reasons == ["InvalidRequest", "InvalidRequest"]


async def test_password_is_no_target(yard: Yard) -> None:
    yard.cluster.put_secret("password", {"password": "changeit"}, annotations=ALLOWED)
    await deploy(yard, {**KEYSTORE, "name": "password"})
    assert yard.status["findings"][0]["detail"] == "TargetIsInput"


async def test_trust_store_cannot_be_empty(yard: Yard) -> None:
    yard.cluster.put_secret("password", {"password": "changeit"})
    await deploy(yard, KEYSTORE, TARGET, allowEmpty=True)
    stored = yard.target(JAVA).data
    yard.rewish(selector={"matchLabels": {"no": "body"}})
    await yard.rest()
    assert yard.bundle() == set()
    assert yard.target(JAVA).data == stored
    assert yard.conditions["Ready"] == ("False", "EmptyBundle")
    assert "cannot be empty" in yard.found


async def test_what_a_store_refers_to_is_known(yard: Yard) -> None:
    yard.cluster.put_secret("corporate-ca", {}, kind=Kind.CONFIG_MAP)
    await deploy(yard, KEYSTORE, TARGET)
    references = yard.reconcilers[Kind.TRUST_STORE].references(yard.store)
    assert references == {JAVA, MAP, ObjectKey(Kind.SECRET, NAMESPACE, "password"), *yard.records}
