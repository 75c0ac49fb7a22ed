"""From findings to the state of the whole: ready, waiting, or stalled, and the sentence that says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from certwright.dialects.root_certificates import place
from certwright.dialects.store_status import ANSWERS
from certwright.findings import Finding, Reason, Severity
from certwright.reconcile.importedcertificate.judgement import Judgement, errors_of
from certwright.reconcile.importedcertificate.outcome import Outcome
from certwright.reconcile.importedcertificate.past import Past
from certwright.reconcile.importedcertificate.refresh import Refresh
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.patience import is_overdue, patience_end
from certwright.settings import Settings

_COMES_BY_ITSELF = frozenset({Reason.REFERENCE_NOT_FOUND, Reason.NOT_CHECKED})


@dataclass(frozen=True, slots=True)
class Standing:
    """How the object stands.

    Attributes:
        findings: all of them, the worst first.
        worst: the error that names the state; `None` when there is none.
        waiting: nothing is to be done by a person yet.
        overdue: waiting, and for too long.
        retry: time may mend what is wrong: look again with back-off.
        requeue_at: when waiting ends, or a roll-out is looked at again.
    """

    findings: tuple[Finding, ...]
    worst: Finding | None
    waiting: bool = False
    overdue: bool = False
    retry: bool = False
    requeue_at: datetime | None = None


def severity_of(found: Finding) -> tuple[int, int, int]:
    """Give the place of a finding among others: errors first, by source 1's order, then by source 3's."""
    if found.severity is Severity.WARNING:
        return (1, 0, 0)
    return (0, ANSWERS[found.reason].severity, place(found.reason))


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings, the worst first, each once; equals keep their order."""
    return tuple(sorted(dict.fromkeys(findings), key=severity_of))


def find_standing(
    judgement: Judgement,
    outcomes: tuple[Outcome, ...],
    refresh: Refresh,
    *,
    snapshot: Snapshot,
    past: Past,
    settings: Settings,
) -> Standing:
    """Put everything that was found together."""
    states = tuple(refresh.workloads.values())
    problems = [state.problem for state in states if state.problem is not None]
    about_targets = [each for outcome in outcomes for each in outcome.findings]
    findings = worst_first((*judgement.findings, *about_targets, *problems))
    retry = (
        any(each.reason is Reason.NOT_CHECKED for each in findings)
        or any(outcome.retry for outcome in outcomes)
        or any(key in snapshot.failures for key in refresh.workloads)
    )
    worst = next(iter(errors_of(findings)), None)
    if worst is None:
        return Standing(findings, None, retry=retry)
    grace_ends = _grace_end(judgement, settings)
    in_grace = grace_ends is not None and snapshot.now < grace_ends
    waiting = (
        all(
            each.reason in _COMES_BY_ITSELF or (in_grace and each.reason is Reason.KEY_MISMATCH)
            for each in errors_of(judgement.findings)
        )
        and all(outcome.waiting for outcome in outcomes if outcome.findings)
        and all(state.waiting for state in states if state.problem is not None)
    )
    patience_ends = patience_end(past, snapshot, settings)
    overdue = waiting and not in_grace and is_overdue(worst, past, snapshot, settings)
    instants = [state.due for state in states if state.due is not None]
    if any(state.problem is not None and state.due is None for state in states) and not retry:
        instants.append(snapshot.now + timedelta(seconds=settings.refresh_poll_seconds))
    if waiting and not overdue:
        instants.append(patience_ends)
    if in_grace and grace_ends is not None:
        instants.append(grace_ends)
    return Standing(findings, worst, waiting, overdue, retry, min(instants, default=None))


def _grace_end(judgement: Judgement, settings: Settings) -> datetime | None:
    if judgement.pair_changed is None:
        return None
    return judgement.pair_changed + timedelta(seconds=settings.pair_grace_seconds)
