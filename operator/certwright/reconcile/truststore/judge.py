"""The judge of a store: from a snapshot to what is deployed next, and what its targets are to hold.

Targets are served from the record of what is deployed: live decisions decide what the next record is, nothing else.
"""

from __future__ import annotations

import logging

from certwright.api.truststore_status import DeployedRecord
from certwright.findings import Detail, Finding, Reason, finding
from certwright.reconcile.objects import Failure, ObjectKey, Snapshot
from certwright.reconcile.questions import PublicRoots, PublicRootsAnswer
from certwright.reconcile.trust.change import Difference
from certwright.reconcile.trust.deployment import Deployment
from certwright.reconcile.trust.gathering import Candidate, Sources
from certwright.reconcile.trust.record import TrustRecord
from certwright.reconcile.trust.source import find_closed
from certwright.reconcile.trust.staging import Staging, StagingRequest, restore_record, stage
from certwright.reconcile.trust.stance import Standing
from certwright.reconcile.truststore.contents import find_contents
from certwright.reconcile.truststore.judgement import Judgement, Staged
from certwright.reconcile.truststore.past import Past, read_past
from certwright.reconcile.truststore.recall import recall_deployed
from certwright.reconcile.truststore.references import find_candidates, find_inputs
from certwright.reconcile.truststore.wish import Spec, list_namespaces, read_wish

logger = logging.getLogger(__name__)


def judge(snapshot: Snapshot, *, operator_namespace: str) -> Judgement:
    """Judge what the decisions make of the store; records are kept in the operator's namespace."""
    spec, past = read_wish(snapshot.subject), read_past(snapshot.subject)
    if isinstance(spec, Finding):
        return Judgement(None, (spec,), past.deployed)
    try:
        return _judge(spec, snapshot, past, operator_namespace)
    except Exception as error:
        # Strangers choose the certificates. What nobody foresaw must be said in the status, not tried again for ever.
        logger.exception("judging %s failed", snapshot.subject.key)
        message = f"The store could not be judged: unexpected {type(error).__name__}. This is a defect of certwright; "
        return refuse(snapshot, finding(Reason.INTERNAL_ERROR, message + "its log says more."))


def refuse(snapshot: Snapshot, problem: Finding) -> Judgement:
    """Give the judgement that stands when there is no other; what is deployed stays."""
    return Judgement(None, (problem,), read_past(snapshot.subject).deployed)


def _judge(spec: Spec, snapshot: Snapshot, past: Past, operator_namespace: str) -> Judgement:
    recalled = recall_deployed(snapshot, operator_namespace)
    inputs = find_inputs(spec, snapshot)
    if recalled.failure is not None:
        return Judgement(spec, (_unread(recalled.failure),), recalled.pointer, inputs=inputs, retry=True)
    candidates = find_candidates(spec, snapshot, recalled.record)
    staging = stage(_make_request(spec, snapshot, past, candidates, recalled.record))
    if recalled.pointer is not None and recalled.record is None:
        return _restore(spec, staging, snapshot, recalled.pointer, inputs=inputs)
    staged = Staged(
        revision=staging.revision,
        deployment=staging.deployment,
        withdrawals=staging.withdrawals,
        pending=staging.pending,
        is_blocked=staging.blocked is not None,
        leaving=staging.leaving,
        void=staging.void,
        next_change=staging.next_change,
    )
    record = staging.deployment.record if staging.deployment is not None else recalled.record
    return Judgement(
        spec=spec,
        findings=staging.findings,
        pointer=recalled.pointer,
        deployed=recalled.record,
        staged=staged,
        contents=find_contents(spec, snapshot, record, inputs=inputs),
        inputs=inputs,
        retry=any(_is_unread(each) for each in candidates),
    )


def _make_request(
    spec: Spec, snapshot: Snapshot, past: Past, candidates: tuple[Candidate, ...], deployed: TrustRecord | None
) -> StagingRequest:
    public = snapshot.answers.get(PublicRoots())
    sources = Sources(
        candidates=candidates,
        selector=spec.selector,
        public=public if isinstance(public, PublicRootsAnswer) and spec.public_roots == "Mozilla" else None,
        closed=find_closed(snapshot.subject, list_namespaces(snapshot)),
        deployed=deployed,
        now=snapshot.now,
        clock_doubted=snapshot.clock_doubted,
    )
    return StagingRequest(
        sources=sources,
        manual=spec.deployment.mode == "Manual",
        approved=spec.deployment.approved,
        allow_empty=spec.allow_empty,
        former=past.status.pending,
        void=past.record.void,
    )


def _is_unread(candidate: Candidate) -> bool:
    """Say whether what keeps a certificate out may pass before the decision is judged anew."""
    stance, material = candidate.stance, candidate.material
    if stance.standing is not Standing.TRUSTED or material is None:
        return False
    return isinstance(material, Finding) or material.fingerprint != stance.fingerprint


def _restore(
    spec: Spec, staging: Staging, snapshot: Snapshot, pointer: DeployedRecord, *, inputs: frozenset[ObjectKey]
) -> Judgement:
    """Make the lost record of what is deployed anew, when exactly that is staged; else leave everything as it is."""
    record = restore_record(staging, pointer.revision, pointer.number + 1, spec.deployment.approved)
    if record is None:
        return Judgement(spec, (*staging.findings, _lost(pointer)), pointer, inputs=inputs)
    staged = Staged(staging.revision, Deployment(record, Difference()), next_change=staging.next_change)
    contents = find_contents(spec, snapshot, record, inputs=inputs)
    return Judgement(spec, staging.findings, pointer, None, staged, contents, inputs)


def _unread(failure: Failure) -> Finding:
    text = f"The record of what is deployed could not be read: {failure.message}. It is tried again."
    return finding(Reason.NOT_CHECKED, text, detail=Detail.READ_FAILED)


def _lost(pointer: DeployedRecord) -> Finding:
    return finding(
        Reason.LAST_GOOD_LOST,
        f"The record of what is deployed (revision {pointer.revision}) is lost from the operator's namespace. Targets "
        "stay as they are. Trust exactly the same CAs again and it is written anew; else delete this store, with "
        "`deletionPolicy: Retain`, and make it anew.",
    )
