"""Facts of a CA certificate in the words of the status (sources 2 and 3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from certwright.api.fields import TEXT_LIMIT
from certwright.api.model import timestamp
from certwright.api.trustdecision_status import (
    ATTRIBUTES_LIMIT,
    LABELS_LIMIT,
    DecisionMetadata,
    Label,
    NameAttribute,
)
from certwright.findings import printable
from certwright.pki.certificate import Certificate
from certwright.pki.identity import authority_key_id, ca_name, name_fields, subject_key_id
from certwright.pki.names import Name
from certwright.reconcile.objects import Subject
from certwright.reconcile.trust.stance import CREATED_BY_ANNOTATION, MODIFIED_BY_ANNOTATION

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_KEY_ID_DIGITS = 128

FACT_FIELDS = (
    "cn",
    "expiry_timestamp",
    "is_self_signed",
    "root_certificate_id",
    "subject_key_id",
    "authority_key_id",
    "subject",
    "issuer",
    "not_before",
    "expiry",
    "fingerprint",
)
"""The fields that `describe_certificate` fills."""


def describe_certificate(certificate: Certificate) -> dict[str, Any]:
    """Give the fields of the status that describe the certificate of this generation."""
    stated, authority = certificate.subject_key_id, authority_key_id(certificate)
    return {
        "cn": ca_name(certificate.subject),
        "expiry_timestamp": timestamp(certificate.not_after),
        "is_self_signed": "true" if is_self_signed(certificate) else "false",
        "root_certificate_id": _hexadecimal(subject_key_id(certificate)),
        "subject_key_id": _hexadecimal(stated) if stated is not None else None,
        "authority_key_id": _hexadecimal(authority) if authority is not None else None,
        "subject": _attributes(certificate.subject),
        "issuer": _attributes(certificate.issuer),
        "not_before": _milliseconds(certificate.not_before),
        "expiry": _milliseconds(certificate.not_after),
        "fingerprint": certificate.fingerprint,
    }


def is_self_signed(certificate: Certificate) -> bool:
    """Say whether a certificate is signed with its own key (RFC 5280 section 3.2)."""
    return certificate.is_self_issued and certificate.signed_by(certificate)


def describe_metadata(subject: Subject) -> DecisionMetadata:
    """Say who decided, and when; authors are known where admission stamps them."""
    labels = sorted(subject.labels.items())[:LABELS_LIMIT]
    return DecisionMetadata(
        labels=tuple(Label(name=name, value=value) for name, value in labels),
        creation_timestamp=timestamp(subject.created),
        modification_timestamp=timestamp(subject.modified) if subject.modified is not None else None,
        created_by=_author(subject, CREATED_BY_ANNOTATION),
        modified_by=_author(subject, MODIFIED_BY_ANNOTATION),
    )


def _author(subject: Subject, annotation: str) -> str | None:
    name = subject.annotations.get(annotation)
    return printable(name, limit=TEXT_LIMIT) if name else None


def _attributes(name: Name) -> tuple[NameAttribute, ...]:
    fields = name_fields(name, limit=TEXT_LIMIT)[:ATTRIBUTES_LIMIT]
    return tuple(NameAttribute(field_name=field, value=value) for field, value in fields)


def _hexadecimal(key_id: bytes) -> str:
    return key_id.hex()[:_KEY_ID_DIGITS]


def _milliseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // _MILLISECOND
