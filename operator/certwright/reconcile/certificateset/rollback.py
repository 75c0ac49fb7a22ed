"""The roll-back: every place of the commit, the untouched too, is put back, fenced, or left to whoever has it now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from certwright.findings import FailureCause, Finding, Reason, finding
from certwright.reconcile.certificateset.commit import is_at, remove, write_journal
from certwright.reconcile.certificateset.journal import Entry, Phase
from certwright.reconcile.certificateset.kept import restore
from certwright.reconcile.certificateset.obstacles import describe_failed, trouble
from certwright.reconcile.certificateset.scene import Scene, Step, Trouble, place_of
from certwright.reconcile.objects import Kind, ObjectKey, Observed
from certwright.reconcile.plan import Action
from certwright.reconcile.set_actions import COMMIT_ANNOTATION, Annotate, RestoreSecret


@dataclass(slots=True)
class _Tally:
    """What the places of a roll-back come to."""

    actions: list[Action] = field(default_factory=list)
    stuck: list[Trouble] = field(default_factory=list)
    lost: list[Trouble] = field(default_factory=list)


def continue_rollback(scene: Scene) -> Step:
    """Put back what was touched, and fence what was not, until all of it is as it was."""
    tally = _Tally()
    for entry in scene.journal.entries:
        if not scene.is_gone(entry):
            _look(entry, scene, tally)
    if tally.actions:
        return Step(tuple(tally.actions))
    onward = scene.judgement.parts is not None or scene.snapshot.subject.deleting
    if tally.lost and onward and not tally.stuck:
        return _end(scene)  # it cannot go back, and there is a way forward, or nothing to go on with
    troubles = (*tally.stuck, *tally.lost)
    if troubles:
        return Step(troubles=troubles, retry=bool(tally.stuck))
    return _end(scene)


def _end(scene: Scene) -> Step:
    journal = scene.journal
    failed = journal.failed
    done = replace(
        journal,
        phase=Phase.IDLE,
        origin=None,
        target=None,
        deployed=journal.origin,
        started=None,
        circumstances="",
        failed=replace(failed, at=scene.snapshot.now) if failed is not None else None,
        entries=(),
    )
    return Step((write_journal(scene, done),))


def _look(entry: Entry, scene: Scene, tally: _Tally) -> None:
    key = place_of(entry)
    observed, failure = scene.snapshot.get(key), scene.snapshot.failures.get(key)
    # What left the wish is put back as well, for it may hold what was its owner's; but nobody waits for it.
    left = scene.has_left(entry)
    if failure is not None:
        if failure.cause is not FailureCause.NAMESPACE_TERMINATING and not left:
            tally.stuck.append(describe_failed(key, scene.snapshot))
        return
    for found in _undo(entry, key, observed, scene):
        if isinstance(found, Finding):
            if not left:
                tally.lost.append(trouble(key, found))
        elif isinstance(found, Trouble):
            if not left:
                tally.stuck.append(found)
        else:
            tally.actions.append(found)


def _undo(
    entry: Entry, key: ObjectKey, observed: Observed | None, scene: Scene
) -> Iterator[Action | Finding | Trouble]:
    """Say what puts one place back; nothing when it is as it was, and fenced."""
    pre, target = entry.pre, scene.journal.target
    if observed is None:
        if pre is not None and not pre.adopted:
            yield from _bring_back(entry, key, scene)
        return
    if observed.written and not is_at(observed, target):
        return
    if scene.is_ours(observed) and is_at(observed, target):
        if pre is None:
            yield remove(key, scene)
        elif pre.revision is not None:
            yield from _bring_back(entry, key, scene)
        else:
            yield from _restore(entry, observed, scene)
    elif pre is not None and observed.version.uid == pre.uid and not _is_fenced(observed, scene):
        yield _fence(observed, scene)


def _fence(observed: Observed, scene: Scene) -> Annotate:
    return Annotate(observed.key, observed.version, {COMMIT_ANNOTATION: str(scene.journal.epoch)})


def _is_fenced(observed: Observed, scene: Scene) -> bool:
    return observed.annotations.get(COMMIT_ANNOTATION) == str(scene.journal.epoch)


def _bring_back(entry: Entry, key: ObjectKey, scene: Scene) -> Iterator[Action | Finding]:
    """Write what the old revision had at a place; nothing when it had nothing there."""
    origin = scene.journal.origin
    slots = [slot for slot, secret in scene.journal.contents_of(origin).items() if secret == entry.secret]
    if origin is None or not slots:
        return
    data = scene.payload(origin, slots[0])
    if data is None:
        yield _gone(entry, "the payload of the revision before")
        return
    yield scene.write(key, slots[0], origin, data, epoch=scene.journal.epoch)


def _restore(entry: Entry, observed: Observed, scene: Scene) -> Iterator[Action | Finding]:
    name = entry.pre.backup if entry.pre is not None else None
    backup = scene.snapshot.get(ObjectKey(Kind.SECRET, scene.settings.namespace, name or ""))
    action = restore(backup, observed) if backup is not None else None
    if action is None:
        yield _gone(entry, "its backup")
    elif not _is_restored(observed, action):
        yield action
    elif not _is_fenced(observed, scene):
        yield _fence(observed, scene)


def _is_restored(observed: Observed, action: RestoreSecret) -> bool:
    """Say whether a place is as its backup, which may bear the new revision itself when the journal was lost before."""
    marks = [{**each, COMMIT_ANNOTATION: ""} for each in (observed.annotations, action.annotations)]
    return (observed.data, observed.labels, marks[0]) == (action.data, action.labels, marks[1])


def _gone(entry: Entry, what: str) -> Finding:
    return finding(
        Reason.JOURNAL_LOST,
        f"Secret `{entry.secret}` in namespace `{entry.namespace}` cannot be put back: {what} is gone. Give the set a "
        "spec that is valid as a whole: it is then written anew everywhere.",
    )
