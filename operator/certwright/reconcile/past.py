"""What the statuses of all kinds say about earlier passes; each kind adds what only its own says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from certwright.api.conditions import Condition, ConditionStatus, ConditionType
from certwright.api.status_parts import FindingEntry
from certwright.reconcile.bookkeeping import read_instant

_OURS = frozenset(each.value for each in ConditionType)


class AnyStatus(Protocol):
    """What stands in the status of every kind."""

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions, ours and those of others."""

    @property
    def findings(self) -> tuple[FindingEntry, ...]:
        """What was found, as far as there was room."""

    @property
    def findings_count(self) -> int | None:
        """How much was found, when there was not room for all."""

    @property
    def observed_generation(self) -> int | None:
        """Which wish it is about."""


S_co = TypeVar("S_co", bound=AnyStatus, covariant=True)


@dataclass(frozen=True, slots=True)
class StatusPast(Generic[S_co]):
    """The status as an earlier pass left it.

    Attributes:
        conditions: ours only, by type; others may write conditions of their own.
    """

    status: S_co
    conditions: Mapping[str, Condition]

    def holds(self, wanted: ConditionType) -> bool | None:
        """Say whether a condition was true; `None` when it was unknown or absent."""
        condition = self.conditions.get(wanted.value)
        if condition is None or condition.status == ConditionStatus.UNKNOWN:
            return None
        return condition.status == ConditionStatus.TRUE

    def reason(self, wanted: ConditionType) -> str | None:
        """Give the reason of a condition."""
        condition = self.conditions.get(wanted.value)
        return condition.reason if condition is not None else None

    def since(self, wanted: ConditionType) -> datetime | None:
        """Give the instant of a condition's last transition."""
        condition = self.conditions.get(wanted.value)
        return read_instant(condition.last_transition_time) if condition is not None else None


def find_ours(status: AnyStatus) -> Mapping[str, Condition]:
    """Give the conditions that are ours to write, by type."""
    return {each.type: each for each in status.conditions if each.type in _OURS}
