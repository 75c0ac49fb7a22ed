"""What others see of a TrustStore or ClusterTrustStore: its record, what is due to go, whom it selects.

It is told from spec and status alone; the CAs themselves stand in the record (`certwright.reconcile.trust.record`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from certwright.api.model import parse, parse_leniently
from certwright.api.selector import LabelSelector
from certwright.api.truststore_spec import RevocationMode
from certwright.api.truststore_status import DeployedRecord, TrustStoreStatus
from certwright.findings import MaterialError
from certwright.pki.certificate import Certificate
from certwright.reconcile.objects import Kind, ObjectKey, Subject
from certwright.reconcile.questions import Collection, KeptTrust
from certwright.reconcile.remembering import remember_as_long_as_it_lives
from certwright.reconcile.trust.record import TrustedCertificate, TrustRecord, first_expired, record_keys

_DIGIT_BITS = 4


def stores_of(namespace: str) -> Collection:
    """Give the collection of all TrustStores of a namespace."""
    return Collection(Kind.TRUST_STORE, namespace)


def cluster_stores() -> Collection:
    """Give the collection of all ClusterTrustStores."""
    return Collection(Kind.CLUSTER_TRUST_STORE, "")


def kept_trust(store: Subject, operator_namespace: str) -> KeptTrust | None:
    """Give the question for what is deployed; `None` when nothing ever was."""
    return _ask(store, _deployed_of(store), operator_namespace)


def previous_trust(store: Subject, operator_namespace: str) -> KeptTrust | None:
    """Give the question for what was deployed before; `None` when nothing was."""
    return _ask(store, _previous_of(store), operator_namespace)


def needed_records(store: Subject, operator_namespace: str) -> tuple[ObjectKey, ...]:
    """Name the objects that hold records which the status refers to: what is deployed, and what was before."""
    asked = (kept_trust(store, operator_namespace), previous_trust(store, operator_namespace))
    return tuple(part for each in asked if each is not None for part in each.parts)


def anchors_at(record: TrustRecord, now: datetime) -> tuple[Certificate, ...]:
    """Give the CAs that a verdict may rest on: roots that are neither distrusted nor past their end."""
    return tuple(each.certificate for each in record.entries if each.role == "rootCA" and _counts(each, now))


def intermediates_at(record: TrustRecord, now: datetime) -> tuple[Certificate, ...]:
    """Give the CAs of a record that help to build paths and are neither distrusted nor past their end."""
    return tuple(each.certificate for each in record.entries if each.role == "intermediateCA" and _counts(each, now))


def distrusted_at(record: TrustRecord, now: datetime) -> Mapping[str, str | None]:
    """Give the certificates that no path may lead through, by fingerprint, each with the decision that says so.

    What a record trusts for a while only is among them from that instant on, before the next record says so.
    """
    over = {each.fingerprint: each for each in record.entries if not _counts(each, now)}
    ended = {
        name: next(iter(each.decisions), None) for name, each in over.items() if now < first_expired(each.certificate)
    }
    return {**ended, **{each.fingerprint: each.decision for each in record.distrusts}}


def carried(record: TrustRecord, decision: str) -> tuple[TrustedCertificate, ...]:
    """Give the CAs that are deployed under a decision; several for one whose certificate was swapped."""
    return tuple(each for each in record.entries if decision in each.decisions)


def pending_removals(store: Subject, record: TrustRecord) -> frozenset[str]:
    """Give the fingerprints of the deployed CAs that are due to go, all of them.

    Args:
        store: it lists at most the first of them in `status.pending`.
        record: the one that its status names; of another one the marks would say nothing.
    """
    status = _status_of(store)
    marks = status.record.leaving if status.record is not None else ""
    return read_marks(marks, record)


def write_marks(record: TrustRecord, fingerprints: Iterable[str]) -> str:
    """Mark some of the CAs of a record, as `status.record.leaving` has it; empty when there are none of them."""
    chosen = frozenset(fingerprints)
    bits = "".join("1" if each.fingerprint in chosen else "0" for each in record.entries).rstrip("0")
    bits += "0" * (-len(bits) % _DIGIT_BITS)
    return "".join(f"{int(bits[start : start + _DIGIT_BITS], 2):x}" for start in range(0, len(bits), _DIGIT_BITS))


def read_marks(marks: str, record: TrustRecord) -> frozenset[str]:
    """Give the fingerprints of the CAs of a record that are marked."""
    bits = "".join(f"{int(digit, 16):0{_DIGIT_BITS}b}" for digit in marks)
    return frozenset(each.fingerprint for each, bit in zip(record.entries, bits, strict=False) if bit == "1")


def decision_namespace_of(store: Subject) -> str | None:
    """Give the namespace of the decisions that a store gathers; `None` for one that gathers none."""
    if store.key.kind is Kind.TRUST_STORE:
        return store.key.namespace
    named = store.spec.get("decisionNamespace")
    return named if isinstance(named, str) and named else None


def revocation_of_store(store: Subject) -> RevocationMode:
    """Give what a store says about revocation lists."""
    match store.spec.get("revocation"):
        case "Prefer":
            return "Prefer"
        case "Require":
            return "Require"
        case _:
            return "Off"


def selector_of(store: Subject) -> LabelSelector | None:
    """Give the selector over decisions; `None` when there is none, or one that nobody can read: it selects nothing."""
    wished = store.spec.get("selector")
    if not isinstance(wished, Mapping):
        return None
    try:
        # Not leniently: a selector without the requirement that does not fit would select more.
        return parse(LabelSelector, wished, path="spec.selector")
    except MaterialError:
        return None


def selects(store: Subject, namespace: str, labels: Mapping[str, str]) -> bool:
    """Say whether a store gathers the decision of this namespace with these labels."""
    selector = selector_of(store)
    return selector is not None and decision_namespace_of(store) == namespace and selector.matches(labels)


@remember_as_long_as_it_lives
def face_of(store: Subject) -> str:
    """Digest what decisions and certificates see of a store."""
    status = _status_of(store)
    deployed = _deployed_of(store)
    seen = [
        store.version.uid,
        store.deleting,
        [deployed.number, deployed.digest] if deployed is not None else None,
        status.record.leaving if status.record is not None else "",
        status.deployed_revision,
        revocation_of_store(store),
        decision_namespace_of(store),
        store.spec.get("selector"),
    ]
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()


def _counts(entry: TrustedCertificate, now: datetime) -> bool:
    return not entry.distrusted and now < entry.ends


@remember_as_long_as_it_lives
def _status_of(store: Subject) -> TrustStoreStatus:
    return parse_leniently(TrustStoreStatus, store.status)


def _deployed_of(store: Subject) -> DeployedRecord | None:
    status = _status_of(store)
    return status.record.deployed if status.record is not None else None


def _previous_of(store: Subject) -> DeployedRecord | None:
    status = _status_of(store)
    return status.record.previous if status.record is not None else None


def _ask(store: Subject, kept: DeployedRecord | None, operator_namespace: str) -> KeptTrust | None:
    if kept is None:
        return None
    return KeptTrust(kept.digest, record_keys(store.version.uid, kept, operator_namespace))
