"""What a CA is called and known by: the facts that people look for in a list of CA certificates (sources 2 and 3)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from certwright.findings import printable

if TYPE_CHECKING:
    from certwright.pki.certificate import Certificate
    from certwright.pki.names import Name

CN_LIMIT = 511
"""The most characters of a CA's name (source 2)."""

FIELD_LIMIT = 128
"""The most characters of a field's name: object identifiers know no end."""


def ca_name(name: Name) -> str:
    """Return what a CA is called, 1 to 511 printable characters (the `cn` of source 2).

    The common name, else the last organizational unit, else the organization, else the whole name as RFC 4514 writes
    it; values of nothing but white space do not count.
    """
    candidates = (name.common_name, name.organizational_unit, name.organization, name.rfc4514)
    chosen = next((text for text in candidates if text and not text.isspace()), "(empty name)")
    return printable(chosen, limit=CN_LIMIT)


def name_fields(name: Name, *, limit: int) -> tuple[tuple[str, str], ...]:
    """Return (field name, value) in the order of the certificate, values printable and cut to `limit` characters.

    Fields repeat: `DC=example,DC=com` is two. A field without a short name is its dotted identifier.
    """
    return tuple(
        (printable(field, limit=FIELD_LIMIT), printable(value, limit=limit)) for field, value in name.attributes
    )


def subject_key_id(certificate: Certificate) -> bytes:
    """Return the identifier of a certificate's key: its extension, else SHA-1 of the key (RFC 5280 §4.2.1.2 (1))."""
    stated = certificate.subject_key_id
    if stated is not None:
        return stated
    return hashlib.sha1(certificate.public_key.key_bits, usedforsecurity=False).digest()


def authority_key_id(certificate: Certificate) -> bytes | None:
    """Return the identifier of the key that signed, where the certificate states one (RFC 5280 §4.2.1.1)."""
    authority = certificate.authority_key_id
    return authority.key_id if authority is not None else None
