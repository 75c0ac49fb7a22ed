"""What the status of a store says about earlier passes: read once, leniently, and asked many times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from certwright.api.conditions import Condition, ConditionType
from certwright.api.model import parse_leniently
from certwright.api.truststore_status import DeployedRecord, StoreRecord, TargetRow, TrustStoreStatus
from certwright.reconcile.bookkeeping import read_instant, recall_inputs
from certwright.reconcile.objects import Kind, ObjectKey, Subject, Version
from certwright.reconcile.remembering import remember

_OURS = frozenset(each.value for each in ConditionType)
_NO_RECORD = StoreRecord()
_TARGET_KINDS = {each.value: each for each in (Kind.CONFIG_MAP, Kind.SECRET, Kind.CLUSTER_TRUST_BUNDLE)}


@dataclass(frozen=True, slots=True)
class Past:
    """The status as an earlier pass left it.

    Attributes:
        rows: the targets that it lists, by their key.
        conditions: ours only, by type; others may write conditions of their own.
    """

    status: TrustStoreStatus
    rows: Mapping[ObjectKey, TargetRow]
    conditions: Mapping[str, Condition]

    @property
    def record(self) -> StoreRecord:
        """The record, an empty one when there is none."""
        return self.status.record or _NO_RECORD

    @property
    def deployed(self) -> DeployedRecord | None:
        """What says which record holds what is deployed."""
        return self.record.deployed

    def since(self, wanted: ConditionType) -> datetime | None:
        """Give the instant of a condition's last transition."""
        condition = self.conditions.get(wanted.value)
        return read_instant(condition.last_transition_time) if condition else None

    @property
    def ready_reason(self) -> str | None:
        """The reason of `Ready`, as it stood."""
        ready = self.conditions.get(ConditionType.READY.value)
        return ready.reason if ready else None

    def inputs(self, namespace: str) -> Mapping[ObjectKey, Version | None]:
        """Give the recorded version of every input; `None` for one that was absent."""
        return recall_inputs(self.record.inputs, namespace)


@remember
def read_past(subject: Subject) -> Past:
    """Read the status of a store; what another version wrote and we cannot read is left out."""
    status = parse_leniently(TrustStoreStatus, subject.status)
    return Past(
        status,
        {ObjectKey(_TARGET_KINDS[row.kind], row.namespace, row.name): row for row in status.targets if _is_known(row)},
        {each.type: each for each in status.conditions if each.type in _OURS},
    )


def _is_known(row: TargetRow) -> bool:
    return row.kind in _TARGET_KINDS


def row_version(row: TargetRow | None) -> Version | None:
    """Give the version of the object that a row records."""
    if row is None or not (row.uid and row.resource_version):
        return None
    return Version(row.uid, row.resource_version)
