"""Whom certificates must lead to: the CAs that the store of the wish has deployed, never those that are only staged.

A store that is missing, or has deployed nothing, trusts nobody: the chain alone is no substitute for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from certwright.api.certificateset import ClusterCertificateSetSpec
from certwright.api.certificateset_spec import SetStoreReference
from certwright.api.importedcertificate import ImportedCertificateSpec
from certwright.api.reference import StoreReference
from certwright.findings import Detail, Finding, Reason, finding
from certwright.pki.certificate import Certificate
from certwright.reconcile.objects import Failure, Kind, ObjectKey, Snapshot, Subject
from certwright.reconcile.questions import Collection, KeptTrust, members
from certwright.reconcile.remembering import remember
from certwright.reconcile.trust.deployed import (
    anchors_at,
    cluster_stores,
    decision_namespace_of,
    distrusted_at,
    intermediates_at,
    kept_trust,
    revocation_of_store,
    stores_of,
)
from certwright.reconcile.trust.record import TrustRecord

Wish = ImportedCertificateSpec | ClusterCertificateSetSpec
"""The wishes that may name a store."""

_MISSING_REMEDY = "Add it to `spec.chain`."


@dataclass(frozen=True, slots=True)
class Trusted:
    """Whom a store trusts.

    Attributes:
        name: the store, for messages.
        anchors: the CAs that paths may end at.
        intermediates: what else the store brings to build them.
        ends: the first instant at which each of them counts no more, by fingerprint.
        distrusted: fingerprints of certificates that no path may lead through, with the decision that says so.
    """

    name: str
    anchors: tuple[Certificate, ...]
    intermediates: tuple[Certificate, ...]
    ends: Mapping[str, datetime]
    distrusted: Mapping[str, str | None]

    def intermediates_above(self, certificates: Iterable[Certificate]) -> tuple[Certificate, ...]:
        """Give those that may stand above some certificates; who misses an issuer is not told of all the others."""
        found: dict[Certificate, None] = {}
        wanted = {each.issuer for each in certificates}
        while fitting := [each for each in self.intermediates if each.subject in wanted and each not in found]:
            found.update(dict.fromkeys(fitting))
            wanted = {each.issuer for each in fitting}
        return tuple(found)

    def end_of(self, path: Iterable[Certificate]) -> datetime | None:
        """Give the first instant at which one of a path counts no more; `None` when none of it is the store's."""
        return min((end for each in path if (end := self.ends.get(each.fingerprint)) is not None), default=None)


def find_stores(spec: Wish | None, namespace: str) -> Collection | None:
    """Ask for the stores of the kind that the wish names; `None` when it names none."""
    reference = _reference(spec)
    if reference is None:
        return None
    return stores_of(namespace) if reference.kind == Kind.TRUST_STORE.value else cluster_stores()


def find_store(spec: Wish | None, snapshot: Snapshot) -> Subject | None:
    """Give the store that the wish names; `None` when it names none, or there is none of that name.

    One that is being deleted hears of no withdrawal any more, and may be held up for ever: it is as good as gone.
    """
    store = _look_up(spec, snapshot)
    return store if store is not None and not store.deleting else None


def _look_up(spec: Wish | None, snapshot: Snapshot) -> Subject | None:
    key = store_key(spec, snapshot.subject.key.namespace)
    stores = find_stores(spec, snapshot.subject.key.namespace)
    found = members(snapshot, stores) if stores is not None else ()
    return next((each for each in found if each.key == key), None)


def store_key(spec: Wish | None, namespace: str) -> ObjectKey | None:
    """Give the key of the store that the wish names."""
    reference = _reference(spec)
    if reference is None:
        return None
    kind = Kind(reference.kind)
    return ObjectKey(kind, namespace if kind is Kind.TRUST_STORE else "", reference.name)


def name_store(key: ObjectKey) -> str:
    """Name a store in a sentence."""
    return f"{key.kind} `{key.name}`"


def digest_store(spec: Wish | None, snapshot: Snapshot) -> str | None:
    """Digest what a verdict depends on of the store; `None` when the wish names none."""
    if _reference(spec) is None:
        return None
    store = find_store(spec, snapshot)
    return _digest_seen(store) if store is not None else _digest(["no store"])


@remember
def _digest_seen(store: Subject) -> str:
    kept = _find_kept(store, "")
    return _digest(
        [
            store.version.uid,
            kept.digest if kept is not None else None,
            revocation_of_store(store),
            decision_namespace_of(store),
        ]
    )


@remember
def _find_kept(store: Subject, operator_namespace: str) -> KeptTrust | None:
    # Thousands of certificates ask for it, and the status of a store is long.
    return kept_trust(store, operator_namespace)


def _digest(seen: list[object]) -> str:
    return "sha256:" + hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def find_record(spec: Wish | None, snapshot: Snapshot, operator_namespace: str) -> frozenset[KeptTrust]:
    """Say which record of the store must be read."""
    store = find_store(spec, snapshot)
    kept = _find_kept(store, operator_namespace) if store is not None else None
    return frozenset({kept} if kept is not None else ())


def read_trust(spec: Wish, snapshot: Snapshot, operator_namespace: str) -> Trusted | Finding | None:
    """Give whom the store trusts at the snapshot's instant.

    Returns:
        `None` when the wish names no store; a finding `ReferenceNotFound` when there is none, or it trusts nobody, and
        `NotChecked` when it is not at hand what it has deployed.
    """
    key = store_key(spec, snapshot.subject.key.namespace)
    if key is None:
        return None
    store = find_store(spec, snapshot)
    if store is None:
        return _not_found(_describe_absence(key, is_leaving=_look_up(spec, snapshot) is not None))
    kept = _find_kept(store, operator_namespace)
    if kept is None:
        return _not_found(
            f"{name_store(key)} has not deployed any CA yet; its status says why. It is judged within a second of that."
        )
    record = snapshot.answers.get(kept)
    if not isinstance(record, TrustRecord):
        return _not_at_hand(key, record)
    anchors = anchors_at(record, snapshot.now)
    if not anchors:
        return _not_found(
            f"no CA that {name_store(key)} has deployed is trusted any more, or it deployed none that is a root. Trust "
            "one with a TrustDecision."
        )
    ends = {each.fingerprint: each.ends for each in record.entries if not each.distrusted}
    intermediates, distrusted = intermediates_at(record, snapshot.now), distrusted_at(record, snapshot.now)
    return Trusted(name_store(key), anchors, intermediates, ends, distrusted)


def _describe_absence(key: ObjectKey, *, is_leaving: bool) -> str:
    if is_leaving:
        return f"{name_store(key)} is being deleted, and vouches for nobody. Name another store."
    where = f" in namespace `{key.namespace}`" if key.namespace else ""
    return f"there is no {name_store(key)}{where}. It is judged within a second of its appearance."


def _not_found(text: str) -> Finding:
    return finding(Reason.REFERENCE_NOT_FOUND, f"`spec.trust.storeRef`: {text}")


def _not_at_hand(key: ObjectKey, answer: object) -> Finding:
    why = f": {answer.message}" if isinstance(answer, Failure) else ""
    return finding(
        Reason.NOT_CHECKED,
        f"what {name_store(key)} has deployed is not at hand{why}. It is waited for before anything new is judged.",
        detail=Detail.READ_FAILED,
    )


def find_authorities(spec: Wish, snapshot: Snapshot, operator_namespace: str) -> tuple[Certificate, ...]:
    """Give all CAs of the store's record, trusted or not, as far as it is at hand: parts of what is served."""
    records = (snapshot.answers.get(each) for each in find_record(spec, snapshot, operator_namespace))
    return tuple(entry.certificate for each in records if isinstance(each, TrustRecord) for entry in each.entries)


def speak_of_store(found: Finding, trusted: Trusted) -> Finding:
    """Name the store in what the engine says of trusted certificates in general."""
    if found.detail is Detail.ISSUER_DISTRUSTED:
        return _blame_decision(found, trusted)
    message = found.message.replace("that are trusted", f"that {trusted.name} trusts")
    if found.reason is Reason.ISSUER_NOT_FOUND and message.endswith(_MISSING_REMEDY):
        message = message.removesuffix(".") + ", or trust its root there."
    if message == found.message:
        return found
    return finding(found.reason, message, detail=found.detail, severity=found.severity, fingerprint=found.fingerprint)


def _blame_decision(found: Finding, trusted: Trusted) -> Finding:
    decision = trusted.distrusted.get(found.fingerprint or "")
    by = f" by TrustDecision `{decision}`" if decision is not None else ""
    message = f"{found.message.removesuffix('.')}{by}, says {trusted.name}. Have a certificate issued by another CA."
    return finding(found.reason, message, detail=found.detail, fingerprint=found.fingerprint)


def _reference(spec: Wish | None) -> StoreReference | SetStoreReference | None:
    return spec.trust.store_ref if spec is not None and spec.trust is not None else None
