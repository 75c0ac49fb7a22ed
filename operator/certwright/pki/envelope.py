"""Open an uploaded file: tell PEM, DER and base64 apart and list the objects inside.

Certificates, keys and revocation lists arrive in the same wrappings, so the wrappings are undone here once, for all
of them. What an object means in the field it was given in is the business of `intake` and `keys`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from certwright.findings import Detail, Finding, MaterialError, Reason
from certwright.pki.objects import ObjectKind, identify
from certwright.pki.pem import PemBlock, decode_base64, has_markers, split_pem
from certwright.pki.tlv import SEQUENCE, TlvError, measure_tlv

if TYPE_CHECKING:
    from certwright.pki.limits import IntakeLimits
    from certwright.pki.origin import Origin

BASE64_WITHOUT_ARMOR = "base64 without BEGIN and END lines"
BASE64_OF_PEM = "base64 of PEM (encoded twice)"
DER_FILE = "DER instead of PEM"

MOST_REMEMBERED = 256

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_KEYSTORE_MARKS = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")  # JKS, JCEKS
_SAMPLE = 4096
_LONG_LENGTH = 0x80
_ENCRYPTED_HEADER = "ENCRYPTED"


@dataclass(frozen=True, slots=True)
class EncodedObject:
    """One object of a file, not yet parsed.

    Attributes:
        kind: what it is, judged by its contents, and by its label where they say nothing.
        der: its encoding; encrypted when `kind` is `ENCRYPTED_KEY`.
        label: its PEM label, empty without one.
        headers: its RFC 1421 header lines.
        number: its place in the file, from 1.
    """

    kind: ObjectKind
    der: bytes = field(repr=False)
    label: str = ""
    headers: tuple[str, ...] = field(default=(), repr=False)
    number: int = 1


@dataclass(frozen=True, slots=True)
class Envelope:
    """The objects of a file in their order, and what was overlooked to read them, as noun phrases."""

    objects: tuple[EncodedObject, ...]
    repairs: tuple[str, ...] = ()

    def kinds(self) -> frozenset[ObjectKind]:
        """Return the kinds of objects inside."""
        return frozenset(item.kind for item in self.objects)


def open_envelope(data: bytes, origin: Origin, limits: IntakeLimits) -> Envelope:
    """Undo the wrappings of a file: PEM, DER, base64 of either.

    Raises:
        MaterialError: too large, UTF-16, a Java keystore, cut short or damaged, or nothing recognisable inside.
    """
    if len(data) > limits.file_bytes:
        raise origin.refusal(
            Detail.LIMIT_EXCEEDED, f"{len(data)} bytes are more than the {limits.file_bytes} that are read."
        )
    _refuse_foreign_encodings(data, origin)
    kind = identify(data)
    if kind is not ObjectKind.UNKNOWN:
        return Envelope((EncodedObject(kind, data),), (DER_FILE,))
    if has_markers(data):
        return _open_pem(data, origin)
    decoded = decode_base64(data)
    if decoded:
        return _open_decoded(decoded, origin)
    raise _nothing_found(data, origin)


def remark_repairs(repairs: tuple[str, ...], origin: Origin) -> tuple[Finding, ...]:
    """Name all repairs in one warning; none when there were none."""
    if not repairs:
        return ()
    return (origin.remark(Reason.NORMALIZED, f"stored in normalised form; it came with {', '.join(repairs)}."),)


def _refuse_foreign_encodings(data: bytes, origin: Origin) -> None:
    sample = data[:_SAMPLE]
    if data.startswith(_UTF16_MARKS) or (b"\0" in sample and has_markers(sample.replace(b"\0", b""))):
        raise origin.refusal(
            Detail.UTF16,
            "the text is UTF-16, as a redirection in PowerShell writes it. Save it as ASCII or UTF-8 "
            "(`Set-Content -Encoding ascii`).",
        )
    if data.startswith(_KEYSTORE_MARKS):
        raise origin.refusal(
            Detail.WRONG_TYPE,
            "this is a Java keystore (JKS). Convert it with `keytool -importkeystore -deststoretype pkcs12`.",
        )


def _open_pem(data: bytes, origin: Origin) -> Envelope:
    text = split_pem(data, origin)
    return Envelope(tuple(_classify(block, origin) for block in text.blocks), text.repairs)


def _classify(block: PemBlock, origin: Origin) -> EncodedObject:
    der, label = block.der, block.label
    if label == "TRUSTED CERTIFICATE":  # OpenSSL's own: a certificate, then trust settings
        try:
            der = der[: measure_tlv(der)]
        except TlvError:
            raise origin.refusal(Detail.DER_DAMAGED, f"block {block.number} ({label}) is not valid DER.") from None
        return EncodedObject(ObjectKind.TRUSTED_CERTIFICATE, der, label, (), block.number)
    return EncodedObject(_kind_of(block), der, label, block.headers, block.number)


def _kind_of(block: PemBlock) -> ObjectKind:
    if any(_ENCRYPTED_HEADER in header for header in block.headers):
        return ObjectKind.ENCRYPTED_KEY  # RFC 1421: the whole contents are encrypted, nothing else can be told
    if block.label.endswith("PARAMETERS"):
        return ObjectKind.PARAMETERS
    # Of what is called a certificate the answers are kept: intermediates come again and again, and are no secret.
    kind = _identify_public(block.der) if block.label == "CERTIFICATE" else identify(block.der)
    if kind is not ObjectKind.UNKNOWN:
        return kind
    # Damaged or foreign contents: believe the label, so that the parser of that kind says what is wrong.
    if "PRIVATE KEY" in block.label:
        return ObjectKind.PRIVATE_KEY
    return _KIND_OF_LABEL.get(block.label, ObjectKind.UNKNOWN)


_identify_public = lru_cache(maxsize=MOST_REMEMBERED)(identify)

_KIND_OF_LABEL = {
    "CERTIFICATE": ObjectKind.CERTIFICATE,
    "X509 CERTIFICATE": ObjectKind.CERTIFICATE,
    "CERTIFICATE REQUEST": ObjectKind.REQUEST,
    "NEW CERTIFICATE REQUEST": ObjectKind.REQUEST,
    "X509 CRL": ObjectKind.CRL,
    "PUBLIC KEY": ObjectKind.PUBLIC_KEY,
    "RSA PUBLIC KEY": ObjectKind.PUBLIC_KEY,
    "PKCS7": ObjectKind.PKCS7,
    "CMS": ObjectKind.PKCS7,
    "PKCS12": ObjectKind.PKCS12,
}


def _open_decoded(decoded: bytes, origin: Origin) -> Envelope:
    kind = identify(decoded)
    if kind is not ObjectKind.UNKNOWN:
        return Envelope((EncodedObject(kind, decoded),), (BASE64_WITHOUT_ARMOR,))
    if has_markers(decoded):
        inner = _open_pem(decoded, origin)
        return Envelope(inner.objects, (BASE64_OF_PEM, *inner.repairs))
    raise origin.refusal(
        origin.absent,
        f"this is base64, but what it decodes to is no {origin.wanted}. Was it cut short, or encoded more than twice?",
    )


def _nothing_found(data: bytes, origin: Origin) -> MaterialError:
    if not data.strip():
        return origin.refusal(origin.absent, f"it is empty; a {origin.wanted} is expected.")
    if data[0] == SEQUENCE and data[1:2] >= bytes([_LONG_LENGTH]):
        return _damaged_der(data, origin)
    return origin.refusal(
        origin.absent, f"no {origin.wanted} was found in {len(data)} bytes: neither PEM, nor DER, nor base64 of either."
    )


def _damaged_der(data: bytes, origin: Origin) -> MaterialError:
    try:
        end = measure_tlv(data)
    except TlvError:
        return origin.refusal(Detail.TRUNCATED, "the DER ends before its own length says: the file was cut short.")
    if end < len(data):
        return origin.refusal(
            Detail.TRAILING_DATA, f"{len(data) - end} bytes follow the DER object; there must be exactly one."
        )
    return origin.refusal(Detail.DER_DAMAGED, f"this is DER, but no {origin.wanted} nor anything else known here.")
