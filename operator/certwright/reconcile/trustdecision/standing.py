"""From findings to the state of the whole: ready, waiting, or stalled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from certwright.dialects.root_certificates import place
from certwright.findings import Detail, Finding, Reason, Severity
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.patience import is_overdue, patience_end
from certwright.reconcile.trustdecision.judgement import Judgement, errors_of
from certwright.reconcile.trustdecision.past import Past
from certwright.settings import Settings

_ABOUT_THE_WISH = (Reason.INTERNAL_ERROR, Reason.INVALID_REQUEST, Reason.REFERENCE_NOT_FOUND)
_WITHOUT_CERTIFICATE = frozenset(
    {
        *_ABOUT_THE_WISH,
        Reason.NOT_CHECKED,
        Reason.UNPARSABLE,
        Reason.UNDECODABLE,
        Reason.FINGERPRINT_MISMATCH,
        Reason.VALIDATION_ERROR,
    }
)
"""What keeps one from knowing which CA is meant: wrong whether or not it is wished to be trusted."""
_COMES_BY_ITSELF = frozenset({Reason.REFERENCE_NOT_FOUND, Reason.NOT_CHECKED})


@dataclass(frozen=True, slots=True)
class Standing:
    """How the object stands.

    Attributes:
        findings: all of them, the worst first.
        worst: the error that names the state; `None` when the CA stands as it is wished.
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


def find_standing(judgement: Judgement, snapshot: Snapshot, past: Past, settings: Settings) -> Standing:
    """Put everything that was found together."""
    findings = worst_first(judgement.findings)
    blamed = tuple(each for each in errors_of(findings) if _is_blamed(each, judgement))
    if not blamed:
        return Standing(findings, None)
    worst = blamed[0]
    waiting = all(each.reason in _COMES_BY_ITSELF for each in blamed)
    patience_ends = patience_end(past, snapshot, settings)
    overdue = waiting and is_overdue(worst, past, snapshot, settings)
    return Standing(findings, worst, waiting, overdue, patience_ends if waiting and not overdue else None)


def _is_blamed(found: Finding, judgement: Judgement) -> bool:
    """Say whether somebody has to do something.

    The end of `trustUntil` is as wished, and so is what is wrong with a CA that nobody wishes to trust.
    """
    if found.reason is Reason.TRUST_ENDED:
        return False
    return judgement.is_wished or found.reason in _WITHOUT_CERTIFICATE


def _severity_of(found: Finding) -> tuple[bool, bool, int]:
    if found.reason in _ABOUT_THE_WISH:
        return found.severity is not Severity.ERROR, False, _ABOUT_THE_WISH.index(found.reason)
    return found.severity is not Severity.ERROR, True, place(found.reason)
