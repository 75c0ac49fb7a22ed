"""Events: what happened to a decision, told once, on transitions only."""

from __future__ import annotations

from collections.abc import Iterator

from certwright.api.conditions import Condition, ConditionStatus, ConditionType, find_condition
from certwright.api.trustdecision import TrustDecisionStatus
from certwright.findings import Reason
from certwright.reconcile.objects import Subject
from certwright.reconcile.plan import EventType, Record
from certwright.reconcile.trustdecision.past import Past

NOTE_LIMIT = 1000
"""The API server takes notes of up to 1 kB."""

_DEPLOYMENTS = {"DEPLOYED": "Deployed", "DELETE_PENDING": "DeletePending", "DEPLOY_PENDING": "DeployPending"}
_IN_STORES = frozenset({"DEPLOYED", "DELETE_PENDING"})


def find_events(subject: Subject, past: Past, new: TrustDecisionStatus) -> Iterator[Record]:
    """Give the events that the step from the stored status to the new one is worth."""
    ready = find_condition(new.conditions, ConditionType.READY)
    deployed = find_condition(new.conditions, ConditionType.DEPLOYED)
    if ready is None or deployed is None:
        return
    before = past.conditions.get(ConditionType.READY.value)
    if ready.status == ConditionStatus.FALSE:
        if not _same(before, ready) and ready.reason != Reason.NOT_CHECKED.value:
            yield _record(subject, EventType.WARNING, ready.reason, "Validate", ready.message)
    elif new.trust_state != past.status.trust_state or (before is not None and before.reason != ready.reason):
        reason = "Trusted" if new.trust_state == "trusted" else ready.reason
        yield _record(subject, EventType.NORMAL, reason, "Decide", ready.message)
    now, earlier = new.deploy_status, past.status.deploy_status
    if now != earlier and (now in _IN_STORES or earlier in _IN_STORES):
        reason = _DEPLOYMENTS[now] if now is not None else "Removed"
        yield _record(subject, EventType.NORMAL, reason, "Deploy", deployed.message)


def _same(before: Condition | None, now: Condition) -> bool:
    return before is not None and (before.status, before.reason) == (now.status, now.reason)


def _record(subject: Subject, kind: EventType, reason: str, action: str, note: str) -> Record:
    return Record(subject, kind, reason, action, note[:NOTE_LIMIT])
