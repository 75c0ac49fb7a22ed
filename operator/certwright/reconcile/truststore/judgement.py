"""What the judge of a store hands to the planner; values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from certwright.api.truststore_status import DeployedRecord
from certwright.findings import Finding, Severity
from certwright.reconcile.objects import ObjectKey
from certwright.reconcile.trust.change import Change
from certwright.reconcile.trust.deployment import Deployment
from certwright.reconcile.trust.record import TrustRecord
from certwright.reconcile.trust.withdrawal import Withdrawal
from certwright.reconcile.truststore.contents import Content
from certwright.reconcile.truststore.wish import Spec


@dataclass(frozen=True, slots=True)
class Staged:
    """What the decisions make of a store.

    Attributes:
        revision: of what is wanted now.
        deployment: what is deployed next; `None` when what is deployed is as it should be.
        withdrawals: what that takes out at once.
        pending: the change that waits.
        is_blocked: it waits for something else than approval.
        leaving: fingerprints of the deployed CAs that are due to go.
        void: ids of changes whose approval does not count.
        next_change: when any of this changes by time alone.
    """

    revision: str
    deployment: Deployment | None = None
    withdrawals: tuple[Withdrawal, ...] = ()
    pending: Change | None = None
    is_blocked: bool = False
    leaving: frozenset[str] = frozenset()
    void: tuple[str, ...] = ()
    next_change: datetime | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on a wish and on what came of it.

    Attributes:
        spec: the wish; `None` when it cannot be read.
        findings: everything that was found; of targets, the planner finds more.
        pointer: what names the record of the present deployment; `None` when nothing is deployed. It is that of the
            status, or the one that was found again.
        deployed: that record; `None` when nothing is deployed, or it is not at hand.
        staged: what the decisions make; `None` when they could not be gathered, and the status stands in this.
        contents: what the targets are to hold, after the next deployment.
        inputs: what certificates of selected decisions are read from.
        retry: something could not be read: look again with back-off.
    """

    spec: Spec | None
    findings: tuple[Finding, ...] = ()
    pointer: DeployedRecord | None = None
    deployed: TrustRecord | None = None
    staged: Staged | None = None
    contents: tuple[Content, ...] = ()
    inputs: frozenset[ObjectKey] = frozenset()
    retry: bool = False

    @property
    def deployment(self) -> Deployment | None:
        """What is deployed next."""
        return self.staged.deployment if self.staged is not None else None

    @property
    def record(self) -> TrustRecord | None:
        """What is deployed once that is done; `None` when nothing is, or it is not at hand."""
        return self.deployment.record if self.deployment is not None else self.deployed

    @property
    def lost(self) -> bool:
        """Say whether something is deployed, and it is not at hand."""
        return self.pointer is not None and self.record is None


def errors_of(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Give the findings that keep something from being as wished."""
    return tuple(each for each in findings if each.severity is Severity.ERROR)
