"""What the status of a store says about earlier passes: read once, leniently, and asked many times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from certwright.api.model import parse_leniently
from certwright.api.truststore_status import DeployedRecord, StoreRecord, TargetRow, TrustStoreStatus
from certwright.reconcile.bookkeeping import recall_inputs
from certwright.reconcile.objects import Kind, ObjectKey, Subject, Version
from certwright.reconcile.past import StatusPast, find_ours
from certwright.reconcile.remembering import remember

_NO_RECORD = StoreRecord()
_TARGET_KINDS = {each.value: each for each in (Kind.CONFIG_MAP, Kind.SECRET, Kind.CLUSTER_TRUST_BUNDLE)}


@dataclass(frozen=True, slots=True)
class Past(StatusPast[TrustStoreStatus]):
    """The status as an earlier pass left it.

    Attributes:
        rows: the targets that it lists, by their key.
    """

    rows: Mapping[ObjectKey, TargetRow]

    @property
    def record(self) -> StoreRecord:
        """The record, an empty one when there is none."""
        return self.status.record or _NO_RECORD

    @property
    def deployed(self) -> DeployedRecord | None:
        """What says which record holds what is deployed."""
        return self.record.deployed

    def inputs(self, namespace: str) -> Mapping[ObjectKey, Version | None]:
        """Give the recorded version of every input; `None` for one that was absent."""
        return recall_inputs(self.record.inputs, namespace)


@remember
def read_past(subject: Subject) -> Past:
    """Read the status of a store; what another version wrote and we cannot read is left out."""
    status = parse_leniently(TrustStoreStatus, subject.status)
    return Past(
        status,
        find_ours(status),
        {ObjectKey(_TARGET_KINDS[row.kind], row.namespace, row.name): row for row in status.targets if _is_known(row)},
    )


def _is_known(row: TargetRow) -> bool:
    return row.kind in _TARGET_KINDS


def row_version(row: TargetRow | None) -> Version | None:
    """Give the version of the object that a row records."""
    if row is None or not (row.uid and row.resource_version):
        return None
    return Version(row.uid, row.resource_version)
