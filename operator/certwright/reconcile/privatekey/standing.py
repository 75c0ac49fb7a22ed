"""From findings to the state of the whole: ready, waiting, or stalled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from certwright.api.conditions import ConditionType
from certwright.dialects.state_words import StateWord
from certwright.findings import Finding, Severity
from certwright.reconcile.objects import Snapshot
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
    patience_ends = _patience_end(past, snapshot, settings)
    overdue = waiting and (_was_overdue(worst, past, snapshot) or snapshot.now >= patience_ends)
    return Standing(findings, worst, waiting, overdue, patience_ends if waiting and not overdue else None)


def _patience_end(past: Past, snapshot: Snapshot, settings: Settings) -> datetime:
    since = past.since(ConditionType.RECONCILING)
    # A person who changed the wish gets the whole time again.
    if since is None or past.status.observed_generation != snapshot.subject.generation:
        since = snapshot.now
    return since + timedelta(seconds=settings.stalled_after_seconds)


def _was_overdue(worst: Finding, past: Past, snapshot: Snapshot) -> bool:
    stalled, ready = (past.conditions.get(each.value) for each in (ConditionType.STALLED, ConditionType.READY))
    return (
        stalled is not None
        and stalled.reason == StateWord.WAITED_TOO_LONG
        and ready is not None
        and ready.reason == worst.reason.value
        and past.status.observed_generation == snapshot.subject.generation
    )
