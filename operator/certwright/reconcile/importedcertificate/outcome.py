"""How one target stands: the value that targets, roll-outs and the status talk about."""

from __future__ import annotations

from dataclasses import dataclass, replace

from certwright.api.importedcertificate_status import TargetStatus
from certwright.findings import Finding
from certwright.reconcile.importedcertificate.judgement import Content
from certwright.reconcile.objects import Failure, ObjectKey, Observed, Snapshot
from certwright.reconcile.plan import Action
from certwright.reconcile.store_failures import describe_failure, may_pass, passes_by_itself


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one target stands.

    Attributes:
        row: what the status remembers of it.
        action: what is still to be done.
        findings: what keeps it from holding what it should.
        stored: the Secret holds the content wished for, and bears our marks.
        retry: time may mend what is wrong.
        waiting: there is nothing to do for a person yet.
        left: the target is no longer in the spec.
    """

    key: ObjectKey
    content: Content | None
    observed: Observed | None
    row: TargetStatus | None
    action: Action | None = None
    findings: tuple[Finding, ...] = ()
    stored: bool = False
    retry: bool = False
    waiting: bool = False
    left: bool = False


def fail(bare: Outcome, failure: Failure, snapshot: Snapshot) -> Outcome:
    """Give the outcome after a request about the target failed."""
    problem = describe_failure(bare.key, failure, was_read=bare.key in snapshot.objects)
    return replace(bare, findings=(problem,), retry=may_pass(failure), waiting=passes_by_itself(failure))
