"""What the status of a TrustDecision says about earlier passes: read once, leniently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from certwright.api.conditions import ConditionType
from certwright.api.model import parse_leniently, timestamp
from certwright.api.trustdecision import TrustDecisionStatus
from certwright.api.trustdecision_status import DecisionRecord
from certwright.findings import Finding
from certwright.reconcile.bookkeeping import read_instant, recall_finding, recall_inputs
from certwright.reconcile.objects import ObjectKey, Snapshot, Subject, Version
from certwright.reconcile.past import StatusPast, find_ours
from certwright.reconcile.trust.material import find_objects
from certwright.validation import KnownRevocation

_NO_RECORD = DecisionRecord()
_NO_NUMBER = "-"
_DIGITS = 128


@dataclass(frozen=True, slots=True)
class Past(StatusPast[TrustDecisionStatus]):
    """The status as an earlier pass left it; `conditions` are ours only, by type."""

    @property
    def record(self) -> DecisionRecord:
        """The record, an empty one when there is none."""
        return self.status.record or _NO_RECORD

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found."""
        return tuple(each for entry in self.status.findings if (each := recall_finding(entry)) is not None)

    @property
    def revoked(self) -> KnownRevocation | None:
        """What a list said of the certificate."""
        return recall_revocation(self.record.revoked)

    def inputs(self, namespace: str) -> Mapping[ObjectKey, Version | None]:
        """Give the recorded version of every input; `None` for one that was absent."""
        return recall_inputs(self.record.inputs, namespace)


def read_past(subject: Subject) -> Past:
    """Read the status of a subject; what another version wrote and we cannot read is left out."""
    status = parse_leniently(TrustDecisionStatus, subject.status)
    return Past(status, find_ours(status))


def has_changed(past: Past, snapshot: Snapshot) -> bool:
    """Say whether wish or material differ from what the last verdict was about."""
    subject = snapshot.subject
    if past.status.observed_generation != subject.generation or past.holds(ConditionType.READY) is None:
        return True
    recorded = past.inputs(subject.key.namespace)
    read = {key: snapshot.get(key) for key in find_objects(subject)}
    return recorded != {key: observed.version if observed is not None else None for key, observed in read.items()}


def describe_revocation(known: KnownRevocation | None) -> str | None:
    """Write down what a list said: certificate, date and number of the list."""
    if known is None:
        return None
    number = _NO_NUMBER if known.number is None else str(known.number)[:_DIGITS]
    return f"{known.fingerprint} {timestamp(known.this_update)} {number}"


def recall_revocation(text: str | None) -> KnownRevocation | None:
    """Read what was written down; `None` when it is nothing that we wrote."""
    match (text or "").split():
        case [fingerprint, instant, number]:
            at = read_instant(instant)
            known = int(number) if number.isascii() and number.isdecimal() else None
            return KnownRevocation(fingerprint, at, known) if at is not None else None
        case _:
            return None
