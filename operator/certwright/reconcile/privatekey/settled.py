"""Whether anything happened since the last verdict, told from the status and held metadata alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from certwright.findings import Reason
from certwright.reconcile.evidence import is_as_recorded, is_conclusive
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
    known = past.record.judged_by == judged_by and is_conclusive(past, snapshot, unfinished=UNFINISHED)
    return None if known and _is_unchanged(past, snapshot, held, verified) else False


def _is_unchanged(past: Past, snapshot: Snapshot, held: Held, verified: Mapping[ObjectKey, Version]) -> bool:
    if past.record.certificates != digest_certificates(find_certificates(snapshot)):
        return False
    secret = find_secret(snapshot.subject)
    recorded = past.inputs(snapshot.subject.key.namespace)
    if recorded.keys() != ({secret} if secret is not None else set()):
        return False
    return all(is_as_recorded(key, version, held, verified.get(key)) for key, version in recorded.items())
