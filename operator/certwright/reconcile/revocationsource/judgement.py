"""What the judge of a RevocationSource hands to the planner; values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from certwright.api.revocationsource import RevocationSourceSpec
from certwright.api.revocationsource_status import KeptList
from certwright.findings import Finding, Severity
from certwright.pki.crl import RevocationList
from certwright.reconcile.plan import StartFetch
from certwright.reconcile.questions import Reading


@dataclass(frozen=True, slots=True)
class InUse:
    """The list that verdicts use from now on.

    Attributes:
        crl: the list; `None` when it is the one of the status and cannot be had at the moment.
        kept: what is recorded of it; the count of its parts is the planner's to say.
        fetched_at: when it was fetched.
        etag: what its server calls it.
        last_modified: when its server changed it.
    """

    crl: RevocationList | None
    kept: KeptList
    fetched_at: datetime | None = None
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on a wish and on what came of it.

    Attributes:
        spec: the wish; `None` when it cannot be read.
        findings: everything that was found.
        in_use: the list that verdicts use; `None` when there is none.
        storing: the list in use with its parts, when it was handed in or delivered just now.
        is_kept: what the list of the status is kept in is as recorded.
        refused: what is wrong with the last fetch, or with what it brought; of a URL only.
        is_judged: the list that the source offers was judged, or is the one in use.
        next_change: when the verdict changes by time alone.
        fetch: the fetch to start now.
        fetch_due: when the next one is due, otherwise.
        standing: time is in doubt, or the list in use cannot be read: the status stands as it is.
    """

    spec: RevocationSourceSpec | None
    findings: tuple[Finding, ...] = ()
    in_use: InUse | None = None
    storing: Reading | None = None
    is_kept: bool = True
    refused: tuple[Finding, ...] = ()
    is_judged: bool = False
    next_change: datetime | None = None
    fetch: StartFetch | None = None
    fetch_due: datetime | None = None
    standing: bool = False


def errors_of(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Give the findings that refuse something."""
    return tuple(each for each in findings if each.severity is Severity.ERROR)
