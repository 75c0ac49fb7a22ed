"""Facts of certificates in the words of the status (source 5 for the subject, source 1 and 3 for the rest)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from certwright.api.fields import CHAIN_LIMIT, DN_LIMIT, DNS_NAMES_LIMIT, TEXT_LIMIT
from certwright.api.importedcertificate_status import ChainEntry, Served
from certwright.api.model import timestamp
from certwright.findings import printable
from certwright.pki.certificate import Certificate

DNS_NAMES_BYTES = 8 * 1024
"""Room for host names in a status; a name has at most 253 characters, a certificate may have thousands of names."""

_DNS_NAME_LIMIT = 253
_CHAIN_NAME_LIMIT = 64  # RFC 5280's ub-common-name; longer ones exist and are cut, for there can be many
_SERIAL_LIMIT = 128


def describe_material(leaf: Certificate, path: tuple[Certificate, ...]) -> dict[str, Any]:
    """Give the fields of the status that describe the certificate of this generation."""
    subject = leaf.subject
    above = [each for each in path if each != leaf]
    return {
        "common_name": _text(subject.common_name),
        "organization_name": _text(subject.organization),
        "organization_unit": _text(subject.organizational_unit),
        "locality": _text(subject.locality),
        "state_province": _text(subject.state_or_province),
        "country_code": _text(subject.country),
        "email": _text(subject.email),
        "valid_from": timestamp(leaf.not_before),
        "valid_thru": timestamp(leaf.not_after),
        "serial_number": printable(leaf.serial_hex, limit=_SERIAL_LIMIT),
        "fingerprint": leaf.fingerprint,
        "issuer": printable(leaf.issuer.rfc4514, limit=DN_LIMIT),
        "dns_names": _host_names(leaf.dns_names),
        "dns_names_count": len(leaf.dns_names) or None,
        "key_algorithm": leaf.public_key.description,
        "is_self_signed": "true" if leaf.is_self_issued and leaf.signed_by(leaf) else "false",
        "chain": tuple(describe_link(each) for each in above[:CHAIN_LIMIT]),
        "chain_count": len(above) or None,
    }


MATERIAL_FIELDS = (
    "common_name",
    "organization_name",
    "organization_unit",
    "locality",
    "state_province",
    "country_code",
    "email",
    "valid_from",
    "valid_thru",
    "serial_number",
    "fingerprint",
    "issuer",
    "dns_names",
    "dns_names_count",
    "key_algorithm",
    "is_self_signed",
    "chain",
    "chain_count",
)
"""The fields that `describe_material` fills."""


def describe_link(certificate: Certificate) -> ChainEntry:
    """Describe one certificate of a path."""
    return ChainEntry(
        common_name=printable(certificate.label, limit=_CHAIN_NAME_LIMIT),
        fingerprint=certificate.fingerprint,
        valid_thru=timestamp(certificate.not_after),
    )


def describe_served(
    leaf: Certificate,
    chain: tuple[Certificate, ...],
    anchor: Certificate | None,
    *,
    before: Served | None,
    now: datetime,
) -> Served:
    """Describe what consumers have from now on; `since` moves only when the certificate does."""
    unmoved = before is not None and before.fingerprint == leaf.fingerprint
    return Served(
        fingerprint=leaf.fingerprint,
        common_name=_text(leaf.subject.common_name),
        serial_number=printable(leaf.serial_hex, limit=_SERIAL_LIMIT),
        valid_from=timestamp(leaf.not_before),
        valid_thru=timestamp(leaf.not_after),
        key_fingerprint=leaf.public_key.fingerprint,
        chain=tuple(describe_link(each) for each in chain[:CHAIN_LIMIT]),
        anchor=describe_link(anchor) if anchor is not None else None,
        since=before.since if before is not None and unmoved else timestamp(now),
    )


def _text(value: str | None) -> str | None:
    return printable(value, limit=TEXT_LIMIT) if value is not None else None


def _host_names(names: Iterable[str]) -> tuple[str, ...]:
    kept: list[str] = []
    room = DNS_NAMES_BYTES
    for name in names:
        shown = printable(name, limit=_DNS_NAME_LIMIT)
        room -= len(shown.encode())
        if room < 0 or len(kept) == DNS_NAMES_LIMIT:
            break
        kept.append(shown)
    return tuple(kept)
