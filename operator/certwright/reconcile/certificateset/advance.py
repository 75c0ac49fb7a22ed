"""The protocol of a set: from the journal and what is observed to the next stage. Pure, and the same after any crash.

An unfinished journal comes before all else: it is taken over, and brought to its end or undone. Only then the wish is
looked at. So changes that come while a commit is open are judged, and wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from certwright.findings import Detail, Finding, Reason, finding
from certwright.reconcile.certificateset.commit import continue_commit, continue_deleting, take_over
from certwright.reconcile.certificateset.journal import Failed, Phase
from certwright.reconcile.certificateset.kept import Parts, journal_key
from certwright.reconcile.certificateset.obstacles import describe_failed
from certwright.reconcile.certificateset.past import read_past
from certwright.reconcile.certificateset.preflight import prepare
from certwright.reconcile.certificateset.record import digest_sources
from certwright.reconcile.certificateset.repair import repair
from certwright.reconcile.certificateset.rollback import continue_rollback
from certwright.reconcile.certificateset.scene import Scene, Step, Trouble, seconds

LONGEST_SETTLING_SECONDS = 60
FIRST_RETRY_MINUTES = 1
LONGEST_RETRY_MINUTES = 30


def advance(scene: Scene) -> Step:
    """Say what is to be done next."""
    journal, snapshot = scene.journal, scene.snapshot
    unseen = tuple(_find_unseen(scene))
    if unseen:
        return Step(troubles=unseen, retry=True)
    if journal.phase is not Phase.IDLE:
        return _continue(scene)
    return Step(resting=True) if snapshot.subject.deleting else _begin(scene)


def _begin(scene: Scene) -> Step:
    """Keep what is deployed, then look at what the wish makes."""
    if scene.judgement.lost and scene.journal.deployed is not None:
        return Step(afresh=True)  # all of it was written anew; what left meanwhile is looked for
    if scene.judgement.lost and scene.judgement.parts is None:
        return Step(troubles=(Trouble("", "", _lost()),))
    settling = _settles_at(scene)
    repaired = repair(scene)
    if repaired.stage:
        return repaired
    return _follow(scene, repaired, settling)


def _follow(scene: Scene, repaired: Step, settling: datetime | None) -> Step:
    parts, revision = scene.judgement.parts, scene.judgement.revision
    if parts is None or revision is None:
        return replace(repaired, settling=settling is not None, resting=True, requeue_at=settling)
    deployed = scene.journal.deployed
    if revision == deployed or (not parts and deployed is None):
        return _agree(scene, repaired)
    if settling is not None:
        return replace(repaired, settling=True, resting=True, requeue_at=settling)
    return _try(scene, repaired, parts, revision)


def _find_unseen(scene: Scene) -> Iterator[Trouble]:
    """Say what of journal, payloads and backups could not be read or written: without them nothing is known."""
    prefix = journal_key(scene.settings.namespace, scene.snapshot.subject.version.uid).name
    for key in sorted(scene.snapshot.failures):
        if key.namespace == scene.settings.namespace and key.name.startswith(prefix):
            yield describe_failed(key, scene.snapshot)


def _continue(scene: Scene) -> Step:
    journal = scene.journal
    if journal.holder != scene.holder or journal.epoch < scene.epoch:
        return take_over(scene)
    if journal.phase is Phase.ROLLING_BACK:
        # What failed on the way there says nothing about the way back, and what is unknown must be seen anew.
        begun = journal.epoch != scene.judgement.epoch
        return Step(afresh=True) if begun else continue_rollback(scene)
    return continue_commit(scene) if journal.phase is Phase.COMMITTING else continue_deleting(scene)


def _agree(scene: Scene, repaired: Step) -> Step:
    """Say that the wish is what is deployed; of listed namespaces that are missing it is said."""
    missing = tuple(Trouble(name, "", _missing(name)) for name in scene.judgement.nodes.missing)
    return replace(repaired, resting=True, troubles=(*repaired.troubles, *missing))


def _settles_at(scene: Scene) -> datetime | None:
    """Give the instant at which what changed will have settled; `None` when it has."""
    judgement, now = scene.judgement, scene.snapshot.now
    if judgement.changed is None or (judgement.changed >= now and _was_judged(scene)):
        return None
    quiet = judgement.changed + seconds(scene.settings.set_settling_seconds)
    since = scene.pending_since or now
    due = min(quiet, since + seconds(LONGEST_SETTLING_SECONDS))
    return due if due > now else None


def _was_judged(scene: Scene) -> bool:
    """Say whether the last verdict is on wish and inputs as they are: then the clock is behind, or was turned back."""
    subject, spec, past = scene.snapshot.subject, scene.judgement.spec, read_past(scene.snapshot.subject)
    if spec is None or past.status.observed_generation != subject.generation or past.record.pending_since is not None:
        return False
    return past.record.sources == digest_sources(spec, scene.snapshot)


def _try(scene: Scene, repaired: Step, parts: Parts, revision: str) -> Step:
    failed = scene.journal.failed
    if failed is not None and (failed.revision, failed.circumstances) == (revision, scene.circumstances):
        due = retry_at(failed)
        if scene.snapshot.now < due:
            found = finding(Reason(failed.reason), failed.message, detail=Detail.ROLLED_BACK)
            troubles = (*repaired.troubles, Trouble(failed.namespace, "", found))
            return replace(repaired, troubles=troubles, resting=True, requeue_at=due)
    step = prepare(scene, parts, revision)
    return replace(step, troubles=(*repaired.troubles, *step.troubles))


def retry_at(failed: Failed) -> datetime:
    """Say when a revision that was rolled back is tried again: consumers must not reload for ever."""
    minutes = min(FIRST_RETRY_MINUTES << min(failed.count - 1, 5), LONGEST_RETRY_MINUTES)
    return failed.at + seconds(60 * minutes)


def _lost() -> Finding:
    return finding(
        Reason.JOURNAL_LOST,
        "the journal of this set is gone, and it had certificates deployed; they stay as they are. Give the set a spec "
        "that is valid as a whole, with every filled slot: it is then written anew everywhere.",
    )


def _missing(name: str) -> Finding:
    return finding(
        Reason.TARGET_MISSING,
        f"`spec.namespaces` lists `{name}`, which does not exist or is being deleted. Create it, or take it out.",
        detail=Detail.NAMESPACE_MISSING,
    )
