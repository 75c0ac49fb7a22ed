"""Events: what happened to a key, told once, on transitions only."""

from __future__ import annotations

from collections.abc import Iterator

from certwright.api.conditions import Condition, ConditionStatus, ConditionType, find_condition
from certwright.api.privatekey import PrivateKeyStatus
from certwright.findings import Reason
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.plan import EventType, Record
from certwright.reconcile.private_keys import find_secret
from certwright.reconcile.privatekey.past import Past

NOTE_LIMIT = 1000
"""The API server takes notes of up to 1 kB."""


def find_events(snapshot: Snapshot, past: Past, new: PrivateKeyStatus) -> Iterator[Record]:
    """Give the events that the step from the stored status to the new one is worth."""
    subject, ready = snapshot.subject, find_condition(new.conditions, ConditionType.READY)
    if ready is None:
        return
    if new.fingerprint is not None and past.status.fingerprint is None:
        secret = find_secret(subject)
        observed = snapshot.get(secret) if secret is not None else None
        made = observed is not None and observed.written
        note = f"{new.algorithm} {new.size}, {new.fingerprint}, in Secret {new.secret_name}."
        yield Record(subject, EventType.NORMAL, "KeyStored" if made else "KeyFound", "Store", note[:NOTE_LIMIT])
    before = past.conditions.get(ConditionType.READY.value)
    if ready.status == ConditionStatus.FALSE and not _same(before, ready) and ready.reason != Reason.NOT_CHECKED.value:
        yield Record(subject, EventType.WARNING, ready.reason, "Validate", ready.message[:NOTE_LIMIT])


def _same(before: Condition | None, now: Condition) -> bool:
    return before is not None and (before.status, before.reason) == (now.status, now.reason)
