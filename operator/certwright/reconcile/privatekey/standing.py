"""From findings to the state of the whole: ready, waiting, or stalled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from certwright.findings import Finding, Severity
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.patience import is_overdue, patience_end
from certwright.reconcile.privatekey.holding import Holding
from certwright.reconcile.privatekey.judgement import Judgement, errors_of
from certwright.reconcile.privatekey.past import Past
from certwright.settings import Settings


@dataclass(frozen=True, slots=True)
class Standing:
    """How the object stands.

    Attributes:
        findings: all of them, errors first.
        worst: the error that names the state; `None` when there is none.
        overdue: waiting, and for too long.
        waiting: nothing is to be done by a person yet.
        requeue_at: when waiting turns into that.
    """

    findings: tuple[Finding, ...]
    worst: Finding | None
    waiting: bool = False
    overdue: bool = False
    requeue_at: datetime | None = None


def find_standing(
    judgement: Judgement, holding: Holding, snapshot: Snapshot, *, past: Past, settings: Settings
) -> Standing:
    """Put everything that was found together."""
    found = dict.fromkeys((*judgement.findings, *holding.findings))
    findings = tuple(sorted(found, key=lambda each: each.severity is not Severity.ERROR))
    errors = errors_of(findings)
    if not errors:
        return Standing(findings, None)
    worst, waiting = errors[0], holding.waiting
    patience_ends = patience_end(past, snapshot, settings)
    overdue = waiting and is_overdue(worst, past, snapshot, settings)
    return Standing(findings, worst, waiting, overdue, patience_ends if waiting and not overdue else None)
