"""What the status of an ImportedCertificate says about earlier passes: read once, leniently, and asked many times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from certwright.api.conditions import Condition, ConditionStatus, ConditionType
from certwright.api.importedcertificate import ImportedCertificateStatus
from certwright.api.importedcertificate_status import TargetStatus
from certwright.api.model import parse_leniently
from certwright.reconcile.bookkeeping import read_instant, recall_inputs
from certwright.reconcile.objects import ObjectKey, Subject, Version
from certwright.reconcile.remembering import remember
from certwright.reconcile.trust.lists import known_revocations
from certwright.validation import KnownRevocation


@dataclass(frozen=True, slots=True)
class Past:
    """The status as an earlier pass left it.

    Attributes:
        targets: the rows by the name of the Secret, those that left the spec among them.
        conditions: ours only, by type; others may write conditions of their own.
    """

    status: ImportedCertificateStatus
    targets: Mapping[str, TargetStatus]
    conditions: Mapping[str, Condition]

    def holds(self, wanted: ConditionType) -> bool | None:
        """Say whether a condition was true; `None` when it was unknown or absent."""
        condition = self.conditions.get(wanted.value)
        if condition is None or condition.status == ConditionStatus.UNKNOWN:
            return None
        return condition.status == ConditionStatus.TRUE

    def since(self, wanted: ConditionType) -> datetime | None:
        """Give the instant of a condition's last transition."""
        condition = self.conditions.get(wanted.value)
        return read_instant(condition.last_transition_time) if condition else None

    @property
    def ready_reason(self) -> str | None:
        """The reason of `Ready`, as it stood."""
        ready = self.conditions.get(ConditionType.READY.value)
        return ready.reason if ready else None

    @property
    def known_revocations(self) -> tuple[KnownRevocation, ...]:
        """What lists said."""
        record = self.status.record
        return known_revocations(record.revocations) if record is not None else ()

    def inputs(self, namespace: str) -> Mapping[ObjectKey, Version | None]:
        """Give the recorded version of every input; `None` for one that was absent."""
        record = self.status.record
        return recall_inputs(record.inputs if record else (), namespace)


_OURS = frozenset(each.value for each in ConditionType)


@remember
def read_past(subject: Subject) -> Past:
    """Read the status of a subject; what another version wrote and we cannot read is left out."""
    status = parse_leniently(ImportedCertificateStatus, subject.status)
    return Past(
        status,
        {row.secret_name: row for row in status.targets},
        {each.type: each for each in status.conditions if each.type in _OURS},
    )


def row_version(row: TargetStatus | None) -> Version | None:
    """Give the version of the Secret that a row records."""
    if row is None or not (row.uid and row.resource_version):
        return None
    return Version(row.uid, row.resource_version)
