"""From findings to the state of the whole: ready, waiting, or stalled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from certwright.findings import Finding, Reason, Severity
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.patience import is_overdue, patience_end
from certwright.reconcile.truststore.judgement import Judgement, errors_of
from certwright.reconcile.truststore.past import Past
from certwright.reconcile.truststore.targets import Survey
from certwright.settings import Settings

_WORST_FIRST = (
    Reason.INTERNAL_ERROR,
    Reason.INVALID_REQUEST,
    Reason.LAST_GOOD_LOST,
    Reason.EMPTY_BUNDLE,
    Reason.UNPARSABLE,
    Reason.REFERENCE_NOT_FOUND,
    Reason.BUNDLE_NOT_SERVED,
    Reason.TARGET_NOT_OWNED,
    Reason.TARGET_IMMUTABLE,
    Reason.STORE_FAILED,
    Reason.TARGET_MISSING,
    Reason.NOT_CHECKED,
)
_PLACES = {reason: place for place, reason in enumerate(_WORST_FIRST)}
_COMES_BY_ITSELF = frozenset({Reason.REFERENCE_NOT_FOUND, Reason.NOT_CHECKED})
_COMES_BEFORE = _COMES_BY_ITSELF | {Reason.EMPTY_BUNDLE}
"""Before the first deployment the decisions may be on their way, as the store was a moment ago."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the store stands.

    Attributes:
        findings: all of them, the worst first.
        worst: the error that names the state; `None` when there is none.
        running: nothing is wrong, and targets are still to be written.
        waiting: nothing is to be done by a person yet.
        overdue: waiting, and for too long.
        retry: time may mend what is wrong: look again with back-off.
        requeue_at: when waiting turns into stalling.
    """

    findings: tuple[Finding, ...]
    worst: Finding | None
    running: bool = False
    waiting: bool = False
    overdue: bool = False
    retry: bool = False
    requeue_at: datetime | None = None


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings, the worst first, each once; equals keep their order."""
    return tuple(sorted(dict.fromkeys(findings), key=_severity_of))


def find_standing(
    judgement: Judgement, survey: Survey, *, snapshot: Snapshot, past: Past, settings: Settings
) -> Standing:
    """Put everything that was found together."""
    findings = worst_first((*judgement.findings, *(each.found for each in survey.troubles)))
    retry = judgement.retry or any(each.retry for each in survey.troubles)
    worst = next(iter(errors_of(findings)), None)
    running = worst is None and not judgement.lost and judgement.record is not None and not survey.done
    if worst is None:
        return Standing(findings, None, running=running, waiting=running, retry=retry)
    comes = _COMES_BY_ITSELF if judgement.pointer is not None else _COMES_BEFORE
    waiting = all(each.reason in comes for each in errors_of(judgement.findings)) and all(
        each.waiting for each in survey.troubles
    )
    patience_ends = patience_end(past, snapshot, settings)
    overdue = waiting and is_overdue(worst, past, snapshot, settings)
    requeue_at = patience_ends if waiting and not overdue else None
    return Standing(findings, worst, waiting=waiting, overdue=overdue, retry=retry, requeue_at=requeue_at)


def _severity_of(found: Finding) -> tuple[bool, int]:
    return found.severity is not Severity.ERROR, _PLACES.get(found.reason, len(_PLACES))
