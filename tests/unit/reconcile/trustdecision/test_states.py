"""The trust state of a CA: what is wished, what is found, what time brings, and what is said about it."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from certwright.findings import FailureCause, Reason, finding
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.plan import WriteStatus
from certwright.reconcile.trust.stance import decisions_of
from certwright.reconcile.trustdecision import TrustDecisions
from tests.support.memory_cluster import NAMESPACE
from tests.support.pki import PKI, Entity, rsa_key
from tests.unit.reconcile.trustdecision.desk import ISSUING, LEAF, NAME, OTHER, ROOT, Desk, fingerprint_of

DAY = timedelta(days=1)
PROBLEMS = "https://astra.netapp.io/problems/"
OURS = "https://certwright.io/reasons/"
CONFIG_MAP = ObjectKey(Kind.CONFIG_MAP, NAMESPACE, "ca")
REFERENCE: dict[str, Any] = {"certificateRef": {"name": "ca"}, "fingerprint": fingerprint_of(ROOT.der)}
FINE = {"Ready": "True Valid", "Valid": "True Valid", "Trusted": "True Valid", "Deployed": "False DeployPending"}


def detail_types(desk: Desk) -> list[str]:
    return [each["type"] for each in desk.status.get("trustStateDetails", ())]


# ---- the documented answers


async def test_status_is_the_example_of_source_two_when_the_certificate_has_its_shape(desk: Desk) -> None:
    """The example, field by field; where it contradicts its own text, the page on parity says which of them holds."""
    end = datetime(2022, 3, 23, 16, 48, 38, tzinfo=UTC)
    ca = PKI().root("vcenter.example.com", not_before=end - 365 * DAY, not_after=end)
    desk.clock.now = datetime(2022, 10, 6, 20, 58, 16, tzinfo=UTC)
    author = "8f84cf09-8036-51e4-b579-bd30cb07b269"
    spec = {"certUse": "rootCA", "cert": base64.b64encode(ca.pem.encode()).decode()}
    desk.cluster.put_subject(NAME, spec, kind=Kind.TRUST_DECISION, annotations={"certwright.io/created-by": author})
    await desk.rest()

    status = desk.status
    assert status["id"] == desk.subject().version.uid
    assert status["id"][14] == "4"  # a UUID of version 4
    assert status["cn"] == "vcenter.example.com"
    assert status["expiryTimestamp"] == "2022-03-23T16:48:38Z"
    assert status["isSelfSigned"] == "true"
    assert status["trustState"] == "expired"  # the example: untrusted
    assert status["trustStateTransitions"] == [
        {"from": "untrusted", "to": ["trusted"]},
        {"from": "trusted", "to": ["untrusted"]},
    ]
    assert status["metadata"] == {
        "creationTimestamp": "2022-10-06T20:58:16Z",
        "modificationTimestamp": "2022-10-06T20:58:16Z",
        "createdBy": author,
    }
    (detail,) = status["trustStateDetails"]
    assert (detail["type"], detail["title"]) == (f"{PROBLEMS}164", "Requested resource in unexpected state")

    await desk.judge(**spec, trustStateDesired="untrusted")
    assert "trustStateDetails" not in desk.status  # as in the example: an empty list


async def test_status_is_the_example_of_source_three_when_the_certificate_is_good(desk: Desk) -> None:
    status = await desk.decide(ISSUING, certUse="intermediateCA", trustStateDesired="untrusted")
    certificate = ISSUING.certificate
    assert status["rootCertificateId"] == ISSUING.key.identifier.hex()
    assert status["subjectKeyId"] == ISSUING.key.identifier.hex()
    assert status["authorityKeyId"] == ROOT.key.identifier.hex()
    assert status["subject"] == [{"fieldName": "CN", "value": "Corp Issuing CA 3"}]
    assert status["issuer"] == [{"fieldName": "CN", "value": "Corp Root"}]
    assert status["notBefore"] == int(certificate.not_before.timestamp()) * 1000
    assert status["expiry"] == int(certificate.not_after.timestamp()) * 1000
    assert "deployStatus" not in status
    assert status["validation"] == 2011  # its root is not trusted here
    assert (await desk.decide(ROOT))["validation"] == 0
    assert (desk.status["deployStatus"], "authorityKeyId" in desk.status) == ("DEPLOY_PENDING", False)


async def test_id_is_the_digest_of_the_key_when_the_certificate_states_none(desk: Desk) -> None:
    ca = PKI().root("Old Root", version=1)
    status = await desk.decide(ca)
    assert (status["trustState"], status["isSelfSigned"]) == ("trusted", "true")
    assert status["rootCertificateId"] == hashlib.sha1(ca.certificate.public_key.key_bits).hexdigest()  # noqa: S324
    assert "subjectKeyId" not in status


async def test_metadata_follow_when_labels_and_authors_change(desk: Desk) -> None:
    await desk.decide(ROOT, labels={"team": "b", "app": "a"})
    metadata = desk.status["metadata"]
    assert metadata["labels"] == [{"name": "app", "value": "a"}, {"name": "team", "value": "b"}]
    assert "createdBy" not in metadata

    desk.cluster.put_subject(
        NAME,
        desk.subject().spec,
        kind=Kind.TRUST_DECISION,
        labels={},
        annotations={"certwright.io/modified-by": "eve\u202e", "certwright.io/created-by": ""},
    )
    await desk.rest()
    assert desk.status["metadata"]["modifiedBy"] == "eve\\u202e"
    assert not {"labels", "createdBy"} & set(desk.status["metadata"])


# ---- transitions


async def test_state_follows_the_wish_when_the_certificate_is_good(desk: Desk) -> None:
    status = await desk.decide(ROOT)
    assert (status["trustState"], desk.conditions()) == ("trusted", FINE)
    assert desk.message() == '"Corp Root" is trusted until 2035-01-01 00:00:00 UTC. No store selects it.'

    status = await desk.decide(ROOT, trustStateDesired="untrusted")
    assert status["trustState"] == "untrusted"
    assert desk.conditions() == {
        "Ready": "True Untrusted",
        "Valid": "True Valid",
        "Trusted": "False Untrusted",
        "Deployed": "False Untrusted",
    }
    assert desk.message() == '"Corp Root" is not trusted, as wished. It is deployed in no store.'

    assert (await desk.decide(ROOT))["trustState"] == "trusted"
    assert [each.reason for each in desk.cluster.events] == ["Trusted", "Untrusted", "Trusted"]


async def test_state_is_expired_from_the_second_after_the_end_when_time_goes_on(desk: Desk) -> None:
    ca = PKI().root("Short Root", not_after=desk.clock.now + DAY)
    await desk.decide(ca)
    result = await desk.reconcile()
    assert result.requeue_at == desk.clock.now + DAY + timedelta(seconds=1)
    assert desk.status["nextCheckTime"] == "2026-06-02T12:00:01Z"

    desk.clock.advance(days=1)
    await desk.rest()
    assert desk.status["trustState"] == "trusted"  # both ends are inclusive

    desk.clock.advance(seconds=1)
    await desk.rest()
    assert (desk.status["trustState"], desk.status["validation"]) == ("expired", 2003)
    assert desk.conditions() == {
        "Ready": "False Expired",
        "Valid": "False Expired",
        "Trusted": "False Expired",
        "Deployed": "False Expired",
        "Stalled": "True Expired",
    }
    assert "nextCheckTime" not in desk.status
    assert detail_types(desk) == [f"{PROBLEMS}164"]
    assert [each.reason for each in desk.cluster.events] == ["Trusted", "Expired"]

    await desk.decide(ca, trustStateDesired="untrusted")
    assert (desk.status["trustState"], desk.conditions()["Ready"], detail_types(desk)) == (
        "expired",
        "True Untrusted",
        [],
    )


async def test_state_is_untrusted_until_the_certificate_begins_when_it_is_early(desk: Desk) -> None:
    ca = PKI().root("Next Root", not_before=desk.clock.now + DAY)
    await desk.decide(ca)
    assert (desk.status["trustState"], desk.status["validation"], desk.conditions()["Ready"]) == (
        "untrusted",
        2004,
        "False NotYetValid",
    )
    assert desk.status["nextCheckTime"] == "2026-06-02T12:00:00Z"
    desk.clock.advance(days=1)
    await desk.rest()
    assert desk.status["trustState"] == "trusted"


async def test_trust_ends_at_the_very_instant_when_an_end_is_wished(desk: Desk) -> None:
    await desk.decide(ROOT, trustUntil="2026-06-02T14:00:00+02:00")
    assert desk.status["trustState"] == "trusted"
    assert desk.status["nextCheckTime"] == "2026-06-02T12:00:00Z"
    assert desk.message("Trusted") == "Trusted until 2026-06-02 12:00:00 UTC."

    desk.clock.advance(days=1)
    await desk.rest()
    assert (desk.status["trustState"], desk.status["validation"]) == ("untrusted", 0)
    assert desk.conditions() == {
        "Ready": "True TrustEnded",
        "Valid": "True Valid",
        "Trusted": "False TrustEnded",
        "Deployed": "False Untrusted",
    }
    assert detail_types(desk) == [f"{OURS}TrustEnded"]
    assert desk.status["trustStateDetails"][0]["title"] == "Trust ended"
    assert desk.status["nextCheckTime"] == "2035-01-01T00:00:01Z"
    assert [each.reason for each in desk.cluster.events] == ["Trusted", "TrustEnded"]

    await desk.decide(ROOT, trustUntil="2040-01-01T00:00:00Z")
    assert desk.status["trustState"] == "trusted"
    assert "until 2035-01-01" in desk.message()  # a certificate cannot be trusted beyond its own end


async def test_wish_is_refused_when_the_end_is_no_instant(desk: Desk) -> None:
    await desk.decide(ROOT, trustUntil="tomorrow")
    assert (desk.reasons(), desk.status["validation"]) == (["InvalidRequest"], -1)
    assert detail_types(desk) == [f"{PROBLEMS}5"]


# ---- what is refused


@pytest.mark.parametrize(
    ("entity", "validation", "reason", "said"),
    [
        (LEAF, 2012, "UsageMismatch", "its basic constraints do not say CA"),
        (ISSUING, 2012, "UsageMismatch", '"Corp Root" issued it'),
        (PKI().root("No Signing CA", key_usage=("cRLSign",)), 2012, "UsageMismatch", "does not have keyCertSign"),
        (PKI().self_signed("shop.example.com"), 2012, "UsageMismatch", "its basic constraints do not say CA"),
        (
            PKI().root("Forged Root", sign_with=OTHER.key),
            2014,
            "InvalidSelfSigned",
            "its signature is not by its own key",
        ),
    ],
    ids=["leaf", "intermediate", "without-keyCertSign", "self-signed-leaf", "forged"],
)
async def test_root_is_refused_when_it_is_none(
    desk: Desk, entity: Entity, validation: int, reason: str, said: str
) -> None:
    status = await desk.decide(entity)
    assert (status["trustState"], status["validation"]) == ("untrusted", validation)
    assert desk.conditions()["Ready"] == f"False {reason}"
    assert desk.conditions()["Stalled"] == f"True {reason}"
    assert said in desk.message()
    assert desk.message().startswith("Refused: ")
    assert detail_types(desk)[0] == f"{OURS}{reason}"
    assert status["trustStateDetails"][0]["additionalDetails"][0]["reason"] == reason
    assert "deployStatus" not in status
    assert "fingerprint" not in status["record"]


async def test_root_is_trusted_with_a_warning_when_its_key_is_weak(desk: Desk) -> None:
    status = await desk.decide(PKI().root("Small Root", key=rsa_key("weak")))
    assert (status["trustState"], desk.reasons(), desk.conditions()["Ready"]) == (
        "trusted",
        ["WeakKey"],
        "True Valid",
    )


async def test_nothing_is_wrong_when_a_certificate_that_is_no_ca_is_distrusted(desk: Desk) -> None:
    await desk.decide(LEAF, trustStateDesired="untrusted")
    assert desk.conditions()["Ready"] == "True Untrusted"
    assert (desk.status["validation"], detail_types(desk)) == (2012, [])


@pytest.mark.parametrize("desired", ["trusted", "untrusted"])
async def test_wish_is_refused_whatever_it_is_when_nobody_can_tell_which_ca_is_meant(desk: Desk, desired: str) -> None:
    await desk.judge(certificate=ROOT.pem + OTHER.pem, trustStateDesired=desired)
    assert desk.conditions()["Ready"] == "False InvalidRequest"
    assert "cn" not in desk.status


async def test_wish_is_refused_when_it_fits_no_schema(desk: Desk) -> None:
    await desk.judge(certificate=ROOT.pem, certUse="leafCA")
    assert (desk.reasons(), desk.status["validation"], detail_types(desk)) == (
        ["InvalidRequest"],
        -1,
        [f"{PROBLEMS}5"],
    )


# ---- references, trouble and time


async def test_reference_is_waited_for_when_it_is_not_there_yet(desk: Desk) -> None:
    await desk.judge(**REFERENCE)
    assert desk.conditions()["Reconciling"] == "True ReferenceNotFound"
    assert desk.message().startswith("Waiting: ")
    assert (detail_types(desk), desk.status["validation"]) == ([f"{PROBLEMS}2"], -1)
    assert desk.status["findings"][0]["code"] == 1002

    desk.clock.advance(minutes=11)
    await desk.rest()
    assert desk.conditions()["Stalled"] == "True WaitedTooLong"
    assert "Reconciling" not in desk.conditions()
    await desk.reconcile(full=True)
    assert desk.cluster.writes == 0

    desk.cluster.put_secret("ca", {"ca.crt": ROOT.pem}, kind=Kind.CONFIG_MAP)
    await desk.rest()
    assert desk.status["trustState"] == "trusted"
    assert desk.status["record"]["inputs"][0]["name"] == "ca"


async def test_last_good_certificate_is_remembered_when_the_reference_holds_another(desk: Desk) -> None:
    desk.cluster.put_secret("ca", {"ca.crt": ROOT.pem}, kind=Kind.CONFIG_MAP)
    await desk.judge(**REFERENCE)
    desk.cluster.put_secret("ca", {"ca.crt": OTHER.pem}, kind=Kind.CONFIG_MAP)
    await desk.rest()
    assert (desk.status["trustState"], desk.status["validation"], desk.reasons()) == (
        "untrusted",
        2013,
        ["FingerprintMismatch"],
    )
    assert "cn" not in desk.status
    assert desk.status["record"]["fingerprint"] == fingerprint_of(ROOT.der)


async def test_facts_stay_when_the_reference_cannot_be_read(desk: Desk) -> None:
    desk.cluster.put_secret("ca", {"ca.crt": ROOT.pem}, kind=Kind.CONFIG_MAP)
    await desk.judge(**REFERENCE)
    desk.cluster.fail("read", CONFIG_MAP, FailureCause.TIMEOUT)
    result = await desk.reconcile(full=True)
    assert result.retry
    assert (desk.status["cn"], desk.status["validation"], detail_types(desk)) == (
        "Corp Root",
        -1,
        [f"{PROBLEMS}41"],
    )
    assert desk.conditions()["Trusted"] == "Unknown NotChecked"
    assert desk.conditions()["Valid"] == "Unknown NotChecked"

    await desk.reconcile()  # what could not be read is never settled
    assert desk.status["trustState"] == "trusted"


async def test_verdict_stays_as_it_is_when_the_clock_is_doubted(desk: Desk) -> None:
    ca = PKI().root("Short Root", not_after=desk.clock.now + DAY)
    await desk.decide(ca)
    desk.clock.is_doubted = True
    desk.clock.advance(days=2)
    result = await desk.reconcile()
    assert (desk.cluster.writes, desk.status["trustState"]) == (0, "trusted")
    assert result.requeue_at == desk.clock.now + timedelta(minutes=1)
    result = await desk.reconcile(full=True)
    assert (desk.cluster.writes, desk.status["trustState"]) == (0, "trusted")
    assert result.requeue_at == desk.clock.now + timedelta(minutes=1)

    await desk.decide(OTHER)  # what is new cannot be judged
    assert (desk.reasons(), desk.status["findings"][0]["detail"]) == (["NotChecked"], "ClockDoubted")
    desk.clock.is_doubted = False
    await desk.rest()
    assert desk.status["trustState"] == "trusted"


async def test_end_is_not_told_when_the_clock_is_doubted_and_the_certificate_is_bad(desk: Desk) -> None:
    desk.clock.is_doubted = True
    await desk.judge(certificate="nothing", trustUntil="2026-01-01T00:00:00Z")
    assert desk.reasons() == ["Unparsable"]
    desk.clock.is_doubted = False
    await desk.judge(certificate="nothing at all", trustUntil="2026-01-01T00:00:00Z")
    assert desk.reasons() == ["Unparsable", "TrustEnded"]
    assert "1 more in `status.findings`" in desk.message()


def test_judgement_is_a_defect_of_ours_when_it_fails_unexpectedly(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.wish(certificate=ISSUING.pem, certUse="intermediateCA")
    nonsense = desk.snapshot().with_answer(decisions_of(NAMESPACE), (None,))
    judgement = TrustDecisions(desk.settings).judge(nonsense)
    (found,) = judgement.findings
    assert (found.reason, "unexpected AttributeError" in found.message) == ("InternalError", True)
    assert "judging TrustDecision" in caplog.text


async def test_facts_stay_when_judging_was_cut_short(desk: Desk) -> None:
    await desk.decide(ROOT)
    reconciler, snapshot = TrustDecisions(desk.settings), desk.snapshot()
    assert not reconciler.is_heavy(snapshot)
    judgement = reconciler.refuse(snapshot, finding(Reason.INTERNAL_ERROR, "its process died."))
    ((write, *_),) = reconciler.plan(judgement, snapshot).stages
    assert isinstance(write, WriteStatus)
    assert (write.status["cn"], write.status["trustState"], write.status["validation"]) == (
        "Corp Root",
        "untrusted",
        2010,
    )
