"""What the status of a PrivateKey says about earlier passes: read once, leniently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from certwright.api.conditions import Condition, ConditionStatus, ConditionType
from certwright.api.model import parse_leniently
from certwright.api.privatekey import PrivateKeyStatus
from certwright.api.privatekey_status import KeyRecord
from certwright.reconcile.bookkeeping import read_instant, recall_inputs
from certwright.reconcile.objects import ObjectKey, Subject, Version
from certwright.reconcile.remembering import remember

_OURS = frozenset(each.value for each in ConditionType)
_NO_RECORD = KeyRecord()


@dataclass(frozen=True, slots=True)
class Past:
    """The status as an earlier pass left it; `conditions` are ours only, by type."""

    status: PrivateKeyStatus
    conditions: Mapping[str, Condition]

    @property
    def record(self) -> KeyRecord:
        """The record, an empty one when there is none."""
        return self.status.record or _NO_RECORD

    def inputs(self, namespace: str) -> Mapping[ObjectKey, Version | None]:
        """Give the recorded version of every input; `None` for one that was absent."""
        return recall_inputs(self.record.inputs, namespace)

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


@remember
def read_past(subject: Subject) -> Past:
    """Read the status of a subject; what another version wrote and we cannot read is left out."""
    status = parse_leniently(PrivateKeyStatus, subject.status)
    return Past(status, {each.type: each for each in status.conditions if each.type in _OURS})
