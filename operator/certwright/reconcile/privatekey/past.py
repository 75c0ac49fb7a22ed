"""What the status of a PrivateKey says about earlier passes: read once, leniently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from certwright.api.model import parse_leniently
from certwright.api.privatekey import PrivateKeyStatus
from certwright.api.privatekey_status import KeyRecord
from certwright.reconcile.bookkeeping import recall_inputs
from certwright.reconcile.objects import ObjectKey, Subject, Version
from certwright.reconcile.past import StatusPast, find_ours
from certwright.reconcile.remembering import remember

_NO_RECORD = KeyRecord()


@dataclass(frozen=True, slots=True)
class Past(StatusPast[PrivateKeyStatus]):
    """The status as an earlier pass left it; `conditions` are ours only, by type."""

    @property
    def record(self) -> KeyRecord:
        """The record, an empty one when there is none."""
        return self.status.record or _NO_RECORD

    def inputs(self, namespace: str) -> Mapping[ObjectKey, Version | None]:
        """Give the recorded version of every input; `None` for one that was absent."""
        return recall_inputs(self.record.inputs, namespace)


@remember
def read_past(subject: Subject) -> Past:
    """Read the status of a subject; what another version wrote and we cannot read is left out."""
    status = parse_leniently(PrivateKeyStatus, subject.status)
    return Past(status, find_ours(status))
