"""Take the certificates out of a PKCS#7 / CMS file, the `.p7b` of Windows and Java (RFC 5652 §5.1).

Ours instead of the library's loader, which answers one error for the whole file: a person wants to know which
certificate is broken. Signatures over contents are not looked at; such files carry none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from certwright.findings import Detail
from certwright.pki.tlv import SEQUENCE, TlvError, read_tlv

if TYPE_CHECKING:
    from certwright.pki.origin import Origin
    from certwright.pki.tlv import Tlv

_SIGNED_DATA = "1.2.840.113549.1.7.2"
_CERTIFICATES = 0xA0
_OPTIONAL_FIELDS = 3  # after version, digestAlgorithms and encapContentInfo


def read_pkcs7(data: bytes, origin: Origin) -> tuple[bytes, ...]:
    """Return the DER of the certificates inside, in the order given; attribute certificates are left out.

    Raises:
        MaterialError: detail `WrongType` when the contents are not a certificate list, `DERDamaged`, or the origin's
            detail for nothing found.
    """
    try:
        kind, *content = read_tlv(data).children()
        if kind.identifier() != _SIGNED_DATA:
            raise origin.refusal(
                Detail.WRONG_TYPE, "the PKCS#7 file holds enveloped or plain data, not a list of certificates."
            )
        fields = content[0].children()[0].children()[_OPTIONAL_FIELDS:]
        certificates = tuple(item.raw for item in _certificate_field(fields) if item.tag == SEQUENCE)
    except (TlvError, IndexError, ValueError):
        raise origin.refusal(Detail.DER_DAMAGED, "the PKCS#7 file cannot be decoded.") from None
    if not certificates:
        raise origin.refusal(origin.absent, f"the PKCS#7 file holds no {origin.wanted}.")
    return certificates


def _certificate_field(fields: list[Tlv]) -> list[Tlv]:
    return [item for field in fields if field.tag == _CERTIFICATES for item in field.children()]
