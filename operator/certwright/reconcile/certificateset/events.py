"""Events: what happened to a set, told once, on transitions only."""

from __future__ import annotations

from collections.abc import Iterator

from certwright.api.certificateset import ClusterCertificateSetStatus
from certwright.api.conditions import ConditionStatus, ConditionType, find_condition
from certwright.findings import Reason
from certwright.reconcile.certificateset.past import Past
from certwright.reconcile.objects import Subject
from certwright.reconcile.plan import EventType, Record

NOTE_LIMIT = 1000
"""The API server takes notes of up to 1 kB."""


def find_events(subject: Subject, past: Past, new: ClusterCertificateSetStatus) -> Iterator[Record]:
    """Give the events that the step from the stored status to the new one is worth."""
    before = past.status
    if new.deployed_revision is not None and new.deployed_revision != before.deployed_revision:
        note = f"{new.deployed_revision} is in {new.updated_namespaces} namespaces."
        yield _record(subject, EventType.NORMAL, "RevisionDeployed", "Deploy", note)
    if new.failed_revision is not None and new.failed_revision != before.failed_revision:
        note = f"{new.failed_revision} could not be deployed in all namespaces, and everything was put back."
        yield _record(subject, EventType.WARNING, "RevisionRolledBack", "RollBack", note)
    told = {each.message for each in before.findings}
    expiring = [each.message for each in new.findings if each.reason == Reason.EXPIRING_SOON.value]
    untold = [each for each in expiring if each not in told]
    if untold:
        more = f" So do {len(untold) - 1} more of its certificates." if len(untold) > 1 else ""
        yield _record(subject, EventType.WARNING, Reason.EXPIRING_SOON.value, "Validate", untold[0] + more)
    ready = find_condition(new.conditions, ConditionType.READY)
    known = past.conditions.get(ConditionType.READY.value)
    if ready is None or ready.status != ConditionStatus.FALSE or ready.reason == Reason.NOT_CHECKED.value:
        return
    if known is None or (known.status, known.reason) != (ready.status, ready.reason):
        yield _record(subject, EventType.WARNING, ready.reason, "Validate", ready.message)


def _record(subject: Subject, kind: EventType, reason: str, action: str, note: str) -> Record:
    return Record(subject, kind, reason, action, note[:NOTE_LIMIT])
