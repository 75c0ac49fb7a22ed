"""The judge of a set: everything is validated before anything is touched."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from certwright.api.certificateset import ClusterCertificateSetSpec
from certwright.api.certificateset_status import SET_REVOCATIONS_LIMIT
from certwright.api.conditions import ConditionType
from certwright.findings import Detail, Finding, Reason, Severity, finding, warning
from certwright.pki.render import Stored, read_stored
from certwright.reconcile.certificateset.basis import Basis, find_basis
from certwright.reconcile.certificateset.conflicts import find_conflicts, find_own_inputs, find_shared, find_too_many
from certwright.reconcile.certificateset.journal import Journal, Phase
from certwright.reconcile.certificateset.judgement import Judgement
from certwright.reconcile.certificateset.kept import Part, Parts, payload_key, revision_of
from certwright.reconcile.certificateset.known import is_lost, is_unread, list_targets, read_journal, read_part
from certwright.reconcile.certificateset.material import SlotVerdict, judge_slot, make_part, name_certificate
from certwright.reconcile.certificateset.past import read_past
from certwright.reconcile.certificateset.record import digest_kept, digest_sources
from certwright.reconcile.certificateset.wish import find_inputs, find_nodes, read_wish
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.set_actions import SLOT_ANNOTATION
from certwright.reconcile.trust.lists import digest_lists, remember
from certwright.reconcile.trust.reliance import digest_store
from certwright.settings import Settings
from certwright.validation import KnownRevocation, Role

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
    basis = Basis() if isinstance(spec, Finding) else find_basis(spec, snapshot, settings.namespace)
    sound, expired = _examine(journal, snapshot, settings, basis)
    lost, epoch = is_lost(journal, snapshot, settings.namespace), journal.epoch if journal is not None else 0
    if isinstance(spec, Finding):
        return Judgement(None, (problem,), sound=sound, expired=expired, lost=lost, epoch=epoch)
    nodes = find_nodes(spec, snapshot, settings)
    return Judgement(spec, (problem,), nodes=nodes, sound=sound, expired=expired, lost=lost, epoch=epoch)


def _judge(spec: ClusterCertificateSetSpec, snapshot: Snapshot, settings: Settings) -> Judgement:
    journal = read_journal(snapshot, settings.namespace)
    nodes = find_nodes(spec, snapshot, settings)
    basis = find_basis(spec, snapshot, settings.namespace)
    sound, expired = _examine(journal, snapshot, settings, basis)
    lost, epoch = is_lost(journal, snapshot, settings.namespace), journal.epoch if journal is not None else 0
    listed = tuple(_judge_names(spec, snapshot, journal, settings, basis))
    kept = _keep_unlisted(spec, snapshot, journal, settings, listed, basis)
    slots = tuple(name_certificate(each, of_all=basis.problem) for each in (*listed, *kept))
    findings = (
        *nodes.findings,
        *((_DOUBT,) if snapshot.clock_doubted else ()),
        *basis.warnings,
        *(tuple(find_conflicts(spec)) or find_shared(slots)),
        *find_own_inputs(spec, nodes),
        *find_too_many(slots),
        *(_find_forgotten(spec, snapshot) if lost else ()),
    )
    judgement = Judgement(
        spec,
        findings,
        slots,
        nodes,
        sound=sound,
        expired=expired,
        changed=_last_change(spec, snapshot),
        next_change=min((each.next_change for each in slots if each.next_change is not None), default=None),
        lost=lost,
        epoch=epoch,
        revocations=_remember(basis, slots),
        held=_is_held(spec, basis, slots, snapshot, settings),
    )
    if judgement.errors:
        return judgement
    parts = {each.part.slot: each.part for each in slots if each.part is not None}
    return replace(judgement, parts=parts, revision=revision_of(parts))


def _remember(basis: Basis, slots: tuple[SlotVerdict, ...]) -> tuple[KnownRevocation, ...]:
    told = (each for slot in slots for each in slot.revocations)
    looked_at = (each for slot in slots for each in slot.path)
    return remember(basis.known, told, looked_at, limit=SET_REVOCATIONS_LIMIT)


def _is_held(
    spec: ClusterCertificateSetSpec,
    basis: Basis,
    slots: tuple[SlotVerdict, ...],
    snapshot: Snapshot,
    settings: Settings,
) -> bool:
    """Say whether nothing changed but that the store, or a list, is not at hand for now."""
    if basis.problem is None or basis.problem.reason is not Reason.NOT_CHECKED:
        return False
    past, uid = read_past(snapshot.subject), snapshot.subject.version.uid
    journal = read_journal(snapshot, settings.namespace) or Journal(uid)
    seen = (digest_sources(spec, snapshot), digest_kept(journal, snapshot, settings.namespace))
    return (
        past.status.observed_generation == snapshot.subject.generation
        and past.holds(ConditionType.READY) is True
        and (past.record.trust, past.record.lists) == (digest_store(spec, snapshot), digest_lists(spec, snapshot))
        and (past.record.sources, past.record.kept) == seen
        and all(each == basis.problem for slot in slots for each in slot.errors)
    )


def _judge_names(
    spec: ClusterCertificateSetSpec, snapshot: Snapshot, journal: Journal | None, settings: Settings, basis: Basis
) -> Iterator[SlotVerdict]:
    given, absent = {each.name: each for each in spec.certificates}, frozenset(spec.absent)
    for slot in spec.slots:
        if slot.name in given:
            verdict = judge_slot(slot, given[slot.name], snapshot, basis)
            if slot.name in absent:
                verdict = _refuse(verdict, _contradiction(slot.name))
            yield verdict
        elif slot.name in absent:
            problems = (_refuse_removal(slot.name),) if slot.required else ()
            yield SlotVerdict(slot.name, slot.required, problems, deleting=True)
        else:
            yield _keep(slot.name, snapshot, journal, settings, basis, required=slot.required)
    known = {slot.name for slot in spec.slots}
    for name in sorted((given.keys() | absent) - known):
        text = f"`{name}` is none of the names of this set. Correct it, or add a slot to `spec.slots`."
        deleting = name not in given
        yield SlotVerdict(name, findings=(finding(Reason.UNKNOWN_NAME, text),), deleting=deleting)


def _keep(
    name: str, snapshot: Snapshot, journal: Journal | None, settings: Settings, basis: Basis, *, required: bool
) -> SlotVerdict:
    """Keep what fills a slot although it is not listed any more; an omission never destroys."""
    if _is_unseen(name, snapshot, journal, settings):
        text = f"`{name}` is not listed, and what is kept of it cannot be read. It is tried again."
        return SlotVerdict(name, required, (finding(Reason.NOT_CHECKED, text, detail=Detail.READ_FAILED),))
    secret = journal.contents_of(journal.deployed).get(name) if journal is not None else None
    if journal is None or journal.deployed is None or secret is None:
        if not required:
            return SlotVerdict(name)
        text = f"the certificate `{name}` is required and was never handed in. Add it to `spec.certificates`."
        return SlotVerdict(name, required, (finding(Reason.REQUIRED_CERTIFICATE, text),))
    part = read_part(journal.deployed, name, secret, snapshot, settings)
    stored = read_stored(part.data) if part is not None else None
    if part is None or stored is None:
        text = f"the certificate `{name}` is not listed any more, and what was kept of it is gone. List it again."
        return SlotVerdict(name, required, (finding(Reason.JOURNAL_LOST, text),))
    if required:
        text = f"the certificate `{name}` is required and is not listed any more. It is kept; list it again."
        return SlotVerdict(name, required, (finding(Reason.REQUIRED_CERTIFICATE, text),), stored.leaf)
    text = (
        f"the certificate `{name}` is not listed any more and is kept. List it again, or remove it with `spec.absent`."
    )
    omitted = SlotVerdict(name, required, (warning(Reason.SOURCE_REMOVED, text),), stored.leaf, part)
    return _measure(omitted, part, stored, basis, snapshot)


def _is_unseen(name: str, snapshot: Snapshot, journal: Journal | None, settings: Settings) -> bool:
    """Say whether it is not known what is kept of a slot: that is none of its loss."""
    if journal is None:
        return is_unread(snapshot, settings.namespace)
    uid = snapshot.subject.version.uid
    return payload_key(settings.namespace, uid, journal.deployed or "", name) in snapshot.failures


def _measure(omitted: SlotVerdict, part: Part, stored: Stored, basis: Basis, snapshot: Snapshot) -> SlotVerdict:
    """Judge what is kept as what is listed: it is served all the same."""
    verdict = basis.validate(stored.leaf, (*stored.chain, *stored.ca), at=snapshot.now, role=Role.ANY)
    errors = tuple(each for each in verdict.findings if each.severity is Severity.ERROR)
    expiry = tuple(each for each in verdict.findings if each.reason is Reason.EXPIRING_SOON)
    anchored = make_part(part.slot, part.secret, (stored.leaf, *verdict.intermediates), stored.key, verdict.anchor)
    return replace(
        omitted,
        findings=(*errors, *omitted.findings, *expiry),
        part=None if errors else anchored,
        next_change=verdict.next_change,
        path=tuple(each.fingerprint for each in verdict.path),
        revocations=verdict.revocations,
    )


def _keep_unlisted(
    spec: ClusterCertificateSetSpec,
    snapshot: Snapshot,
    journal: Journal | None,
    settings: Settings,
    listed: tuple[SlotVerdict, ...],
    basis: Basis,
) -> Iterator[SlotVerdict]:
    """Keep what fills slots that were taken out of the wish altogether, unless another slot follows them."""
    if journal is None:
        return
    followed = {each.part.secret for each in listed if each.part is not None}
    contents = journal.contents_of(journal.deployed)
    named = {slot.name for slot in spec.slots} | {each.name for each in spec.certificates} | frozenset(spec.absent)
    for name in sorted(name for name in contents.keys() - named if contents[name] not in followed):
        yield _keep(name, snapshot, journal, settings, basis, required=False)


def _refuse(verdict: SlotVerdict, problem: Finding) -> SlotVerdict:
    return SlotVerdict(verdict.name, verdict.required, (*verdict.findings, problem), verdict.leaf)


def _contradiction(name: str) -> Finding:
    text = f"`{name}` stands in `spec.certificates` and in `spec.absent`. Take it out of one of them."
    return finding(Reason.INVALID_REQUEST, text, detail=Detail.CONFLICTING_FIELDS)


def _refuse_removal(name: str) -> Finding:
    text = f"the certificate `{name}` is required and cannot be removed. Take it out of `spec.absent`."
    return finding(Reason.REQUIRED_CERTIFICATE, text)


def _find_forgotten(spec: ClusterCertificateSetSpec, snapshot: Snapshot) -> Iterator[Finding]:
    """Name what was deployed before the journal was lost and is not spoken of: it must not be guessed away."""
    spoken = {each.name for each in spec.certificates} | frozenset(spec.absent)
    slots = {each.annotations.get(SLOT_ANNOTATION, "") for each in list_targets(snapshot).values()}
    known = {each.name for each in spec.slots}
    for name in sorted(slots - spoken - {""}):
        text = (
            f"the journal of this set is gone, and `{name}` was filled. List it again, or remove it with `spec.absent`"
            f"{'.' if name in known else ', each with a slot in `spec.slots`.'}"
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


def _examine(
    journal: Journal | None, snapshot: Snapshot, settings: Settings, basis: Basis
) -> tuple[frozenset[str], frozenset[str]]:
    """Say which revisions are wholly there, and which of them may no longer be brought anywhere."""
    if journal is None:
        return frozenset(), frozenset()
    sound, expired = set(), set()
    for revision, contents in journal.contents.items():
        read = {slot: read_part(revision, slot, secret, snapshot, settings) for slot, secret in contents.items()}
        parts: Parts = {slot: part for slot, part in read.items() if part is not None}
        if len(parts) == len(contents) and revision_of(parts) == revision:
            sound.add(revision)
            going = revision == journal.target and journal.phase is Phase.COMMITTING
            if going and not snapshot.clock_doubted and not _hold_still(parts, snapshot, basis):
                expired.add(revision)
    return frozenset(sound), frozenset(expired)


def _hold_still(parts: Parts, snapshot: Snapshot, basis: Basis) -> bool:
    """Say whether nothing turned against what a commit brings: time, and for what it brings with a CA, the store."""
    unseen = basis.problem is not None and basis.problem.reason is Reason.NOT_CHECKED
    for part in parts.values():
        stored = read_stored(part.data)
        if stored is None:
            return False
        measured = Basis() if unseen or part.anchor is None else basis
        if not measured.validate(stored.leaf, (*stored.chain, *stored.ca), at=snapshot.now, role=Role.ANY).is_valid:
            return False
    return True
