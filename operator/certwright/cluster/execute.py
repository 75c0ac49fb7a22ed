"""From a stage of a plan to the cluster, and back into the snapshot that the next plan is made from."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

from certwright.cluster.gather import failure_of, read_fresh, side_by_side
from certwright.cluster.ports import Cluster, Library, MetadataCache
from certwright.cluster.retries import is_ambiguous
from certwright.findings import ClusterError, FailureCause, MaterialError
from certwright.reconcile.objects import Failure, ObjectKey, Observed, Snapshot, Subject
from certwright.reconcile.plan import (
    AnnotateTemplate,
    ApplyBundle,
    ApplyClusterTrustBundle,
    ApplySecret,
    Delete,
    KeepRecord,
    Record,
    Release,
    SetFinalizer,
    Stage,
    StartFetch,
    WriteStatus,
)
from certwright.reconcile.questions import FetchState
from certwright.reconcile.set_actions import Annotate, ApplyContent, Rehearse, RestoreSecret

logger = logging.getLogger(__name__)

LOST_RACES = {FailureCause.CONFLICT, FailureCause.ALREADY_EXISTS, FailureCause.NOT_FOUND}
"""Somebody else was quicker: read the object again and plan anew. Nothing was merged."""


Content = ApplySecret | ApplyBundle | ApplyClusterTrustBundle | ApplyContent | KeepRecord
Mark = Release | AnnotateTemplate | RestoreSecret | Annotate
TargetWrite = Content | Mark | Delete
SubjectWrite = WriteStatus | SetFinalizer
Write = TargetWrite | SubjectWrite | StartFetch | Rehearse
Outcome = Observed | Subject | FetchState | ClusterError | None


async def execute(
    stage: Stage, snapshot: Snapshot, *, cluster: Cluster, cache: MetadataCache, library: Library
) -> Snapshot:
    """Carry out the actions of one stage side by side and fold what came of them into the snapshot.

    A failed write becomes a failure of the snapshot; a lost race becomes the object as it is now. Events come last, and
    only when the status says what they tell: told before, they would be told again with the next try.

    Raises:
        ClusterError: the status could not be written because the subject itself moved on, or is gone.
    """
    writes = [action for action in stage if not isinstance(action, Record)]
    outcomes = await side_by_side(
        [_perform(action, cluster=cluster, cache=cache, library=library) for action in writes]
    )
    if not any(_is_untold(action, outcome) for action, outcome in zip(writes, outcomes, strict=True)):
        for action in stage:
            if isinstance(action, Record):
                await _tell(action, cluster)
    return _fold(list(zip(writes, outcomes, strict=True)), snapshot)


def _is_untold(action: Write, outcome: Outcome) -> bool:
    """Say whether a status was not written; one that lasts was, before the conflict is raised."""
    if not isinstance(action, WriteStatus) or not isinstance(outcome, ClusterError):
        return False
    return not (action.lasting and outcome.cause in LOST_RACES)


async def _tell(action: Record, cluster: Cluster) -> None:
    # Events go away after an hour; the log is where the night is read the next morning.
    logger.info("%s", action.note, extra={"about": action.subject.key, "reason": action.reason})
    await cluster.record(action)


async def _perform(action: Write, *, cluster: Cluster, cache: MetadataCache, library: Library) -> Outcome:
    try:
        match action:
            case StartFetch():
                return library.start(action)
            case WriteStatus() | SetFinalizer():
                return await _write_subject(action, cluster)
            case Rehearse():
                await cluster.rehearse(action)
                return None
            case _:
                return await _write(action, cluster=cluster, cache=cache)
    except ClusterError as error:
        return error
    except MaterialError as error:
        # Rendering refused: a PKCS#12 file that cannot be made, or not in time. Nothing was sent.
        return ClusterError(FailureCause.INVALID, error.finding.message)


async def _write_subject(action: SubjectWrite, cluster: Cluster) -> Subject:
    if isinstance(action, SetFinalizer):
        return await cluster.set_finalizer(action)
    return await cluster.write_status(action)


async def _write(action: TargetWrite, *, cluster: Cluster, cache: MetadataCache) -> Observed | None:
    try:
        return await _send(action, cluster=cluster, cache=cache)
    except ClusterError as error:
        if not is_ambiguous(error):
            raise
        unanswered = error
    try:
        now = await read_fresh(action.key, cluster=cluster, cache=cache)
    except ClusterError:
        raise unanswered from None
    before = None if isinstance(action, KeepRecord) else action.replaces
    if (now.version if now is not None else None) != before:
        return now
    # It was not carried out, and the API server answers again. Should the first still come, the fence refuses one.
    return await _send(action, cluster=cluster, cache=cache)


async def _send(action: TargetWrite, *, cluster: Cluster, cache: MetadataCache) -> Observed | None:
    try:
        if isinstance(action, Delete):
            await cluster.delete(action)
            return await read_fresh(action.key, cluster=cluster, cache=cache) if action.confirmed else None
        observed = await _request(action, cluster)
    except ClusterError as error:
        if error.cause not in LOST_RACES:
            raise
        return await read_fresh(action.key, cluster=cluster, cache=cache)
    cache.wrote(observed)
    return replace(observed, written=True)


async def _request(action: Content | Mark, cluster: Cluster) -> Observed:
    match action:
        case ApplySecret():
            return await cluster.apply_secret(action)
        case ApplyBundle():
            return await cluster.apply_bundle(action)
        case ApplyClusterTrustBundle():
            return await cluster.apply_cluster_trust_bundle(action)
        case ApplyContent():
            return await cluster.apply_content(action)
        case KeepRecord():
            return await cluster.keep_record(action)
        case _:
            return await _mark(action, cluster)


async def _mark(action: Mark, cluster: Cluster) -> Observed:
    match action:
        case Release():
            return await cluster.release(action)
        case AnnotateTemplate():
            return await cluster.annotate_template(action)
        case RestoreSecret():
            return await cluster.restore_secret(action)
        case Annotate():
            return await cluster.annotate(action)


def _fold(outcomes: Iterable[tuple[Write, Outcome]], snapshot: Snapshot) -> Snapshot:
    """Put what came of the writes of a stage into the snapshot, all of it at once: they may be thousands."""
    objects: dict[ObjectKey, Observed | None] = {}
    failures: dict[ObjectKey, Failure] = {}
    for action, outcome in outcomes:
        if isinstance(action, StartFetch):
            snapshot = snapshot.with_answer(action.contact, outcome)
        elif isinstance(action, Rehearse):
            refused = failure_of(outcome) if isinstance(outcome, ClusterError) else None
            snapshot = snapshot.with_answer(action.question, refused)
        elif isinstance(outcome, ClusterError):
            if isinstance(action, SubjectWrite) and outcome.cause in LOST_RACES:
                raise outcome
            failures[action.key] = failure_of(outcome)
        elif isinstance(outcome, Subject):
            snapshot = snapshot.with_subject(outcome)
        elif isinstance(outcome, FetchState):
            raise TypeError(f"{action} must not be answered with {outcome}")
        else:
            objects[action.key] = _complete(action, outcome, snapshot)
    return snapshot.with_objects(objects, failures)


def _complete(action: Write, outcome: Observed | None, snapshot: Snapshot) -> Observed | None:
    """Give what an answer leaves out because it cannot have changed."""
    before = snapshot.get(action.key)
    if not isinstance(action, Annotate) or outcome is None or before is None or not outcome.written:
        return outcome
    return replace(outcome, data=before.data, type=before.type, intact=before.intact)
