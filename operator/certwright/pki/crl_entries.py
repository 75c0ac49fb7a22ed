"""The entries of a revocation list: walked once, indexed by serial number, decoded on demand (RFC 5280 §5.3)."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from certwright.pki import der
from certwright.pki.extensions import read_names, split_extensions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from certwright.pki.names import Name

REMOVE_FROM_CRL = "removeFromCRL"
CERTIFICATE_HOLD = "certificateHold"
_REASONS = {
    0: "unspecified",
    1: "keyCompromise",
    2: "cACompromise",
    3: "affiliationChanged",
    4: "superseded",
    5: "cessationOfOperation",
    6: CERTIFICATE_HOLD,
    8: REMOVE_FROM_CRL,
    9: "privilegeWithdrawn",
    10: "aACompromise",
}
_REASON_CODE, _HOLD_INSTRUCTION, _INVALIDITY_DATE, _CERTIFICATE_ISSUER = (
    "2.5.29.21",
    "2.5.29.23",
    "2.5.29.24",
    "2.5.29.29",
)
_SHORT = 0x80
_TIME_LENGTHS = {der.UTC_TIME: 13, der.GENERALIZED_TIME: 15}
_COMMON_EXTENSIONS = 32  # octets: a reason code alone; those repeat by the thousand
_OFFSET_BITS = 32
_PRIME = 4_294_967_291  # the largest below 2**32: serial numbers with equal ends do not meet


@dataclass(frozen=True, slots=True)
class RevokedEntry:
    """An entry as found by look-up.

    Attributes:
        serial_number: of the certificate.
        date: when it was revoked, aware UTC; None when the list gives an impossible date.
        reason: spelled as in RFC 5280 §5.3.1; None when the list gives none.
    """

    serial_number: int
    date: datetime | None
    reason: str | None


class _Facts(NamedTuple):
    reason: str | None
    issuers: tuple[Name, ...] | None
    critical_unknown: tuple[str, ...]


_NO_FACTS = _Facts(None, None, ())


@dataclass(slots=True)
class EntryIndex:
    """Where the entries stand: eight bytes an entry, so that a long list is quickly handed from process to process.

    Attributes:
        data: the encoding of the whole list.
        places: for each entry the residue of its serial number and, in the lower 32 bits, its offset; sorted.
        issuer_starts: offsets of the entries that name an issuer.
        issuers: the issuers they name.
        count: how many entries there are.
        critical_unknown: critical entry extensions that nothing here processes, of all entries.
        has_extensions: whether any entry has extensions at all.
    """

    data: bytes
    places: array[int]
    issuer_starts: list[int]
    issuers: list[tuple[Name, ...]]
    count: int
    critical_unknown: frozenset[str]
    has_extensions: bool

    def find(self, serial_number: int, issuer: Name, list_issuer: Name) -> RevokedEntry | None:
        """Find the entry of the certificate that `issuer` gave `serial_number`.

        An entry without certificateIssuer is about the issuer of the entry before, the first about the issuer of the
        list (§5.3.3). Of several entries the one that removes comes last.
        """
        found = None
        for start in self._starts(serial_number):
            place = bisect_right(self.issuer_starts, start)
            named = self.issuers[place - 1] if place else (list_issuer,)
            if issuer in named:
                found = self._decode(serial_number, start)
                if found.reason != REMOVE_FROM_CRL:
                    break
        return found

    def _starts(self, serial_number: int) -> Iterator[int]:
        """Give the offsets of the entries of that serial number, in the order of the list."""
        residue = serial_number % _PRIME
        place = bisect_left(self.places, residue << _OFFSET_BITS)
        while place < len(self.places) and self.places[place] >> _OFFSET_BITS == residue:
            start = self.places[place] & (1 << _OFFSET_BITS) - 1
            _, body, _ = _entry_bounds(self.data, start, len(self.data))
            if _serial_at(self.data, body) == serial_number:
                yield start
            place += 1

    def _decode(self, serial_number: int, start: int) -> RevokedEntry:
        # `start` was walked over before: its shape is known to be right.
        data = self.data
        _, body, end = _entry_bounds(data, start, len(data))
        after = body + 2 + data[body + 1]
        stop = after + 2 + data[after + 1]
        try:
            date = der.time(data, (data[after], after + 2, stop))
        except der.DerError:
            date = None
        return RevokedEntry(serial_number, date, _read_facts(data[stop:end]).reason if stop < end else None)


def index_entries(data: bytes, start: int, stop: int) -> EntryIndex:
    """Walk the entries that fill `data[start:stop]`.

    Raises:
        DerError: an entry is damaged.
    """
    places: list[int] = []
    index = EntryIndex(data, array("Q"), [], [], 0, frozenset(), has_extensions=False)
    common: dict[bytes, _Facts] = {}
    unknown: set[str] = set()
    try:
        while start < stop:
            entry, body, end = _entry_bounds(data, start, stop)
            after = body + 2 + data[body + 1]
            last = after + 2 + data[after + 1]
            if (
                data[body] != der.INTEGER
                or not 0 < data[body + 1] < _SHORT
                or _TIME_LENGTHS.get(data[after]) != data[after + 1]
                or last > end
                or not data[after + 2 : last - 1].isdigit()
            ):
                raise der.DerError("a damaged entry")
            places.append(_serial_at(data, body) % _PRIME << _OFFSET_BITS | entry)
            if last < end:
                encoded = data[last:end]
                facts = common.get(encoded)
                if facts is None:
                    facts = _read_facts(encoded)
                    if len(encoded) < _COMMON_EXTENSIONS:
                        common[encoded] = facts
                _take_over(index, entry, facts, unknown=unknown)
            start = end
    except IndexError:
        raise der.DerError("cut short") from None
    index.places, index.count, index.critical_unknown = array("Q", sorted(places)), len(places), frozenset(unknown)
    return index


def _serial_at(data: bytes, body: int) -> int:
    return int.from_bytes(data[body + 2 : body + 2 + data[body + 1]], "big", signed=True)


def _take_over(index: EntryIndex, entry: int, facts: _Facts, *, unknown: set[str]) -> None:
    index.has_extensions = True
    unknown.update(facts.critical_unknown)
    if facts.issuers is not None:
        index.issuer_starts.append(entry)
        index.issuers.append(facts.issuers)


def _entry_bounds(data: bytes, start: int, stop: int) -> tuple[int, int, int]:
    length, body = data[start + 1], start + 2
    if length >= _SHORT:
        length, body = der.long_length(data, body, length & 0x7F)
    end = body + length
    if data[start] != der.SEQUENCE or end > stop:
        raise der.DerError("a damaged entry")
    return start, body, end


def _read_facts(encoded: bytes) -> _Facts:
    reason: str | None = None
    issuers: tuple[Name, ...] | None = None
    unknown: list[str] = []
    for extension in split_extensions(encoded, der.whole(encoded, der.SEQUENCE)):
        value = extension.value
        if extension.oid == _REASON_CODE:
            number = der.integer(value, der.whole(value, der.ENUMERATED))
            reason = _REASONS.get(number, f"reason {number}")
        elif extension.oid == _CERTIFICATE_ISSUER:
            issuers = read_names(value).directories
        elif extension.critical and extension.oid not in (_HOLD_INSTRUCTION, _INVALIDITY_DATE):
            unknown.append(extension.oid)
    return _Facts(reason, issuers, tuple(unknown)) if reason or issuers is not None or unknown else _NO_FACTS
