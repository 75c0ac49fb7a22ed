"""Whether anything happened since the last verdict, told from the status and held metadata alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from certwright.api.conditions import ConditionType
from certwright.findings import Reason
from certwright.reconcile.objects import ObjectKey, Snapshot, Version
from certwright.reconcile.private_keys import find_secret
from certwright.reconcile.privatekey.certificates import digest_certificates, find_certificates
from certwright.reconcile.privatekey.past import Past, read_past
from certwright.reconcile.reconciler import Held

UNFINISHED = frozenset({Reason.NOT_CHECKED, Reason.STORE_FAILED, Reason.TARGET_MISSING})
"""Reasons that time may mend: no evidence can call them settled."""


def find_due(
    snapshot: Snapshot, held: Held, *, verified: Mapping[ObjectKey, Version], judged_by: str
) -> Literal[False] | None:
    """Say `False` when a pass is due, `None` when only a change can matter; see `Reconciler.settled`."""
    if snapshot.subject.deleting:
        return None
    past = read_past(snapshot.subject)
    if not (_is_conclusive(past, snapshot, judged_by) and _is_unchanged(past, snapshot, held, verified)):
        return False
    return None


def _is_conclusive(past: Past, snapshot: Snapshot, judged_by: str) -> bool:
    status = past.status
    return (
        status.observed_generation == snapshot.subject.generation
        and past.record.judged_by == judged_by
        and past.holds(ConditionType.READY) is not None
        and ConditionType.RECONCILING.value not in past.conditions
        and (status.findings_count or 0) <= len(status.findings)
        and not any(each.reason in UNFINISHED for each in status.findings)
    )


def _is_unchanged(past: Past, snapshot: Snapshot, held: Held, verified: Mapping[ObjectKey, Version]) -> bool:
    if past.record.certificates != digest_certificates(find_certificates(snapshot)):
        return False
    secret = find_secret(snapshot.subject)
    recorded = past.inputs(snapshot.subject.key.namespace)
    if recorded.keys() != ({secret} if secret is not None else set()):
        return False
    return all(_is_as_recorded(key, version, held, verified.get(key)) for key, version in recorded.items())


def _is_as_recorded(key: ObjectKey, recorded: Version | None, held: Held, verified: Version | None) -> bool:
    metadata = held.peek(key)
    if metadata is None:
        return recorded is None and held.is_absent(key)
    return metadata.version in (recorded, verified)
