"""What is deployed, in which order, and what never is: stores from end to end in memory."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from certwright.api.model import dump, timestamp
from certwright.api.status_parts import FindingEntry
from certwright.api.truststore_status import ChangedCertificate, PendingChange, TargetRow, TrustStoreStatus
from certwright.findings import FailureCause, Reason, finding
from certwright.reconcile.objects import Failure, Kind, ObjectKey
from certwright.reconcile.trust.change import change_id
from certwright.reconcile.truststore import judge as judging
from certwright.reconcile.truststore.status import STATUS_BYTES, fit
from tests.support.memory_cluster import NAMESPACE
from tests.support.pki import PKI
from tests.unit.reconcile.truststore.yard import (
    ISSUING,
    LEAF,
    MAP,
    NEXT,
    OPERATOR,
    ROOT,
    STORE,
    TARGET,
    THIRD,
    Yard,
)

AUDITED = {"certwright.io/modified-by": "ann"}


async def deploy(yard: Yard, **spec: Any) -> None:
    """Deploy one CA in one target, with approval when the wish asks for it."""
    yard.decide("corp", ROOT)
    yard.wish(targets=[TARGET], **spec)
    await yard.rest()
    if "deployment" in spec:
        yard.approve()
        await yard.rest()
    assert yard.bundle() == {"Corp Root"}


async def test_new_store_costs_a_record_two_statuses_and_its_targets(yard: Yard) -> None:
    await deploy(yard)
    assert (yard.calls["keep"], yard.calls["status"], yard.calls["apply"]) == (1, 2, 1)
    assert yard.conditions["Ready"] == ("True", "Valid")
    assert yard.conditions["Deployed"] == ("True", "Valid")
    assert yard.conditions["Approved"] == ("True", "Valid")
    assert yard.message() == "1 certificate deployed in 1 target."
    assert yard.status["stagedRevision"] == yard.status["deployedRevision"]
    assert yard.events == ["Deployed"]
    assert yard.rollout == {"state": "Complete", "targets": 1, "updatedTargets": 1, "percentComplete": 100, "failed": 0}


async def test_store_without_targets_is_written_once(yard: Yard) -> None:
    yard.decide("corp", ROOT)
    yard.wish()
    await yard.rest()
    assert (yard.calls["keep"], yard.calls["status"], yard.calls["apply"]) == (1, 1, 0)
    assert yard.message() == "1 certificate deployed; there are no targets."
    assert yard.rollout == {"state": "Complete", "targets": 0, "updatedTargets": 0, "percentComplete": 100, "failed": 0}


async def test_change_rewrites_each_target_once_and_is_remembered(yard: Yard) -> None:
    await deploy(yard)
    yard.advance(hours=1)
    yard.decide("next", NEXT)
    await yard.rest()
    assert yard.calls["apply"] == 1
    assert yard.bundle() == {"Corp Root", "Next Root"}
    assert [(each["added"], each["time"]) for each in yard.status["history"]] == [
        (1, "2026-06-01T13:00:00Z"),
        (1, "2026-06-01T12:00:00Z"),
    ]
    record = yard.status["record"]
    assert (record["deployed"]["number"], record["previous"]["number"]) == (2, 1)
    assert yard.notes[0].endswith("1 added, 0 removed, 0 changed.")


async def test_change_that_leaves_the_set_as_it_is_writes_no_target(yard: Yard) -> None:
    await deploy(yard)
    yard.decide("corp", ROOT, labels={"team": "a"})
    await yard.rest()
    assert (yard.calls["apply"], yard.calls["keep"]) == (0, 0)
    yard.decide("again", ROOT)
    await yard.rest()
    assert yard.calls["apply"] == 0
    assert len(yard.status["history"]) == 1
    assert "Deployed" not in yard.events


async def test_nothing_is_deployed_before_its_record_is_kept(yard: Yard) -> None:
    yard.decide("corp", ROOT)
    subject = yard.wish(targets=[TARGET])
    await yard.pass_over(yard.decision("corp"))
    stem = f"store-{subject.version.uid}-1-"
    await yard.pass_over(STORE)
    record = yard.records[0]
    assert record.name.startswith(stem)
    fresh = Yard()
    fresh.decide("corp", ROOT)
    fresh.wish(targets=[TARGET])
    await fresh.pass_over(fresh.decision("corp"))
    fresh.cluster.fail("keep", record, FailureCause.FORBIDDEN)
    result = await fresh.pass_over(STORE)
    assert result.retry
    assert MAP not in fresh.cluster.objects
    assert "deployedRevision" not in fresh.status
    assert fresh.conditions["Ready"] == ("False", "StoreFailed")
    assert "What was deployed before stays" in fresh.message()
    await fresh.rest()
    assert fresh.bundle() == {"Corp Root"}


async def test_deployed_stays_when_the_next_record_cannot_be_kept(yard: Yard) -> None:
    await deploy(yard)
    before = yard.status
    yard.decide("next", NEXT)
    await yard.pass_over(yard.decision("next"))
    original = yard.cluster.keep_record

    async def refuse(action: Any) -> Any:
        yard.cluster.fail("keep", action.key, FailureCause.UNAVAILABLE)
        return await original(action)

    yard.cluster.keep_record = refuse  # type: ignore[method-assign]
    result = await yard.pass_over(STORE)
    assert result.retry
    assert yard.bundle() == {"Corp Root"}
    assert yard.status["record"]["deployed"] == before["record"]["deployed"]
    assert yard.rollout == before["rollout"]
    assert yard.conditions["Deployed"] == ("Unknown", "StoreFailed")
    yard.cluster.keep_record = original  # type: ignore[method-assign]
    await yard.rest()
    assert yard.bundle() == {"Corp Root", "Next Root"}


@pytest.mark.parametrize(
    ("cause", "advice"),
    [
        (FailureCause.FORBIDDEN, "Allow the operator to create ConfigMaps there."),
        (FailureCause.QUOTA_EXCEEDED, "Raise the quota there."),
        (FailureCause.UNAVAILABLE, "It is tried again."),
    ],
)
async def test_who_is_still_trusted_though_withdrawn_is_said_first(
    yard: Yard, cause: FailureCause, advice: str
) -> None:
    await deploy(yard)
    for name, root in {"next": NEXT, "third": THIRD, "fourth": PKI().root("Fourth Root")}.items():
        yard.decide(name, root)
    await yard.rest()
    for name in ("corp", "next", "third"):
        yard.distrust(name)
    original = yard.cluster.keep_record

    async def refuse(action: Any) -> Any:
        yard.cluster.fail("keep", action.key, cause)
        return await original(action)

    yard.cluster.keep_record = refuse  # type: ignore[method-assign]
    result = await yard.pass_over(STORE)
    assert result.retry
    assert yard.message().startswith('Still trusted, though withdrawn: "')
    assert yard.message().count(' Root"') == 2
    assert " and 1 more. ConfigMap" in yard.message()
    assert advice in yard.message()
    yard.cluster.keep_record = original  # type: ignore[method-assign]
    await yard.rest()
    assert yard.bundle() == {"Fourth Root"}


async def test_no_target_is_written_before_the_status_names_its_record(yard: Yard) -> None:
    yard.decide("corp", ROOT)
    yard.wish(targets=[TARGET])
    await yard.pass_over(yard.decision("corp"))
    yard.cluster.fail("status", STORE, FailureCause.UNAVAILABLE)
    await yard.pass_over(STORE)
    assert yard.records
    assert MAP not in yard.cluster.objects
    await yard.rest()
    assert yard.bundle() == {"Corp Root"}
    assert len(yard.records) == 1


async def test_number_that_is_taken_by_another_content_is_left_to_it(yard: Yard) -> None:
    await deploy(yard)
    key = yard.records[0]
    taken = yard.cluster.objects[key]
    fresh = Yard()
    fresh.decide("corp", ROOT)
    fresh.wish(targets=[TARGET])
    fresh.cluster.objects[key] = replace(taken, data={"part": b"{}"})
    await fresh.rest()
    assert fresh.status["record"]["deployed"]["number"] == 2
    assert len(fresh.records) == 2
    assert fresh.bundle() == {"Corp Root"}


async def test_status_that_is_lost_is_made_from_the_records(yard: Yard) -> None:
    await deploy(yard)
    yard.decide("next", NEXT)
    await yard.rest()
    deployed = yard.status["record"]["deployed"]
    yard.cluster.subjects[STORE] = replace(yard.store, status={})
    yard.restart()
    await yard.rest()
    assert yard.status["record"]["deployed"] == deployed
    assert (yard.calls["apply"], yard.calls["keep"]) == (0, 0)
    assert yard.conditions["Ready"] == ("True", "Valid")


async def test_older_record_counts_when_the_newest_is_not_whole(yard: Yard) -> None:
    await deploy(yard)
    yard.decide("next", NEXT)
    await yard.rest()
    newest = next(key for key in yard.records if "-2-" in key.name)
    yard.cluster.change(newest, data={"part": yard.target(newest).data["part"][:100]})
    yard.undecide("next")
    yard.cluster.subjects[STORE] = replace(yard.store, status={})
    await yard.rest()
    assert yard.bundle() == {"Corp Root"}
    assert yard.status["record"]["deployed"]["number"] in {1, 3}


async def test_deployment_that_was_never_finished_hides_none_that_was(yard: Yard) -> None:
    await deploy(yard, **yard.manual())
    # The record of a change is kept, its status is not, and another change takes its place and its number.
    yard.decide("third", THIRD)
    await yard.rest()
    yard.approve()
    yard.cluster.fail("status", STORE, FailureCause.UNAVAILABLE)
    await yard.pass_over(STORE)
    yard.undecide("third")
    yard.decide("next", NEXT)
    await yard.pass_over(yard.decision("next"))
    await yard.pass_over(STORE)
    yard.approve()
    await yard.rest()
    assert [key.name for key in yard.records if "-2-" in key.name][1:], "two records bear the number"
    deployed = yard.status["record"]["deployed"]

    yard.rewish(**yard.manual())
    yard.cluster.subjects[STORE] = replace(yard.store, status={})
    yard.restart()
    await yard.rest()

    assert yard.status["record"]["deployed"] == deployed
    assert yard.bundle() == {"Corp Root", "Next Root"}
    assert yard.conditions["Ready"] == ("True", "Valid")


async def test_records_that_cannot_be_read_are_waited_for(yard: Yard) -> None:
    await deploy(yard)
    yard.cluster.subjects[STORE] = replace(yard.store, status={})
    yard.cluster.fail("read", yard.records[0], FailureCause.TIMEOUT)
    result = await yard.pass_over(STORE)
    assert result.retry
    assert yard.reasons == ["NotChecked"]
    assert yard.bundle() == {"Corp Root"}
    yard.restart()
    await yard.rest()
    assert yard.conditions["Ready"] == ("True", "Valid")


async def test_deployed_record_that_cannot_be_read_changes_nothing(yard: Yard) -> None:
    await deploy(yard)
    before = yard.status
    yard.distrust("corp")
    yard.decide("next", NEXT)
    await yard.pass_over(yard.decision("next"))
    yard.restart()
    yard.cluster.fail("read", yard.records[0], FailureCause.TIMEOUT)
    result = await yard.pass_over(STORE)
    assert result.retry
    assert yard.conditions["Ready"] == ("False", "NotChecked")
    assert yard.conditions["Reconciling"] == ("True", "NotChecked")
    for name in ("deployedRevision", "certificates", "rollout", "targets", "history"):
        assert yard.status[name] == before[name]
    await yard.rest()
    assert yard.bundle() == {"Next Root"}


async def test_lost_record_is_written_anew_when_the_same_is_staged(yard: Yard) -> None:
    await deploy(yard)
    yard.cluster.remove(yard.records[0])
    yard.restart()
    await yard.rest()
    assert yard.status["record"]["deployed"]["number"] == 2
    assert len(yard.records) == 1
    assert yard.calls["apply"] == 0
    assert len(yard.status["history"]) == 1
    assert yard.conditions["Ready"] == ("True", "Valid")


async def test_targets_stay_when_the_record_is_lost_and_something_else_is_staged(yard: Yard) -> None:
    await deploy(yard)
    before = yard.status
    yard.cluster.remove(yard.records[0])
    yard.decide("next", NEXT)
    yard.undecide("corp")
    yard.restart()
    await yard.rest()
    assert yard.bundle() == {"Corp Root"}
    assert yard.conditions["Ready"] == ("False", "LastGoodLost")
    assert yard.conditions["Stalled"] == ("True", "LastGoodLost")
    assert yard.conditions["Deployed"] == ("Unknown", "LastGoodLost")
    assert yard.status["certificates"] == before["certificates"]
    assert "Retain" in yard.found
    yard.decide("corp", ROOT)
    await yard.pass_over(yard.decision("corp"))
    yard.undecide("next")
    await yard.rest()
    assert yard.conditions["Ready"] == ("True", "Valid")


async def test_lost_record_counts_again_when_it_is_put_back_from_a_backup(yard: Yard) -> None:
    await deploy(yard)
    (key,) = yard.records
    backup = yard.cluster.objects[key]
    yard.cluster.remove(key)
    yard.decide("next", NEXT)
    yard.undecide("corp")
    yard.restart()
    await yard.rest()
    assert yard.conditions["Ready"] == ("False", "LastGoodLost")
    yard.cluster.objects[key] = backup
    await yard.rest()
    assert yard.conditions["Ready"] == ("True", "Valid")
    assert yard.bundle() == {"Next Root"}


# ---- approval


async def test_manual_store_deploys_what_is_approved_and_nothing_else(yard: Yard) -> None:
    yard.decide("corp", ROOT)
    yard.wish(targets=[TARGET], **yard.manual())
    await yard.rest()
    assert MAP not in yard.cluster.objects
    assert yard.status["pending"]["id"] == change_id(None, yard.status["stagedRevision"])
    assert yard.conditions == {
        "Ready": ("True", "ApprovalPending"),
        "Deployed": ("False", "ApprovalPending"),
        "Approved": ("False", "ApprovalPending"),
    }
    assert yard.rollout == {"state": "Pending", "targets": 1, "updatedTargets": 0, "percentComplete": 0, "failed": 0}
    assert yard.events == ["ApprovalPending"]
    assert yard.status["pending"]["id"] in yard.message()
    assert "1 to add" in yard.message()
    await yard.rest()
    assert yard.writes == 0
    yard.approve()
    await yard.rest()
    assert yard.bundle() == {"Corp Root"}
    assert "pending" not in yard.status
    assert yard.conditions["Ready"] == ("True", "Valid")
    assert yard.conditions["Approved"] == ("Unknown", "PolicyNotInstalled")
    yard.decide("next", NEXT)
    await yard.rest()
    assert yard.bundle() == {"Corp Root"}
    assert yard.conditions["Ready"] == ("True", "ApprovalPending")
    assert yard.conditions["Deployed"] == ("True", "Valid")


async def test_who_approved_is_told_when_somebody_vouches_for_it(yard: Yard) -> None:
    yard.decide("corp", ROOT)
    yard.wish(**yard.manual(), annotations=AUDITED)
    await yard.rest()
    yard.approve()
    yard.rewish(annotations={**AUDITED, "certwright.io/approved-by": "bob"})
    await yard.rest()
    assert yard.conditions["Approved"] == ("True", "Valid")
    assert yard.status["history"][0]["approvedBy"] == "bob"
    assert any(note.endswith("Approved by bob.") for note in yard.notes)
    deployment = {"mode": "Manual"}
    yard.rewish(deployment=deployment)
    await yard.rest()
    assert yard.conditions["Approved"] == ("True", "Valid")
    assert yard.calls["keep"] == 0


async def test_withdrawal_does_not_wait_for_approval(yard: Yard) -> None:
    yard.decide("next", NEXT)
    await deploy_both(yard)
    yard.decide("third", THIRD)
    await yard.rest()
    yard.distrust("corp")
    await yard.rest()
    assert yard.bundle() == {"Next Root"}
    assert yard.conditions["Ready"] == ("True", "ApprovalPending")
    assert [each["name"] for each in yard.status["pending"]["added"]] == ["Third Root"]
    assert "Withdrawn" in yard.events
    assert '"Corp Root" is no longer trusted: TrustDecision corp distrusts it.' in yard.notes
    assert "approvedBy" not in yard.status["history"][0]


async def deploy_both(yard: Yard) -> None:
    yard.decide("corp", ROOT)
    yard.wish(targets=[TARGET], **yard.manual())
    await yard.rest()
    yard.approve()
    await yard.rest()
    assert yard.bundle() == {"Corp Root", "Next Root"}


async def test_old_approval_is_worthless_after_a_withdrawal(yard: Yard) -> None:
    yard.decide("next", NEXT)
    await deploy_both(yard)
    yard.distrust("corp")
    await yard.rest()
    yard.decide("corp", ROOT)
    await yard.rest()
    assert yard.bundle() == {"Next Root"}
    assert yard.conditions["Approved"] == ("False", "ApprovalPending")


async def test_deleted_decision_stays_deployed_until_somebody_approves(yard: Yard) -> None:
    yard.decide("next", NEXT)
    await deploy_both(yard)
    yard.undecide("corp")
    await yard.rest()
    assert yard.bundle() == {"Corp Root", "Next Root"}
    assert yard.decision("corp") not in yard.cluster.subjects
    assert yard.status["pending"]["removedCount"] == 1
    assert "1 to remove" in yard.message()
    yard.approve()
    await yard.rest()
    assert yard.bundle() == {"Next Root"}


async def test_mode_automatic_deploys_what_is_pending(yard: Yard) -> None:
    yard.decide("corp", ROOT)
    yard.wish(targets=[TARGET], **yard.manual())
    await yard.rest()
    yard.rewish(deployment={"mode": "Automatic"})
    await yard.rest()
    assert yard.bundle() == {"Corp Root"}


# ---- time and trouble


async def test_ca_leaves_at_its_end(yard: Yard) -> None:
    yard.decide("next", NEXT)
    until = yard.clock.now + timedelta(hours=1)
    yard.decide("corp", ROOT, trustUntil=timestamp(until))
    yard.wish(targets=[TARGET], **yard.manual())
    await yard.rest()
    yard.approve()
    await yard.rest()
    assert yard.status["nextCheckTime"] == timestamp(until)
    yard.clock.is_doubted = True
    yard.clock.now = until
    result = await yard.pass_over(STORE)
    assert result.requeue_at == until + timedelta(seconds=60)
    result = await yard.pass_over(STORE, full=True)
    assert result.requeue_at == until + timedelta(seconds=60)
    assert yard.bundle() == {"Corp Root", "Next Root"}
    yard.clock.is_doubted = False
    await yard.pass_over(STORE)
    assert yard.bundle() == {"Next Root"}
    await yard.rest()
    assert yard.conditions["Ready"] == ("True", "Valid")


@pytest.mark.parametrize("wrong", [{"certificate": LEAF.pem}, {"certificate": "nonsense"}, {"cert": "AAAA"}])
async def test_trouble_with_a_decision_takes_nothing_out_and_adds_nothing(yard: Yard, wrong: dict[str, Any]) -> None:
    await deploy(yard)
    yard.decide("corp", **wrong)
    yard.decide("bad", **wrong)
    await yard.rest()
    assert yard.bundle() == {"Corp Root"}
    assert yard.calls["apply"] == 0
    assert yard.conditions["Ready"] == ("True", "Valid")
    assert yard.reasons == ["CertificateLeftOut", "CertificateLeftOut"]
    assert "What is deployed under it stays" in yard.found
    assert "It is left out" in yard.found


async def test_what_a_reference_named_may_be_lost_once_it_is_deployed(yard: Yard) -> None:
    key = yard.cluster.put_secret("roots", {"ca.crt": ROOT.pem}, kind=Kind.CONFIG_MAP)
    fingerprint = ROOT.certificate.fingerprint
    yard.decide("corp", certificateRef={"name": "roots"}, fingerprint=fingerprint)
    yard.wish(targets=[TARGET])
    await yard.rest()
    assert yard.bundle() == {"Corp Root"}
    yard.cluster.remove(key)
    yard.restart()
    yard.wish(targets=[TARGET, {"name": "second-ca"}])
    await yard.rest()
    assert yard.bundle(ObjectKey(Kind.CONFIG_MAP, NAMESPACE, "second-ca")) == {"Corp Root"}


async def test_material_that_is_not_as_judged_is_looked_at_again(yard: Yard) -> None:
    yard.cluster.put_secret("roots", {"ca.crt": ROOT.pem}, kind=Kind.CONFIG_MAP)
    yard.decide("corp", certificateRef={"name": "roots"}, fingerprint=ROOT.certificate.fingerprint)
    yard.decide("next", NEXT)
    yard.wish(targets=[TARGET])
    await yard.pass_over(yard.decision("corp"))
    await yard.pass_over(yard.decision("next"))
    yard.cluster.put_secret("roots", {"ca.crt": THIRD.pem}, kind=Kind.CONFIG_MAP)
    result = await yard.pass_over(STORE)
    assert result.retry
    assert yard.bundle() == {"Next Root"}
    assert yard.reasons == ["CertificateLeftOut"]


async def test_store_waits_for_its_first_decision(yard: Yard) -> None:
    yard.wish(targets=[TARGET])
    await yard.rest()
    assert yard.conditions["Ready"] == ("False", "EmptyBundle")
    assert yard.conditions["Reconciling"] == ("True", "EmptyBundle")
    assert yard.conditions["Deployed"] == ("False", "EmptyBundle")
    assert yard.message().endswith("Nothing is deployed yet.")
    result = await yard.pass_over(STORE)
    assert result.requeue_at == yard.clock.now + timedelta(minutes=10)
    yard.advance(minutes=10)
    await yard.rest()
    assert yard.conditions["Stalled"] == ("True", "WaitedTooLong")
    yard.advance(minutes=1)
    await yard.rest()
    assert yard.writes == 0
    yard.decide("corp", ROOT)
    await yard.rest()
    assert yard.conditions["Ready"] == ("True", "Valid")
    assert "Stalled" not in yard.conditions


async def test_bundle_is_never_emptied_by_selection(yard: Yard) -> None:
    await deploy(yard)
    yard.rewish(selector={"matchLabels": {"no": "body"}})
    await yard.rest()
    assert yard.bundle() == {"Corp Root"}
    assert yard.conditions["Ready"] == ("False", "EmptyBundle")
    assert yard.conditions["Stalled"] == ("True", "EmptyBundle")
    yard.rewish(allowEmpty=True)
    await yard.rest()
    assert yard.bundle() == set()
    assert yard.conditions["Ready"] == ("True", "Valid")
    assert yard.message() == "0 certificates deployed in 1 target."


async def test_last_anchor_that_is_withdrawn_stays_in_the_bundle_and_counts_no_more(yard: Yard) -> None:
    await deploy(yard)
    yard.distrust("corp")
    await yard.rest()
    assert yard.bundle() == {"Corp Root"}
    assert yard.calls["apply"] == 0
    assert "AnchorsDistrusted" in yard.reasons
    told = yard.message()
    assert told.startswith("1 certificate deployed in 1 target. The last CAs of the bundle (1) are withdrawn.")
    assert "verdicts do not rest on them" in told
    assert "Withdrawn" in yard.events
    yard.decide("next", NEXT)
    await yard.rest()
    assert yard.bundle() == {"Next Root"}
    assert yard.message() == "1 certificate deployed in 1 target."


async def test_intermediates_are_written_where_they_are_wished_for(yard: Yard) -> None:
    yard.decide("corp", ROOT)
    yard.decide("issuing", ISSUING, certUse="intermediateCA")
    yard.wish(targets=[TARGET, {"name": "all-cas", "content": "RootsAndIntermediates"}])
    await yard.rest()
    assert yard.bundle() == {"Corp Root"}
    assert yard.bundle(ObjectKey(Kind.CONFIG_MAP, NAMESPACE, "all-cas")) == {"Corp Root", "Corp Issuing CA 3"}


async def test_public_roots_are_added_and_may_be_distrusted(yard: Yard) -> None:
    yard.wish(targets=[TARGET], publicRoots="Mozilla")
    await yard.rest()
    names = yard.bundle()
    assert len(names) > 100
    assert yard.status["publicRoots"].startswith("certifi ")
    assert yard.calls["keep"] == 1
    yard.rewish(publicRoots="None")
    yard.decide("corp", ROOT)
    await yard.rest()
    assert yard.bundle() == {"Corp Root"}
    assert "publicRoots" not in yard.status


async def test_ca_is_withdrawn_by_its_fingerprint_when_nobody_has_its_certificate_at_hand(yard: Yard) -> None:
    await deploy(yard)
    yard.decide("next", NEXT)
    await yard.rest()
    absent = {"certificateRef": {"name": "not-there"}, "fingerprint": ROOT.certificate.fingerprint}
    yard.decide("stop", trustStateDesired="untrusted", **absent)
    await yard.rest()
    assert yard.bundle() == {"Next Root"}


async def test_bundle_that_is_too_large_is_not_deployed(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    await deploy(yard)
    monkeypatch.setattr("certwright.reconcile.trust.blocking.BUNDLE_BYTES", 1500)
    for number in range(3):
        yard.decide(f"more-{number}", PKI().root(f"More {number}"))
    await yard.rest()
    assert yard.bundle() == {"Corp Root"}
    assert yard.conditions["Ready"] == ("False", "InvalidRequest")
    assert yard.conditions["Approved"] == ("True", "Valid")
    assert yard.status["findings"][0]["detail"] == "LimitExceeded"
    assert yard.status["pending"]["addedCount"] == 3
    yard.decide("next", NEXT)
    yard.distrust("corp")
    await yard.rest()
    assert "Withdrawn" in yard.events


# ---- what cannot be judged


async def test_wish_that_cannot_be_read_leaves_everything_as_it_is(yard: Yard) -> None:
    await deploy(yard)
    before = yard.status
    yard.rewish(deployment={"mode": "Sometimes"})
    await yard.rest()
    assert yard.bundle() == {"Corp Root"}
    assert yard.conditions["Ready"] == ("False", "InvalidRequest")
    assert yard.conditions["Approved"] == ("Unknown", "NotChecked")
    for name in ("deployedRevision", "certificates", "rollout", "targets", "history", "stagedRevision"):
        assert yard.status[name] == before[name]
    assert yard.status["record"]["deployed"] == before["record"]["deployed"]
    await yard.rest()
    assert yard.writes == 0


async def test_defect_is_said_and_changes_nothing(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    await deploy(yard)

    def fail(_: object) -> None:
        raise ArithmeticError("secret text")

    monkeypatch.setattr(judging, "stage", fail)
    yard.decide("next", NEXT)
    await yard.rest()
    assert yard.conditions["Ready"] == ("False", "InternalError")
    assert "ArithmeticError" in yard.message()
    assert "secret text" not in yard.message()
    assert yard.bundle() == {"Corp Root"}


async def test_judgement_that_was_cut_short_changes_nothing(yard: Yard) -> None:
    await deploy(yard)
    reconciler = yard.reconcilers[Kind.TRUST_STORE]
    problem = finding(Reason.INTERNAL_ERROR, "its time was up.")
    snapshot = yard.snapshot()
    (stage,) = reconciler.plan(reconciler.refuse(snapshot, problem), snapshot).stages
    assert [type(each).__name__ for each in stage] == ["WriteStatus", "Record"]


async def test_refused_status_leaves_what_is_deployed(yard: Yard) -> None:
    yard.decide("corp", ROOT)
    yard.wish(targets=[TARGET])
    await yard.pass_over(yard.decision("corp"))
    yard.cluster.fail("status", STORE, FailureCause.TOO_LARGE)
    await yard.pass_over(STORE)
    assert yard.conditions["Ready"] == ("False", "InternalError")
    assert yard.status["record"]["deployed"]["number"] == 1
    assert yard.bundle() == {"Corp Root"}
    await yard.rest(full=True)
    assert yard.conditions["Ready"] == ("True", "Valid")


async def test_store_that_is_deleted_is_left_to_the_garbage_collector(yard: Yard) -> None:
    await deploy(yard)
    yard.cluster.subjects[STORE] = replace(yard.store, deleting=True)
    result = await yard.pass_over(STORE, full=True)
    assert (yard.cluster.writes, result.retry) == (0, False)
    assert (await yard.pass_over(STORE)).settled
    (reference,) = yard.target().owner_references
    assert (reference["uid"], reference["controller"], reference["blockOwnerDeletion"]) == (
        yard.store.version.uid,
        True,
        False,
    )


async def test_status_that_could_not_be_written_is_not_tried_in_the_same_pass(yard: Yard) -> None:
    await deploy(yard)
    reconciler = yard.reconcilers[Kind.TRUST_STORE]
    failure = Failure(FailureCause.UNAVAILABLE, "no answer")
    snapshot = yard.snapshot().with_failure(STORE, failure)
    problem = finding(Reason.INTERNAL_ERROR, "its time was up.")
    assert reconciler.plan(reconciler.refuse(snapshot, problem), snapshot).stages == ()


async def test_strange_objects_among_the_records_are_overlooked(yard: Yard) -> None:
    subject = yard.wish()
    for name in ("x-1-abc-0", "1-abc-x", "nonsense"):
        yard.cluster.put_secret(
            f"store-{subject.version.uid}-{name}", {"part": "{}"}, kind=Kind.CONFIG_MAP, namespace=OPERATOR
        )
    yard.decide("corp", ROOT)
    await yard.rest()
    assert yard.status["record"]["deployed"]["number"] == 1


async def test_long_change_is_cut_and_counted(yard: Yard) -> None:
    yard.wish(**yard.manual())
    for number in range(40):
        yard.decide(f"{number:02}-{'d' * 240}", PKI().root(f"{number:02} {'€' * 60}"))
    yard.decide("bad" + "b" * 240, LEAF)
    await yard.rest()
    pending = yard.status["pending"]
    assert pending["addedCount"] == 40
    assert 0 < len(pending["added"]) < 40
    assert yard.size() < 64 * 1024


def test_status_that_is_too_large_loses_its_longest_lists() -> None:
    changed = [ChangedCertificate(fingerprint="sha256:" + "0" * 64, name="n" * 512, decision="d" * 253)] * 32
    row = TargetRow(kind="ConfigMap", name="n" * 253, updated=False, message="m" * 400)
    found = FindingEntry(reason="InvalidRequest", severity="Error", message="€" * 400)
    full = TrustStoreStatus(
        pending=PendingChange(id="sha256:" + "0" * 64, added=changed, removed=changed, changed=changed),
        targets=[row] * 100,
        findings=[found] * 32,
    )
    cut = fit(full)
    assert len(json.dumps(dump(cut), ensure_ascii=False).encode()) <= STATUS_BYTES
    assert len(cut.targets) == 1
    assert cut.pending is not None
    assert 0 < len(cut.pending.added) < 32
    assert len(cut.findings) == 32
    history = full.model_copy(update={"findings": tuple([found] * 32) * 2, "pending": None, "targets": ()})
    assert len(fit(history).findings) == 32


def test_status_that_cannot_be_cut_is_left() -> None:
    full = TrustStoreStatus().model_copy(update={"public_roots": "x" * STATUS_BYTES})
    assert fit(full) == full
