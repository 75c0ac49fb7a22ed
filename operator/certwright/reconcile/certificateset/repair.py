"""Between commits: what is deployed is kept everywhere, nodes join and leave, and strays are taken away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from certwright.findings import FailureCause, Finding, Reason, finding
from certwright.reconcile.certificateset.known import list_nodes, list_targets
from certwright.reconcile.certificateset.obstacles import describe_failed, describe_failure, find_obstacle, trouble
from certwright.reconcile.certificateset.past import read_past
from certwright.reconcile.certificateset.preflight import keep_payloads
from certwright.reconcile.certificateset.scene import Scene, Step, Trouble
from certwright.reconcile.certificateset.wish import list_namespaces, read_wish
from certwright.reconcile.horizon import Horizon, is_believed, read_horizon
from certwright.reconcile.marks import has_owner_reference, was_created_by_us
from certwright.reconcile.objects import Kind, Metadata, ObjectKey, Observed, Subject
from certwright.reconcile.plan import OWNER_ANNOTATION, Action, Delete, Release
from certwright.reconcile.set_actions import COMMIT_ANNOTATION, REVISION_ANNOTATION


def repair(scene: Scene) -> Step:
    """Say what keeps the namespaces from holding what is deployed, one write for each place that does not."""
    leaving = () if scene.judgement.nodes.findings else _leave(scene)
    found = [*_keep(scene), *_write_places(scene), *leaving]
    actions = tuple(each for each in found if not isinstance(each, Trouble))
    troubles = tuple(each for each in found if isinstance(each, Trouble))
    return Step(actions, troubles=troubles, retry=any(each.retry for each in troubles))


def _keep(scene: Scene) -> Iterator[Action | Trouble]:
    """Keep the payloads of what is deployed; when some are lost and the wish still makes them, they are made anew."""
    deployed, judgement = scene.journal.deployed, scene.judgement
    if deployed is None or deployed in judgement.sound:
        return
    if judgement.parts is None or judgement.revision != deployed:
        yield Trouble("", "", _lost())
        return
    for action in keep_payloads(scene, judgement.parts, deployed):
        failed = action.key in scene.snapshot.failures
        yield describe_failed(action.key, scene.snapshot) if failed else action


def _write_places(scene: Scene) -> Iterator[Action | Trouble]:
    journal, owned = scene.journal, list_targets(scene.snapshot)
    if journal.deployed is None:
        return
    belief = find_belief(scene.snapshot.subject, journal.deployed)
    for namespace in sorted(list_nodes(scene.judgement.nodes, scene.snapshot)):
        for slot, secret in sorted(journal.contents_of(journal.deployed).items()):
            key = ObjectKey(Kind.SECRET, namespace, secret)
            if not scene.snapshot.knows(key) and belief.is_as_deployed(key, owned.get(key)):
                continue
            yield from _write_place(scene, key, slot, journal.deployed)


@dataclass(frozen=True, slots=True)
class Belief:
    """What is believed of targets without reading them.

    Attributes:
        horizon: up to where metadata is believed: managed fields do not tell that one value of several is another's.
        deletes: what certwright created goes with the set.
    """

    subject: Subject
    deployed: str | None
    horizon: Horizon
    deletes: bool

    def is_as_deployed(self, key: ObjectKey, held: Metadata | None) -> bool:
        """Say whether a place holds what is deployed, and bears the owner reference that it is to bear."""
        if held is None or held.annotations.get(REVISION_ANNOTATION) != self.deployed:
            return False
        referenced = self.deletes and was_created_by_us(held, self.subject)
        return (held.owner_uid == self.subject.version.uid) == referenced and is_believed(key, held, self.horizon)


def find_belief(subject: Subject, deployed: str | None) -> Belief:
    """Give what is believed by the last status, and by the wish of now."""
    spec = read_wish(subject)
    deletes = not isinstance(spec, Finding) and spec.deletion_policy == "Delete"
    return Belief(subject, deployed, read_horizon(read_past(subject).record.horizon), deletes)


def _write_place(scene: Scene, key: ObjectKey, slot: str, deployed: str) -> Iterator[Action | Trouble]:
    observed, failure = scene.snapshot.get(key), scene.snapshot.failures.get(key)
    if failure is not None:
        if failure.cause is not FailureCause.NAMESPACE_TERMINATING:
            yield describe_failed(key, scene.snapshot)
        return
    data = scene.payload(deployed, slot)
    if data is None:
        return  # said once, of the whole
    if observed is not None:
        fits = scene.holds(observed, deployed, slot, data)
        referenced = scene.delete_policy and was_created_by_us(observed, scene.snapshot.subject)
        if fits and has_owner_reference(observed, scene.snapshot.subject) == referenced:
            return
        obstacle = find_obstacle(observed, scene.snapshot.subject, data, fits=fits)
        if obstacle is not None:
            yield replace(trouble(key, obstacle), retry=not _is_watched(key, scene))
            return
    yield scene.write(key, slot, deployed, data, epoch=scene.journal.epoch)


def _is_watched(key: ObjectKey, scene: Scene) -> bool:
    """Say whether somebody's change of a place is heard of: what is kept of a slot that was taken out names none."""
    spec = scene.judgement.spec
    return spec is not None and any(slot.secret_name == key.name for slot in spec.slots)


def _leave(scene: Scene) -> Iterator[Action | Trouble]:
    """Give up what bears our marks and is no target any more: in namespaces that left, and what came too late."""
    if scene.judgement.spec is None or scene.judgement.lost:
        return
    nodes, journal = scene.judgement.nodes, scene.journal
    wanted = set(journal.contents_of(journal.deployed).values())
    alive = {name for name, facts in list_namespaces(scene.snapshot).items() if not facts.terminating}
    for key, held in sorted(list_targets(scene.snapshot).items()):
        if key.namespace not in alive or (key.namespace in nodes.chosen and key.name in wanted):
            continue
        failure = scene.snapshot.failures.get(key)
        if failure is not None:
            yield describe_failure(key, failure)
            continue
        now: Observed | Metadata | None = scene.snapshot.objects.get(key, held)
        if now is None or (isinstance(now, Observed) and not _is_held(now, scene)):
            continue
        stray = key.namespace in nodes.chosen
        if stray and journal.deployed is None and not _came_too_late(now, scene):
            continue  # it was there before anything that the journal knows of
        # A copy that somebody makes bears our marks as well, but it was not us who wrote it.
        deletes = (stray or scene.delete_policy) and now.intact and was_created_by_us(now, scene.snapshot.subject)
        yield Delete(key, now.version) if deletes else Release(key, now.version)


def _came_too_late(now: Observed | Metadata, scene: Scene) -> bool:
    """Say whether a process that was stopped wrote it, after what it belongs to had been undone.

    What stood there before may bear the same revision, when the journal was lost; the roll-back has touched that.
    """
    failed, epoch = scene.journal.failed, now.annotations.get(COMMIT_ANNOTATION)
    undone = failed is not None and now.annotations.get(REVISION_ANNOTATION) == failed.revision
    return undone and epoch != str(scene.journal.epoch)


def _is_held(observed: Observed, scene: Scene) -> bool:
    return observed.annotations.get(OWNER_ANNOTATION) == scene.snapshot.subject.owner and not observed.deleting


def _lost() -> Finding:
    return finding(
        Reason.JOURNAL_LOST,
        "what was kept of the deployed certificates is gone, or was changed. Give the set a spec that is valid as a "
        "whole, with every filled slot: it is then written anew everywhere.",
    )
