"""Whether anything happened since the last verdict, told from the status and held metadata alone."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from certwright.api.conditions import ConditionType
from certwright.findings import Reason
from certwright.reconcile.evidence import is_as_recorded, is_conclusive, next_look
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.plan import DEPLOYED_FINALIZER
from certwright.reconcile.reconciler import Held
from certwright.reconcile.trust.material import find_objects
from certwright.reconcile.trustdecision.facts import describe_metadata
from certwright.reconcile.trustdecision.past import Past, read_past
from certwright.reconcile.trustdecision.references import digest_others, is_gone

UNFINISHED = frozenset({Reason.NOT_CHECKED})
"""Reasons that time may mend: no evidence can call them settled."""


def find_due(snapshot: Snapshot, held: Held, *, judged_by: str) -> datetime | Literal[False] | None:
    """Say `False` when a pass is due, else when to look again; see `Reconciler.settled`."""
    subject = snapshot.subject
    if is_gone(subject):
        return None
    past = read_past(subject)
    known = (
        past.record.judged_by == judged_by
        and past.holds(ConditionType.DEPLOYED) is not None
        and is_conclusive(past, snapshot, unfinished=UNFINISHED)
    )
    # A decision that is to go is not left waiting by any evidence.
    if subject.deleting or not (known and _is_unchanged(past, snapshot, held)):
        return False
    return next_look(past.status.next_check_time, snapshot)


def _is_unchanged(past: Past, snapshot: Snapshot, held: Held) -> bool:
    subject = snapshot.subject
    recorded = past.inputs(subject.key.namespace)
    if recorded.keys() != find_objects(subject):
        return False
    if not all(is_as_recorded(key, version, held) for key, version in recorded.items()):
        return False
    is_held = any(row.deploy_status in {"DEPLOYED", "DELETE_PENDING"} for row in past.status.stores)
    return (
        past.record.others == digest_others(snapshot)
        and past.status.metadata == describe_metadata(subject)
        and is_held == (DEPLOYED_FINALIZER in subject.finalizers)
    )
