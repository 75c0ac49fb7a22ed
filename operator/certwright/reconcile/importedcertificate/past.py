"""What the status of an ImportedCertificate says about earlier passes: read once, leniently, and asked many times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from certwright.api.importedcertificate import ImportedCertificateStatus
from certwright.api.importedcertificate_status import TargetStatus
from certwright.api.model import parse_leniently
from certwright.reconcile.bookkeeping import recall_inputs
from certwright.reconcile.objects import ObjectKey, Subject, Version
from certwright.reconcile.past import StatusPast, find_ours
from certwright.reconcile.remembering import remember
from certwright.reconcile.trust.lists import known_revocations
from certwright.validation import KnownRevocation


@dataclass(frozen=True, slots=True)
class Past(StatusPast[ImportedCertificateStatus]):
    """The status as an earlier pass left it.

    Attributes:
        targets: the rows by the name of the Secret, those that left the spec among them.
    """

    targets: Mapping[str, TargetStatus]

    @property
    def known_revocations(self) -> tuple[KnownRevocation, ...]:
        """What lists said."""
        record = self.status.record
        return known_revocations(record.revocations) if record is not None else ()

    def inputs(self, namespace: str) -> Mapping[ObjectKey, Version | None]:
        """Give the recorded version of every input; `None` for one that was absent."""
        record = self.status.record
        return recall_inputs(record.inputs if record else (), namespace)


@remember
def read_past(subject: Subject) -> Past:
    """Read the status of a subject; what another version wrote and we cannot read is left out."""
    status = parse_leniently(ImportedCertificateStatus, subject.status)
    return Past(
        status,
        find_ours(status),
        {row.secret_name: row for row in status.targets},
    )


def row_version(row: TargetStatus | None) -> Version | None:
    """Give the version of the Secret that a row records."""
    if row is None or not (row.uid and row.resource_version):
        return None
    return Version(row.uid, row.resource_version)
