"""Signature algorithms: from AlgorithmIdentifier to what a verification needs (RFC 3279, 4055, 5758, 9881)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from certwright.pki import der


class Scheme(Enum):
    """How a signature is made."""

    RSA_PKCS1 = "RSA PKCS#1 v1.5"
    RSA_PSS = "RSASSA-PSS"
    ECDSA = "ECDSA"
    KEY_NAMED = "named by the key"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SignatureAlgorithm:
    """How a certificate or revocation list was signed.

    Attributes:
        name: what people call it, such as `RSA-SHA256`, `ECDSA-SHA384`, `Ed25519`; a dotted identifier when unknown.
        oid: the dotted object identifier.
        scheme: how the signature is made.
        digest: the hash of the message, such as `SHA-256`; None where the scheme fixes it.
        mask_digest: the hash of RSASSA-PSS's mask generation.
        salt_length: of RSASSA-PSS, in octets.
    """

    name: str
    oid: str
    scheme: Scheme
    digest: str | None = None
    mask_digest: str | None = None
    salt_length: int = 0

    @property
    def is_broken(self) -> bool:
        """Tell whether collisions of its hash can be bought: MD2, MD5, SHA-1."""
        return self.digest in {"MD2", "MD5", "SHA-1"}


_PLAIN = {
    "1.2.840.113549.1.1.2": ("RSA-MD2", Scheme.RSA_PKCS1, "MD2"),
    "1.2.840.113549.1.1.4": ("RSA-MD5", Scheme.RSA_PKCS1, "MD5"),
    "1.2.840.113549.1.1.5": ("RSA-SHA1", Scheme.RSA_PKCS1, "SHA-1"),
    "1.3.14.3.2.29": ("RSA-SHA1", Scheme.RSA_PKCS1, "SHA-1"),
    "1.2.840.113549.1.1.14": ("RSA-SHA224", Scheme.RSA_PKCS1, "SHA-224"),
    "1.2.840.113549.1.1.11": ("RSA-SHA256", Scheme.RSA_PKCS1, "SHA-256"),
    "1.2.840.113549.1.1.12": ("RSA-SHA384", Scheme.RSA_PKCS1, "SHA-384"),
    "1.2.840.113549.1.1.13": ("RSA-SHA512", Scheme.RSA_PKCS1, "SHA-512"),
    "2.16.840.1.101.3.4.3.13": ("RSA-SHA3-224", Scheme.RSA_PKCS1, "SHA3-224"),
    "2.16.840.1.101.3.4.3.14": ("RSA-SHA3-256", Scheme.RSA_PKCS1, "SHA3-256"),
    "2.16.840.1.101.3.4.3.15": ("RSA-SHA3-384", Scheme.RSA_PKCS1, "SHA3-384"),
    "2.16.840.1.101.3.4.3.16": ("RSA-SHA3-512", Scheme.RSA_PKCS1, "SHA3-512"),
    "1.2.840.10045.4.1": ("ECDSA-SHA1", Scheme.ECDSA, "SHA-1"),
    "1.2.840.10045.4.3.1": ("ECDSA-SHA224", Scheme.ECDSA, "SHA-224"),
    "1.2.840.10045.4.3.2": ("ECDSA-SHA256", Scheme.ECDSA, "SHA-256"),
    "1.2.840.10045.4.3.3": ("ECDSA-SHA384", Scheme.ECDSA, "SHA-384"),
    "1.2.840.10045.4.3.4": ("ECDSA-SHA512", Scheme.ECDSA, "SHA-512"),
    "2.16.840.1.101.3.4.3.9": ("ECDSA-SHA3-224", Scheme.ECDSA, "SHA3-224"),
    "2.16.840.1.101.3.4.3.10": ("ECDSA-SHA3-256", Scheme.ECDSA, "SHA3-256"),
    "2.16.840.1.101.3.4.3.11": ("ECDSA-SHA3-384", Scheme.ECDSA, "SHA3-384"),
    "2.16.840.1.101.3.4.3.12": ("ECDSA-SHA3-512", Scheme.ECDSA, "SHA3-512"),
    "1.3.101.112": ("Ed25519", Scheme.KEY_NAMED, None),
    "1.3.101.113": ("Ed448", Scheme.KEY_NAMED, None),
    "2.16.840.1.101.3.4.3.17": ("ML-DSA-44", Scheme.KEY_NAMED, None),
    "2.16.840.1.101.3.4.3.18": ("ML-DSA-65", Scheme.KEY_NAMED, None),
    "2.16.840.1.101.3.4.3.19": ("ML-DSA-87", Scheme.KEY_NAMED, None),
    "1.2.840.10040.4.3": ("DSA-SHA1", Scheme.UNKNOWN, "SHA-1"),
    "2.16.840.1.101.3.4.3.1": ("DSA-SHA224", Scheme.UNKNOWN, "SHA-224"),
    "2.16.840.1.101.3.4.3.2": ("DSA-SHA256", Scheme.UNKNOWN, "SHA-256"),
}
_RSASSA_PSS = "1.2.840.113549.1.1.10"
_MGF1 = "1.2.840.113549.1.1.8"
_DIGESTS = {
    "1.3.14.3.2.26": "SHA-1",
    "2.16.840.1.101.3.4.2.4": "SHA-224",
    "2.16.840.1.101.3.4.2.1": "SHA-256",
    "2.16.840.1.101.3.4.2.2": "SHA-384",
    "2.16.840.1.101.3.4.2.3": "SHA-512",
    "2.16.840.1.101.3.4.2.7": "SHA3-224",
    "2.16.840.1.101.3.4.2.8": "SHA3-256",
    "2.16.840.1.101.3.4.2.9": "SHA3-384",
    "2.16.840.1.101.3.4.2.10": "SHA3-512",
}
_NO_PARAMETERS: tuple[tuple[int, int], ...] = ()
_NULL_PARAMETERS = ((der.NULL, 0),)
_CACHED_OCTETS = 256  # longer ones are read anew: strangers must not fill the memory with them
_SALT_LENGTH_LIMIT = 4096  # octets; more than any modulus has room for
_EXPLICIT_0, _EXPLICIT_1, _EXPLICIT_2, _EXPLICIT_3 = 0xA0, 0xA1, 0xA2, 0xA3


def read_algorithm(data: bytes) -> SignatureAlgorithm:
    """Read the DER of an AlgorithmIdentifier; one that nothing here knows is named by its identifier.

    Raises:
        DerError: it is damaged, or carries parameters its definition does not allow.
    """
    return _read_cached(data) if len(data) <= _CACHED_OCTETS else _read(data)


@lru_cache(maxsize=256)
def _read_cached(data: bytes) -> SignatureAlgorithm:
    return _read(data)


def _read(data: bytes) -> SignatureAlgorithm:
    parts = der.inside(data, der.whole(data, der.SEQUENCE), der.SEQUENCE)
    if not parts:
        raise der.DerError("an empty algorithm")
    oid = der.identifier(data, parts[0])
    if oid == _RSASSA_PSS:
        return _read_pss(data, parts[1:])
    if oid not in _PLAIN:
        return SignatureAlgorithm(oid, oid, Scheme.UNKNOWN)
    name, scheme, digest = _PLAIN[oid]
    parameters = tuple((tag, stop - start) for tag, start, stop in parts[1:])
    # NULL is required with RSA (RFC 4055 §5) and forbidden elsewhere; both are common the other way round, and
    # harmless: the parameters are signed.
    if parameters not in (_NO_PARAMETERS, _NULL_PARAMETERS):
        raise der.DerError("parameters that the signature algorithm does not have")
    return SignatureAlgorithm(name, oid, scheme, digest)


def _read_pss(data: bytes, parameters: list[der.Node]) -> SignatureAlgorithm:
    # RFC 4055 §3.1: hash, mask, salt length and trailer, each with a default
    if len(parameters) != 1:
        raise der.DerError("RSASSA-PSS without parameters")
    fields = {node[0]: node for node in der.inside(data, parameters[0], der.SEQUENCE)}
    if not fields.keys() <= {_EXPLICIT_0, _EXPLICIT_1, _EXPLICIT_2, _EXPLICIT_3}:
        raise der.DerError("RSASSA-PSS with unknown parameters")
    digest = mask = "SHA-1"
    salt = 20
    if _EXPLICIT_0 in fields:
        digest = _digest(data, _only(data, fields[_EXPLICIT_0]))
    if _EXPLICIT_1 in fields:
        parts = der.inside(data, _only(data, fields[_EXPLICIT_1]), der.SEQUENCE)
        if len(parts) != 2 or der.identifier(data, parts[0]) != _MGF1:  # noqa: PLR2004 - function and its hash
            raise der.DerError("RSASSA-PSS with an unknown mask")
        mask = _digest(data, parts[1])
    if _EXPLICIT_2 in fields:
        salt = der.integer(data, _only(data, fields[_EXPLICIT_2]))
    if not 0 <= salt <= _SALT_LENGTH_LIMIT or (
        _EXPLICIT_3 in fields and der.integer(data, _only(data, fields[_EXPLICIT_3])) != 1
    ):
        raise der.DerError("RSASSA-PSS with parameters out of range")
    name = "RSA-PSS-" + digest.replace("SHA-", "SHA")
    return SignatureAlgorithm(name, _RSASSA_PSS, Scheme.RSA_PSS, digest, mask, salt)


def _only(data: bytes, node: der.Node) -> der.Node:
    nodes = der.inside(data, node, node[0])
    if len(nodes) != 1:
        raise der.DerError("not exactly one value")
    return nodes[0]


def _digest(data: bytes, node: der.Node) -> str:
    parts = der.inside(data, node, der.SEQUENCE)
    if not parts:
        raise der.DerError("an empty algorithm")
    oid = der.identifier(data, parts[0])
    return _DIGESTS.get(oid, oid)
