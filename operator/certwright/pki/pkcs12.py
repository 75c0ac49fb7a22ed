"""Read and write PKCS#12 files: certificates, key and alias behind a password (RFC 7292).

Before anything is derived from the password, the rounds that the file asks for are read and bounded. Rounds of a key
that is encrypted twice (inside encrypted contents) cannot be seen beforehand; the time limit of a worker bounds those.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, pkcs12

from certwright.findings import Detail, MaterialError, Reason, finding
from certwright.pki.derivation import UnknownSchemeError, count_rounds, read_natural, too_many_rounds, wrong_password
from certwright.pki.private_key import PARSER_ERRORS, PrivateKey, adopt_key, same_numbers
from certwright.pki.tlv import SEQUENCE, Tlv, TlvError, read_tlv

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cryptography.hazmat.primitives.serialization import KeySerializationEncryption
    from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12KeyAndCertificates

    from certwright.pki.certificate import Certificate
    from certwright.pki.limits import IntakeLimits
    from certwright.pki.origin import Origin

WRITTEN_ROUNDS = 10_000
"""Rounds of key derivation of the encryption in files we write: what `keytool` uses. The MAC's are the library's."""

_DATA = "1.2.840.113549.1.7.1"
_ENCRYPTED_DATA = "1.2.840.113549.1.7.6"
_PBMAC1 = "1.2.840.113549.1.5.14"
_KEY_BAG = "1.2.840.113549.1.12.10.1.1"
_SHROUDED_KEY_BAG = "1.2.840.113549.1.12.10.1.2"
_NESTED_BAG = "1.2.840.113549.1.12.10.1.6"
_NESTING_LIMIT = 4
_DERIVATIONS = 4
"""How often a file may ask for the full number of rounds: for its MAC, its certificates, its key, and one to spare."""


@dataclass(frozen=True, slots=True)
class Pkcs12Contents:
    """What a PKCS#12 file holds.

    Attributes:
        certificates: DER; the key's own certificate first, the others in the order of the file.
        key: the private key, if there is one.
        alias: the friendly name of the key's entry, or of the first certificate where there is no key.
    """

    certificates: tuple[bytes, ...]
    key: PrivateKey | None
    alias: str | None


@dataclass(frozen=True, slots=True)
class _Survey:
    """What can be seen of a file without its password: rounds to be done, and private keys."""

    rounds: tuple[int, ...] = ()
    keys: int = 0

    def __add__(self, other: _Survey) -> _Survey:
        return _Survey(self.rounds + other.rounds, self.keys + other.keys)


def read_pkcs12(data: bytes, password: bytes, origin: Origin, limits: IntakeLimits) -> Pkcs12Contents:
    """Open a PKCS#12 file.

    Raises:
        MaterialError: with the reason of `origin` and detail `DERDamaged`, `LimitExceeded`, `SeveralKeys`,
            `KeyTypeUnsupported`, `WrongPassword` or `Inconsistent`.
    """
    opened = _open(data, password, origin, limits)
    entries = [entry for entry in (opened.cert, *opened.additional_certs) if entry is not None]
    key = None if opened.key is None else adopt_key(opened.key, origin, limits)
    alias = entries[0].friendly_name if entries else None
    return Pkcs12Contents(
        tuple(entry.certificate.public_bytes(Encoding.DER) for entry in entries),
        key,
        None if alias is None else alias.decode("utf-8", "replace"),
    )


def read_trust_store(
    data: bytes, password: bytes, origin: Origin, limits: IntakeLimits
) -> tuple[tuple[str, bytes], ...]:
    """Open a PKCS#12 trust store: alias, empty where there is none, and DER of each certificate, in its order.

    Raises:
        MaterialError: as for `read_pkcs12`; detail `WrongType` when a private key stands in it.
    """
    opened = _open(data, password, origin, limits)
    if opened.key is not None:
        raise origin.refusal(Detail.WRONG_TYPE, "it holds a private key; a trust store holds certificates alone.")
    return tuple(
        ((entry.friendly_name or b"").decode("utf-8", "replace"), entry.certificate.public_bytes(Encoding.DER))
        for entry in opened.additional_certs
    )


def _open(data: bytes, password: bytes, origin: Origin, limits: IntakeLimits) -> PKCS12KeyAndCertificates:
    survey = _survey_file(data, origin)
    costliest = max((*survey.rounds, sum(survey.rounds) // _DERIVATIONS))
    if costliest > limits.kdf_iterations:
        raise too_many_rounds(costliest, origin, limits)
    if survey.keys > 1:
        raise origin.refusal(
            Detail.SEVERAL_KEYS,
            f"the PKCS#12 file holds {survey.keys} private keys; export the one entry that is meant.",
        )
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # files of macOS and Java are BER, not DER
            return pkcs12.load_pkcs12(data, password or None)
    except PARSER_ERRORS:
        raise wrong_password(password, "the PKCS#12 file", origin) from None


def write_pkcs12(key: PrivateKey | None, certificates: Sequence[Certificate], *, alias: str, password: bytes) -> bytes:
    """Write a PKCS#12 file: PBES2 with AES-256 and an HMAC-SHA256, readable by OpenSSL 1.1 and Java 8u301 and newer.

    Without a key it is a trust store in the form Java reads. The bytes are random by nature.

    Raises:
        MaterialError: `InvalidRequest` for a password that is empty or not UTF-8, `KeyMismatch` for a key of another
            certificate, `KeyInvalid` with detail `KeyTypeUnsupported` for a key that PKCS#12 cannot hold.
    """
    encryption = _encryption(password)
    loaded = _load_all(certificates)
    name = alias.encode() or None
    if key is None:
        named = [pkcs12.PKCS12Certificate(item, name if place == 0 else None) for place, item in enumerate(loaded)]
        return pkcs12.serialize_java_truststore(named, encryption)
    if not same_numbers(key.public, certificates[0].public_key):
        raise MaterialError(
            finding(Reason.KEY_MISMATCH, "the private key of a PKCS#12 file must be that of its first certificate.")
        )
    try:
        return pkcs12.serialize_key_and_certificates(
            name,
            key.signing_key(),  # type: ignore[arg-type]  # ML-DSA is what the TypeError is about
            loaded[0],
            loaded[1:] or None,
            encryption,
        )
    except PARSER_ERRORS:
        raise MaterialError(
            finding(
                Reason.KEY_INVALID,
                f"PKCS#12 cannot hold {key.public.description} keys: leave the format out, or use another key.",
                detail=Detail.KEY_TYPE_UNSUPPORTED,
            )
        ) from None


def write_trust_store(entries: Mapping[str, Certificate], *, password: bytes) -> bytes:
    """Write certificates by alias as a PKCS#12 file whose entries Java takes for trusted (`trustedCertEntry`).

    Protected like the files of `write_pkcs12`, and random like them.

    Raises:
        MaterialError: `InvalidRequest` for a password that is empty or not UTF-8, and for no certificate at all, which
            the format has no room for.
    """
    encryption = _encryption(password)
    if not entries:
        raise MaterialError(
            finding(
                Reason.INVALID_REQUEST,
                "a PKCS#12 trust store must hold at least one certificate. Use the format PEM where it may be empty.",
                detail=Detail.NO_CERTIFICATE,
            )
        )
    loaded = zip(_load_all(entries.values()), entries, strict=True)
    named = [pkcs12.PKCS12Certificate(certificate, alias.encode()) for certificate, alias in loaded]
    return pkcs12.serialize_java_truststore(named, encryption)


def _load_all(certificates: Iterable[Certificate]) -> list[x509.Certificate]:
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # well-known roots have the serial number 0
        return [x509.load_der_x509_certificate(certificate.der) for certificate in certificates]


def _encryption(password: bytes) -> KeySerializationEncryption:
    if not password or not _is_text(password):
        raise MaterialError(
            finding(
                Reason.INVALID_REQUEST,
                "the password of a PKCS#12 file must be UTF-8 text of at least one character.",
                detail=Detail.PASSWORD_MISSING,
            )
        )
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(WRITTEN_ROUNDS)
    builder = builder.key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC).hmac_hash(hashes.SHA256())
    return builder.build(password)


def _is_text(password: bytes) -> bool:
    try:
        password.decode()
    except UnicodeDecodeError:
        return False
    return True


def _survey_file(data: bytes, origin: Origin) -> _Survey:
    try:
        _, content, *mac = read_tlv(data).children()
        survey = _survey_mac(mac[0]) if mac else _Survey()
        for part in read_tlv(_octets_of(content)).children():
            survey += _survey_part(part)
    except UnknownSchemeError:
        raise origin.refusal(
            Detail.KEY_TYPE_UNSUPPORTED,
            "the PKCS#12 file is protected in a way that is not supported. Export it again with a password.",
        ) from None
    except (TlvError, IndexError, ValueError):
        raise origin.refusal(Detail.DER_DAMAGED, "the PKCS#12 file cannot be decoded.") from None
    return survey


def _octets_of(content_info: Tlv) -> bytes:
    kind, content = content_info.children()
    if kind.identifier() != _DATA:
        raise UnknownSchemeError
    return content.children()[0].octets()


def _survey_mac(mac: Tlv) -> _Survey:
    digest, _, *iterations = mac.children()
    algorithm = digest.children()[0]
    if algorithm.children()[0].identifier() == _PBMAC1:  # RFC 9579
        return _Survey((count_rounds(algorithm),))
    if not iterations:
        return _Survey((1,))
    return _Survey((read_natural(iterations[0]),))


def _survey_part(part: Tlv) -> _Survey:
    kind, content = part.children()
    if kind.identifier() == _ENCRYPTED_DATA:
        _, encrypted = content.children()[0].children()[:2]
        return _Survey((count_rounds(encrypted.children()[1]),))
    return _survey_bags(read_tlv(_octets_of(part)), 0)


def _survey_bags(bags: Tlv, depth: int) -> _Survey:
    if bags.tag != SEQUENCE or depth > _NESTING_LIMIT:
        raise TlvError("not a list of bags")
    survey = _Survey()
    for bag in bags.children():
        kind, content = bag.children()[:2]
        value = content.children()[0]
        name = kind.identifier()
        if name == _SHROUDED_KEY_BAG:
            survey += _Survey((count_rounds(value.children()[0]),), 1)
        elif name == _KEY_BAG:
            survey += _Survey(keys=1)
        elif name == _NESTED_BAG:
            survey += _survey_bags(value, depth + 1)
    return survey
