"""How much work a password-based encryption asks for, read before any of it is done.

The rounds of a key derivation are chosen by whoever wrote the file; two thousand million of them keep a processor busy
for minutes. So the parameters are read from the ASN.1 first (RFC 8018 A.2-A.5, RFC 7292 B and C, RFC 7914 §7), and a
scheme whose parameters are not understood is not tried at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from certwright.findings import Detail
from certwright.pki.tlv import INTEGER, SEQUENCE, Tlv, TlvError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from certwright.findings import MaterialError
    from certwright.pki.limits import IntakeLimits
    from certwright.pki.origin import Origin

_PBES2 = "1.2.840.113549.1.5.13"
_PBMAC1 = "1.2.840.113549.1.5.14"
_PBKDF2 = "1.2.840.113549.1.5.12"
_SCRYPT = "1.3.6.1.4.1.11591.4.11"
_PBES1 = frozenset(f"1.2.840.113549.1.5.{arc}" for arc in (1, 3, 4, 6, 10, 11))
_PKCS12_PBE = frozenset(f"1.2.840.113549.1.12.1.{arc}" for arc in range(1, 7))

_SCRYPT_UNIT = 1 << 20
"""scrypt with N·r·p of this size (128 MiB) takes about as long as a million rounds of PBKDF2."""
_SCRYPT_ROUNDS = 1_000_000
_NATURAL_BYTES = 16  # a longer integer is nonsense, and products of it are work


class UnknownSchemeError(ValueError):
    """The encryption scheme, or its key derivation, is not one that is known here."""


def count_rounds(algorithm: Tlv) -> int:
    """Return the rounds of key derivation that an AlgorithmIdentifier of PBES1, PBES2, PBMAC1 or PKCS#12 asks for.

    scrypt is converted: one million rounds for 128 MiB of memory, used once.

    Raises:
        TlvError: the parameters are damaged.
        UnknownSchemeError: nothing is known about their cost.
    """
    scheme, parameters = _split(algorithm)
    if scheme in (_PBES2, _PBMAC1):
        return _count_function_rounds(_at(parameters, 0))
    if scheme in _PBES1 or scheme in _PKCS12_PBE:
        return read_natural(_at(parameters, 1))
    raise UnknownSchemeError(scheme)


def read_natural(element: Tlv) -> int:
    """Return the value of an integer of at least 1 and at most 16 bytes.

    Raises:
        TlvError: it is none.
    """
    if element.tag != INTEGER or len(element.content) > _NATURAL_BYTES:
        raise TlvError("not a small integer")
    value = element.integer()
    if value < 1:
        raise TlvError("not a natural number")
    return value


def too_many_rounds(rounds: int, origin: Origin, limits: IntakeLimits) -> MaterialError:
    """Make the refusal of a file whose password protection asks for too much work."""
    return origin.refusal(
        Detail.LIMIT_EXCEEDED,
        f"its password protection asks for {rounds} rounds of key derivation; at most {limits.kdf_iterations} are "
        "done. Encrypt it anew with fewer.",
    )


def wrong_password(password: bytes, noun: str, origin: Origin) -> MaterialError:
    """Make the refusal of a file that does not open with the password given."""
    hint = " The password ends with a line end, which is seldom meant." if password.endswith((b"\n", b"\r")) else ""
    return origin.refusal(Detail.WRONG_PASSWORD, f"the password does not open {noun}, or the file is damaged.{hint}")


def _count_function_rounds(function: Tlv) -> int:
    name, parameters = _split(function)
    if name == _PBKDF2:
        return read_natural(_at(parameters, 1))
    if name == _SCRYPT:
        cost, block_size, parallel = (read_natural(_at(parameters, place)) for place in (1, 2, 3))
        return cost * block_size * parallel * _SCRYPT_ROUNDS // _SCRYPT_UNIT
    raise UnknownSchemeError(name)


def _split(algorithm: Tlv) -> tuple[str, Sequence[Tlv]]:
    if algorithm.tag != SEQUENCE:
        raise TlvError("not an algorithm identifier")
    fields = algorithm.children()
    parameters = fields[1].children() if len(fields) > 1 and fields[1].tag == SEQUENCE else []
    return _at(fields, 0).identifier(), parameters


def _at(elements: Sequence[Tlv], place: int) -> Tlv:
    if place >= len(elements):
        raise TlvError("a parameter is missing")
    return elements[place]
