"""Read an uploaded certificate file: every form that people have, and nothing that is not certain.

PEM, DER, PKCS#7, and PKCS#12 with its password, in any of the wrappings that `envelope` undoes. The certificates come
out as they were given (sorting them is the path builder's business), without duplicates; every mercy leaves a warning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from certwright.findings import Detail, Finding, MaterialError, Reason, finding
from certwright.pki.certificate import Certificate
from certwright.pki.envelope import Envelope, open_envelope, remark_repairs
from certwright.pki.keys import load_key
from certwright.pki.limits import DEFAULT_LIMITS, IntakeLimits
from certwright.pki.objects import ObjectKind
from certwright.pki.origin import Origin
from certwright.pki.pem import encode_pem
from certwright.pki.pkcs7 import read_pkcs7
from certwright.pki.pkcs12 import read_pkcs12
from certwright.pki.private_key import remark_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from certwright.pki.private_key import PrivateKey

PKCS7_FILE = "PKCS#7 instead of PEM"
TRUST_SETTINGS = "OpenSSL trust settings beside a certificate"

_CERTIFICATE_KINDS = (ObjectKind.CERTIFICATE, ObjectKind.TRUSTED_CERTIFICATE)
_KEY_KINDS = (ObjectKind.PRIVATE_KEY, ObjectKind.ENCRYPTED_KEY)
_WRONG_KINDS = (ObjectKind.REQUEST, ObjectKind.CRL)
_SKIPPED_KINDS = (ObjectKind.PARAMETERS, ObjectKind.PUBLIC_KEY, ObjectKind.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Material:
    """The certificates of a file and what came with them.

    Attributes:
        certificates: in the order given, each once.
        private_keys: what the file holds besides: the key of a PKCS#12 file, or a readable key that stands in the
            certificate field. They never belong into the public part.
        warnings: what was overlooked, one finding a kind.
    """

    certificates: tuple[Certificate, ...]
    private_keys: tuple[PrivateKey, ...] = ()
    warnings: tuple[Finding, ...] = ()


def read_material(
    data: bytes, *, what: str, password: bytes | None = None, limits: IntakeLimits = DEFAULT_LIMITS
) -> Material:
    """Read the certificates of a file; `what` names the field for messages.

    Raises:
        MaterialError: with reason `Unparsable` (detail `NoCertificate`, `WrongType`, `LimitExceeded`, `Truncated`,
            `Base64Damaged`, `DERDamaged`, `TrailingData`, `UTF16`, `PasswordMissing`, `WrongPassword`,
            `SeveralKeys`, …) or `Undecodable`, as the parser of certificates says.
    """
    origin = Origin(what)
    envelope = open_envelope(data, origin, limits)
    if ObjectKind.PKCS12 in envelope.kinds():
        return _read_pkcs12_file(envelope, password, origin, limits)
    _refuse_wrong_kinds(envelope, origin)
    encodings = _certificate_encodings(envelope, origin)
    if not encodings:
        raise _no_certificate(envelope, origin)
    certificates = _parse_all(encodings, origin, limits)
    unique, warnings = _drop_duplicates(certificates, origin)
    keys = _readable_keys(envelope, origin, limits)
    warnings = (*remark_repairs(_repairs(envelope), origin), *_remark_beside(envelope, origin), *warnings)
    return Material(unique, keys, warnings)


def encode_certificates(certificates: Iterable[Certificate]) -> bytes:
    """Write certificates as normalised PEM, one after the other."""
    return b"".join(encode_pem("CERTIFICATE", certificate.der) for certificate in certificates)


def _read_pkcs12_file(envelope: Envelope, password: bytes | None, origin: Origin, limits: IntakeLimits) -> Material:
    if len(envelope.objects) > 1:
        raise origin.refusal(Detail.WRONG_TYPE, "a PKCS#12 file stands among other objects; give it on its own.")
    if password is None:
        raise origin.refusal(
            Detail.PASSWORD_MISSING,
            "this is a PKCS#12 file and no password is given. Name the Secret of its password in `passwordRef`, or "
            "give certificate and key as PEM.",
        )
    contents = read_pkcs12(envelope.objects[0].der, password, origin, limits)
    if not contents.certificates:
        raise origin.refusal(Detail.NO_CERTIFICATE, "the PKCS#12 file holds no certificate.")
    unique, warnings = _drop_duplicates(_parse_all(contents.certificates, origin, limits), origin)
    keys = () if contents.key is None else (contents.key,)
    return Material(unique, keys, (*warnings, *(note for key in keys for note in remark_type(key, origin))))


def _refuse_wrong_kinds(envelope: Envelope, origin: Origin) -> None:
    wrong = [item for item in envelope.objects if item.kind in _WRONG_KINDS]
    if not wrong:
        return
    item = wrong[0]
    where = f"block {item.number}" if len(envelope.objects) > 1 else "this"
    remedy = (
        "Give the certificate that the CA issued for it."
        if item.kind is ObjectKind.REQUEST
        else "Revocation lists belong into a RevocationSource."
    )
    raise origin.refusal(Detail.WRONG_TYPE, f"{where} is {item.kind}, not a certificate. {remedy}")


def _certificate_encodings(envelope: Envelope, origin: Origin) -> list[bytes]:
    encodings: list[bytes] = []
    for item in envelope.objects:
        if item.kind in _CERTIFICATE_KINDS:
            encodings.append(item.der)
        elif item.kind is ObjectKind.PKCS7:
            encodings.extend(read_pkcs7(item.der, origin))
    return encodings


def _parse_all(encodings: Sequence[bytes], origin: Origin, limits: IntakeLimits) -> list[Certificate]:
    if len(encodings) > limits.certificates:
        raise origin.refusal(
            Detail.LIMIT_EXCEEDED, f"{len(encodings)} certificates are more than the {limits.certificates} allowed."
        )
    certificates: list[Certificate] = []
    for number, der in enumerate(encodings, start=1):
        try:
            certificates.append(Certificate.from_der(der))
        except MaterialError as error:
            place = f" certificate {number} of {len(encodings)}:" if len(encodings) > 1 else ""
            raise _located(error.finding, origin, place) from None
    return certificates


def _located(found: Finding, origin: Origin, place: str) -> MaterialError:
    message = f"{origin.what}:{place} {found.message}"
    return MaterialError(finding(found.reason, message, detail=found.detail, fingerprint=found.fingerprint))


def _drop_duplicates(
    certificates: list[Certificate], origin: Origin
) -> tuple[tuple[Certificate, ...], tuple[Finding, ...]]:
    unique = {certificate.fingerprint: certificate for certificate in certificates}
    surplus = len(certificates) - len(unique)
    if not surplus:
        return tuple(certificates), ()
    sentence = f"{len(certificates)} certificates were given, {len(unique)} of them different; each is kept once."
    return tuple(unique.values()), (origin.remark(Reason.DUPLICATE_CERTIFICATE, sentence),)


def _readable_keys(envelope: Envelope, origin: Origin, limits: IntakeLimits) -> tuple[PrivateKey, ...]:
    keys: dict[bytes, PrivateKey] = {}
    for item in envelope.objects:
        if item.kind is ObjectKind.PRIVATE_KEY:
            try:
                key = load_key(item, None, origin, limits=limits)
            except MaterialError:
                continue  # the field asks for certificates: the warning that a key stands there is all there is to say
            keys[key.pkcs8] = key
    return tuple(keys.values())


def _repairs(envelope: Envelope) -> tuple[str, ...]:
    kinds = envelope.kinds()
    repairs = list(envelope.repairs)
    if ObjectKind.PKCS7 in kinds:
        repairs.append(PKCS7_FILE)
    if ObjectKind.TRUSTED_CERTIFICATE in kinds:
        repairs.append(TRUST_SETTINGS)
    repairs.extend(f"{kind} beside the certificates" for kind in _SKIPPED_KINDS if kind in kinds)
    return tuple(repairs)


def _remark_beside(envelope: Envelope, origin: Origin) -> tuple[Finding, ...]:
    if not envelope.kinds().intersection(_KEY_KINDS):
        return ()
    sentence = (
        "a private key stands beside the certificate. It is not published with it; keep it in a field of its own."
    )
    return (origin.remark(Reason.KEY_IN_CERTIFICATE, sentence),)


def _no_certificate(envelope: Envelope, origin: Origin) -> MaterialError:
    kinds = envelope.kinds()
    if kinds.intersection(_KEY_KINDS):
        return origin.refusal(
            Detail.WRONG_TYPE, "it holds a private key and no certificate. Were certificate and key swapped?"
        )
    return origin.refusal(Detail.WRONG_TYPE, f"it holds {' and '.join(sorted(kinds))}, not a certificate.")
