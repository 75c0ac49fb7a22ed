"""Public keys: what they are, and whether a signature is theirs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from certwright.findings import Detail
from certwright.pki import der
from certwright.pki.algorithms import Scheme, SignatureAlgorithm

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

_RSASSA_PSS = "1.2.840.113549.1.1.10"
_CACHED_OCTETS = 4096  # longer keys are read anew: strangers must not fill the memory with them
_CURVES = {
    "secp224r1": "P-224",
    "secp256r1": "P-256",
    "secp384r1": "P-384",
    "secp521r1": "P-521",
}
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "SHA-1": hashes.SHA1(),  # noqa: S303 - old material is judged, not made, with it; the floor is an option
    "SHA-224": hashes.SHA224(),
    "SHA-256": hashes.SHA256(),
    "SHA-384": hashes.SHA384(),
    "SHA-512": hashes.SHA512(),
    "SHA3-224": hashes.SHA3_224(),
    "SHA3-256": hashes.SHA3_256(),
    "SHA3-384": hashes.SHA3_384(),
    "SHA3-512": hashes.SHA3_512(),
}

_KEY_NAMED: tuple[tuple[type, str, int], ...] = (
    (ed25519.Ed25519PublicKey, "Ed25519", 256),
    (ed448.Ed448PublicKey, "Ed448", 448),
    (mldsa.MLDSA44PublicKey, "ML-DSA-44", 8 * 1312),
    (mldsa.MLDSA65PublicKey, "ML-DSA-65", 8 * 1952),
    (mldsa.MLDSA87PublicKey, "ML-DSA-87", 8 * 2592),
)


class KeyTypeError(ValueError):
    """The key is damaged or of a type that nothing here can use.

    Attributes:
        detail: `KeyTypeUnsupported`, or `DERDamaged`.
    """

    def __init__(self, message: str, detail: Detail) -> None:
        super().__init__(message)
        self.detail = detail


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PublicKey:
    """A public key as a certificate carries it; equal to another when the encodings are.

    Attributes:
        algorithm: `RSA`, `RSA-PSS`, `ECDSA`, `Ed25519`, `Ed448`, `ML-DSA-44`, `ML-DSA-65` or `ML-DSA-87`.
        size: bits: of the modulus, of the curve, or of the encoded key where there is nothing else to count.
        curve: of ECDSA keys the curve, such as `P-256`; else None.
        spki: the DER of SubjectPublicKeyInfo.
        fingerprint: SHA-256 of `spki`, as `sha256:` and 64 hexadecimal digits.
        key: the key as `cryptography` holds it, for the code of this floor.
        key_bits: the contents of subjectPublicKey, which key identifiers are made of (RFC 5280 §4.2.1.2).
    """

    algorithm: str
    size: int
    curve: str | None
    spki: bytes
    fingerprint: str
    key: CertificatePublicKeyTypes
    key_bits: bytes = field(repr=False)

    @staticmethod
    def from_spki(spki: bytes) -> PublicKey:
        """Read the DER of SubjectPublicKeyInfo; equal encodings share one object.

        Raises:
            KeyTypeError: it is damaged, or the type is not supported.
        """
        spki = bytes(spki)
        return _load_cached(spki) if len(spki) <= _CACHED_OCTETS else _load(spki)

    def __eq__(self, other: object) -> bool:
        return self.spki == other.spki if isinstance(other, PublicKey) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.spki)

    def __repr__(self) -> str:
        return f"PublicKey({self.description!r}, {self.fingerprint!r})"

    def __reduce__(self) -> tuple[object, tuple[bytes]]:
        return (PublicKey.from_spki, (self.spki,))

    @property
    def description(self) -> str:
        """What kind of key it is, for people: `RSA 2048`, `ECDSA P-256`, `Ed25519`."""
        if self.algorithm.startswith("RSA"):
            return f"{self.algorithm} {self.size}"
        return f"{self.algorithm} {self.curve}" if self.curve else self.algorithm

    def verifies(self, signature: bytes, signed: bytes, algorithm: SignatureAlgorithm) -> bool:
        """Tell whether `signature` over `signed` was made by the private half; never raises.

        An algorithm of another key type, or one that nothing here knows, verifies nothing.
        """
        try:
            return self._verify(signature, signed, algorithm)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError, OverflowError):
            return False

    def _verify(self, signature: bytes, signed: bytes, algorithm: SignatureAlgorithm) -> bool:
        key, digest = self.key, _HASHES.get(algorithm.digest or "")
        if isinstance(key, rsa.RSAPublicKey) and digest is not None:
            if algorithm.scheme is Scheme.RSA_PKCS1 and self.algorithm == "RSA":
                key.verify(signature, signed, padding.PKCS1v15(), digest)
                return True
            mask = _HASHES.get(algorithm.mask_digest or "")
            if algorithm.scheme is Scheme.RSA_PSS and mask is not None:
                salt = algorithm.salt_length
                key.verify(signature, signed, padding.PSS(padding.MGF1(mask), salt), digest)
                return True
        elif isinstance(key, ec.EllipticCurvePublicKey) and digest is not None and algorithm.scheme is Scheme.ECDSA:
            key.verify(signature, signed, ec.ECDSA(digest))
            return True
        elif algorithm.scheme is Scheme.KEY_NAMED and algorithm.name == self.algorithm and not _has_digest(key):
            key.verify(signature, signed)  # type: ignore[call-arg, union-attr]
            return True
        return False


def _has_digest(key: CertificatePublicKeyTypes) -> bool:
    return isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)


@lru_cache(maxsize=2048)
def _load_cached(spki: bytes) -> PublicKey:
    return _load(spki)


def _load(spki: bytes) -> PublicKey:
    try:
        algorithm, subject_key = der.inside(spki, der.whole(spki, der.SEQUENCE), der.SEQUENCE)
        kind = der.identifier(spki, der.inside(spki, algorithm, der.SEQUENCE)[0])
        key_bits, _ = der.bits(spki, subject_key)
    except (ValueError, IndexError):
        raise KeyTypeError("the public key is damaged", Detail.DER_DAMAGED) from None
    try:
        key = load_der_public_key(spki)
    except UnsupportedAlgorithm:
        raise KeyTypeError(
            f"the public key is of a type that is not supported ({kind})", Detail.KEY_TYPE_UNSUPPORTED
        ) from None
    except ValueError:
        raise KeyTypeError("the public key is damaged", Detail.DER_DAMAGED) from None
    named, size, curve = _describe(key, kind)
    fingerprint = "sha256:" + hashlib.sha256(spki).hexdigest()
    return PublicKey(named, size, curve, spki, fingerprint, key, key_bits)  # type: ignore[arg-type]


def _describe(key: object, kind: str) -> tuple[str, int, str | None]:
    if isinstance(key, rsa.RSAPublicKey):
        return ("RSA-PSS" if kind == _RSASSA_PSS else "RSA"), key.key_size, None
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "ECDSA", key.curve.key_size, _CURVES.get(key.curve.name, key.curve.name)
    for kept, name, size in _KEY_NAMED:
        if isinstance(key, kept):
            return name, size, None
    raise KeyTypeError(
        f"the public key is of a type that cannot sign, or is not supported ({kind})", Detail.KEY_TYPE_UNSUPPORTED
    )
