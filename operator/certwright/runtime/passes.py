"""One pass over one object: gather → judge → plan → execute, planned again until nothing is left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from certwright.cluster.execute import LOST_RACES, execute
from certwright.cluster.gather import gather
from certwright.cluster.library import NoLibrary
from certwright.cluster.ports import Clock, Cluster, Library, MetadataCache
from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.marks import is_owned
from certwright.reconcile.objects import ObjectKey, Snapshot, Subject, Version
from certwright.reconcile.plan import Plan, SetFinalizer, WriteStatus
from certwright.reconcile.reconciler import Reconciler
from certwright.runtime.leadership import AlwaysLeader, Gate

MAX_ROUNDS = 12
"""Stages of one pass, lost races included; whoever loses more of them waits for a quieter moment."""

ANSWERED_IN_STATUS = {FailureCause.TOO_LARGE, FailureCause.INVALID}
"""Refusals of a status that a smaller status can answer; any other failure of a status write ends the pass."""

NO_LIBRARY = NoLibrary()
"""For passes over kinds that ask nothing but objects."""

ALWAYS_LEADER = AlwaysLeader()
"""For passes that no other process could make."""

JudgeIn = Callable[[Reconciler[Any], Snapshot], Awaitable[Any]]
"""Where a judgement is made: on the event loop, or in a worker process when it is heavy."""


@dataclass(frozen=True, slots=True)
class PassResult:
    """How a pass ended.

    Attributes:
        subject: the object as the last status write left it.
        requeue_at: when to look again (judgement time), `None` when only a change can matter.
        retry: something failed that time may mend: look again with back-off.
        conflict: the object itself moved on during the pass: look again at once.
        settled: nothing had changed since the last verdict, and nothing was read.
        retry_after: seconds that the server asked to wait before that.
        verified: versions of the objects that this pass has read or written; unless it is to be retried, they are in
            order.
        recorded: the status alone proves as much: nothing of `verified` need be remembered.
    """

    subject: Subject
    requeue_at: datetime | None = None
    retry: bool = False
    conflict: bool = False
    settled: bool = False
    retry_after: float = 0.0
    verified: Mapping[ObjectKey, Version] = field(default_factory=dict)
    recorded: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a pass works with, the same for every object.

    Attributes:
        judged_by: digest of everything but the inputs that a verdict depends on; see `status.record.judgedBy`.
        library: answers what is asked besides objects.
        gate: gives the epoch, which what is created bears.
    """

    cluster: Cluster
    cache: MetadataCache
    clock: Clock
    judge_in: JudgeIn
    judged_by: str
    library: Library = NO_LIBRARY
    gate: Gate = ALWAYS_LEADER


async def judge_inline(reconciler: Reconciler[Any], snapshot: Snapshot) -> Any:
    """Judge on the event loop: the choice of tests and of the command line."""
    return reconciler.judge(snapshot)


async def run_pass(
    reconciler: Reconciler[Any],
    subject: Subject,
    *,
    around: Surroundings,
    verified: Mapping[ObjectKey, Version],
    full: bool = False,
) -> PassResult:
    """Bring the cluster to what the subject asks for, as far as its material allows, and say so in its status.

    Args:
        reconciler: the pure steps of the subject's kind.
        subject: the object as the watch last delivered it.
        around: cluster, cache, clock and the place where judgements are made.
        verified: what an earlier pass of this process found in order; see `Reconciler.settled`.
        full: read and judge even when the evidence says that nothing changed.
    """
    clock = around.clock
    snapshot = Snapshot(
        subject, clock.judgement(), around.judged_by, clock_doubted=clock.doubted(), epoch=around.gate.epoch
    )
    for question in reconciler.asks(subject):
        snapshot = snapshot.with_answer(question, around.library.ask(question))
    if not full:
        due = reconciler.settled(snapshot, around.cache, verified=verified)
        if due is not False:
            return PassResult(subject, due, settled=True, verified=verified)
    snapshot = await _gather(reconciler, snapshot, around)
    judgement = await around.judge_in(reconciler, snapshot)
    for _ in range(MAX_ROUNDS):
        plan = reconciler.plan(judgement, snapshot)
        if not plan.stages:
            return _conclude(reconciler, plan, snapshot, around)
        try:
            snapshot = await execute(
                plan.stages[0], snapshot, cluster=around.cluster, cache=around.cache, library=around.library
            )
        except ClusterError as error:
            if error.cause not in LOST_RACES:
                raise
            return PassResult(snapshot.subject, conflict=True)
        if _status_lost(plan.stages[0], snapshot):
            return _end(snapshot, plan.requeue_at, retry=True)
        if plan.final and len(plan.stages) == 1 and not snapshot.failures:
            return _conclude(reconciler, plan, snapshot, around)
        snapshot = await _gather(reconciler, snapshot, around)
    return _end(snapshot, None, retry=True)


def _end(snapshot: Snapshot, requeue_at: datetime | None, *, retry: bool) -> PassResult:
    waits = [failure.retry_after or 0.0 for failure in snapshot.failures.values()]
    return PassResult(
        snapshot.subject,
        requeue_at,
        retry,
        retry_after=max(waits, default=0.0) if retry else 0.0,
        verified=_versions(snapshot),
    )


async def _gather(reconciler: Reconciler[Any], snapshot: Snapshot, around: Surroundings) -> Snapshot:
    return await gather(reconciler, snapshot, cluster=around.cluster, cache=around.cache, library=around.library)


def _conclude(reconciler: Reconciler[Any], plan: Plan, snapshot: Snapshot, around: Surroundings) -> PassResult:
    if plan.retry:
        return _end(snapshot, plan.requeue_at, retry=True)
    around.library.conclude(snapshot)
    if plan.final:
        _vouch(snapshot, around.cache)
    recorded = reconciler.settled(snapshot, around.cache, verified={}) is not False
    return replace(_end(snapshot, plan.requeue_at, retry=False), recorded=recorded)


def _vouch(snapshot: Snapshot, cache: MetadataCache) -> None:
    """Say that the targets that were looked into are in order; who reads those of another compares nothing."""
    for key, observed in snapshot.objects.items():
        if observed is not None and is_owned(observed, snapshot.subject):
            cache.vouch(key, observed.version)


def _status_lost(stage: tuple[object, ...], snapshot: Snapshot) -> bool:
    failure = snapshot.failures.get(snapshot.subject.key)
    wrote = any(isinstance(action, WriteStatus | SetFinalizer) for action in stage)
    return wrote and failure is not None and failure.cause not in ANSWERED_IN_STATUS


def _versions(snapshot: Snapshot) -> dict[ObjectKey, Version]:
    return {key: observed.version for key, observed in snapshot.objects.items() if observed is not None}
