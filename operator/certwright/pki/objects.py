"""What kind of object some DER is, told from its shape alone.

Labels lie ("BEGIN CERTIFICATE" around PKCS#7 is what a well-known CA hands out) and DER files have none. The kinds of
objects that people upload differ in the tags of their first two levels.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from certwright.pki.der import children
from certwright.pki.tlv import (
    BIT_STRING,
    INTEGER,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    Tlv,
    TlvError,
    read_tlv,
    tags,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_VERSION = 0xA0  # [0] EXPLICIT, constructed
_TIMES = (0x17, 0x18)  # UTCTime, GeneralizedTime
_PFX_VERSION = 3
_PKCS7_TYPES = "1.2.840.113549.1.7."


class ObjectKind(StrEnum):
    """The kinds of objects found in uploads; the value is how messages call it."""

    CERTIFICATE = "a certificate"
    TRUSTED_CERTIFICATE = "an OpenSSL trusted certificate"
    REQUEST = "a certificate signing request (CSR)"
    CRL = "a certificate revocation list (CRL)"
    PRIVATE_KEY = "a private key"
    ENCRYPTED_KEY = "an encrypted private key"
    PUBLIC_KEY = "a public key without a certificate"
    PARAMETERS = "key parameters"
    PKCS7 = "a PKCS#7 file"
    PKCS12 = "a PKCS#12 file"
    UNKNOWN = "an object of unknown kind"


def identify(der: bytes) -> ObjectKind:
    """Tell the kind of the one object that `der` is; `UNKNOWN` for anything else, never an error."""
    if _is_certificate(der):
        return ObjectKind.CERTIFICATE
    try:
        outer = read_tlv(der)
        if outer.tag != SEQUENCE:
            return ObjectKind.UNKNOWN
        return _identify_fields(outer.children())
    except TlvError:
        return ObjectKind.UNKNOWN


def _is_certificate(der: bytes) -> bool:
    """Tell what most uploads are, without building a tree; the long way says what anything else is."""
    try:
        ((tag, start, stop),) = children(der, 0, len(der))
        fields = children(der, start, stop) if tag == SEQUENCE else []
        return [tag for tag, _, _ in fields] == _SIGNED_TAGS and children(der, *fields[0][1:])[0][0] == _VERSION
    except (ValueError, IndexError):
        return False


def _identify_fields(fields: list[Tlv]) -> ObjectKind:
    for pattern, judge in _SHAPES:
        if tags(fields)[: len(pattern)] == list(pattern):
            kind = judge(fields)
            if kind is not None:
                return kind
    return ObjectKind.UNKNOWN


def _judge_signed(fields: list[Tlv]) -> ObjectKind | None:
    if len(fields) != len(_SIGNED):
        return None
    shape = tags(fields[0].children())
    if shape[:1] == [_VERSION]:
        return ObjectKind.CERTIFICATE
    if shape[:1] == [INTEGER]:
        shape = shape[1:]
        if shape[:4] == [SEQUENCE] * 4:
            return ObjectKind.CERTIFICATE  # version 1: no version field, the integer is the serial number
        if shape[:2] == [SEQUENCE, SEQUENCE] and shape[2:3] in ([], [_VERSION]):
            return ObjectKind.REQUEST
    if shape[:2] == [SEQUENCE, SEQUENCE] and shape[2:3] and shape[2] in _TIMES:
        return ObjectKind.CRL
    return None


def _judge_spki_or_encrypted(fields: list[Tlv]) -> ObjectKind | None:
    if tags(fields[0].children())[:1] != [OBJECT_IDENTIFIER]:
        return None
    return ObjectKind.PUBLIC_KEY if fields[1].tag == BIT_STRING else ObjectKind.ENCRYPTED_KEY


def _judge_pfx_or_pkcs8(fields: list[Tlv]) -> ObjectKind | None:
    inner = fields[1].children()
    if tags(inner)[:1] != [OBJECT_IDENTIFIER]:
        return None
    if fields[0].integer() == _PFX_VERSION and tags(inner)[1:2] == [_VERSION]:
        return ObjectKind.PKCS12
    return ObjectKind.PRIVATE_KEY if tags(fields)[2:3] == [OCTET_STRING] else None


def _judge_pkcs7(fields: list[Tlv]) -> ObjectKind | None:
    return ObjectKind.PKCS7 if fields[0].identifier().startswith(_PKCS7_TYPES) else None


_SIGNED = (SEQUENCE, SEQUENCE, BIT_STRING)
_SIGNED_TAGS = list(_SIGNED)
_SHAPES: tuple[tuple[tuple[int, ...], Callable[[list[Tlv]], ObjectKind | None]], ...] = (
    (_SIGNED, _judge_signed),
    ((SEQUENCE, BIT_STRING), _judge_spki_or_encrypted),
    ((SEQUENCE, OCTET_STRING), _judge_spki_or_encrypted),
    ((INTEGER, SEQUENCE), _judge_pfx_or_pkcs8),
    ((OBJECT_IDENTIFIER, _VERSION), _judge_pkcs7),
    ((INTEGER, OCTET_STRING), lambda _: ObjectKind.PRIVATE_KEY),  # SEC1, RFC 5915 §3
    ((INTEGER,) * 9, lambda _: ObjectKind.PRIVATE_KEY),  # PKCS#1, RFC 8017 A.1.2
    ((INTEGER,) * 6, lambda _: ObjectKind.PRIVATE_KEY),  # DSA as OpenSSL wrote it
)
