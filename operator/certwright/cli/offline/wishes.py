"""Wishes as far as files can answer them: what only a cluster knows is taken out, and noted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from certwright.cli.offline.set_wishes import Places, read_set
from certwright.cluster.files import FileCluster
from certwright.findings import Finding
from certwright.reconcile.certificateset.wish import find_inputs as find_set_inputs
from certwright.reconcile.importedcertificate.needs import read_spec
from certwright.reconcile.importedcertificate.private_key import find_key_question
from certwright.reconcile.importedcertificate.references import all_inputs
from certwright.reconcile.objects import Kind, ObjectKey, Subject
from certwright.reconcile.offers import is_pending, kept_entry
from certwright.reconcile.private_keys import find_secret
from certwright.reconcile.revocationsource.references import find_inputs
from certwright.reconcile.revocationsource.references import read_spec as read_source
from certwright.reconcile.trust.deployed import decision_namespace_of, revocation_of_store, selects
from certwright.reconcile.trust.material import find_objects
from certwright.reconcile.trust.reliance import name_store, store_key
from certwright.reconcile.truststore.wish import find_aims, find_passwords, read_wish
from certwright.validation import Revocation

STORES = frozenset({Kind.TRUST_STORE, Kind.CLUSTER_TRUST_STORE})


@dataclass(frozen=True, slots=True)
class Walked:
    """An object as it is walked.

    Attributes:
        subject: with a wish that files can answer.
        revocation: what an ImportedCertificate, or its store, says about revocation lists.
        notes: what was taken out, and why that is no fault.
        places: of a set where it would write.
    """

    subject: Subject
    revocation: Revocation = Revocation.OFF
    notes: tuple[str, ...] = ()
    places: Places | None = None


def deploy_at_once(store: Subject) -> Subject:
    """Let a store deploy what it gathers: in files nobody approves, and what is staged is to be looked at."""
    deployment = store.spec.get("deployment")
    if not isinstance(deployment, Mapping) or deployment.get("mode") != "Manual":
        return store
    return replace(store, spec={**store.spec, "deployment": {"mode": "Automatic"}})


def without_approval(store: Subject) -> Subject:
    """Take the approval out of a store, so that what waits for one shows."""
    deployment = store.spec.get("deployment")
    if not isinstance(deployment, Mapping):
        return store
    rest = {name: value for name, value in deployment.items() if name != "approved"}
    return replace(store, spec={**store.spec, "deployment": rest})


def walk_import(subject: Subject, files: FileCluster, *, anchored: bool, listed: bool) -> Walked:
    """Take out of an ImportedCertificate what the files hold nothing for: its store, and revocation lists.

    Args:
        subject: the object.
        files: what else there is, as far as it has been walked.
        anchored: anchors were given.
        listed: revocation lists were given: the certificate is judged by them apart.
    """
    spec, trust = read_spec(subject), subject.spec.get("trust")
    if spec is None or spec.trust is None or not isinstance(trust, Mapping):
        return Walked(subject)
    wish: dict[str, Any] = dict(trust)
    notes: list[str] = []
    key = store_key(spec, subject.key.namespace)
    store = files.subjects.get(key) if key is not None else None
    if key is not None and (store is None or not is_known(store, files)):
        del wish["storeRef"]
        if not anchored:
            what = "is not among the files" if store is None else "gathers what is not among the files"
            notes.append(f"{name_store(key)} {what}, so its trust was not checked. Give its CAs with `--anchors`.")
    wished = spec.trust.revocation or (revocation_of_store(store) if store is not None else "Off")
    places = {subject.key.namespace, decision_namespace_of(store) if store is not None else None}
    offered = any(_offers(each) for each in files.subjects.values() if each.key.namespace in places)
    if wished != "Off" and (listed or not offered):
        wish["revocation"] = "Off"
        if not listed:
            notes.append(
                "revocation is asked for and was not checked: no list is among the files. Give lists with `--crl`."
            )
    return Walked(replace(subject, spec={**subject.spec, "trust": wish}), Revocation(wished), tuple(notes))


def walk_trust_of_set(walked: Walked, files: FileCluster) -> Walked:
    """Take out of a set what the files hold nothing for: its store, and revocation lists."""
    subject, spec = walked.subject, read_set(walked.subject)
    if spec is None or spec.trust is None:
        return walked
    key = ObjectKey(Kind.CLUSTER_TRUST_STORE, "", spec.trust.store_ref.name)
    store = files.subjects.get(key)
    if store is None or not is_known(store, files):
        what = "is not among the files" if store is None else "gathers what is not among the files"
        rest = {name: value for name, value in subject.spec.items() if name != "trust"}
        return replace(
            walked,
            subject=replace(subject, spec=rest),
            notes=(f"{name_store(key)} {what}, so the trust of the certificates was not checked.",),
        )
    wished, namespace = spec.trust.revocation or revocation_of_store(store), decision_namespace_of(store)
    if wished == "Off" or any(_offers(each) for each in files.subjects.values() if each.key.namespace == namespace):
        return walked
    trust = {**subject.spec["trust"], "revocation": "Off"}
    return replace(
        walked,
        subject=replace(subject, spec={**subject.spec, "trust": trust}),
        notes=("revocation is asked for and was not checked: no list is among the files.",),
    )


def _offers(subject: Subject) -> bool:
    is_source = subject.key.kind is Kind.REVOCATION_SOURCE
    return is_source and not is_pending(subject) and kept_entry(subject.status) is not None


def is_known(store: Subject, files: FileCluster) -> bool:
    """Say whether the files hold what a store gathers, so that what it trusts can be told."""
    return next(find_unknown(store, files), None) is None


def find_unknown(store: Subject, files: FileCluster) -> Iterator[str]:
    """Note the decisions of a store that are not among the files, or whose certificates are not."""
    namespace = decision_namespace_of(store)
    if namespace is None or "selector" not in store.spec:
        return
    decisions = [
        each
        for each in files.subjects.values()
        if (each.key.kind, each.key.namespace) == (Kind.TRUST_DECISION, namespace)
    ]
    if not decisions:
        yield f"no TrustDecision of namespace `{namespace}` is among the files, so what it gathers was not checked."
    for each in decisions:
        if selects(store, namespace, each.labels) and find_withheld(each, files):
            yield f"TrustDecision `{each.key.name}` was not checked, so what it adds is not known."


def find_withheld(subject: Subject, files: FileCluster) -> frozenset[ObjectKey]:
    """Give the Secrets that are read for an object, and are not among the files: that is no verdict.

    Keys and passwords are rarely in Git, and the key of a PrivateKey never is; where that is missing itself, it is
    given. A ConfigMap holds nothing secret.
    """
    missing = {key for key in _inputs(subject) if key.kind is Kind.SECRET and key not in files.objects}
    named = find_key_of(subject)
    if named is not None:
        owner = files.subjects.get(named)
        secret = find_secret(owner) if owner is not None else named
        missing |= {secret} - files.objects.keys() if secret is not None else set()
    return frozenset(missing)


def find_key_of(subject: Subject) -> ObjectKey | None:
    """Give the PrivateKey that an ImportedCertificate names."""
    is_import = subject.key.kind is Kind.IMPORTED_CERTIFICATE
    question = find_key_question(read_spec(subject), subject.key.namespace) if is_import else None
    return question.key if question is not None else None


def _inputs(subject: Subject) -> Iterable[ObjectKey]:
    namespace = subject.key.namespace
    match subject.key.kind:
        case Kind.IMPORTED_CERTIFICATE:
            spec = read_spec(subject)
            return all_inputs(spec, namespace) if spec is not None else ()
        case Kind.PRIVATE_KEY:
            secret = find_secret(subject)
            return (secret,) if secret is not None else ()
        case Kind.REVOCATION_SOURCE:
            return find_inputs(read_source(subject), namespace)
        case Kind.TRUST_DECISION:
            return find_objects(subject)
        case Kind.CLUSTER_CERTIFICATE_SET:
            wished = read_set(subject)
            return find_set_inputs(wished) if wished is not None else ()
        case _:
            wish = read_wish(subject)
            return find_passwords(find_aims(wish, namespace)) if not isinstance(wish, Finding) else ()
