"""Make new private keys.

The one place that draws randomness for a key. An RSA key of 8192 bits takes a processor some seconds, now and then
half a minute, so this is called in a worker process: arguments and result are values that can be sent there and back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from certwright.findings import Detail, MaterialError, Reason, finding
from certwright.pki.limits import DEFAULT_LIMITS
from certwright.pki.origin import Origin
from certwright.pki.private_key import PrivateKey, SigningKey, adopt_key

if TYPE_CHECKING:
    from collections.abc import Mapping

KeyAlgorithm = Literal["ECDSA", "RSA", "Ed25519"]
"""The algorithms that keys are made for."""

RSA_BITS_MIN, RSA_BITS_MAX = 2048, 8192
"""The sizes of RSA keys that are made, in bits of the modulus."""

DEFAULT_SIZES: Mapping[str, int] = {"ECDSA": 256, "RSA": 2048, "Ed25519": 256}
"""The size in bits that each algorithm has where none is named."""

_CURVES: Mapping[int, type[ec.EllipticCurve]] = {256: ec.SECP256R1, 384: ec.SECP384R1, 521: ec.SECP521R1}
_PUBLIC_EXPONENT = 65537  # FIPS 186-5 §A.1.1 allows no smaller one
_OCTET = 8


def choose_size(algorithm: str, size: int | None) -> int:
    """Return the size in bits that a key of `algorithm` is made with: `size`, or the default where it is None.

    Raises:
        MaterialError: `InvalidRequest` with detail `KeyTypeUnsupported` for another algorithm than ECDSA, RSA and
            Ed25519, and with detail `LimitExceeded` for a size that the algorithm does not have.
    """
    if algorithm not in DEFAULT_SIZES:
        message = "`algorithm` must be `ECDSA`, `RSA` or `Ed25519`. Make a new object with one of them."
        raise _refusal(message, Detail.KEY_TYPE_UNSUPPORTED)
    chosen = DEFAULT_SIZES[algorithm] if size is None else size
    if algorithm == "RSA":
        # OpenSSL makes a modulus of an odd number of bits one bit short, and not everybody reads one of broken octets.
        if not RSA_BITS_MIN <= chosen <= RSA_BITS_MAX or chosen % _OCTET:
            raise _wrong_size(f"from {RSA_BITS_MIN} to {RSA_BITS_MAX} and a multiple of {_OCTET} for RSA", chosen)
    elif algorithm == "ECDSA":
        if chosen not in _CURVES:
            raise _wrong_size("256, 384 or 521 for ECDSA", chosen)
    elif chosen != DEFAULT_SIZES[algorithm]:
        raise _wrong_size("256 or left out for Ed25519", chosen)
    return chosen


def generate_key(algorithm: str, size: int | None = None) -> PrivateKey:
    """Make a new private key; `to_pem` writes it as PKCS#8. `size` is in bits.

    Raises:
        MaterialError: as for `choose_size`.
    """
    chosen = choose_size(algorithm, size)
    made: SigningKey
    if algorithm == "RSA":
        made = rsa.generate_private_key(_PUBLIC_EXPONENT, chosen)
    elif algorithm == "ECDSA":
        made = ec.generate_private_key(_CURVES[chosen]())
    else:
        made = ed25519.Ed25519PrivateKey.generate()
    return adopt_key(made, Origin("the new key", Reason.KEY_INVALID, "private key", Detail.NO_KEY), DEFAULT_LIMITS)


def _wrong_size(wanted: str, size: int) -> MaterialError:
    message = f"`size` must be {wanted}; it is {size}. Make a new object with another size."
    return _refusal(message, Detail.LIMIT_EXCEEDED)


def _refusal(message: str, detail: Detail) -> MaterialError:
    return MaterialError(finding(Reason.INVALID_REQUEST, message, detail=detail))
