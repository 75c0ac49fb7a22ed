"""The key of a certificate that hangs under a PrivateKey: where it is, whether it is there, and what it is."""

from __future__ import annotations

import hashlib

from certwright.api.importedcertificate import ImportedCertificateSpec
from certwright.findings import Detail, Finding, MaterialError, Reason, finding
from certwright.pki.keys import KeyMaterial, read_private_key
from certwright.reconcile.importedcertificate.references import all_inputs
from certwright.reconcile.objects import Kind, ObjectKey, Snapshot
from certwright.reconcile.places import Place, fetch
from certwright.reconcile.private_keys import KEY_DATA_KEY, OfferedKey, face_of, read_offer
from certwright.reconcile.questions import Named, find_named

FIELD = "spec.privateKeyRef"


def find_key_question(spec: ImportedCertificateSpec | None, namespace: str) -> Named | None:
    """Ask for the PrivateKey that the wish names; `None` when it names none."""
    named = spec.private_key_ref if spec is not None else None
    if named is None or named.kind != Kind.PRIVATE_KEY.value:
        return None
    return Named(ObjectKey(Kind.PRIVATE_KEY, namespace, named.name))


def hangs_under_key(spec: ImportedCertificateSpec) -> bool:
    """Say whether the wish names a PrivateKey."""
    return find_key_question(spec, "") is not None


def digest_private_key(spec: ImportedCertificateSpec | None, snapshot: Snapshot) -> str | None:
    """Digest what a verdict depends on of the PrivateKey; `None` when the wish names none."""
    question = find_key_question(spec, snapshot.subject.key.namespace)
    if question is None:
        return None
    owner = find_named(snapshot, question)
    seen = face_of(owner) if owner is not None else "no PrivateKey"
    return "sha256:" + hashlib.sha256(seen.encode()).hexdigest()


def find_offer(spec: ImportedCertificateSpec | None, snapshot: Snapshot) -> OfferedKey | None:
    """Give what the PrivateKey offers; `None` when the wish names none, or there is none."""
    question = find_key_question(spec, snapshot.subject.key.namespace)
    owner = find_named(snapshot, question) if question is not None else None
    return read_offer(owner) if owner is not None else None


def find_key_secret(spec: ImportedCertificateSpec | None, snapshot: Snapshot) -> frozenset[ObjectKey]:
    """Give the Secret that must be read for the key; none as long as there is no key in it."""
    offer = find_offer(spec, snapshot)
    if offer is None or offer.secret is None or offer.fingerprint is None or offer.is_lost:
        return frozenset()
    return frozenset({offer.secret})


def list_read_objects(spec: ImportedCertificateSpec, snapshot: Snapshot) -> frozenset[ObjectKey]:
    """Give every object that is read for a verdict, the Secret of the PrivateKey among them."""
    offer = find_offer(spec, snapshot)
    secret = frozenset({offer.secret} if offer is not None and offer.secret is not None else ())
    return all_inputs(spec, snapshot.subject.key.namespace) | secret


def read_offered_key(spec: ImportedCertificateSpec, snapshot: Snapshot) -> KeyMaterial | Finding:
    """Read the key of the PrivateKey that the wish names, or say what keeps us from it."""
    question = find_key_question(spec, snapshot.subject.key.namespace)
    assert question is not None  # noqa: S101 - asked for by whoever names one
    name = f"`{FIELD}`: PrivateKey `{question.key.name}`"
    offer = find_offer(spec, snapshot)
    if offer is None:
        text = f"`{FIELD}`: there is no PrivateKey `{question.key.name}` in namespace `{question.key.namespace}`."
        return finding(Reason.REFERENCE_NOT_FOUND, f"{text} It is judged within a second of its appearance.")
    if offer.is_lost:
        text = f"{name} has lost its key; its status says how. What was served stays served."
        return finding(Reason.KEY_LOST, text)
    if offer.fingerprint is None or offer.secret is None:
        if not offer.is_judged:
            return finding(Reason.NOT_CHECKED, f"{name} has no key yet. It is waited for.")
        text = f"{name} has no key; its status says why. It is judged within a second of its getting one."
        return finding(Reason.REFERENCE_NOT_FOUND, text)
    return _read(Place(offer.secret, KEY_DATA_KEY, FIELD), offer.fingerprint, snapshot, name=name)


def _read(place: Place, fingerprint: str, snapshot: Snapshot, *, name: str) -> KeyMaterial | Finding:
    data = fetch(place, snapshot)
    if isinstance(data, Finding):
        return data
    try:
        material = read_private_key(data, what=str(place))
    except MaterialError as error:
        return error.finding
    if material.key.public.fingerprint == fingerprint:
        return material
    text = f"{name}: Secret `{place.object.name}` holds another key than `{fingerprint}`. What was served stays served."
    return finding(Reason.KEY_LOST, text, detail=Detail.INCONSISTENT)
