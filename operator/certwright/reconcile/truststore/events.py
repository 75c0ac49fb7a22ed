"""Events: what happened to a store, told once, on transitions only."""

from __future__ import annotations

from collections.abc import Iterator

from certwright.api.conditions import Condition, ConditionStatus, ConditionType, find_condition
from certwright.api.truststore_status import TrustStoreStatus
from certwright.dialects.state_words import StateWord
from certwright.findings import Reason, printable
from certwright.reconcile.objects import Subject
from certwright.reconcile.plan import EventType, Record
from certwright.reconcile.trust.deployment import Deployment
from certwright.reconcile.trust.withdrawal import Withdrawal
from certwright.reconcile.truststore.past import Past
from certwright.reconcile.truststore.status import Situation
from certwright.reconcile.truststore.targets import Survey

NOTE_BYTES = 1000
"""The API server takes notes of up to 1 kB."""

MOST_OF_A_KIND = 3
"""How many events of one kind one pass tells: a store may have thousands of targets."""

_NAME_LIMIT = 128
_DIGITS = len("sha256:") + 12
_QUIET = frozenset({Reason.NOT_CHECKED.value, StateWord.ROLLING_OUT})


def find_events(new: TrustStoreStatus, situation: Situation) -> Iterator[Record]:
    """Give the events that the step from the stored status to the new one is worth."""
    subject, past = situation.snapshot.subject, situation.past
    staged = situation.judgement.staged
    if situation.is_new and staged is not None and staged.deployment is not None:
        yield from _about_deployment(situation, staged.deployment, staged.withdrawals)
    approved = find_condition(new.conditions, ConditionType.APPROVED)
    waits = approved is not None and approved.reason == Reason.APPROVAL_PENDING.value
    known = past.status.pending
    if approved is not None and waits and new.pending is not None and (known is None or known.id != new.pending.id):
        yield _record(subject, EventType.NORMAL, approved.reason, action="Deploy", note=approved.message)
    refused = tuple(_about_targets(subject, past, situation.survey))
    yield from refused[:MOST_OF_A_KIND]
    ready = find_condition(new.conditions, ConditionType.READY)
    if ready is None or ready.status != ConditionStatus.FALSE or ready.reason in _QUIET or refused:
        return
    if not _same(past.conditions.get(ConditionType.READY.value), ready):
        yield _record(subject, EventType.WARNING, ready.reason, action="Validate", note=ready.message)


def _about_deployment(
    situation: Situation, deployment: Deployment, withdrawals: tuple[Withdrawal, ...]
) -> Iterator[Record]:
    subject, record, difference = situation.snapshot.subject, deployment.record, deployment.difference
    for each in withdrawals[:MOST_OF_A_KIND]:
        name = printable(each.entry.certificate.label, limit=_NAME_LIMIT)
        note = f'"{name}" is no longer trusted: {each.why}.'
        yield _record(subject, EventType.WARNING, "Withdrawn", action="Deploy", note=note)
    if not difference:
        return
    note = (
        f"Revision {record.revision[:_DIGITS]} is deployed: {len(difference.added)} added, "
        f"{len(difference.removed)} removed, {len(difference.changed)} changed."
    )
    by = f" Approved by {printable(situation.approver, limit=_NAME_LIMIT)}." if situation.approver is not None else ""
    yield _record(subject, EventType.NORMAL, "Deployed", action="Deploy", note=note + by)


def _about_targets(subject: Subject, past: Past, survey: Survey) -> Iterator[Record]:
    for trouble in survey.troubles:
        before = past.rows.get(trouble.key)
        if not trouble.waiting and (before is None or before.message == ""):
            yield _record(subject, EventType.WARNING, "TargetRefused", action="Store", note=trouble.found.message)


def _same(before: Condition | None, now: Condition) -> bool:
    return before is not None and (before.status, before.reason) == (now.status, now.reason)


def _record(subject: Subject, kind: EventType, reason: str, *, action: str, note: str) -> Record:
    return Record(subject, kind, reason, action, note.encode()[:NOTE_BYTES].decode(errors="ignore"))
