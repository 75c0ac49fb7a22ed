"""The judge of a set: everything is validated before anything is touched."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime

from certwright.api.certificateset import ClusterCertificateSetSpec
from certwright.findings import Detail, Finding, Reason, finding, warning
from certwright.pki.render import PRIVATE_KEY_KEY, read_stored
from certwright.reconcile.certificateset.journal import Journal, Phase
from certwright.reconcile.certificateset.judgement import Judgement
from certwright.reconcile.certificateset.kept import Part, Parts, holds_payload, payload_key, revision_of
from certwright.reconcile.certificateset.known import is_lost, list_targets, read_journal
from certwright.reconcile.certificateset.material import SlotVerdict, judge_slot, name_certificate
from certwright.reconcile.certificateset.wish import Nodes, find_inputs, find_nodes, read_wish
from certwright.reconcile.objects import Kind, Snapshot
from certwright.reconcile.set_actions import SLOT_ANNOTATION
from certwright.settings import Settings
from certwright.validation import Options, Role, validate

logger = logging.getLogger(__name__)

_DOUBT = finding(
    Reason.NOT_CHECKED,
    "the clocks of the operator and of the API server are too far apart to judge validity. It is judged as soon "
    "as they agree.",
    detail=Detail.CLOCK_DOUBTED,
)


def judge(snapshot: Snapshot, settings: Settings) -> Judgement:
    """Judge the wish and its material at `snapshot.now`."""
    spec = read_wish(snapshot.subject)
    if isinstance(spec, Finding):
        return refuse(snapshot, spec, settings)
    try:
        return _judge(spec, snapshot, settings)
    except Exception as error:
        # Strangers choose the bytes. What nobody foresaw must be said in the status, not tried again for ever.
        logger.exception("judging %s failed", snapshot.subject.key)
        text = (
            f"the material could not be judged: unexpected {type(error).__name__}. This is a defect of certwright; "
            "its log says more."
        )
        return refuse(snapshot, finding(Reason.INTERNAL_ERROR, text), settings)


def refuse(snapshot: Snapshot, problem: Finding, settings: Settings) -> Judgement:
    """Give the judgement that stands when there is no other: what is deployed stays, and what is open is ended."""
    spec = read_wish(snapshot.subject)
    journal = read_journal(snapshot, settings.namespace)
    sound, expired = _examine(journal, snapshot, settings)
    lost, epoch = is_lost(journal, snapshot), journal.epoch if journal is not None else 0
    if isinstance(spec, Finding):
        return Judgement(None, (problem,), sound=sound, expired=expired, lost=lost, epoch=epoch)
    nodes = find_nodes(spec, snapshot, settings)
    return Judgement(spec, (problem,), nodes=nodes, sound=sound, expired=expired, lost=lost, epoch=epoch)


def _judge(spec: ClusterCertificateSetSpec, snapshot: Snapshot, settings: Settings) -> Judgement:
    journal = read_journal(snapshot, settings.namespace)
    nodes = find_nodes(spec, snapshot, settings)
    sound, expired = _examine(journal, snapshot, settings)
    lost, epoch = is_lost(journal, snapshot), journal.epoch if journal is not None else 0
    slots = tuple(map(name_certificate, _judge_names(spec, snapshot, journal, settings)))
    findings = (
        *nodes.findings,
        *((_DOUBT,) if snapshot.clock_doubted else ()),
        *_find_conflicts(spec),
        *_find_own_inputs(spec, nodes),
        *(_find_forgotten(spec, snapshot) if lost else ()),
    )
    kept = _keep_unlisted(spec, snapshot, journal, settings)
    judgement = Judgement(
        spec,
        findings,
        (*slots, *kept),
        nodes,
        sound=sound,
        expired=expired,
        changed=_last_change(spec, snapshot),
        next_change=min((each.next_change for each in slots if each.next_change is not None), default=None),
        lost=lost,
        epoch=epoch,
    )
    if judgement.errors:
        return judgement
    parts = {each.part.slot: each.part for each in judgement.slots if each.part is not None}
    return Judgement(
        spec,
        findings,
        judgement.slots,
        nodes,
        parts=parts,
        revision=revision_of(parts),
        sound=sound,
        expired=expired,
        changed=judgement.changed,
        next_change=judgement.next_change,
        lost=lost,
        epoch=epoch,
    )


def _judge_names(
    spec: ClusterCertificateSetSpec, snapshot: Snapshot, journal: Journal | None, settings: Settings
) -> Iterator[SlotVerdict]:
    given, absent = {each.name: each for each in spec.certificates}, frozenset(spec.absent)
    for slot in spec.slots:
        if slot.name in given:
            verdict = judge_slot(slot, given[slot.name], snapshot)
            if slot.name in absent:
                verdict = _refuse(verdict, _contradiction(slot.name))
            yield verdict
        elif slot.name in absent:
            problems = (_refuse_removal(slot.name),) if slot.required else ()
            yield SlotVerdict(slot.name, slot.required, problems, deleting=True)
        else:
            yield _keep(slot.name, snapshot, journal, settings, required=slot.required)
    known = {slot.name for slot in spec.slots}
    for name in sorted((given.keys() | absent) - known):
        text = f"`{name}` is none of the names of this set. Correct it, or add a slot to `spec.slots`."
        deleting = name not in given
        yield SlotVerdict(name, findings=(finding(Reason.UNKNOWN_NAME, text),), deleting=deleting)


def _keep(name: str, snapshot: Snapshot, journal: Journal | None, settings: Settings, *, required: bool) -> SlotVerdict:
    """Keep what fills a slot although it is not listed any more; an omission never destroys."""
    secret = journal.contents_of(journal.deployed).get(name) if journal is not None else None
    if journal is None or journal.deployed is None or secret is None:
        if not required:
            return SlotVerdict(name)
        text = f"the certificate `{name}` is required and was never handed in. Add it to `spec.certificates`."
        return SlotVerdict(name, required, (finding(Reason.REQUIRED_CERTIFICATE, text),))
    part = read_part(journal.deployed, name, secret, snapshot, settings)
    if part is None:
        text = f"the certificate `{name}` is not listed any more, and what was kept of it is gone. List it again."
        return SlotVerdict(name, required, (finding(Reason.JOURNAL_LOST, text),))
    leaf = read_stored(part.data)
    if required:
        text = f"the certificate `{name}` is required and is not listed any more. It is kept; list it again."
        return SlotVerdict(name, required, (finding(Reason.REQUIRED_CERTIFICATE, text),), leaf.leaf if leaf else None)
    text = (
        f"the certificate `{name}` is not listed any more and is kept. List it again, or remove it with `spec.absent`."
    )
    return SlotVerdict(name, required, (warning(Reason.SOURCE_REMOVED, text),), leaf.leaf if leaf else None, part)


def _keep_unlisted(
    spec: ClusterCertificateSetSpec, snapshot: Snapshot, journal: Journal | None, settings: Settings
) -> Iterator[SlotVerdict]:
    """Keep what fills slots that were taken out of the wish altogether."""
    if journal is None:
        return
    named = {slot.name for slot in spec.slots} | {each.name for each in spec.certificates} | frozenset(spec.absent)
    for name in sorted(journal.contents_of(journal.deployed).keys() - named):
        yield _keep(name, snapshot, journal, settings, required=False)


def _refuse(verdict: SlotVerdict, problem: Finding) -> SlotVerdict:
    return SlotVerdict(verdict.name, verdict.required, (*verdict.findings, problem), verdict.leaf)


def _contradiction(name: str) -> Finding:
    text = f"`{name}` stands in `spec.certificates` and in `spec.absent`. Take it out of one of them."
    return finding(Reason.INVALID_REQUEST, text, detail=Detail.CONFLICTING_FIELDS)


def _refuse_removal(name: str) -> Finding:
    text = f"the certificate `{name}` is required and cannot be removed. Take it out of `spec.absent`."
    return finding(Reason.REQUIRED_CERTIFICATE, text)


def _find_conflicts(spec: ClusterCertificateSetSpec) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for slot in spec.slots:
        other = seen.setdefault(slot.secret_name, slot.name)
        if other != slot.name:
            text = f"the slots `{other}` and `{slot.name}` have the same `secretName`. Choose another for one of them."
            yield finding(Reason.INVALID_REQUEST, text, detail=Detail.CONFLICTING_FIELDS)


def _find_own_inputs(spec: ClusterCertificateSetSpec, nodes: Nodes) -> Iterator[Finding]:
    names = {slot.secret_name for slot in spec.slots}
    for key in sorted(find_inputs(spec)):
        if key.kind is Kind.SECRET and key.namespace in nodes.chosen and key.name in names:
            text = f"the target `{key.name}` in `{key.namespace}` is also an input of this set. Choose another name."
            yield finding(Reason.INVALID_REQUEST, text, detail=Detail.TARGET_IS_INPUT)


def _find_forgotten(spec: ClusterCertificateSetSpec, snapshot: Snapshot) -> Iterator[Finding]:
    """Name what was deployed before the journal was lost and is not spoken of: it must not be guessed away."""
    spoken = {each.name for each in spec.certificates} | frozenset(spec.absent)
    slots = {each.annotations.get(SLOT_ANNOTATION, "") for each in list_targets(snapshot).values()}
    for name in sorted(slots - spoken - {""}):
        text = (
            f"the journal of this set is gone, and `{name}` was filled. List it again, or remove it with `spec.absent`."
        )
        yield finding(Reason.JOURNAL_LOST, text)


def _last_change(spec: ClusterCertificateSetSpec, snapshot: Snapshot) -> datetime:
    subject = snapshot.subject
    changes = [subject.modified or subject.created]
    for key in find_inputs(spec):
        observed = snapshot.get(key)
        if observed is not None and observed.changed is not None:
            changes.append(observed.changed)
    return max(min(each, snapshot.now) for each in changes)


def _examine(journal: Journal | None, snapshot: Snapshot, settings: Settings) -> tuple[frozenset[str], frozenset[str]]:
    """Say which revisions are wholly there, and which of them may no longer be brought anywhere."""
    if journal is None:
        return frozenset(), frozenset()
    sound, expired = set(), set()
    for revision, contents in journal.contents.items():
        read = {slot: read_part(revision, slot, secret, snapshot, settings) for slot, secret in contents.items()}
        parts: Parts = {slot: part for slot, part in read.items() if part is not None}
        if len(parts) == len(contents) and revision_of(parts) == revision:
            sound.add(revision)
            if revision == journal.target and journal.phase is Phase.COMMITTING and not _hold_still(parts, snapshot):
                expired.add(revision)
    return frozenset(sound), frozenset(expired)


def _hold_still(parts: Parts, snapshot: Snapshot) -> bool:
    for part in parts.values():
        stored = read_stored(part.data)
        if stored is None:
            return False
        verdict = validate(
            stored.leaf,
            intermediates=stored.chain,
            anchors=None,
            at=snapshot.now,
            role=Role.ANY,
            options=Options(),
        )
        if not verdict.is_valid and not snapshot.clock_doubted:
            return False
    return True


def read_part(revision: str, slot: str, secret: str, snapshot: Snapshot, settings: Settings) -> Part | None:
    """Read one payload back; `None` when it is gone, or is not what it should be."""
    key = payload_key(settings.namespace, snapshot.subject.version.uid, revision, slot)
    observed = snapshot.get(key)
    if observed is None or not holds_payload(observed, revision, slot):
        return None
    stored = read_stored(observed.data)
    if stored is None or (stored.key is None and PRIVATE_KEY_KEY in observed.data):
        return None
    return Part(
        slot=slot,
        secret=secret,
        certificates=tuple(each.fingerprint for each in (stored.leaf, *stored.chain)),
        key=stored.key.public.fingerprint if stored.key is not None else None,
        data=observed.data,
    )
