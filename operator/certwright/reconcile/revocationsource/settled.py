"""Whether anything happened since the last verdict, told from the status and held metadata alone."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from certwright.findings import Reason
from certwright.reconcile.evidence import is_as_recorded, is_conclusive, next_look
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.offers import kept_list
from certwright.reconcile.questions import fetch_state
from certwright.reconcile.reconciler import Held
from certwright.reconcile.revocationsource.issuers import digest_decisions
from certwright.reconcile.revocationsource.past import Past, read_past
from certwright.reconcile.revocationsource.planner import earliest
from certwright.reconcile.revocationsource.references import find_contact, find_inputs, read_spec

UNFINISHED = frozenset({Reason.NOT_CHECKED, Reason.LAST_GOOD_LOST, Reason.NOT_PERSISTED})
"""Reasons that time may mend: no evidence can call them settled."""


def find_due(
    snapshot: Snapshot, held: Held, *, judged_by: str, operator_namespace: str
) -> datetime | Literal[False] | None:
    """Say `False` when a pass is due, else when to look again; see `Reconciler.settled`."""
    subject = snapshot.subject
    if subject.deleting:
        return None
    past = read_past(subject)
    known = past.record.judged_by == judged_by and is_conclusive(past, snapshot, unfinished=UNFINISHED)
    if not (known and _is_unchanged(past, snapshot, held, operator_namespace)):
        return False
    check = next_look(past.status.next_check_time, snapshot)
    contact = find_contact(read_spec(subject), subject)
    if check is False or contact is None:
        return check
    state = fetch_state(snapshot, contact)
    if state.delivery is not None or (state.due is not None and state.due <= snapshot.now):
        return False
    return earliest(check, state.due)


def _is_unchanged(past: Past, snapshot: Snapshot, held: Held, operator_namespace: str) -> bool:
    subject = snapshot.subject
    namespace = subject.key.namespace
    recorded, spec = past.inputs(namespace), read_spec(subject)
    if recorded.keys() != find_inputs(spec, namespace) or past.record.decisions != digest_decisions(spec, snapshot):
        return False
    if not all(is_as_recorded(key, version, held) for key, version in recorded.items()):
        return False
    kept = kept_list(subject, operator_namespace)
    return kept is None or all(held.peek(key) is not None for key in kept.parts)
