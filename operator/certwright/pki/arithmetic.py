"""Whether the parts of an RSA key belong together, by arithmetic alone (RFC 8017 §3.2).

The library's own check tests the factors for primality, holds the interpreter for 33 ms at 2048 bits and for 3.5 s at
8192, and guards against nothing that could happen here: a key's owner harms only himself with composite factors. The
equations below take microseconds and find what does happen: keys that were damaged, edited or mixed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers

_SMALLEST_EXPONENT = 3


def is_consistent(numbers: RSAPrivateNumbers) -> bool:
    """Tell whether modulus, exponents, factors and CRT values of an RSA key fit each other.

    n = p·q with different odd factors, e odd and at least 3, e·d ≡ 1 modulo lcm(p - 1, q - 1), and the three CRT
    values follow from d, p and q.
    """
    p, q, d = numbers.p, numbers.q, numbers.d
    n, e = numbers.public_numbers.n, numbers.public_numbers.e
    if not (2 < p < n and 2 < q < n and p != q and p * q == n and n % 2 == 1):  # noqa: PLR2004 - the even prime
        return False
    if not (e >= _SMALLEST_EXPONENT and e % 2 == 1 and 1 < d < n):
        return False
    return (
        e * d % math.lcm(p - 1, q - 1) == 1
        and numbers.dmp1 == d % (p - 1)
        and numbers.dmq1 == d % (q - 1)
        and numbers.iqmp < p
        and numbers.iqmp * q % p == 1
    )
