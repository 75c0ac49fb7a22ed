"""Reading a certificate: from DER to decoded parts, or to the one reason why not (RFC 5280 §4.1)."""

from __future__ import annotations

import hashlib
import threading
import warnings
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509

from certwright.findings import Detail, MaterialError, Reason, finding
from certwright.pki import der
from certwright.pki.algorithms import SignatureAlgorithm, read_algorithm
from certwright.pki.extensions import DuplicateExtensionError, Extensions, read_extensions, split_extensions
from certwright.pki.names import Name
from certwright.pki.objects import ObjectKind, identify
from certwright.pki.public_key import KeyTypeError, PublicKey

if TYPE_CHECKING:
    from datetime import datetime

V1, V2, V3 = 1, 2, 3
_VERSION, _ISSUER_ID, _SUBJECT_ID, _EXTENSIONS = 0xA0, 0x81, 0x82, 0xA3
_SIGNED_SHAPE = [der.SEQUENCE, der.SEQUENCE, der.BIT_STRING]
_MANDATORY = [der.INTEGER, der.SEQUENCE, der.SEQUENCE, der.SEQUENCE, der.SEQUENCE, der.SEQUENCE]
_quiet = threading.Lock()


class Parts(NamedTuple):
    """The decoded parts of a certificate, in the order of the fields of `Certificate`."""

    der: bytes
    fingerprint: str
    version: int
    serial_number: int
    signature_algorithm: SignatureAlgorithm
    issuer: Name
    not_before: datetime
    not_after: datetime
    subject: Name
    public_key: PublicKey
    extensions: Extensions
    tbs: bytes
    signature: bytes


class Signed(NamedTuple):
    """Where the parts of a signed object stand (RFC 5280 §4.1.1, §5.1.1)."""

    tbs: der.Node
    algorithm: der.Node
    signature: der.Node


def split_signed(data: bytes) -> Signed:
    """Split a signed object: what was signed, the algorithm, the signature.

    Raises:
        DerError: it is none.
    """
    nodes = der.inside(data, der.whole(data, der.SEQUENCE), der.SEQUENCE)
    if [tag for tag, _, _ in nodes] != _SIGNED_SHAPE:
        raise der.DerError("not a signed object")
    return Signed(*nodes)


def read_signature(data: bytes, signed: Signed, inner: der.Node) -> tuple[SignatureAlgorithm, bytes]:
    """Read algorithm and signature; the algorithm stands inside (`inner`) and outside of the signed part.

    Raises:
        DerError: the two differ (RFC 5280 §4.1.1.2), or one is damaged.
    """
    encoded = der.encoding(data, inner)
    if encoded != der.encoding(data, signed.algorithm):
        raise der.DerError("the signature algorithm inside and outside of the signed part differ")
    signature, unused = der.bits(data, signed.signature)
    return read_algorithm(encoded), b"" if unused else signature  # no scheme makes broken octets: verifies nothing


def fingerprint_of(data: bytes) -> str:
    """Return SHA-256 of `data` as `sha256:` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def read_parts(data: bytes) -> Parts:
    """Read every part of a certificate that is used.

    Raises:
        MaterialError: `Unparsable` when it is no whole certificate, `Undecodable` when a part cannot be understood.
    """
    try:
        signed = split_signed(data)
        fields = _split(data, signed)
    except der.DerError:
        raise _unparsable(data) from None
    parts = _read(data, signed, fields)
    _load_with_library(data, positive=parts.serial_number > 0)
    return parts


class _Fields(NamedTuple):
    version: der.Node | None
    mandatory: list[der.Node]
    optional: list[der.Node]


def _split(data: bytes, signed: Signed) -> _Fields:
    # RFC 5280 §4.1: the shape alone decides whether this is a certificate at all.
    inner = der.inside(data, signed.tbs, der.SEQUENCE)
    version = inner.pop(0) if inner and inner[0][0] == _VERSION else None
    mandatory, optional = inner[: len(_MANDATORY)], inner[len(_MANDATORY) :]
    if [tag for tag, _, _ in mandatory] != _MANDATORY:
        raise der.DerError("not a certificate")
    return _Fields(version, mandatory, optional)


def _read(data: bytes, signed: Signed, fields: _Fields) -> Parts:
    serial, algorithm, issuer, validity, subject, spki = fields.mandatory
    fingerprint = fingerprint_of(data)
    part = "the version"
    try:
        version = _read_version(data, fields.version)
        part = "the serial number"
        serial_number = der.integer(data, serial)
        part = "the signature"
        signature_algorithm, signature = read_signature(data, signed, algorithm)
        part = "the issuer"
        issuer_name = Name.from_der(der.encoding(data, issuer))
        part = "the validity"
        not_before, not_after = (der.time(data, node) for node in der.inside(data, validity, der.SEQUENCE))
        part = "the subject"
        subject_name = Name.from_der(der.encoding(data, subject))
        part = "the public key"
        public_key = PublicKey.from_spki(der.encoding(data, spki))
        part = "the extensions"
        extensions = _read_optional(data, version, fields.optional)
    except ValueError as error:
        raise _undecodable(part, error, fingerprint) from None
    return Parts(
        data,
        fingerprint,
        version,
        serial_number,
        signature_algorithm,
        issuer_name,
        not_before,
        not_after,
        subject_name,
        public_key,
        extensions,
        der.encoding(data, signed.tbs),
        signature,
    )


class _VersionError(der.DerError):
    pass


def _read_version(data: bytes, node: der.Node | None) -> int:
    if node is None:
        return V1
    values = der.inside(data, node, _VERSION)
    version = der.integer(data, values[0]) + 1 if len(values) == 1 and values[0][0] == der.INTEGER else 0
    if version not in (V2, V3):
        raise _VersionError("must be 1, 2 or 3, and version 1 is not written")
    return version


def _read_optional(data: bytes, version: int, nodes: list[der.Node]) -> Extensions:
    # RFC 5280 §4.1.2.8, §4.1.2.9: identifiers from version 2, extensions in version 3 only.
    tags = [tag for tag, _, _ in nodes]
    if tags != sorted(set(tags)) or not set(tags) <= {_ISSUER_ID, _SUBJECT_ID, _EXTENSIONS}:
        raise der.DerError("unknown parts after the public key")
    if _EXTENSIONS in tags and version != V3:
        raise _VersionError(f"a certificate of version {version} carries no extensions")
    if tags and version == V1:
        raise _VersionError("a certificate of version 1 carries no unique identifiers")
    for node in nodes:
        if node[0] != _EXTENSIONS:
            der.bits(data, node)
    if _EXTENSIONS not in tags:
        return Extensions()
    wrapped = der.inside(data, nodes[-1], _EXTENSIONS)
    if len(wrapped) != 1:
        raise der.DerError("not a list of extensions")
    return read_extensions(split_extensions(data, wrapped[0]))


def _undecodable(part: str, error: ValueError, fingerprint: str) -> MaterialError:
    detail = Detail.DER_DAMAGED
    if isinstance(error, KeyTypeError):
        detail = error.detail
    elif isinstance(error, DuplicateExtensionError):
        detail = Detail.DUPLICATE_EXTENSION
    elif isinstance(error, _VersionError):
        detail = Detail.VERSION
    message = f"the certificate cannot be decoded: {part}: {error}. Ask its issuer for a correct one."
    return MaterialError(finding(Reason.UNDECODABLE, message, detail=detail, fingerprint=fingerprint))


def _unparsable(data: bytes) -> MaterialError:
    try:
        nodes = der.children(data, 0, len(data))
    except der.DerError:
        return _refusal("the bytes are not a certificate: the DER is damaged or cut short", Detail.DER_DAMAGED)
    if len(nodes) > 1 and nodes[0][0] == der.SEQUENCE:
        return _refusal("there are bytes after the certificate", Detail.TRAILING_DATA)
    kind = identify(data)  # by shape: the library's parsers raise and warn as they like
    if kind in (ObjectKind.CRL, ObjectKind.REQUEST):
        return _refusal(f"this is {kind}, not a certificate", Detail.WRONG_TYPE)
    return _refusal("the bytes are well-formed but are not a certificate", Detail.WRONG_TYPE)


def _refusal(sentence: str, detail: Detail) -> MaterialError:
    return MaterialError(finding(Reason.UNPARSABLE, f"{sentence}. Give one X.509 certificate.", detail=detail))


def _load_with_library(data: bytes, *, positive: bool) -> None:
    # A second, independent parser: what it refuses could not be written into a PKCS#12 file or served later.
    try:
        if positive:
            x509.load_der_x509_certificate(data)
            return
        # It warns of serial numbers that are not positive. The filters of `warnings` belong to the process.
        with _quiet, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            x509.load_der_x509_certificate(data)
    except (ValueError, x509.InvalidVersion):
        raise _refusal("the bytes are not a certificate that libraries accept", Detail.DER_DAMAGED) from None
