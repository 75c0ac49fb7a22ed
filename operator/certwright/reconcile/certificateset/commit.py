"""The commit: from a commit start on, every place is written; what lasts undoes it, what passes is waited for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from certwright.findings import Detail, FailureCause, Finding, Reason, finding
from certwright.reconcile.certificateset.journal import Entry, Failed, Journal, Phase, encode_journal
from certwright.reconcile.certificateset.kept import journal_key, keep_journal
from certwright.reconcile.certificateset.obstacles import LASTING, describe_failed, trouble
from certwright.reconcile.certificateset.scene import Scene, Step, Trouble, place_of, seconds
from certwright.reconcile.marks import was_created_by_us
from certwright.reconcile.objects import ObjectKey, Observed
from certwright.reconcile.plan import Action, Delete, Release
from certwright.reconcile.set_actions import REVISION_ANNOTATION, ApplyContent

PATIENCE_SECONDS = 60
"""How long a failure that may pass is waited for; after that the commit is rolled back."""


@dataclass(slots=True)
class _Tally:
    """What the places of a commit come to."""

    actions: list[Action] = field(default_factory=list)
    lasting: list[Trouble] = field(default_factory=list)
    passing: list[Trouble] = field(default_factory=list)


def write_journal(scene: Scene, journal: Journal) -> ApplyContent:
    """Write the journal in place of the one that was read; it names no revision that nobody speaks of any more."""
    key = journal_key(scene.settings.namespace, scene.snapshot.subject.version.uid)
    spoken = {journal.origin, journal.target, journal.deployed}
    contents = {revision: each for revision, each in journal.contents.items() if revision in spoken}
    observed = scene.snapshot.get(key)
    text = encode_journal(replace(journal, contents=contents))
    return keep_journal(key, observed.version if observed is not None else None, text, scene.snapshot.subject)


def next_epoch(scene: Scene) -> int:
    """Give an epoch above all that were, and at least that of our term."""
    return max(scene.journal.epoch + 1, scene.epoch)


def take_over(scene: Scene) -> Step:
    """Take an unfinished journal over from another process, before any other work."""
    # While nobody was there nobody waited: what may pass gets its minute again.
    journal = replace(scene.journal, holder=scene.holder, epoch=next_epoch(scene), started=scene.snapshot.now)
    return Step((write_journal(scene, journal),))


def continue_commit(scene: Scene) -> Step:
    """Write every place that does not hold the new revision yet, then pass the point of no return, or end."""
    journal, target = scene.journal, scene.journal.target or ""
    reason = _find_reason_to_undo(scene, target)
    if reason is not None:
        # What was judged without this journal knows nothing of what it is to bring.
        unjudged = journal.epoch != scene.judgement.epoch and not scene.snapshot.subject.deleting
        return Step(afresh=True) if unjudged else _roll_back(scene, _undone(reason))
    tally = _Tally()
    for entry in journal.entries:
        if entry.slot is not None and not scene.is_dropped(entry):
            _look(entry, entry.slot, target, scene, tally)
    if tally.lasting:
        return _roll_back(scene, tally.lasting[0])
    if tally.actions:
        return Step(tuple(tally.actions))
    if tally.passing:
        return _wait(scene, tally)
    if any(_is_to_go(entry, scene) for entry in journal.entries):
        return Step((write_journal(scene, replace(journal, phase=Phase.DELETING)),))
    return _finish(scene)


def _find_reason_to_undo(scene: Scene, target: str) -> str | None:
    """Say why a commit must not go on, wherever it is."""
    if scene.snapshot.subject.deleting:
        return "the set is being deleted"
    if target not in scene.judgement.sound and target != scene.judgement.revision:
        return "what the commit was to bring is gone"
    if target in scene.judgement.expired:
        return "a certificate that it was to bring is not valid any more"
    return None


def _wait(scene: Scene, tally: _Tally) -> Step:
    """Wait for what may pass, for a minute after the commit start or the take-over."""
    due = (scene.journal.started or scene.snapshot.now) + seconds(PATIENCE_SECONDS)
    if scene.snapshot.now >= due:
        return _roll_back(scene, tally.passing[0])
    return Step(troubles=tuple(tally.passing), retry=True, requeue_at=due)


def _look(entry: Entry, slot: str, target: str, scene: Scene, tally: _Tally) -> None:
    """Say what is to be done about one place."""
    key = place_of(entry)
    observed, failure = scene.snapshot.get(key), scene.snapshot.failures.get(key)
    data = scene.payload(target, slot) or {}
    if failure is None and observed is not None and scene.holds(observed, target, slot, data):
        return
    if failure is not None:
        if failure.cause is FailureCause.NAMESPACE_TERMINATING:
            return
        found = describe_failed(key, scene.snapshot)
        (tally.lasting if failure.cause in LASTING else tally.passing).append(found)
        return
    problem = _find_strangeness(entry, observed, scene)
    if problem is not None:
        tally.lasting.append(trouble(key, problem))
        return
    tally.actions.append(scene.write(key, slot, target, data, epoch=scene.journal.epoch))


def _find_strangeness(entry: Entry, observed: Observed | None, scene: Scene) -> Finding | None:
    """Say whether a place is no longer what the commit started from."""
    adopted = entry.pre is not None and entry.pre.adopted
    place = f"Secret `{entry.secret}` in namespace `{entry.namespace}`"
    if observed is None:
        text = f"{place} was deleted by its owner while it was being replaced."
        return finding(Reason.TARGET_MISSING, text) if adopted else None
    if scene.is_ours(observed):
        return None
    if adopted and entry.pre is not None:
        if (observed.version.uid, observed.version.resource_version) == (entry.pre.uid, entry.pre.resource_version):
            return None
        return finding(Reason.TARGET_NOT_OWNED, f"{place} was changed by its owner while it was being replaced.")
    return finding(Reason.TARGET_NOT_OWNED, f"{place} belongs to somebody else, and appeared while it was replaced.")


def _undone(why: str) -> Trouble:
    return Trouble("", "", finding(Reason.STORE_FAILED, f"{why}; it was undone.", detail=Detail.ROLLED_BACK))


def _roll_back(scene: Scene, why: Trouble) -> Step:
    journal = scene.journal
    before = journal.failed
    again = before is not None and (before.revision, before.circumstances) == (journal.target, journal.circumstances)
    failed = Failed(
        revision=journal.target or "",
        circumstances=journal.circumstances,
        count=before.count + 1 if before is not None and again else 1,
        at=scene.snapshot.now,
        namespace=why.namespace,
        reason=why.finding.reason.value,
        message=why.finding.message,
    )
    turned = replace(journal, phase=Phase.ROLLING_BACK, epoch=next_epoch(scene), failed=failed)
    return Step((write_journal(scene, turned),))


def _is_to_go(entry: Entry, scene: Scene) -> bool:
    """Say whether a place is still to be deleted."""
    observed = scene.snapshot.get(place_of(entry))
    return entry.slot is None and observed is not None and scene.is_ours(observed) and not scene.is_dropped(entry)


def continue_deleting(scene: Scene) -> Step:
    """Delete what the new revision does not have; there is no way back, and none is needed."""
    actions: list[Action] = []
    troubles: list[Trouble] = []
    for entry in scene.journal.entries:
        key = place_of(entry)
        failure = scene.snapshot.failures.get(key)
        if entry.slot is not None or scene.is_dropped(entry):
            continue
        if failure is not None:
            if failure.cause is not FailureCause.NAMESPACE_TERMINATING:
                troubles.append(describe_failed(key, scene.snapshot))
        elif _is_to_go(entry, scene):
            found = _give_back(key, scene) or remove(key, scene)
            if isinstance(found, Trouble):
                troubles.append(found)
            else:
                actions.append(found)
    if actions:
        return Step(tuple(actions))
    if troubles:
        return Step(troubles=tuple(troubles), retry=True)
    return _finish(scene)


def _give_back(key: ObjectKey, scene: Scene) -> Release | None:
    """Give what was adopted back to its owner: only what certwright created is deleted."""
    observed = scene.snapshot.objects[key]
    if observed is None or observed.deleting or was_created_by_us(observed, scene.snapshot.subject):
        return None
    return Release(key, observed.version)


def remove(key: ObjectKey, scene: Scene) -> Delete | Trouble:
    """Delete what stands at a place, and look whether it has gone; what its finalizers keep still holds a key."""
    observed = scene.snapshot.objects[key]
    if observed is not None and not observed.deleting:
        return Delete(key, observed.version, confirmed=True)
    text = (
        f"Secret `{key.name}` in namespace `{key.namespace}` was deleted, and its finalizers keep it and its key. "
        "Have their owner finish, or remove them."
    )
    return Trouble(key.namespace, key.name, finding(Reason.STORE_FAILED, text, detail=Detail.WRITE_FAILED), retry=True)


def _finish(scene: Scene) -> Step:
    """Pass the commit point."""
    journal = scene.journal
    done = replace(
        journal,
        phase=Phase.IDLE,
        origin=None,
        target=None,
        deployed=journal.target,
        started=None,
        circumstances="",
        failed=None,
        entries=(),
    )
    return Step((write_journal(scene, done),))


def is_at(observed: Observed, revision: str | None) -> bool:
    """Say whether a Secret bears the mark of a revision."""
    return revision is not None and observed.annotations.get(REVISION_ANNOTATION) == revision
