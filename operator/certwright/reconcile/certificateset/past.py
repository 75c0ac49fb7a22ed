"""What the status of a set says about earlier passes: read once, leniently, and asked many times."""

from __future__ import annotations

from dataclasses import dataclass

from certwright.api.certificateset import ClusterCertificateSetStatus
from certwright.api.certificateset_status import SetRecord
from certwright.api.model import parse_leniently
from certwright.reconcile.objects import Subject
from certwright.reconcile.past import StatusPast, find_ours
from certwright.reconcile.remembering import remember
from certwright.reconcile.trust.lists import known_revocations
from certwright.validation import KnownRevocation


@dataclass(frozen=True, slots=True)
class Past(StatusPast[ClusterCertificateSetStatus]):
    """The status as an earlier pass left it; the conditions are ours only, by type."""

    @property
    def record(self) -> SetRecord:
        """What it rested on."""
        return self.status.record or SetRecord()

    @property
    def known_revocations(self) -> tuple[KnownRevocation, ...]:
        """What lists said."""
        return known_revocations(self.record.revocations)


@remember
def read_past(subject: Subject) -> Past:
    """Read the status of a subject; what another version wrote and we cannot read is left out."""
    status = parse_leniently(ClusterCertificateSetStatus, subject.status)
    return Past(status, find_ours(status))
