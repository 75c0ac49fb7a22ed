"""Self-signed certificates: what a server shows until the one that a CA signs has come (source 5).

An end-entity certificate, not a CA: who trusts it trusts this one server. Its issuer is its subject, and an issuer must
not be empty (RFC 5280 §4.1.2.4; Java reads no such certificate): where no subject is wished for, the first name that is
short enough becomes the common name.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certwright.findings import Detail, MaterialError, Reason, finding
from certwright.pki.certificate import Certificate
from certwright.pki.certificate_wish import COMMON_NAME_LIMIT, CertificateWish, SubjectWish
from certwright.pki.wish_encoding import encode_subject, list_extensions, load_signer, refuse_faults

if TYPE_CHECKING:
    from datetime import datetime

    from certwright.pki.private_key import PrivateKey

_SERIAL_OCTETS = 16
_SERIAL_BITS_LIMIT = 159  # 20 octets and a positive sign (RFC 5280 §4.1.2.2)


def build_self_signed(
    wish: CertificateWish, key: PrivateKey, *, not_before: datetime, days: int, serial: int | None = None
) -> Certificate:
    """Make a self-signed end-entity certificate; equal arguments are equal bytes.

    Args:
        wish: what it says.
        key: what it is made for and signed with.
        not_before: the first instant of its validity, aware; fractions of a second are cut off.
        days: how long it is valid, the last second included (RFC 5280 §4.1.2.5 counts both ends).
        serial: its serial number; None derives 128 bits from the other arguments, so that certificates of one key
            differ in it when they differ at all.

    Raises:
        MaterialError: `InvalidRequest`: the first of the faults of the wish, or `days` or `serial` out of range;
            `KeyInvalid` with detail `KeyTypeUnsupported` for a key that is neither ECDSA, RSA, Ed25519 nor Ed448.
    """
    refuse_faults(wish)
    signer = load_signer(key)
    begin = not_before.replace(microsecond=0)
    named = _with_subject(wish)
    name = encode_subject(named.subject)
    number = _derive_serial(wish, key, begin, days) if serial is None else serial
    if not 0 < number < 1 << _SERIAL_BITS_LIMIT:
        raise _refusal(f"a serial number must be positive and below 2^{_SERIAL_BITS_LIMIT} (RFC 5280 §4.1.2.2).")
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(signer.key.public_key())
    builder = builder.serial_number(number).not_valid_before(begin).not_valid_after(_end(begin, days))
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    for extension, critical in list_extensions(named, key):
        builder = builder.add_extension(extension, critical)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(signer.key.public_key()), critical=False)
    made = builder.sign(signer.key, signer.digest, ecdsa_deterministic=signer.deterministic)
    return Certificate.from_der(made.public_bytes(Encoding.DER))


def _with_subject(wish: CertificateWish) -> CertificateWish:
    if not wish.subject.is_empty:
        return wish
    for name in (*wish.dns_names, *wish.ip_addresses):
        if len(name) <= COMMON_NAME_LIMIT:
            return dataclasses.replace(wish, subject=SubjectWish(common_name=name))
    raise _refusal(
        f"a self-signed certificate needs a subject, and no name is short enough for one ({COMMON_NAME_LIMIT} octets). "
        "Set `subject.commonName`."
    )


def is_made_of(certificate: Certificate, wish: CertificateWish, key: PrivateKey, *, days: int) -> bool:
    """Tell whether `build_self_signed` made a certificate of these arguments, at whatever instant.

    Its serial number is derived from all of them; what else it says was theirs when it was made.
    """
    return (
        certificate.public_key == key.public
        and certificate.serial_number == _derive_serial(wish, key, certificate.not_before, days)
        and certificate.is_self_issued
        and certificate.signed_by(certificate)
    )


def _end(begin: datetime, days: int) -> datetime:
    if days < 1:
        raise _refusal(f"`validityDays` must be at least 1; it is {days}.")
    try:
        return begin + timedelta(days=days) - timedelta(seconds=1)
    except OverflowError:  # certificates know no year after 9999 either
        raise _refusal(f"`validityDays` must end before the year 10000; {days} days do not. Choose fewer.") from None


def _derive_serial(wish: CertificateWish, key: PrivateKey, begin: datetime, days: int) -> int:
    facts = [dataclasses.asdict(wish), key.public.fingerprint, begin.timestamp(), days]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode("ascii")).digest()
    return int.from_bytes(digest[:_SERIAL_OCTETS], "big")


def _refusal(message: str) -> MaterialError:
    return MaterialError(finding(Reason.INVALID_REQUEST, message, detail=Detail.LIMIT_EXCEEDED))
