"""From reports to counts, codes and the exit status."""

from __future__ import annotations

from dataclasses import dataclass

from certwright.cli.offline.report import Outcome, Report
from certwright.dialects.root_certificates import validation_code
from certwright.dialects.store_status import ANSWERS, StoreAnswer, worst_answer
from certwright.findings import Reason

GOOD_EXIT, FINDINGS_EXIT, UNJUDGED_EXIT = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Summary:
    """How many reports there are of each kind; a report counts once.

    Attributes:
        good: nothing is wrong.
        warned: good, with warnings.
        unchecked: not all could be looked at, and nothing is wrong with the rest.
        bad: refused.
        problems: what could not be judged.
    """

    good: int
    warned: int
    unchecked: int
    bad: int
    problems: int

    @property
    def total(self) -> int:
        """How many reports there are."""
        return self.good + self.warned + self.unchecked + self.bad


def summarize(outcome: Outcome) -> Summary:
    """Count."""
    reports = outcome.reports
    bad = sum(bool(each.errors) for each in reports)
    unchecked = sum(each.reason is Reason.NOT_CHECKED for each in reports)
    warned = sum(each.reason is Reason.VALID and bool(each.warnings) for each in reports)
    return Summary(len(reports) - bad - unchecked - warned, warned, unchecked, bad, len(outcome.problems))


def exit_status(outcome: Outcome, *, require_keys: bool) -> int:
    """Give the exit status: 2 where something could not be judged, else 1 where something is wrong, else 0."""
    if outcome.problems or (require_keys and any(each.lacks_key for each in outcome.reports)):
        return UNJUDGED_EXIT
    return FINDINGS_EXIT if any(each.errors for each in outcome.reports) else GOOD_EXIT


def response_code(report: Report, answer: StoreAnswer | None) -> int | None:
    """Give the response code that a status would show: of a set that of source 4, else that of source 1."""
    if report.certificate_set is not None:
        return report.certificate_set.code
    return answer.response_code if answer is not None else None


def codes_of(report: Report) -> tuple[int, StoreAnswer | None]:
    """Give the codes that the status of an object would show: of source 3 and, where it has a word for it, source 1."""
    reasons = [each.finding.reason for each in report.errors] or [report.reason]
    if report.certificate_set is not None:
        return validation_code(reasons), None
    # What the API server refuses before it is stored has no status; as a request it is a bad one.
    reasons = [Reason.INVALID_REQUEST if each is Reason.KEY_IN_CERTIFICATE else each for each in reasons]
    known = [each for each in reasons if each in ANSWERS]
    return validation_code(reasons), worst_answer(known) if known else None
