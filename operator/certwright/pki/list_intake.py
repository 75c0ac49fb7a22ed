"""Read an uploaded or fetched revocation list in the forms that people and servers have, and pack it for keeping."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from certwright.findings import Detail, Finding, MaterialError, Reason
from certwright.pki.crl import RevocationList
from certwright.pki.envelope import DER_FILE, open_envelope, remark_repairs
from certwright.pki.limits import DEFAULT_LIMITS, IntakeLimits
from certwright.pki.objects import ObjectKind
from certwright.pki.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Iterable

LEVEL = 3
"""Of the fast levels the one with the best ratio."""


@dataclass(frozen=True, slots=True)
class ReadList:
    """A revocation list and what was overlooked to read it."""

    crl: RevocationList
    warnings: tuple[Finding, ...] = ()


def read_list(data: bytes, *, what: str, limits: IntakeLimits = DEFAULT_LIMITS) -> ReadList:
    """Read the one revocation list of a file: PEM, DER, or base64 of either; `what` names the field for messages.

    Raises:
        MaterialError: `CRLInvalid`, with a detail: there is none, or more than one, or something else, or it cannot
            be read. Naming DER as a repair would be wrong here: it is how lists are published (RFC 2585 §3).
    """
    origin = Origin(what, Reason.CRL_INVALID, "revocation list", Detail.CRL_MISSING)
    envelope = open_envelope(data, origin, limits)
    others = envelope.kinds() - {ObjectKind.CRL}
    if others:
        raise origin.refusal(
            Detail.WRONG_TYPE, f"it holds {' and '.join(sorted(others))}, not a revocation list. Give one X.509 CRL."
        )
    if len(envelope.objects) != 1:
        number = len(envelope.objects)
        raise origin.refusal(
            Detail.LIMIT_EXCEEDED, f"it holds {number} revocation lists; make a RevocationSource for each."
        )
    try:
        crl = RevocationList.from_der(envelope.objects[0].der)
    except MaterialError as error:
        raise origin.refusal(error.finding.detail or Detail.DER_DAMAGED, error.finding.message) from None
    repairs = tuple(each for each in envelope.repairs if each != DER_FILE)
    return ReadList(crl, remark_repairs(repairs, origin))


def read_and_pack(data: bytes, what: str, part_bytes: int, most_packed: int) -> tuple[ReadList, tuple[bytes, ...]]:
    """Read a list of any size, as `read_list` does, and pack it; for a caller that limits time and size itself.

    Args:
        data: PEM or DER.
        what: the field, for messages.
        part_bytes: as for `pack_list`.
        most_packed: a list that takes more when packed is given without parts.

    Raises:
        MaterialError: as `read_list` does.
    """
    read = read_list(data, what=what, limits=replace(DEFAULT_LIMITS, file_bytes=len(data)))
    parts = pack_list(read.crl, part_bytes)
    return read, parts if sum(map(len, parts)) <= most_packed else ()


def pack_list(crl: RevocationList, part_bytes: int) -> tuple[bytes, ...]:
    """Compress a list and cut it into parts of at most `part_bytes`; the same list gives the same parts."""
    packed = zlib.compress(crl.der, LEVEL)
    return tuple(packed[start : start + part_bytes] for start in range(0, len(packed), part_bytes))


def unpack_list(parts: Iterable[bytes], fingerprint: str, most_bytes: int) -> RevocationList | None:
    """Put a packed list together again; None when the parts are not, or no longer, those of `fingerprint`.

    Args:
        parts: in their order.
        fingerprint: of the list, as `RevocationList.fingerprint` has it.
        most_bytes: the largest list that is unpacked: somebody else may have written the parts.
    """
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(b"".join(parts), most_bytes)
        if not unpacker.eof or f"sha256:{hashlib.sha256(data).hexdigest()}" != fingerprint:
            return None
        return RevocationList.from_der(data)
    except (zlib.error, MaterialError):
        return None
