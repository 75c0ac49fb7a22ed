"""Before a commit: everything that could refuse it is looked at while nothing has been touched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from certwright.api.certificateset_spec import NODES_LIMIT
from certwright.findings import Detail, Finding, Reason, finding
from certwright.reconcile.certificateset.commit import next_epoch, write_journal
from certwright.reconcile.certificateset.journal import Entry, Phase, Pre
from certwright.reconcile.certificateset.kept import (
    Parts,
    backup_key,
    holds_payload,
    keep_backup,
    keep_payload,
    payload_key,
)
from certwright.reconcile.certificateset.known import list_targets
from certwright.reconcile.certificateset.obstacles import (
    LASTING,
    describe_failed,
    describe_failure,
    find_obstacle,
    trouble,
)
from certwright.reconcile.certificateset.scene import Scene, Step, Trouble, place_of
from certwright.reconcile.marks import is_labelled
from certwright.reconcile.objects import Failure, Kind, ObjectKey, Observed
from certwright.reconcile.plan import Delete, SetFinalizer
from certwright.reconcile.set_actions import (
    REVISION_ANNOTATION,
    UNFINISHED_FINALIZER,
    ApplyContent,
    Rehearse,
    Rehearsed,
    RemoveSecret,
)


@dataclass(frozen=True, slots=True)
class _Survey:
    """What a commit would touch, and what keeps it from it."""

    entries: tuple[Entry, ...]
    troubles: tuple[Trouble, ...]


def prepare(scene: Scene, parts: Parts, revision: str) -> Step:
    """Do the next thing on the way to a commit; its last step is the commit start."""
    subject = scene.snapshot.subject
    if UNFINISHED_FINALIZER not in subject.finalizers:
        return Step((SetFinalizer(subject.key, subject.version, UNFINISHED_FINALIZER, present=True),))
    kept = tuple(keep_payloads(scene, parts, revision))
    if kept:
        return Step(kept)
    survey = _survey(scene, parts, revision)
    if survey.troubles:
        retry = any(each.retry for each in survey.troubles)
        return Step(troubles=survey.troubles, waiting=_kept_for(scene, survey, parts, revision), retry=retry)
    backups = tuple(_keep_backups(scene, survey.entries))
    return Step(backups) if backups else _try_out(scene, survey, parts, revision)


def _try_out(scene: Scene, survey: _Survey, parts: Parts, revision: str) -> Step:
    """Have every write checked, then pass the commit start."""
    rehearsals = {each.question: each for each in _rehearse(scene, survey.entries, parts, revision)}
    asked = tuple(each for question, each in rehearsals.items() if not scene.snapshot.knows(question))
    if asked:
        return Step(asked)
    refused = tuple(_read_rehearsals(scene, tuple(rehearsals)))
    if refused:
        return Step(troubles=refused, waiting=_kept_for(scene, survey, parts, revision), retry=True)
    return _start(scene, survey.entries, parts, revision)


def keep_payloads(scene: Scene, parts: Parts, revision: str) -> Iterator[ApplyContent | Delete]:
    """Keep what the sources gave: from here on they may vanish. One that is there and is not the same goes first."""
    subject = scene.snapshot.subject
    for slot, part in sorted(parts.items()):
        key = payload_key(scene.settings.namespace, subject.version.uid, revision, slot)
        observed = scene.snapshot.get(key)
        if observed is None:
            yield keep_payload(key, revision, part, subject)
        elif not (holds_payload(observed, revision, slot) and dict(observed.data) == dict(part.data)):
            yield Delete(key, observed.version)


def _kept_for(scene: Scene, survey: _Survey, parts: Parts, revision: str) -> frozenset[ObjectKey]:
    """Name what a commit that waits needs; what was kept before somebody changed his mind holds keys, and goes."""
    namespace, uid = scene.settings.namespace, scene.snapshot.subject.version.uid
    payloads = {payload_key(namespace, uid, revision, slot) for slot in parts}
    names = {each.pre.backup for each in survey.entries if each.pre is not None and each.pre.backup is not None}
    return frozenset(payloads | {ObjectKey(Kind.SECRET, namespace, name) for name in names})


def _survey(scene: Scene, parts: Parts, revision: str) -> _Survey:
    """Look at every place of the revision that is there and of the one that is to come."""
    journal, nodes = scene.journal, scene.judgement.nodes
    wanted = {part.secret: slot for slot, part in parts.items()}
    before = set(journal.contents_of(journal.deployed).values())
    if scene.judgement.lost:
        before.update(key.name for key, held in list_targets(scene.snapshot).items() if held.intact)
    entries: list[Entry] = []
    troubles = [Trouble(name, "", _missing(name)) for name in nodes.missing]
    for namespace, uid in sorted(nodes.chosen.items()):
        for secret in sorted({*wanted, *before}):
            slot = wanted.get(secret)
            bare = Entry(namespace, uid, secret, slot, None)
            found = _look(bare, scene, revision)
            if isinstance(found, Trouble):
                troubles.append(found)
            elif found is not None:
                entries.append(found)
    if len(entries) > NODES_LIMIT:
        troubles.append(Trouble("", "", _excess(len(entries))))
    return _Survey(tuple(entries), tuple(troubles))


def _look(bare: Entry, scene: Scene, revision: str) -> Entry | Trouble | None:
    """Write down what stands at a place, or why it cannot be written; `None`: there is nothing to do."""
    key = place_of(bare)
    observed, failure = scene.snapshot.get(key), scene.snapshot.failures.get(key)
    if failure is not None:
        return describe_failed(key, scene.snapshot)
    if observed is None:
        return bare if bare.slot is not None else None
    if bare.slot is None:
        return replace(bare, pre=_describe(observed, bare, scene)) if scene.is_ours(observed) else None
    content = scene.payload(revision, bare.slot) or {}
    fits = all(observed.data.get(name) == text for name, text in content.items())
    obstacle = find_obstacle(observed, scene.snapshot.subject, content, fits=fits)
    if obstacle is not None:
        return trouble(key, obstacle)
    return replace(bare, pre=_describe(observed, bare, scene))


def _describe(observed: Observed, bare: Entry, scene: Scene) -> Pre:
    """Say what a place holds: the revision that is deployed, or something else that needs a backup."""
    journal, version = scene.journal, observed.version
    adopted = not scene.is_ours(observed)
    for slot, secret in journal.contents_of(journal.deployed).items():
        if secret != bare.secret or journal.deployed is None or journal.deployed not in scene.judgement.sound:
            continue
        data = scene.payload(journal.deployed, slot)
        at_it = observed.annotations.get(REVISION_ANNOTATION) == journal.deployed and is_labelled(observed)
        if not adopted and at_it and data is not None and dict(observed.data) == dict(data):
            return Pre(version.uid, version.resource_version, revision=journal.deployed)
    backup = backup_key(scene.settings.namespace, scene.snapshot.subject.version.uid, observed).name
    return Pre(version.uid, version.resource_version, backup=backup, adopted=adopted)


def _keep_backups(scene: Scene, entries: tuple[Entry, ...]) -> Iterator[ApplyContent]:
    for entry in entries:
        observed = scene.snapshot.get(place_of(entry))
        if entry.pre is None or entry.pre.backup is None or observed is None:
            continue
        key = ObjectKey(Kind.SECRET, scene.settings.namespace, entry.pre.backup)
        if scene.snapshot.get(key) is None:
            yield keep_backup(key, observed, scene.snapshot.subject)


def _rehearse(scene: Scene, entries: tuple[Entry, ...], parts: Parts, revision: str) -> Iterator[Rehearse]:
    for entry in entries:
        key = place_of(entry)
        observed, question = scene.snapshot.get(key), Rehearsed(key, revision)
        if entry.slot is not None:
            data = parts[entry.slot].data
            if observed is not None and scene.holds(observed, revision, entry.slot, data):
                continue
            yield Rehearse(scene.write(key, entry.slot, revision, data, epoch=next_epoch(scene)), question)
        elif observed is not None:
            yield Rehearse(RemoveSecret(key, observed.version), question)


def _read_rehearsals(scene: Scene, questions: tuple[Rehearsed, ...]) -> Iterator[Trouble]:
    for question in questions:
        answer: Failure | None = scene.snapshot.answers.get(question)
        if answer is not None:
            yield replace(describe_failure(question.key, answer), waiting=answer.cause not in LASTING)


def _start(scene: Scene, entries: tuple[Entry, ...], parts: Parts, revision: str) -> Step:
    """Pass the commit start: from here on a crash leads to the new revision everywhere, or back to the old one."""
    journal = scene.journal
    contents = {**journal.contents, revision: {slot: part.secret for slot, part in parts.items()}}
    started = replace(
        journal,
        epoch=next_epoch(scene),
        holder=scene.holder,
        phase=Phase.COMMITTING,
        origin=journal.deployed,
        target=revision,
        started=scene.snapshot.now,
        circumstances=scene.circumstances,
        contents=contents,
        entries=entries,
    )
    return Step((write_journal(scene, started),))


def _missing(name: str) -> Finding:
    return finding(
        Reason.TARGET_MISSING,
        f"`spec.namespaces` lists `{name}`, which does not exist or is being deleted. Create it, or take it out.",
        detail=Detail.NAMESPACE_MISSING,
    )


def _excess(count: int) -> Finding:
    return finding(
        Reason.INVALID_REQUEST,
        f"{count} Secrets would be written or deleted at once, and a set may touch {NODES_LIMIT:,}. Make the change in "
        "several steps.",
        detail=Detail.LIMIT_EXCEEDED,
    )
