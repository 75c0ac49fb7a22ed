"""The planner: from a judgement to what is left to be done.

Targets first, then the workloads that use them, then the status with its events: the status tells what became of the
others, so it is written when they are done. Each call gives the next stage; the executor asks again after it.
"""

from __future__ import annotations

from datetime import datetime

from certwright.api.importedcertificate import ImportedCertificateStatus
from certwright.findings import FailureCause
from certwright.reconcile.bookkeeping import read_instant
from certwright.reconcile.evidence import DOUBT
from certwright.reconcile.importedcertificate.changes import find_news
from certwright.reconcile.importedcertificate.conditions import Scene
from certwright.reconcile.importedcertificate.events import find_events
from certwright.reconcile.importedcertificate.judgement import Judgement
from certwright.reconcile.importedcertificate.past import Past, read_past
from certwright.reconcile.importedcertificate.refresh import decide_refresh
from certwright.reconcile.importedcertificate.status import (
    build_minimal_status,
    build_status,
    find_served,
    judge_validation,
)
from certwright.reconcile.importedcertificate.targets import decide_targets
from certwright.reconcile.importedcertificate.verdict import find_standing
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.plan import Action, Plan, WriteStatus
from certwright.settings import Settings

REFUSALS = frozenset({FailureCause.TOO_LARGE, FailureCause.INVALID})
"""What the API server answers to a status that it does not take; a smaller one may pass."""


def plan(judgement: Judgement, snapshot: Snapshot, *, settings: Settings) -> Plan:
    """Say what is left to be done; planned again after success, nothing is."""
    if snapshot.subject.deleting:
        return Plan()
    past = read_past(snapshot.subject)
    outcomes = decide_targets(judgement, snapshot, past)
    writes = tuple(each.action for each in outcomes if each.action is not None)
    if writes:
        return Plan((writes,))
    refresh = decide_refresh(outcomes, snapshot, past, settings=settings)
    patches = tuple(each.action for each in refresh.workloads.values() if each.action is not None)
    if patches:
        return Plan((patches,))
    standing = find_standing(judgement, outcomes, refresh, snapshot=snapshot, past=past, settings=settings)
    if judgement.held:
        return Plan((), snapshot.now + DOUBT, standing.retry)
    scene = Scene(
        judgement=judgement,
        outcomes=outcomes,
        refresh=refresh,
        standing=standing,
        served=find_served(judgement, outcomes, past, now=snapshot.now),
        validation=judge_validation(judgement),
        past=past,
        snapshot=snapshot,
    )
    status = build_status(scene)
    requeue_at = _earliest(standing.requeue_at, read_instant(status.next_check_time), _doubt(snapshot))
    stage = _report(scene, status, past)
    # Where nothing is wrong, nothing waits: the next instant does not depend on what this status is about to say.
    return Plan((stage,) if stage else (), requeue_at, standing.retry, final=standing.worst is None)


def _report(scene: Scene, full: ImportedCertificateStatus, past: Past) -> tuple[Action, ...]:
    """Write the status, with the events that it is worth, unless it says what the stored one says."""
    subject, status = scene.snapshot.subject, full
    failure = scene.snapshot.failures.get(subject.key)
    if failure is not None:
        if failure.cause not in REFUSALS:
            return ()
        status = build_minimal_status(scene, full, failure)
    news = find_news(status, past, scene.outcomes)
    if news is None:
        return ()
    stored = any(each.stored and each.observed is not None and each.observed.written for each in scene.outcomes)
    write = WriteStatus(subject.key, subject.version, news, subject, lasting=stored)
    return (write, *find_events(scene, full))


def _doubt(snapshot: Snapshot) -> datetime | None:
    return snapshot.now + DOUBT if snapshot.clock_doubted else None


def _earliest(*instants: datetime | None) -> datetime | None:
    return min((each for each in instants if each is not None), default=None)
