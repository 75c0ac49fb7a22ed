"""Events: what happened to a source, told once, on transitions only."""

from __future__ import annotations

from collections.abc import Iterator

from certwright.api.conditions import Condition, ConditionStatus, ConditionType, find_condition
from certwright.api.revocationsource import RevocationSourceStatus
from certwright.findings import Reason
from certwright.reconcile.objects import Subject
from certwright.reconcile.plan import EventType, Record
from certwright.reconcile.revocationsource.past import Past

NOTE_LIMIT = 1000
"""The API server takes notes of up to 1 kB."""


def find_events(subject: Subject, past: Past, new: RevocationSourceStatus) -> Iterator[Record]:
    """Give the events that the step from the stored status to the new one is worth."""
    ready = find_condition(new.conditions, ConditionType.READY)
    if ready is None:
        return
    kept = new.record.kept if new.record is not None else None
    if kept is not None and (past.kept is None or past.kept.digest != kept.digest):
        number = f"Number {new.crl_number}, " if new.crl_number is not None else ""
        note = (
            f"{number}made {new.this_update}, {new.entries or 0} entries, until {new.next_update or 'it is replaced'}."
        )
        yield _record(subject, EventType.NORMAL, "ListAccepted", note)
    before = past.conditions.get(ConditionType.READY.value)
    if ready.status == ConditionStatus.FALSE and not _same(before, ready) and ready.reason != Reason.NOT_CHECKED.value:
        yield _record(subject, EventType.WARNING, ready.reason, ready.message)
    warned = _says(new, Reason.EXPIRING_SOON)
    if warned is not None and _says(past.status, Reason.EXPIRING_SOON) is None:
        yield _record(subject, EventType.WARNING, Reason.EXPIRING_SOON.value, warned)


def _says(status: RevocationSourceStatus, reason: Reason) -> str | None:
    return next((each.message for each in status.findings if each.reason == reason.value), None)


def _same(before: Condition | None, now: Condition) -> bool:
    return before is not None and (before.status, before.reason) == (now.status, now.reason)


def _record(subject: Subject, kind: EventType, reason: str, note: str) -> Record:
    return Record(subject, kind, reason, "Validate", note[:NOTE_LIMIT])
