"""The planner of a set: what the protocol says, then the status, then what was kept for it and is not needed."""

from __future__ import annotations

from collections.abc import Iterator

from certwright.api.certificateset import ClusterCertificateSetStatus
from certwright.api.model import dump
from certwright.dialects.cluster_certificates import ERROR
from certwright.findings import FailureCause, Reason
from certwright.reconcile.bookkeeping import read_instant
from certwright.reconcile.certificateset.advance import advance
from certwright.reconcile.certificateset.commit import write_journal
from certwright.reconcile.certificateset.events import find_events
from certwright.reconcile.certificateset.journal import Journal
from certwright.reconcile.certificateset.judgement import Judgement
from certwright.reconcile.certificateset.kept import journal_key, payload_key
from certwright.reconcile.certificateset.known import list_kept, read_journal
from certwright.reconcile.certificateset.past import Past, read_past
from certwright.reconcile.certificateset.scene import Scene
from certwright.reconcile.certificateset.standing import find_standing
from certwright.reconcile.certificateset.status import Situation, build_minimal_status, build_status, earliest
from certwright.reconcile.evidence import DOUBT
from certwright.reconcile.objects import ObjectKey, Snapshot
from certwright.reconcile.plan import Action, Delete, Plan, SetFinalizer, WriteStatus
from certwright.reconcile.set_actions import KEPT_ANNOTATION, UNFINISHED_FINALIZER
from certwright.settings import Settings

REFUSALS = frozenset({FailureCause.TOO_LARGE, FailureCause.INVALID})
"""What the API server answers to a status that it does not take; a smaller one may pass."""


def plan(judgement: Judgement, snapshot: Snapshot, *, settings: Settings, holder: str, judged_by: str) -> Plan:
    """Say what is left to be done; planned again after success, nothing is."""
    subject = snapshot.subject
    past = read_past(subject)
    scene = make_scene(judgement, snapshot, past, settings=settings, holder=holder)
    step = advance(scene)
    if step.afresh:
        return Plan((), snapshot.now)
    if step.stage:
        return Plan((step.stage,))
    if judgement.held and not step.troubles:
        return Plan((), snapshot.now + DOUBT, retry=True)
    leftovers = tuple(_tidy(scene, step.waiting or frozenset())) if step.resting or step.waiting is not None else ()
    if leftovers:
        return Plan((leftovers,))
    standing = find_standing(scene, step, past)
    situation = Situation(scene, step, standing, past, judged_by)
    status = build_status(situation)
    requeue_at = earliest(
        step.requeue_at,
        standing.requeue_at,
        judgement.next_change,
        snapshot.now + DOUBT if snapshot.clock_doubted else None,
    )
    # What could not be read is read again soon, whether or not somebody changes it.
    retry = step.retry or any(each.reason is Reason.NOT_CHECKED for each in judgement.errors)
    # A set that goes has nothing more to say, unless something keeps it.
    report: tuple[Action, ...] = () if subject.deleting and step.resting else tuple(_report(status, situation))
    unfinished = UNFINISHED_FINALIZER in subject.finalizers
    if not report and step.resting and unfinished:
        report = (SetFinalizer(subject.key, subject.version, UNFINISHED_FINALIZER, present=False),)
    final = step.resting and not step.troubles and not unfinished
    return Plan((report,) if report else (), requeue_at, retry, final=final)


def make_scene(judgement: Judgement, snapshot: Snapshot, past: Past, *, settings: Settings, holder: str) -> Scene:
    """Put together what the protocol looks at."""
    journal = read_journal(snapshot, settings.namespace) or Journal(snapshot.subject.version.uid)
    spec = judgement.spec
    return Scene(
        snapshot,
        judgement,
        journal,
        settings,
        holder,
        pending_since=read_instant(past.record.pending_since),
        delete_policy=spec is not None and spec.deletion_policy == "Delete",
    )


def _report(full: ClusterCertificateSetStatus, situation: Situation) -> Iterator[Action]:
    """Write the status, with the events that it is worth, unless it says what the stored one says."""
    snapshot, past, status = situation.scene.snapshot, situation.past, full
    subject = snapshot.subject
    if subject.deleting and UNFINISHED_FINALIZER not in subject.finalizers:
        return
    failure = snapshot.failures.get(subject.key)
    if failure is not None:
        if failure.cause not in REFUSALS:
            return
        status = build_minimal_status(full, failure, situation, code=ERROR)
    # Conditions of others stand in the same list and are theirs to write.
    ours = tuple(each for each in past.status.conditions if each.type in past.conditions)
    if dump(status) == dump(past.status.model_copy(update={"conditions": ours})):
        return
    yield WriteStatus(subject.key, subject.version, dump(status), subject)
    if failure is None:
        yield from find_events(subject, past, full)


def _tidy(scene: Scene, waiting: frozenset[ObjectKey]) -> Iterator[Action]:
    """Delete what was kept on the way, the journal last of all when the set goes."""
    snapshot, subject = scene.snapshot, scene.snapshot.subject
    needed = waiting | set(_needed(scene))
    there = {key: each.version for key, each in list_kept(snapshot).items()}
    for key, observed in snapshot.objects.items():
        if observed is None:
            there.pop(key, None)
        elif KEPT_ANNOTATION in observed.annotations and key.namespace == scene.settings.namespace:
            there[key] = observed.version
    prefix = journal_key(scene.settings.namespace, subject.version.uid).name
    surplus = {
        key: version
        for key, version in there.items()
        if key not in needed and key.name.startswith(prefix) and key not in snapshot.failures
    }
    journal = [key for key in surplus if key.name == prefix]
    first = [Delete(key, version) for key, version in sorted(surplus.items()) if key not in journal]
    if first and snapshot.get(journal_key(scene.settings.namespace, subject.version.uid)) is None:
        # The watch may not have seen it yet. Its creation says whether there is one, and what it needs.
        if subject.deleting or not scene.judgement.lost:
            yield write_journal(scene, scene.journal)
        return
    yield from first or (Delete(key, surplus[key]) for key in journal)


def _needed(scene: Scene) -> Iterator[ObjectKey]:
    if scene.snapshot.subject.deleting:
        return
    namespace, uid, deployed = scene.settings.namespace, scene.snapshot.subject.version.uid, scene.journal.deployed
    yield journal_key(namespace, uid)
    if deployed is not None:
        for slot in scene.journal.contents_of(deployed):
            yield payload_key(namespace, uid, deployed, slot)
