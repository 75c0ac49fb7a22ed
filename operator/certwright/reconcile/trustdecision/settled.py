"""Whether anything happened since the last verdict, told from the status and held metadata alone."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from certwright.api.conditions import ConditionType
from certwright.findings import Reason
from certwright.reconcile.bookkeeping import read_instant
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.plan import DEPLOYED_FINALIZER
from certwright.reconcile.reconciler import Held
from certwright.reconcile.trust.material import find_objects
from certwright.reconcile.trustdecision.facts import describe_metadata
from certwright.reconcile.trustdecision.past import Past, read_past
from certwright.reconcile.trustdecision.planner import DOUBT
from certwright.reconcile.trustdecision.references import digest_others, is_gone


def find_due(snapshot: Snapshot, held: Held, *, judged_by: str) -> datetime | Literal[False] | None:
    """Say `False` when a pass is due, else when to look again; see `Reconciler.settled`."""
    subject = snapshot.subject
    if is_gone(subject):
        return None
    past = read_past(subject)
    # A decision that is to go is not left waiting by any evidence.
    if subject.deleting or not (_is_conclusive(past, snapshot, judged_by) and _is_unchanged(past, snapshot, held)):
        return False
    check = read_instant(past.status.next_check_time)
    if check is not None and check <= snapshot.now:
        # No verdict changes by time alone while time is in doubt; it is looked at again when it may not be.
        return snapshot.now + DOUBT if snapshot.clock_doubted else False
    return check


def _is_conclusive(past: Past, snapshot: Snapshot, judged_by: str) -> bool:
    status, deployed = past.status, past.conditions.get(ConditionType.DEPLOYED.value)
    return (
        status.observed_generation == snapshot.subject.generation
        and past.record.judged_by == judged_by
        and past.holds(ConditionType.READY) is not None
        and past.holds(ConditionType.DEPLOYED) is not None
        and deployed is not None
        and ConditionType.RECONCILING.value not in past.conditions
        and (status.findings_count or 0) <= len(status.findings)
        and not any(each.reason == Reason.NOT_CHECKED for each in status.findings)
    )


def _is_unchanged(past: Past, snapshot: Snapshot, held: Held) -> bool:
    subject = snapshot.subject
    recorded = past.inputs(subject.key.namespace)
    if recorded.keys() != find_objects(subject):
        return False
    for key, version in recorded.items():
        known = held.peek(key)
        if (known is None and not held.is_absent(key)) or (known.version if known is not None else None) != version:
            return False
    is_held = any(row.deploy_status in {"DEPLOYED", "DELETE_PENDING"} for row in past.status.stores)
    return (
        past.record.others == digest_others(snapshot)
        and past.status.metadata == describe_metadata(subject)
        and is_held == (DEPLOYED_FINALIZER in subject.finalizers)
    )
