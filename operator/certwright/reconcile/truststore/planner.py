"""The planner: from a judgement to what is left to be done.

First the record of the next deployment, then the status that names it, then its targets, then the status that says how
far they are. So no target ever holds what a restart would not know of, and each call gives the next stage.
"""

from __future__ import annotations

from collections.abc import Iterator

from certwright.api.model import dump
from certwright.api.truststore_status import TrustStoreStatus
from certwright.findings import FailureCause
from certwright.reconcile.bookkeeping import read_instant
from certwright.reconcile.evidence import DOUBT
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.plan import Action, Plan, WriteStatus
from certwright.reconcile.truststore.deployment import Keeping, decide_keeping
from certwright.reconcile.truststore.events import find_events
from certwright.reconcile.truststore.judgement import Judgement
from certwright.reconcile.truststore.past import read_past
from certwright.reconcile.truststore.standing import find_standing
from certwright.reconcile.truststore.status import Situation, build_minimal_status, build_status
from certwright.reconcile.truststore.targets import survey_targets
from certwright.settings import Settings

REFUSALS = frozenset({FailureCause.TOO_LARGE, FailureCause.INVALID})
"""What the API server answers to a status that it does not take; a smaller one may pass."""


def plan(judgement: Judgement, snapshot: Snapshot, *, settings: Settings, judged_by: str) -> Plan:
    """Say what is left to be done; planned again after success, nothing is."""
    if snapshot.subject.deleting:
        return Plan()  # what goes with the store is the garbage collector's, and the rest stays as it is
    past = read_past(snapshot.subject)
    keeping = decide_keeping(judgement, snapshot, settings.namespace)
    if keeping.missing:
        return Plan((keeping.missing,))
    if keeping.problem is not None:
        judgement = _withhold(judgement, keeping)
    survey = survey_targets(judgement, snapshot, settings)
    named = past.deployed == keeping.pointer
    if survey.actions and named:
        return Plan((tuple(survey.actions),))
    standing = find_standing(judgement, survey, snapshot=snapshot, past=past, settings=settings)
    situation = Situation(judgement, standing, survey, keeping.pointer, judged_by, snapshot, past)
    status = build_status(situation)
    check = snapshot.now + DOUBT if snapshot.clock_doubted else read_instant(status.next_check_time)
    instants = (each for each in (standing.requeue_at, check) if each is not None and each > snapshot.now)
    requeue_at = min(instants, default=None)
    stage = tuple(_report(status, situation))
    final = named and standing.worst is None and not standing.running
    return Plan((stage,) if stage else (), requeue_at, standing.retry, final=final)


def _withhold(judgement: Judgement, keeping: Keeping) -> Judgement:
    """Leave everything as it is: what is not kept must not be deployed."""
    found = judgement.findings if keeping.problem is None else (*judgement.findings, keeping.problem)
    return Judgement(judgement.spec, found, judgement.pointer, inputs=judgement.inputs, retry=keeping.retry)


def _but_horizon(status: TrustStoreStatus, situation: Situation) -> TrustStoreStatus:
    """Leave out what is no news: that somebody labels a target is a reason to look into it, and not to write."""
    before = situation.past.record.horizon
    wrote = any(each is not None and each.written for each in situation.snapshot.objects.values())
    if wrote or status.record is None or before is None:
        return status
    return status.model_copy(update={"record": status.record.model_copy(update={"horizon": before})})


def _report(full: TrustStoreStatus, situation: Situation) -> Iterator[Action]:
    """Write the status, with the events that it is worth, unless it says what the stored one says."""
    subject, past, status = situation.snapshot.subject, situation.past, full
    failure = situation.snapshot.failures.get(subject.key)
    if failure is not None:
        if failure.cause not in REFUSALS:
            return
        status = build_minimal_status(full, failure, situation)
    # Conditions of others stand in the same list and are theirs to write.
    ours = tuple(each for each in past.status.conditions if each.type in past.conditions)
    if dump(_but_horizon(status, situation)) == dump(past.status.model_copy(update={"conditions": ours})):
        return
    yield WriteStatus(subject.key, subject.version, dump(status), subject)
    if failure is None:
        yield from find_events(full, situation)
