"""One piece of work: run a pass over an object, and turn however it ended into when to look again."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from certwright.findings import ClusterError, Finding, Reason, finding
from certwright.reconcile.confession import confess
from certwright.reconcile.objects import Kind, ObjectKey, Snapshot, Subject, Version
from certwright.reconcile.reconciler import Reconciler
from certwright.runtime.dependencies import Dependencies
from certwright.runtime.intake import Intake
from certwright.runtime.logs import describe_error
from certwright.runtime.mirror import NEWS, Mirror
from certwright.runtime.passes import PassResult, Surroundings, run_pass
from certwright.runtime.workers import Outcome

logger = logging.getLogger(__name__)

NO_VERSIONS: Mapping[ObjectKey, Version] = {}


class PassMetrics(Protocol):
    """What is counted about passes."""

    def passed(self, kind: str, result: str, seconds: float) -> None:
        """Count one pass."""
        ...


@dataclass(frozen=True, slots=True)
class _End:
    """How a pass ended: a word for metrics, what follows, the object as it left it, and what it saw."""

    result: str
    outcome: Outcome
    subject: Subject | None = None
    verified: Mapping[ObjectKey, Version] = field(default_factory=dict)


class Driver:
    """Do the work on a key; `work` is what `certwright.runtime.workers.Workers` call.

    Args:
        reconcilers: the pure steps of each kind.
        mirror: our own objects.
        dependencies: who refers to whom.
        intake: says what an object refers to, and is told what is gone.
        around: what a pass works with.
        metrics: counts.
    """

    def __init__(
        self,
        reconcilers: Mapping[Kind, Reconciler[Any]],
        mirror: Mirror,
        dependencies: Dependencies,
        *,
        intake: Intake,
        around: Surroundings,
        metrics: PassMetrics,
    ) -> None:
        self._reconcilers = reconcilers
        self._mirror = mirror
        self._dependencies = dependencies
        self._intake = intake
        self._around = around
        self._metrics = metrics
        self._verified: dict[ObjectKey, Mapping[ObjectKey, Version]] = {}
        self._full: set[ObjectKey] = set()
        intake.on_edited = self._on_edited

    def ask_in_full(self, key: ObjectKey) -> None:
        """Let the next pass over the object read and judge whatever the evidence says."""
        self._full.add(key)

    def _on_edited(self, key: ObjectKey) -> None:
        # While we only follow, others' statuses are the leader's, and as good evidence as our own.
        if self._around.gate.is_open:
            self.ask_in_full(key)

    def distrust(self, keys: Iterable[ObjectKey]) -> None:
        """Let the next passes over these objects believe no evidence: versions may mean something else now."""
        self._verified.clear()
        self._full.update(keys)

    async def work(self, key: ObjectKey) -> Outcome:
        """Run one pass; whatever goes wrong in it, nothing is raised but a cancellation."""
        subject = self._mirror.begin(key)
        if subject is None:
            self._verified.pop(key, None)
            self._full.discard(key)
            return Outcome()
        started = time.perf_counter()
        self._intake.begin(key)
        end = _End("cancelled", Outcome())
        try:
            end = await self._attempt(key, subject)
        finally:
            touched = self._intake.end(key)
            foreign = self._mirror.end(key, end.subject)
            seconds = time.perf_counter() - started
            self._metrics.passed(key.kind, end.result, seconds)
            logger.debug("a pass", extra={"about": key, "result": end.result, "seconds": round(seconds, 4)})
        # However the pass ended: what it wrote, or somebody else, is held by now, and the watch tells it to nobody.
        if end.subject is not None and end.subject is not subject and key in self._mirror:
            # What was stored is now part of the status, and so of what a change must wake this object for.
            self._intake.written(subject, end.subject)
        if foreign:
            self.ask_in_full(key)  # what evidence there is of earlier passes stands in a status that is not ours
            self._intake.changed(key)
        if end.outcome.conflict:
            return await self._refresh(key)
        if foreign or any(not self._has_seen(end, each) for each in touched):
            return replace(end.outcome, again=True)
        return end.outcome

    def _has_seen(self, end: _End, key: ObjectKey) -> bool:
        """Say whether an object is as the pass read or wrote it."""
        seen, held = end.verified.get(key), self._around.cache.peek(key)
        return seen is not None and held is not None and held.version == seen

    async def _attempt(self, key: ObjectKey, subject: Subject) -> _End:
        try:
            result = await self._pass(key, subject, self._around)
        except ClusterError as error:
            return _failed(key, error)
        except Exception as error:
            # A defect of ours, or of a library, that the judge did not turn into a finding.
            logger.exception("a pass failed", extra={"about": key, "reason": Reason.INTERNAL_ERROR.value})
            end = await self._confess(key, subject, error)
            self.ask_in_full(key)  # what is said now is no evidence that the next try has nothing to do
            return end
        outcome = Outcome(result.requeue_at, result.retry, result.conflict, retry_after=result.retry_after)
        return _End(_word(result), outcome, result.subject, result.verified)

    async def _pass(self, key: ObjectKey, subject: Subject, around: Surroundings) -> PassResult:
        full = key in self._full
        result = await run_pass(
            self._reconcilers[key.kind],
            subject,
            around=around,
            verified=self._verified.get(key, NO_VERSIONS),
            full=full,
        )
        if full and not (result.retry or result.conflict):
            self._full.discard(key)
        if result.recorded:
            self._verified.pop(key, None)
        elif result.verified and not (result.settled or result.retry):
            self._verified[key] = result.verified
        return result

    async def _confess(self, key: ObjectKey, subject: Subject, error: Exception) -> _End:
        """Say in the status that we failed, through the planner when that works, else without it."""
        problem = internal_error(error)

        async def refuse(reconciler: Reconciler[Any], snapshot: Snapshot) -> Any:
            return reconciler.refuse(snapshot, problem)

        try:
            result = await self._pass(key, subject, replace(self._around, judge_in=refuse))
        except Exception as again:  # noqa: BLE001 - it has been logged once already
            logger.debug("nor could it be planned what to say of it: %s", describe_error(again), extra={"about": key})
            return _End("error", Outcome(retry=True), await self._confess_bare(key, problem))
        return _End("error", Outcome(retry=True), result.subject)

    async def _confess_bare(self, key: ObjectKey, problem: Finding) -> Subject | None:
        """Say it without any planner; give the object as that left it, `None` when it could not be said."""
        try:
            # As it is stored: what failed may have been half a pass, with statuses of its own.
            subject = await self._around.cluster.read_subject(key)
            write = confess(subject, problem, now=self._around.clock.judgement()) if subject is not None else None
            return subject if write is None else await self._around.cluster.write_status(write)
        except ClusterError as error:
            logger.warning("a defect could not be told in the status: %s", error.message, extra={"about": key})
            return None

    async def _refresh(self, key: ObjectKey) -> Outcome:
        """Read an object that moved on during its pass: the watch may be behind, and the next pass must not be."""
        try:
            subject = await self._around.cluster.read_subject(key)
        except ClusterError as error:
            return _failed(key, error).outcome
        if subject is None:
            if self._mirror.remove(key):
                self._intake.gone(key)
            return Outcome()
        change = self._mirror.put(subject)
        if change in NEWS:
            self._intake.found(key, change)  # when the watch brings the same, it is no news any more
        return Outcome(conflict=True)


def internal_error(error: Exception) -> Finding:
    """Make the finding for a defect of ours; a message of a foreign exception could quote a key."""
    name = type(error).__name__
    message = (
        f"An unexpected {name} stopped the work on this object. This is a defect of certwright; its log says more."
    )
    return finding(Reason.INTERNAL_ERROR, message)


def _failed(key: ObjectKey, error: ClusterError) -> _End:
    logger.warning("%s", error.message, extra={"about": key, "reason": error.cause.value})
    return _End("retry", Outcome(retry=True, retry_after=error.retry_after or 0.0))


def _word(result: PassResult) -> str:
    if result.settled:
        return "settled"
    if result.conflict:
        return "conflict"
    return "retry" if result.retry else "done"
