"""Revocation lists of any length, quickly made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import der_writer as der
from tests.support.extension_writer import crl_number
from tests.support.pki import NEXT_UPDATE, THIS_UPDATE, sign

if TYPE_CHECKING:
    from tests.support.pki import Entity

STEP = 0x9E37_79B9_7F4A_7C15
"""Serial numbers lie this far apart modulo 2**62, so that they stand in no order."""


def long_list(issuer: Entity, entries: int) -> tuple[bytes, list[int]]:
    """Make a list of so many entries; returns its DER and the serial numbers, all of them odd and below 2**63."""
    serials = [1 << 62 | number * STEP % (1 << 61) << 1 | 1 for number in range(entries)]
    date = der.time(THIS_UPDATE)
    head, tail = b"\x30" + bytes((10 + len(date),)) + b"\x02\x08", date
    body = b"".join(head + serial.to_bytes(8, "big") + tail for serial in serials)
    tbs = der.sequence(
        der.integer(1),
        issuer.key.algorithm(),
        issuer.subject,
        der.time(THIS_UPDATE),
        der.time(NEXT_UPDATE),
        der.sequence(body),
        der.explicit(0, der.sequence(crl_number(1).der)),
    )
    return sign(tbs, issuer.key), serials
