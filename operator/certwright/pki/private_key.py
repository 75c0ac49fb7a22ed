"""A private key that was found good: its one form, its public half, and which certificates are its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from certwright.findings import Detail, Finding, MaterialError, Reason
from certwright.pki.arithmetic import is_consistent
from certwright.pki.pem import encode_pem
from certwright.pki.public_key import PublicKey

if TYPE_CHECKING:
    from certwright.pki.certificate import Certificate
    from certwright.pki.limits import IntakeLimits
    from certwright.pki.origin import Origin

SigningKey = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | mldsa.MLDSA44PrivateKey
    | mldsa.MLDSA65PrivateKey
    | mldsa.MLDSA87PrivateKey
)
"""The types of private keys that certificates are made for."""

PARSER_ERRORS = (ValueError, TypeError, OverflowError, UnsupportedAlgorithm, InternalError)
"""What the library raises about bytes it does not like."""

_SUPPORTED = "RSA, ECDSA, Ed25519, Ed448 or ML-DSA"
_COMMON_CURVES = ("P-256", "P-384", "P-521")


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key that was read and found consistent; its `repr` shows the public half only.

    Attributes:
        pkcs8: the DER of PKCS#8, unencrypted.
        public: the public half, as a certificate would carry it.
    """

    pkcs8: bytes = field(repr=False)
    public: PublicKey

    @property
    def algorithm(self) -> str:
        """The algorithm of the public half: `RSA`, `ECDSA`, `Ed25519`, …."""
        return self.public.algorithm

    @property
    def size(self) -> int:
        """The size in bits of the public half."""
        return self.public.size

    def to_pem(self) -> bytes:
        """Write the key as normalised PKCS#8 PEM (RFC 7468 §10)."""
        return encode_pem("PRIVATE KEY", self.pkcs8)

    def signing_key(self) -> SigningKey:
        """Return the key as `cryptography` holds it, for the code of this floor."""
        return cast("SigningKey", load_der_private_key(self.pkcs8, None, unsafe_skip_rsa_key_validation=True))


def matches(key: PrivateKey, certificate: Certificate) -> bool:
    """Tell whether `certificate` was made for `key`, by public numbers.

    Encodings may differ where keys do not: rsaEncryption and id-RSASSA-PSS (RFC 4055 §1.2), named and explicit curves,
    compressed points.
    """
    return same_numbers(key.public, certificate.public_key)


def same_numbers(one: PublicKey, other: PublicKey) -> bool:
    """Tell whether two public keys are the same key, whatever their encodings."""
    if one == other:
        return True
    ours, theirs = one.key, other.key
    if isinstance(ours, rsa.RSAPublicKey) and isinstance(theirs, rsa.RSAPublicKey):
        return ours.public_numbers() == theirs.public_numbers()
    if isinstance(ours, ec.EllipticCurvePublicKey) and isinstance(theirs, ec.EllipticCurvePublicKey):
        mine, yours = ours.public_numbers(), theirs.public_numbers()
        return (mine.curve.name, mine.x, mine.y) == (yours.curve.name, yours.x, yours.y)
    return False


def adopt_key(loaded: object, origin: Origin, limits: IntakeLimits) -> PrivateKey:
    """Check a key that the library loaded, and keep it as PKCS#8.

    Raises:
        MaterialError: detail `KeyTypeUnsupported`, `LimitExceeded` or `Inconsistent`.
    """
    if not isinstance(loaded, SigningKey):
        raise unsupported_key(origin)
    if isinstance(loaded, rsa.RSAPrivateKey):
        _check_rsa(loaded, origin, limits)
    pkcs8 = loaded.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    spki = loaded.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return PrivateKey(pkcs8, PublicKey.from_spki(spki))


def _check_rsa(key: rsa.RSAPrivateKey, origin: Origin, limits: IntakeLimits) -> None:
    if not limits.rsa_bits_min <= key.key_size <= limits.rsa_bits_max:
        raise origin.refusal(
            Detail.LIMIT_EXCEEDED,
            f"an RSA key must have {limits.rsa_bits_min} to {limits.rsa_bits_max} bits; this one has {key.key_size}.",
        )
    if not is_consistent(key.private_numbers()):
        raise origin.refusal(
            Detail.INCONSISTENT,
            "the numbers of the RSA key do not fit each other: it was damaged or put together from two keys. "
            "Take it from its source again.",
        )


def remark_type(key: PrivateKey, origin: Origin) -> tuple[Finding, ...]:
    """Warn about a key type that not every consumer reads; none for RSA and the NIST curves."""
    if key.algorithm == "RSA" or key.public.curve in _COMMON_CURVES:
        return ()
    sentence = f"not every server and client can use {key.public.description} keys; try yours before relying on it."
    return (origin.remark(Reason.UNUSUAL_KEY_TYPE, sentence),)


def unsupported_key(origin: Origin) -> MaterialError:
    """Make the refusal of a key that no certificate is made for."""
    return origin.refusal(
        Detail.KEY_TYPE_UNSUPPORTED, f"the private key is of a type or curve that is not supported; use {_SUPPORTED}."
    )
