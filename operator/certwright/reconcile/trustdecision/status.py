"""The status: what the CA is, whether it is trusted, where it is deployed, within the bounds of a status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from certwright.api.conditions import Condition, ConditionStatus, ConditionType, Observation, merge_conditions
from certwright.api.fields import DETAIL_LIMIT, FINDINGS_LIMIT
from certwright.api.model import dump, timestamp
from certwright.api.size import STATUS_LIMIT
from certwright.api.trustdecision import TrustDecisionStatus
from certwright.api.trustdecision_status import (
    DETAILS_LIMIT,
    STORES_LIMIT,
    DecisionRecord,
    Transition,
    TrustStateDetail,
)
from certwright.dialects.trust_state import TRANSITIONS, UNEXPECTED_STATE, Problem, problem_of
from certwright.findings import MESSAGE_LIMIT, Finding, Reason, printable
from certwright.reconcile.bookkeeping import describe_finding, describe_inputs
from certwright.reconcile.objects import Failure, Snapshot
from certwright.reconcile.trust.material import find_objects
from certwright.reconcile.trustdecision.conditions import observe_conditions
from certwright.reconcile.trustdecision.facts import FACT_FIELDS, describe_certificate, describe_metadata
from certwright.reconcile.trustdecision.past import Past, describe_revocation
from certwright.reconcile.trustdecision.references import digest_others
from certwright.reconcile.trustdecision.scene import Scene

_CUT_IN_ORDER = ("subject", "issuer", "stores", "findings")

_NO_WAY_BACK = (
    "the decision is being deleted while stores still hold its CA. Nothing that is changed in it has an effect any "
    "more, except `trustStateDesired: untrusted`, which takes the CA out at once. To keep it, create the decision anew."
)


def build_status(scene: Scene, *, judged_by: str) -> TrustDecisionStatus:
    """Build the full status."""
    snapshot, deployment, findings = scene.snapshot, scene.deployment, scene.standing.findings
    judgement = scene.judgement
    status = TrustDecisionStatus.model_validate(
        {
            "id": snapshot.subject.version.uid,
            **_facts(scene),
            "trust_state": scene.state.value,
            "trust_state_transitions": tuple(Transition(from_=state, to=to) for state, to in TRANSITIONS),
            "trust_state_details": tuple(_details(scene))[:DETAILS_LIMIT],
            "metadata": describe_metadata(snapshot.subject),
            "validation": scene.validation,
            "deploy_status": deployment.status,
            "stores": deployment.rows[:STORES_LIMIT],
            "stores_count": len(deployment.rows) or None,
            "findings": tuple(describe_finding(each) for each in findings[:FINDINGS_LIMIT]),
            "findings_count": len(findings) or None,
            "next_check_time": timestamp(judgement.next_change) if judgement.next_change is not None else None,
            "observed_generation": snapshot.subject.generation,
            "record": _record(scene, judged_by),
            "conditions": _merge(observe_conditions(scene), snapshot, scene.past),
        }
    )
    return _fit(status)


def _facts(scene: Scene) -> dict[str, Any]:
    certificate = scene.judgement.certificate
    if certificate is not None:
        return describe_certificate(certificate)
    if scene.judgement.has(Reason.NOT_CHECKED, Reason.INTERNAL_ERROR):
        # Not seen this time is not gone: what was known of the certificate stays until it can be read again.
        return {name: getattr(scene.past.status, name) for name in FACT_FIELDS}
    return {}


def _details(scene: Scene) -> Iterator[TrustStateDetail]:
    """Say why the state is not the wished one; source 2 has the words, and 409 for a change that is refused."""
    if not scene.judgement.is_wished:
        return
    if scene.snapshot.subject.deleting:
        yield _detail(UNEXPECTED_STATE, _NO_WAY_BACK)
    for each in scene.standing.findings:
        if each in scene.judgement.errors:
            yield _detail(problem_of(each.reason), each.message, each)


def _detail(problem: Problem, text: str, *findings: Finding) -> TrustStateDetail:
    return TrustStateDetail(
        type=problem.type,
        title=problem.title,
        detail=printable(text, limit=DETAIL_LIMIT),
        additional_details=tuple(map(describe_finding, findings)),
    )


def _record(scene: Scene, judged_by: str) -> DecisionRecord:
    snapshot, judgement = scene.snapshot, scene.judgement
    good = judgement.certificate is not None and scene.validation == 0
    return DecisionRecord(
        inputs=describe_inputs(sorted(find_objects(snapshot.subject)), snapshot),
        judged_by=judged_by,
        others=digest_others(snapshot),
        revoked=describe_revocation(judgement.revoked),
        fingerprint=judgement.certificate.fingerprint
        if good and judgement.certificate is not None
        else scene.past.record.fingerprint,
    )


def _fit(status: TrustDecisionStatus) -> TrustDecisionStatus:
    for field in _CUT_IN_ORDER:
        while _size(status) > STATUS_LIMIT and getattr(status, field):
            items = getattr(status, field)
            status = status.model_copy(update={field: items[: len(items) // 2]})
    return status


def _size(status: TrustDecisionStatus) -> int:
    return len(json.dumps(dump(status), ensure_ascii=False).encode())


def build_minimal_status(full: TrustDecisionStatus, failure: Failure, scene: Scene) -> TrustDecisionStatus:
    """Build what is left when the API server refuses the full status: the state that others look at, and why."""
    return TrustDecisionStatus(
        id=full.id,
        trust_state=full.trust_state,
        trust_state_transitions=full.trust_state_transitions,
        fingerprint=full.fingerprint,
        validation=full.validation,
        deploy_status=full.deploy_status,
        stores=full.stores,
        # Those who gather CAs tell a withdrawal from trouble by these.
        findings=tuple(each.model_copy(update={"message": ""}) for each in full.findings if each.severity == "Error"),
        next_check_time=full.next_check_time,
        observed_generation=full.observed_generation,
        record=full.record,
        conditions=_merge(_observe_refusal(scene, failure), scene.snapshot, scene.past),
    )


def _observe_refusal(scene: Scene, failure: Failure) -> Iterator[Observation]:
    reason = Reason.INTERNAL_ERROR.value
    text = printable(f"The API server refused the full status: {failure.message}.", limit=MESSAGE_LIMIT)
    yield Observation(ConditionType.READY, ConditionStatus.FALSE, reason, text)
    yield Observation(ConditionType.STALLED, ConditionStatus.TRUE, reason, text)
    kept = {ConditionType.VALID, ConditionType.TRUSTED, ConditionType.DEPLOYED}
    for each in observe_conditions(scene):
        if each.type in kept:
            yield Observation(each.type, each.status, each.reason)


def _merge(observed: Iterator[Observation], snapshot: Snapshot, past: Past) -> tuple[Condition, ...]:
    generation = snapshot.subject.generation
    return merge_conditions(past.conditions.values(), observed, generation=generation, at=snapshot.now)
