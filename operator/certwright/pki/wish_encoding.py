"""How a wish is written: name, extensions and the signature scheme of a request or a self-signed certificate.

Every choice is made by the wish and the key alone, and every scheme signs deterministically: equal wishes are equal
bytes, so that nothing is stored twice because it was planned twice.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certwright.findings import Detail, MaterialError, Reason, finding
from certwright.pki.certificate_wish import USAGES, CertificateWish, SubjectWish, find_wish_faults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from certwright.pki.private_key import PrivateKey

Hash = hashes.SHA256 | hashes.SHA384 | hashes.SHA512

_ATTRIBUTES = {
    "countryCode": NameOID.COUNTRY_NAME,
    "stateProvince": NameOID.STATE_OR_PROVINCE_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "organizationName": NameOID.ORGANIZATION_NAME,
    "organizationUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "commonName": NameOID.COMMON_NAME,
    "email": NameOID.EMAIL_ADDRESS,
}
"""The attributes in the order of a name, most general first, as OpenSSL asks for them."""
_PURPOSES = {"ServerAuth": ExtendedKeyUsageOID.SERVER_AUTH, "ClientAuth": ExtendedKeyUsageOID.CLIENT_AUTH}
_HASHES: tuple[tuple[int, type[Hash]], ...] = ((256, hashes.SHA256), (384, hashes.SHA384))


class Signer(NamedTuple):
    """A key and how it signs: what the library's builders ask for."""

    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey
    digest: Hash | None = None
    deterministic: bool | None = None


def refuse_faults(wish: CertificateWish) -> None:
    """Refuse a wish that cannot be encoded.

    Raises:
        MaterialError: the first of its faults.
    """
    for fault in find_wish_faults(wish):
        raise MaterialError(fault)


def encode_subject(subject: SubjectWish) -> x509.Name:
    """Make the name that a subject is wished to have: one attribute a relative name, most general first."""
    wished = {name: text for name, text in subject.fields() if text}
    return x509.Name([x509.NameAttribute(kind, wished[name]) for name, kind in _ATTRIBUTES.items() if name in wished])


def list_extensions(wish: CertificateWish, key: PrivateKey) -> Iterator[tuple[x509.ExtensionType, bool]]:
    """List the extensions that follow from a wish, with their criticality: key usage, purposes, alternative names.

    Alternative names are critical where the subject is empty (RFC 5280 §4.2.1.6).
    """
    yield _key_usage(encipherment=key.algorithm.startswith("RSA")), True
    purposes = [_PURPOSES[usage] for usage in USAGES if usage in wish.usages]
    if purposes:
        yield x509.ExtendedKeyUsage(purposes), False
    names = list(_alternative_names(wish))
    if names:
        yield x509.SubjectAlternativeName(names), wish.subject.is_empty


def load_signer(key: PrivateKey) -> Signer:
    """Say how a key signs: with SHA-256, larger curves with the hash of their size, ECDSA with the nonce of RFC 6979.

    Raises:
        MaterialError: `KeyInvalid` with detail `KeyTypeUnsupported` for a key whose signatures are random.
    """
    loaded = key.signing_key()
    if isinstance(loaded, ec.EllipticCurvePrivateKey):
        digest = next((digest for size, digest in _HASHES if key.size <= size), hashes.SHA512)
        return Signer(loaded, digest(), deterministic=True)
    if isinstance(loaded, rsa.RSAPrivateKey):
        return Signer(loaded, hashes.SHA256())
    if isinstance(loaded, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
        return Signer(loaded)
    message = (
        f"requests and self-signed certificates are not made for {key.public.description} keys; use an ECDSA, RSA or "
        "Ed25519 key."
    )
    raise MaterialError(finding(Reason.KEY_INVALID, message, detail=Detail.KEY_TYPE_UNSUPPORTED))


def _key_usage(*, encipherment: bool) -> x509.KeyUsage:
    # RFC 5280 §4.2.1.3; encipherment is what TLS 1.2 does with RSA keys where it knows no better
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative_names(wish: CertificateWish) -> Iterator[x509.GeneralName]:
    hosts: dict[str, str] = {}
    for host in wish.dns_names:
        hosts.setdefault(host.lower(), host)
    addresses = dict.fromkeys(map(ipaddress.ip_address, wish.ip_addresses))
    yield from map(x509.DNSName, hosts.values())
    yield from map(x509.IPAddress, addresses)
