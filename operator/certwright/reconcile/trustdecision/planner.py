"""The planner: from a judgement to what is left to be done.

The finalizer first, as long as stores hold the CA: a decision that goes unnoticed would leave nobody to tell that its
CA is due to go. Then the status, with the events that it is worth.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from certwright.api.model import dump
from certwright.api.trustdecision import TrustDecisionStatus
from certwright.dialects.trust_state import trust_state
from certwright.findings import FailureCause
from certwright.reconcile.evidence import DOUBT
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.plan import DEPLOYED_FINALIZER, Action, Plan, SetFinalizer, WriteStatus
from certwright.reconcile.trustdecision.deployment import Deployment, find_deployment
from certwright.reconcile.trustdecision.events import find_events
from certwright.reconcile.trustdecision.judgement import Judgement
from certwright.reconcile.trustdecision.past import Past, read_past
from certwright.reconcile.trustdecision.references import is_gone
from certwright.reconcile.trustdecision.scene import Scene
from certwright.reconcile.trustdecision.standing import find_standing
from certwright.reconcile.trustdecision.status import build_minimal_status, build_status
from certwright.settings import Settings

REFUSALS = frozenset({FailureCause.TOO_LARGE, FailureCause.INVALID})
"""What the API server answers to a status that it does not take; a smaller one may pass."""


def plan(judgement: Judgement, snapshot: Snapshot, *, settings: Settings, judged_by: str) -> Plan:
    """Say what is left to be done; planned again after success, nothing is."""
    subject = snapshot.subject
    if is_gone(subject):
        return Plan()
    past = read_past(subject)
    state = trust_state((each.reason for each in judgement.errors), trusted=judgement.is_wished)
    deployment = find_deployment(judgement, state.value, snapshot, past=past, operator_namespace=settings.namespace)
    finalizer = _decide_finalizer(deployment, snapshot)
    if finalizer is not None:
        # A failure is about this very write, for it comes first.
        return Plan((), retry=True) if subject.key in snapshot.failures else Plan(((finalizer,),))
    standing = find_standing(judgement, snapshot, past, settings)
    scene = Scene(judgement, state, standing, deployment, past, snapshot)
    status = build_status(scene, judged_by=judged_by)
    doubt = snapshot.now + DOUBT if judgement.held or snapshot.clock_doubted else None
    next_change = judgement.next_change if not judgement.held else None
    stage = tuple(_report(status, scene))
    return Plan(
        (stage,) if stage else (),
        _earliest(standing.requeue_at, next_change, doubt),
        standing.retry or deployment.unread is not None,
        final=standing.worst is None and deployment.unread is None,
    )


def _decide_finalizer(deployment: Deployment, snapshot: Snapshot) -> SetFinalizer | None:
    subject = snapshot.subject
    present = DEPLOYED_FINALIZER in subject.finalizers
    if present == deployment.finalizer:
        return None
    return SetFinalizer(subject.key, subject.version, DEPLOYED_FINALIZER, present=deployment.finalizer)


def _report(full: TrustDecisionStatus, scene: Scene) -> Iterator[Action]:
    """Write the status, with the events that it is worth, unless it says what the stored one says."""
    subject, past, status = scene.snapshot.subject, scene.past, full
    failure = scene.snapshot.failures.get(subject.key)
    if failure is not None:
        if failure.cause not in REFUSALS:
            return
        status = build_minimal_status(full, failure, scene)
    # Conditions of others stand in the same list and are theirs to write.
    ours = tuple(each for each in past.status.conditions if each.type in past.conditions)
    if dump(_as_seen_before(status, past)) == dump(past.status.model_copy(update={"conditions": ours})):
        return
    yield WriteStatus(subject.key, subject.version, dump(status), subject)
    if failure is None:
        yield from find_events(subject, past, full)


def _as_seen_before(status: TrustDecisionStatus, past: Past) -> TrustDecisionStatus:
    """Leave out what was seen of others: that a store deployed another CA is no news here, nor worth a write.

    Until there is news, this decision is then looked at anew, and not only at its status, whenever it is its turn.
    """
    if status.record is None:
        return status
    return status.model_copy(update={"record": status.record.model_copy(update={"others": past.record.others})})


def _earliest(*instants: datetime | None) -> datetime | None:
    return min((each for each in instants if each is not None), default=None)
