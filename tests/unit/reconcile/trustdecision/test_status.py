"""The status of a decision: its bounds, what is left when it is refused, events, and what is no news."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from certwright.api.model import parse
from certwright.api.trustdecision import TrustDecisionStatus
from certwright.findings import FailureCause
from certwright.reconcile.objects import Failure, Kind, ObjectKey
from certwright.reconcile.trustdecision import TrustDecisions
from certwright.reconcile.trustdecision.events import find_events
from certwright.reconcile.trustdecision.past import read_past
from tests.support import der_writer as der
from tests.support.memory_cluster import NAMESPACE
from tests.support.pki import PKI
from tests.unit.reconcile.trustdecision.desk import OTHER, ROOT, Desk, under


def long_name() -> bytes:
    """Make a name of forty attributes, each longer than a status shows."""
    header = 4  # a sequence of more than 255 octets
    return der.sequence(*[der.common_name("x" * 1000)[header:]] * 40)


async def test_status_stays_small_when_everything_is_large(desk: Desk) -> None:
    ca = PKI().root("ignored", subject=long_name())
    for number in range(80):
        await desk.deploy(under(ca), name=f"{'s' * 200}-{number:03}")
    labels = {f"example.com/{'n' * 60}-{number}": "v" * 63 for number in range(100)}
    await desk.decide(ca, labels=labels)

    status = desk.status
    assert len(json.dumps(status)) < 64 * 1024
    assert (status["storesCount"], status["deployStatus"], len(status["cn"])) == (80, "DEPLOYED", 511)
    assert len(status["metadata"]["labels"]) == 64
    assert len(status["subject"]) < 32
    assert len(status["stores"]) == 64
    parse(TrustDecisionStatus, status, path="status")


async def test_minimal_status_is_written_when_the_full_one_is_refused(desk: Desk) -> None:
    await desk.decide(OTHER)
    await desk.deploy(under(OTHER))
    await desk.rest()
    desk.wish(certificate=ROOT.issue_ca("Corp Issuing CA 3").pem)
    desk.cluster.fail("status", desk.key(), FailureCause.INVALID)
    await desk.reconcile()

    status = desk.status
    assert (status["trustState"], status["validation"], status["deployStatus"]) == ("untrusted", 2012, "DEPLOYED")
    assert desk.conditions()["Ready"] == "False InternalError"
    assert desk.conditions()["Stalled"] == "True InternalError"
    assert desk.conditions()["Valid"] == "False UsageMismatch"
    assert desk.reasons() == ["UsageMismatch"]
    assert status["findings"][0]["message"] == ""
    assert not {"cn", "subject", "metadata"} & set(status)

    await desk.rest()
    assert "cn" in desk.status


async def test_nothing_is_planned_when_a_status_could_not_be_written_for_another_cause(desk: Desk) -> None:
    desk.wish(certificate=ROOT.pem)
    reconciler, snapshot = TrustDecisions(desk.settings), desk.snapshot()
    judgement = reconciler.judge(snapshot)
    failed = snapshot.with_failure(desk.key(), Failure(FailureCause.UNAVAILABLE, "patch it: unavailable"))
    assert reconciler.plan(judgement, failed).stages == ()


async def test_conditions_of_others_are_no_news_when_they_stand_beside_ours(desk: Desk) -> None:
    await desk.decide(ROOT)
    theirs = {
        "type": "example.com/Audited",
        "status": "True",
        "lastTransitionTime": "2026-06-01T00:00:00Z",
        "reason": "Fine",
        "message": "",
    }
    status = {**desk.status, "conditions": [*desk.status["conditions"], theirs]}
    desk.cluster.subjects[desk.key()] = replace(desk.subject(), status=status)
    await desk.reconcile(full=True)
    assert desk.cluster.writes == 0


async def test_status_of_another_version_is_written_anew_when_it_cannot_be_read(desk: Desk) -> None:
    await desk.decide(ROOT)
    strange: dict[str, Any] = {"trustState": 7, "record": {"inputs": "none"}, "conditions": [{"type": "Ready"}]}
    desk.cluster.subjects[desk.key()] = replace(desk.subject(), status=strange)
    await desk.rest()
    assert desk.status["trustState"] == "trusted"


async def test_events_are_none_when_a_status_has_no_conditions(desk: Desk) -> None:
    subject = desk.wish(certificate=ROOT.pem)
    assert list(find_events(subject, read_past(subject), TrustDecisionStatus())) == []


async def test_events_fit_the_api_server_when_names_are_long(desk: Desk) -> None:
    ca = PKI().root("ignored", subject=long_name())
    for number in range(5):
        desk.put_store(f"{'s' * 240}-{number}")
    await desk.decide(ca)
    assert [each.reason for each in desk.cluster.events] == ["Trusted"]
    assert all(len(each.note.encode()) <= 1024 for each in desk.cluster.events)


# ---- evidence that nothing changed


@pytest.mark.parametrize("change", ["generation", "labels", "rules", "reference", "others", "findings", "other-key"])
async def test_evidence_is_refused_when_something_changed(desk: Desk, change: str) -> None:
    key = ObjectKey(Kind.CONFIG_MAP, NAMESPACE, "ca")
    desk.cluster.put_secret("ca", {"ca.crt": ROOT.pem}, kind=Kind.CONFIG_MAP)
    await desk.judge(certificateRef={"name": "ca"}, fingerprint=ROOT.certificate.fingerprint)
    reconciler = TrustDecisions(desk.settings)

    def settled() -> Any:
        snapshot = desk.snapshot()
        snapshot = replace(snapshot, objects={}, judged_by="others" if change == "rules" else "rules")
        for question in reconciler.asks(desk.subject()):
            snapshot = snapshot.with_answer(question, desk.library.ask(question))
        return reconciler.settled(snapshot, desk.cluster, verified={})

    if change != "rules":
        assert settled() is not False
    match change:
        case "generation":
            desk.wish(**{**desk.subject().spec, "trustStateDesired": "untrusted"})
        case "labels":
            desk.wish(labels={"a": "b"}, **desk.subject().spec)
        case "reference":
            desk.cluster.change(key, data={})
        case "others":
            await desk.deploy()
        case "findings":
            desk.cluster.subjects[desk.key()] = replace(desk.subject(), status={**desk.status, "findingsCount": 9})
        case "other-key":
            desk.wish(**{**desk.subject().spec, "certificateRef": {"name": "other"}})
            status = {**desk.status, "observedGeneration": desk.subject().generation}
            desk.cluster.subjects[desk.key()] = replace(desk.subject(), status=status)
    assert settled() is False


async def test_face_changes_when_others_must_look_again(desk: Desk) -> None:
    reconciler = TrustDecisions(desk.settings)
    desk.wish(certificate=ROOT.pem)
    faces = [reconciler.face(desk.subject())]
    await desk.rest()
    faces.append(reconciler.face(desk.subject()))
    await desk.reconcile(full=True)
    assert reconciler.face(desk.subject()) == faces[-1]
    await desk.decide(ROOT, trustStateDesired="untrusted")
    faces.append(reconciler.face(desk.subject()))
    assert len(set(faces)) == 3
