"""What a RevocationSource refers to, asks and needs: said once, for gathering, the index and the judgement."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta

from certwright.api.model import parse
from certwright.api.revocationsource import RevocationSourceSpec
from certwright.api.revocationsource_spec import CertificatesReference, IssuerReference, ListReference
from certwright.findings import Finding, MaterialError
from certwright.reconcile.objects import Kind, ObjectKey, Snapshot, Subject
from certwright.reconcile.offers import kept_list
from certwright.reconcile.places import Place, fetch
from certwright.reconcile.questions import Contact, GivenList
from certwright.reconcile.revocationsource.past import read_past


@dataclass(frozen=True, slots=True)
class References:
    """The places that a spec names, worked out for its namespace; what is absent was not named."""

    crl: Place | None
    ca: Place | None
    issuer: Place | None

    def objects(self) -> frozenset[ObjectKey]:
        """Give the objects that material stands in."""
        return frozenset(place.object for place in (self.crl, self.ca, self.issuer) if place)


def read_spec(subject: Subject) -> RevocationSourceSpec | None:
    """Read the wish; `None` when it does not fit the schema (an object of another version, or of a file)."""
    try:
        return parse(RevocationSourceSpec, subject.spec)
    except MaterialError:
        return None


def find_references(spec: RevocationSourceSpec, namespace: str) -> References:
    """Work out where the material of a spec stands."""
    return References(
        crl=_place(spec.crl_ref, namespace, "spec.crlRef"),
        ca=_place(spec.ca_ref, namespace, "spec.caRef") if spec.url is not None else None,
        issuer=_issuer_place(spec.issuer_ref, namespace),
    )


def _place(reference: ListReference | CertificatesReference | None, namespace: str, field: str) -> Place | None:
    if reference is None:
        return None
    return Place(ObjectKey(Kind(reference.kind), namespace, reference.name), reference.key, field)


def _issuer_place(reference: IssuerReference | None, namespace: str) -> Place | None:
    if reference is None or reference.kind == Kind.TRUST_DECISION.value:
        return None  # a decision is none of the objects that material stands in
    return Place(ObjectKey(Kind(reference.kind), namespace, reference.name), reference.data_key, "spec.issuerRef")


def find_inputs(spec: RevocationSourceSpec | None, namespace: str) -> frozenset[ObjectKey]:
    """Give every object that a verdict depends on."""
    return find_references(spec, namespace).objects() if spec is not None else frozenset()


def find_dependencies(subject: Subject, operator_namespace: str) -> frozenset[ObjectKey]:
    """Give every object whose change makes the verdict due: the inputs, and what the list in use is kept in."""
    kept = kept_list(subject, operator_namespace)
    return find_inputs(read_spec(subject), subject.key.namespace) | frozenset(kept.parts if kept is not None else ())


def find_origin(spec: RevocationSourceSpec) -> str:
    """Identify where a list is taken from and whose it must be: under another wish it is another matter."""
    parts = [spec.url, *(each and each.model_dump(mode="json") for each in (spec.ca_ref, spec.issuer_ref))]
    return "sha256:" + hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def find_contact(spec: RevocationSourceSpec | None, subject: Subject) -> Contact | None:
    """Ask how it stands with the server; `None` when there is none to fetch from."""
    if spec is None or spec.url is None:
        return None
    past, origin = read_past(subject), find_origin(spec)
    known = past.kept is not None and past.kept.origin == origin and past.kept.parts is not None
    return Contact(
        subject=subject.key,
        uid=subject.version.uid,
        origin=origin,
        interval=timedelta(seconds=spec.interval),
        fetched_at=past.fetched_at if known else None,
        next_update=past.next_update if known else None,
        troubled=bool(past.record.refused),
    )


def find_given(spec: RevocationSourceSpec, snapshot: Snapshot) -> GivenList | Finding | None:
    """Give what a person handed in, inline or by reference; `None` when the list is fetched, or there is none."""
    if spec.crl is not None:
        return GivenList("`spec.crl`", spec.crl.encode())
    place = find_references(spec, snapshot.subject.key.namespace).crl
    if place is None:
        return None
    data = fetch(place, snapshot)
    return data if isinstance(data, Finding) else GivenList(str(place), data)
