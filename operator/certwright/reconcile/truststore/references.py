"""What a store refers to, asks and needs: said once, for gathering, the index and the judgement."""

from __future__ import annotations

from collections.abc import Iterator

from certwright.api.truststore import ClusterTrustStoreSpec
from certwright.findings import Finding
from certwright.pki.certificate import Certificate
from certwright.reconcile.horizon import is_believed, read_horizon
from certwright.reconcile.objects import ObjectKey, Snapshot, Subject
from certwright.reconcile.questions import (
    Namespaces,
    Need,
    Owned,
    PublicRoots,
    Question,
    members,
)
from certwright.reconcile.trust.deployed import decision_namespace_of, kept_trust, needed_records
from certwright.reconcile.trust.gathering import Candidate
from certwright.reconcile.trust.material import find_objects, read_authority
from certwright.reconcile.trust.record import TrustRecord
from certwright.reconcile.trust.stance import Stance, Standing, decisions_of, read_stance
from certwright.reconcile.truststore.past import read_past, row_version
from certwright.reconcile.truststore.recall import list_candidates, recall_deployed, records_of
from certwright.reconcile.truststore.targets import list_owned
from certwright.reconcile.truststore.wish import Spec, find_aims, find_groups, find_passwords, read_wish
from certwright.settings import Settings


def find_dependencies(subject: Subject, settings: Settings) -> frozenset[ObjectKey]:
    """Give what is not found by other means and makes a pass due: passwords, targets that are in the way, records."""
    spec, past = read_wish(subject), read_past(subject)
    keys = set(needed_records(subject, settings.namespace))
    keys.update(key for key, row in past.rows.items() if row_version(row) is not None)
    if not isinstance(spec, Finding):
        namespace, aims = subject.key.namespace, find_aims(spec, subject.key.namespace)
        keys |= find_passwords(aims)
        keys.update(ObjectKey(aim.kind, namespace, aim.name) for aim in aims if not aim.fanned)
    return frozenset(keys)


def find_questions(subject: Subject) -> frozenset[Question]:
    """Say what must be answered from memory."""
    spec = read_wish(subject)
    if isinstance(spec, Finding) or subject.deleting:
        return frozenset()
    questions: set[Question] = {Owned(subject.key)}
    namespace = decision_namespace_of(subject)
    if namespace is not None:
        questions.add(decisions_of(namespace))
    if isinstance(spec, ClusterTrustStoreSpec):
        questions.add(Namespaces())
    if spec.public_roots == "Mozilla":
        questions.add(PublicRoots())
    if read_past(subject).deployed is None:
        questions.add(records_of(subject))
    return frozenset(questions)


def find_needs(snapshot: Snapshot, settings: Settings) -> frozenset[Need]:
    """Say what must be read: what is deployed, then what is new, and the targets that metadata says too little of."""
    subject = snapshot.subject
    spec = read_wish(subject)
    if isinstance(spec, Finding) or subject.deleting:
        return frozenset()
    needs: set[Need] = set()
    kept = kept_trust(subject, settings.namespace)
    if kept is not None:
        needs.add(kept)
    else:
        needs.update(key for keys in list_candidates(snapshot) for key in keys)
    needs |= find_passwords(find_aims(spec, subject.key.namespace))
    if all(snapshot.knows(need) for need in needs):
        recalled = recall_deployed(snapshot, settings.namespace)
        needs.update(_find_material(spec, snapshot, recalled.record))
    needs.update(_find_targets(spec, snapshot, settings))
    return frozenset(needs)


def find_candidates(spec: Spec, snapshot: Snapshot, deployed: TrustRecord | None) -> tuple[Candidate, ...]:
    """Give all decisions of the namespace, and the certificates of those that may be added.

    What is deployed under the fingerprint that was judged is at hand in the record, whatever has become of the object
    that it was read from.
    """
    known = {each.fingerprint: each.certificate for each in (deployed.entries if deployed is not None else ())}
    found = []
    for subject, stance in _list_decisions(snapshot):
        material: Certificate | Finding | None = None
        if _may_be_added(stance, spec):
            material = known.get(stance.fingerprint or "") or read_authority(subject, snapshot)
        found.append(Candidate(stance, material))
    return tuple(found)


def find_inputs(spec: Spec, snapshot: Snapshot) -> frozenset[ObjectKey]:
    """Give what the certificates of selected decisions are read from."""
    return frozenset(
        key
        for subject, stance in _list_decisions(snapshot)
        if "certificateRef" in subject.spec and spec.selector is not None and spec.selector.matches(stance.labels)
        for key in find_objects(subject)
    )


def _list_decisions(snapshot: Snapshot) -> Iterator[tuple[Subject, Stance]]:
    namespace = decision_namespace_of(snapshot.subject)
    if namespace is not None:
        for subject in members(snapshot, decisions_of(namespace)):
            yield subject, read_stance(subject)


def _may_be_added(stance: Stance, spec: Spec) -> bool:
    selected = spec.selector is not None and spec.selector.matches(stance.labels)
    return selected and stance.standing is Standing.TRUSTED


def _find_material(spec: Spec, snapshot: Snapshot, deployed: TrustRecord | None) -> Iterator[ObjectKey]:
    known = {each.fingerprint for each in (deployed.entries if deployed is not None else ())}
    for subject, stance in _list_decisions(snapshot):
        if "certificateRef" in subject.spec and stance.fingerprint not in known and _may_be_added(stance, spec):
            yield from find_objects(subject)


def _find_targets(spec: Spec, snapshot: Snapshot, settings: Settings) -> Iterator[ObjectKey]:
    """Give the targets to look at: those that are not ours, were edited, could not be written, or have a password."""
    owned, past = list_owned(snapshot), read_past(snapshot.subject)
    refused = {key for key, row in past.rows.items() if not row.updated}
    horizon = read_horizon(past.record.horizon)
    for group in find_groups(spec, snapshot, settings):
        always = group.aim.format == "PKCS12"
        for key in group.keys:
            held = owned.get(key)
            if always or held is None or not is_believed(key, held, horizon) or (refused and key in refused):
                yield key
