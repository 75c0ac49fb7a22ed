"""Circles of our own targets: what one object writes is the input of another, whose target comes back to the first.

Nothing new could ever enter such a circle. The object that closes it finds out, for it is judged when it changes. A
PrivateKey that takes its key from a Secret is a link like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from certwright.api.importedcertificate import ImportedCertificateSpec
from certwright.api.model import parse
from certwright.findings import MaterialError
from certwright.reconcile.importedcertificate.private_key import find_key_question, find_key_secret
from certwright.reconcile.importedcertificate.references import find_references, secret_key
from certwright.reconcile.objects import Kind, ObjectKey, Observed, Snapshot
from certwright.reconcile.plan import OWNER_ANNOTATION

OWNERS_FOLLOWED = 2
"""How far a chain of our objects is followed: circles of up to three are found. Longer ones are legal and useless."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the material of an object comes from, over other objects of ours.

    Attributes:
        secrets: the Secrets that feed it through another object, each with that object.
        unknown: what has to be read to follow the chain further.
    """

    secrets: Mapping[ObjectKey, ObjectKey]
    unknown: frozenset[ObjectKey]


def follow_sources(spec: ImportedCertificateSpec, snapshot: Snapshot) -> Sources:
    """Follow the inputs that certwright wrote to the objects that own them, and on to their inputs."""
    subject = snapshot.subject.key
    frontier = _secrets(spec, subject.namespace) | find_key_secret(spec, snapshot)
    found: dict[ObjectKey, ObjectKey] = {}
    unknown: set[ObjectKey] = set()
    for _ in range(OWNERS_FOLLOWED):
        unknown |= {key for key in frontier if not snapshot.knows(key)}
        owners = {owner for key in frontier if (owner := _owner(snapshot.get(key))) is not None and owner != subject}
        unknown |= {owner for owner in owners if not snapshot.knows(owner)}
        frontier = set()
        for owner in sorted(owners):
            wish = _wish(snapshot.get(owner))
            if wish is None:
                continue
            key = _private_key(wish, owner.namespace)
            unknown |= {key} if key is not None and not snapshot.knows(key) else set()
            upstream = _secrets(wish, owner.namespace) | _taken(snapshot.get(key) if key is not None else None)
            frontier |= upstream - found.keys()
            found.update(dict.fromkeys(upstream, owner))
    return Sources(found, frozenset(unknown))


def _owner(observed: Observed | None) -> ObjectKey | None:
    if observed is None:
        return None
    kind, _, name = observed.annotations.get(OWNER_ANNOTATION, "").partition("/")
    if kind != Kind.IMPORTED_CERTIFICATE.value or not name:
        return None
    return ObjectKey(Kind.IMPORTED_CERTIFICATE, observed.key.namespace, name)


def _wish(owner: Observed | None) -> ImportedCertificateSpec | None:
    try:
        return parse(ImportedCertificateSpec, owner.manifest.get("spec", {})) if owner is not None else None
    except MaterialError:
        return None


def _private_key(spec: ImportedCertificateSpec, namespace: str) -> ObjectKey | None:
    question = find_key_question(spec, namespace)
    return question.key if question is not None else None


def _taken(key: Observed | None) -> set[ObjectKey]:
    """Give the Secret that a PrivateKey takes its key from; one that is made comes from nowhere."""
    name = key.manifest.get("spec", {}).get("existingSecretName") if key is not None else None
    return {secret_key(key.key.namespace, name)} if key is not None and isinstance(name, str) else set()


def _secrets(spec: ImportedCertificateSpec, namespace: str) -> set[ObjectKey]:
    return {key for key in find_references(spec, namespace).material() if key.kind is Kind.SECRET}
