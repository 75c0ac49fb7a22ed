"""What the status of a RevocationSource says about earlier passes: read once, leniently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from certwright.api.model import parse_leniently
from certwright.api.revocationsource import RevocationSourceStatus
from certwright.api.revocationsource_status import KeptList, SourceRecord
from certwright.findings import Finding
from certwright.reconcile.bookkeeping import read_instant, recall_finding, recall_inputs
from certwright.reconcile.objects import ObjectKey, Subject, Version
from certwright.reconcile.past import StatusPast, find_ours

_NO_RECORD = SourceRecord()


@dataclass(frozen=True, slots=True)
class Past(StatusPast[RevocationSourceStatus]):
    """The status as an earlier pass left it; `conditions` are ours only, by type."""

    @property
    def record(self) -> SourceRecord:
        """The record, an empty one when there is none."""
        return self.status.record or _NO_RECORD

    @property
    def kept(self) -> KeptList | None:
        """The list in use."""
        return self.record.kept

    @property
    def refused(self) -> tuple[Finding, ...]:
        """What was wrong with the last fetch, or with what it brought."""
        return tuple(each for entry in self.record.refused if (each := recall_finding(entry)) is not None)

    @property
    def fetched_at(self) -> datetime | None:
        """When the list in use was fetched."""
        return read_instant(self.status.fetched_time)

    @property
    def next_update(self) -> datetime | None:
        """When the list in use ends."""
        return read_instant(self.status.next_update)

    @property
    def order(self) -> tuple[datetime, int] | None:
        """The place of the list in use among others of its issuer and scope."""
        this_update, number = read_instant(self.status.this_update), self.status.crl_number
        if this_update is None:
            return None
        return this_update, int(number) if number is not None and number.isascii() and number.isdecimal() else -1

    def inputs(self, namespace: str) -> Mapping[ObjectKey, Version | None]:
        """Give the recorded version of every input; `None` for one that was absent."""
        return recall_inputs(self.record.inputs, namespace)


def read_past(subject: Subject) -> Past:
    """Read the status of a subject; what another version wrote and we cannot read is left out."""
    status = parse_leniently(RevocationSourceStatus, subject.status)
    return Past(status, find_ours(status))
