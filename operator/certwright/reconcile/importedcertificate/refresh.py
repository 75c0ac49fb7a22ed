"""Refreshing: a Secret that changed is of use only when the pods that read it at their start have started again.

"Stored" and "refreshed" are two facts. A roll-out is started when stored content changed: never when a Secret is first
created, never to repair drift, and at most once in an interval. The annotation's value is a digest of what is public.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from certwright.api.conditions import ConditionType
from certwright.findings import Detail, FailureCause, Finding, Reason, finding
from certwright.reconcile.bookkeeping import read_instant
from certwright.reconcile.importedcertificate.outcome import Outcome
from certwright.reconcile.importedcertificate.past import Past
from certwright.reconcile.importedcertificate.references import workload_keys
from certwright.reconcile.importedcertificate.rollouts import (
    Progress,
    has_no_replicas,
    observe_rollout,
    template_annotation,
)
from certwright.reconcile.marks import was_created_by_us
from certwright.reconcile.objects import Failure, ObjectKey, Observed, Snapshot, Subject
from certwright.reconcile.plan import AnnotateTemplate
from certwright.settings import Settings

ANNOTATION_PREFIX = "refresh.certwright.io/"


@dataclass(frozen=True, slots=True)
class WorkloadState:
    """How one workload stands.

    Attributes:
        action: the patch that starts its roll-out.
        problem: what keeps it from running the new certificate; `None` when it does.
        waiting: there is nothing to do for a person yet.
        started: its roll-out was started in this pass.
        due: when its roll-out may start at the earliest, where it has to wait.
    """

    action: AnnotateTemplate | None = None
    problem: Finding | None = None
    waiting: bool = False
    started: bool = False
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refresh:
    """How refreshing stands over all targets.

    Attributes:
        pending: the targets, by the name of the Secret, whose content some workload does not run yet.
        workloads: those of the pending targets.
    """

    pending: frozenset[str] = frozenset()
    workloads: Mapping[ObjectKey, WorkloadState] = field(default_factory=dict)

    def states(self, keys: Iterable[ObjectKey]) -> tuple[WorkloadState, ...]:
        """Give the states of some workloads, as far as they are waited for."""
        return tuple(self.workloads[key] for key in keys if key in self.workloads)


def decide_refresh(outcomes: Iterable[Outcome], snapshot: Snapshot, past: Past, *, settings: Settings) -> Refresh:
    """Decide which workloads have to restart, and how far those are that do."""
    asking = [each for each in outcomes if each.content is not None and each.content.target.refresh]
    pending = [each for each in asking if each.stored and _is_pending(each, snapshot.subject, past)]
    namespace = snapshot.subject.key.namespace
    users: dict[ObjectKey, list[Outcome]] = {}
    for outcome in asking:
        assert outcome.content is not None  # noqa: S101 - for the type checker; asked above
        for key in workload_keys(outcome.content.target, namespace):
            users.setdefault(key, []).append(outcome)
    states = {
        key: _observe(key, _combine(using), snapshot, _earliest_start(past, settings))
        for key, using in users.items()
        if any(each in pending for each in using)
    }
    unfinished = {key for key, state in states.items() if state.problem is not None or state.action is not None}
    names = frozenset(
        each.key.name
        for each in pending
        if each.content is not None and unfinished.intersection(workload_keys(each.content.target, namespace))
    )
    return Refresh(names, states)


def _is_pending(outcome: Outcome, subject: Subject, past: Past) -> bool:
    """Say whether the content that is stored now still has to be taken up."""
    row, content, observed = outcome.row, outcome.content, outcome.observed
    if content is None or observed is None:
        return False
    if row is None or row.digest is None:
        # First creation rolls nothing out. An adopted Secret that held other content may be in use.
        return observed.written and content.fits is None and not was_created_by_us(observed, subject)
    if row.digest != content.digest:
        return True
    return row.refreshed_time is None and past.holds(ConditionType.REFRESHED) is False


def _combine(outcomes: list[Outcome]) -> str:
    """Give one digest for all the targets that a workload uses: it has one annotation of ours."""
    digests = sorted({each.content.digest or "" for each in outcomes if each.content is not None})
    if len(digests) == 1:
        return digests[0]
    return "sha256:" + hashlib.sha256(" ".join(digests).encode()).hexdigest()


def _earliest_start(past: Past, settings: Settings) -> datetime | None:
    record = past.status.record
    last = read_instant(record.rollout_time) if record else None
    return last + timedelta(seconds=settings.refresh_interval_seconds) if last else None


def _observe(key: ObjectKey, value: str, snapshot: Snapshot, earliest: datetime | None) -> WorkloadState:
    workload, failure = snapshot.get(key), snapshot.failures.get(key)
    if failure is not None:
        return _failed(key, failure)
    if workload is None:
        return _missing(key, is_known=snapshot.knows(key))
    if has_no_replicas(workload):
        return WorkloadState()
    annotation = ANNOTATION_PREFIX + snapshot.subject.version.uid[:12]
    if template_annotation(workload, annotation) == value:
        return _progress(workload)
    if earliest is not None and snapshot.now < earliest:
        return WorkloadState(problem=_pending(key, "its last roll-out is too recent"), waiting=True, due=earliest)
    return WorkloadState(AnnotateTemplate(key, workload.version, annotation, value))


def _missing(key: ObjectKey, *, is_known: bool) -> WorkloadState:
    if not is_known:
        return WorkloadState(problem=_pending(key, "it has not been looked at yet"), waiting=True)
    text = f"{key.kind} `{key.name}` does not exist. Create it, or take it out of `refresh`."
    return WorkloadState(problem=finding(Reason.NOT_REFRESHED, text, detail=Detail.WORKLOAD_MISSING))


def _progress(workload: Observed) -> WorkloadState:
    rollout = observe_rollout(workload)
    match rollout.progress:
        case Progress.COMPLETE:
            return WorkloadState(started=workload.written)
        case Progress.RUNNING:
            problem = _pending(workload.key, rollout.message)
            return WorkloadState(problem=problem, waiting=True, started=workload.written)
        case Progress.BLOCKED:
            text = f"{workload.key.kind} `{workload.key.name}` does not take up the new certificate: {rollout.message}."
            problem = finding(Reason.NOT_REFRESHED, text, detail=Detail.ROLLOUT_BLOCKED)
            return WorkloadState(problem=problem, started=workload.written)


def _pending(key: ObjectKey, message: str) -> Finding:
    text = f"{key.kind} `{key.name}` does not run the new certificate yet: {message}."
    return finding(Reason.NOT_REFRESHED, text, detail=Detail.ROLLOUT_PENDING)


def _failed(key: ObjectKey, failure: Failure) -> WorkloadState:
    if failure.cause is FailureCause.FORBIDDEN:
        text = (
            f"{key.kind} `{key.name}` may not be restarted by certwright: {failure.message}. Install the component "
            "`refresh`, or restart it yourself and take it out of `refresh`."
        )
        return WorkloadState(problem=finding(Reason.NOT_REFRESHED, text, detail=Detail.FORBIDDEN))
    text = f"{key.kind} `{key.name}` could not be restarted: {failure.message}. It is tried again."
    return WorkloadState(problem=finding(Reason.NOT_REFRESHED, text, detail=Detail.WRITE_FAILED), waiting=True)
