"""From findings to the state of the whole: ready, waiting, or stalled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from certwright.findings import Detail, Finding, Reason, Severity
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.patience import is_overdue, patience_end
from certwright.reconcile.revocationsource.judgement import errors_of
from certwright.reconcile.revocationsource.past import Past
from certwright.settings import Settings

_WORST_FIRST = (
    Reason.INTERNAL_ERROR,
    Reason.INVALID_REQUEST,
    Reason.REFERENCE_NOT_FOUND,
    Reason.CRL_INVALID,
    Reason.CRL_ISSUER_NOT_FOUND,
    Reason.CRL_ISSUER_NOT_AUTHORIZED,
    Reason.CRL_NOT_VALID,
    Reason.CRL_EXPIRED,
    Reason.CRL_ERROR,
    Reason.LAST_GOOD_LOST,
    Reason.HOST_NOT_ALLOWED,
    Reason.FETCH_FAILED,
    Reason.NOT_CHECKED,
)
_PLACES = {reason: place for place, reason in enumerate(_WORST_FIRST)}
_COMES_BY_ITSELF = frozenset({Reason.REFERENCE_NOT_FOUND, Reason.NOT_CHECKED, Reason.FETCH_FAILED})


@dataclass(frozen=True, slots=True)
class Standing:
    """How the object stands.

    Attributes:
        findings: all of them, the worst first.
        worst: the error that names the state; `None` when there is none.
        waiting: nothing is to be done by a person yet.
        overdue: waiting, and for too long.
        requeue_at: when waiting turns into that.
    """

    findings: tuple[Finding, ...]
    worst: Finding | None
    waiting: bool = False
    overdue: bool = False
    requeue_at: datetime | None = None

    @property
    def retry(self) -> bool:
        """Say whether to look again with back-off: something could not be read."""
        return any(each.detail in {Detail.READ_FAILED, Detail.FORBIDDEN} for each in self.findings)


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings, the worst first, each once; equals keep their order."""
    return tuple(sorted(dict.fromkeys(findings), key=_severity_of))


def find_standing(found: Iterable[Finding], snapshot: Snapshot, past: Past, settings: Settings) -> Standing:
    """Put everything that was found together."""
    findings = worst_first(found)
    errors = errors_of(findings)
    if not errors:
        return Standing(findings, None)
    worst = errors[0]
    waiting = all(each.reason in _COMES_BY_ITSELF for each in errors)
    patience_ends = patience_end(past, snapshot, settings)
    overdue = waiting and is_overdue(worst, past, snapshot, settings)
    return Standing(findings, worst, waiting, overdue, patience_ends if waiting and not overdue else None)


def _severity_of(found: Finding) -> tuple[bool, int]:
    return found.severity is not Severity.ERROR, _PLACES.get(found.reason, len(_PLACES))
