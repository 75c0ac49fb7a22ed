"""The certificates that hang under a key, told from the statuses of those that name it (source 5's list)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from certwright.api.fields import TEXT_LIMIT
from certwright.api.privatekey_status import CERTIFICATES_LIMIT, HangingCertificate
from certwright.findings import printable
from certwright.reconcile.objects import Kind, Snapshot, Subject
from certwright.reconcile.private_keys import face_of_certificate, read_served
from certwright.reconcile.questions import Naming, list_naming

_STAMP_LIMIT = 64


def find_certificates(snapshot: Snapshot) -> tuple[Subject, ...]:
    """Give the certificates that name the key, sorted by name; each from its first verdict on."""
    found = list_naming(snapshot, Naming(snapshot.subject.key))
    return tuple(
        each
        for each in found
        if each.key.kind is Kind.IMPORTED_CERTIFICATE and "observedGeneration" in each.status and not each.deleting
    )


def digest_certificates(certificates: Iterable[Subject]) -> str:
    """Digest what is seen of all of them, also of those that the list has no room for."""
    seen = (f"{each.key.name}|{each.version.uid}|{face_of_certificate(each)}" for each in certificates)
    return "sha256:" + hashlib.sha256("\n".join(seen).encode()).hexdigest()


def describe_certificates(certificates: Iterable[Subject], fingerprint: str | None) -> tuple[HangingCertificate, ...]:
    """List them as the status does, as many as there is room for.

    What is told of each is what consumers have, if it is for the key of this `fingerprint`: an upload that was refused
    may be for any key.
    """
    return tuple(_describe(each, fingerprint) for each in tuple(certificates)[:CERTIFICATES_LIMIT])


def _describe(certificate: Subject, fingerprint: str | None) -> HangingCertificate:
    row = HangingCertificate(id=certificate.version.uid, name=certificate.key.name)
    served = read_served(certificate)
    if served.get("keyFingerprint") != fingerprint:
        return row
    facts = {
        "common_name": _text(served.get("commonName"), TEXT_LIMIT),
        "valid_from": _text(served.get("validFrom"), _STAMP_LIMIT),
        "valid_thru": _text(served.get("validThru"), _STAMP_LIMIT),
    }
    return row.model_copy(update=facts)


def _text(value: Any, limit: int) -> str | None:
    return printable(value, limit=limit) if isinstance(value, str) else None
