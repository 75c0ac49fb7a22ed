"""Strict DER, read by offsets: what certificates and revocation lists are made of (X.690 §10, §11).

Signed objects are judged on the very bytes that were signed, so nothing is copied, nothing is repaired, and whatever
has more than one encoding is refused. (`tlv` reads the lenient surroundings: PKCS#7, PKCS#12.) A value is a `Node`:
its tag octet and where its contents start and stop.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
ENUMERATED = 0x0A
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
SET = 0x31

_SHORT = 0x80
_LONG_TAG = 0x1F
_LENGTH_OCTETS_LIMIT = 4
_OID_OCTETS_LIMIT = 128
_UTC_TIME_LENGTH = 13
_GENERALIZED_TIME_LENGTH = 15
_CENTURY_PIVOT = 50
_UNUSED_BITS_LIMIT = 7

Node = tuple[int, int, int]
"""Tag octet, start and stop of the contents."""


class DerError(ValueError):
    """The bytes are not DER, or not the value that was expected; never quotes them."""


def children(data: bytes, start: int, stop: int) -> list[Node]:
    """List the values that fill `data[start:stop]`.

    Raises:
        DerError: they do not fill it exactly, or a length is not in its shortest form.
    """
    nodes: list[Node] = []
    append = nodes.append
    try:
        while start < stop:
            tag = data[start]
            length = data[start + 1]
            start += 2
            if length >= _SHORT:
                length, start = long_length(data, start, length & 0x7F)
            end = start + length
            if end > stop or tag & _LONG_TAG == _LONG_TAG:
                raise DerError("a length exceeds its surroundings, or a tag is out of range")
            append((tag, start, end))
            start = end
    except IndexError:
        raise DerError("cut short") from None
    return nodes


def long_length(data: bytes, start: int, count: int) -> tuple[int, int]:
    """Return a length that `count` octets at `start` hold, and where the contents start.

    Raises:
        DerError: it is indefinite, oversized or not in its shortest form.
    """
    if not 0 < count <= _LENGTH_OCTETS_LIMIT:
        raise DerError("an indefinite or oversized length")
    length = int.from_bytes(data[start : start + count], "big")
    if length < _SHORT or length >> 8 * (count - 1) == 0:
        raise DerError("a length that is not in its shortest form")
    return length, start + count


def whole(data: bytes, tag: int) -> Node:
    """Return the one value that `data` consists of.

    Raises:
        DerError: there is another tag, or something before or after it.
    """
    nodes = children(data, 0, len(data))
    if len(nodes) != 1 or nodes[0][0] != tag:
        raise DerError("not exactly one value of the expected type")
    return nodes[0]


def inside(data: bytes, node: Node, tag: int) -> list[Node]:
    """List the values inside `node`, which must carry `tag`.

    Raises:
        DerError: it does not, or its contents are not DER.
    """
    if node[0] != tag:
        raise DerError("not the expected type")
    return children(data, node[1], node[2])


def encoding(data: bytes, node: Node) -> bytes:
    """Return the whole encoding of `node`: header and contents."""
    start = node[1] - 2
    length = node[2] - node[1]
    if length >= _SHORT:
        start -= (length.bit_length() + 7) // 8
    return data[start : node[2]]


def boolean(data: bytes, node: Node) -> bool:
    """Return the value of a BOOLEAN.

    Raises:
        DerError: it is none, or not in its only encoding.
    """
    content = data[node[1] : node[2]]
    if content not in (b"\x00", b"\xff"):
        raise DerError("not a truth value")
    return content == b"\xff"


def integer(data: bytes, node: Node) -> int:
    """Return the value of an INTEGER or ENUMERATED, whatever its (implicit) tag.

    Raises:
        DerError: it is empty or not in its shortest form.
    """
    _, start, stop = node
    if start == stop:
        raise DerError("an empty integer")
    if stop - start > 1 and (data[start], data[start + 1] >> 7) in ((0, 0), (0xFF, 1)):
        raise DerError("an integer that is not in its shortest form")
    return int.from_bytes(data[start:stop], "big", signed=True)


def bits(data: bytes, node: Node) -> tuple[bytes, int]:
    """Return octets and number of unused bits of a BIT STRING, whatever its (implicit) tag.

    Raises:
        DerError: the unused bits are not zero or not counted right.
    """
    _, start, stop = node
    if start == stop:
        raise DerError("an empty bit string")
    unused = data[start]
    if unused > _UNUSED_BITS_LIMIT or (unused and (stop - start == 1 or data[stop - 1] & (1 << unused) - 1)):
        raise DerError("unused bits that are set or miscounted")
    return data[start + 1 : stop], unused


def named_bits(data: bytes, node: Node, names: tuple[str, ...]) -> frozenset[str]:
    """Return the names of the bits that are set; bits beyond the names are ignored.

    Raises:
        DerError: it is no bit string.
    """
    octets, _ = bits(data, node)
    return _bit_names(octets[: len(names) // 8 + 1], names)


@lru_cache(maxsize=256)
def _bit_names(octets: bytes, names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(
        name
        for place, name in enumerate(names)
        if place >> 3 < len(octets) and octets[place >> 3] << (place & 7) & 0x80
    )


def identifier(data: bytes, node: Node) -> str:
    """Return an OBJECT IDENTIFIER in dotted form.

    Raises:
        DerError: it is none, or longer than any in use.
    """
    if node[0] != OBJECT_IDENTIFIER:
        raise DerError("not an object identifier")
    return dotted(data[node[1] : node[2]])


@lru_cache(maxsize=1024)
def dotted(content: bytes) -> str:
    """Return the dotted form of an object identifier's contents octets.

    Raises:
        DerError: they are none.
    """
    if not 0 < len(content) <= _OID_OCTETS_LIMIT or content[-1] & 0x80:
        raise DerError("not an object identifier")
    arcs: list[int] = []
    value = 0
    for octet in content:
        if value == 0 and octet == 0x80:  # noqa: PLR2004 - a leading zero digit
            raise DerError("an object identifier that is not in its shortest form")
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def time(data: bytes, node: Node) -> datetime:
    """Return a UTCTime or GeneralizedTime in the forms that RFC 5280 §4.1.2.5 allows, to the second, in UTC.

    Raises:
        DerError: it is neither, or no such instant exists.
    """
    tag, start, stop = node
    content = data[start:stop]
    if tag == UTC_TIME and len(content) == _UTC_TIME_LENGTH:
        content = (b"19" if content[:2] >= b"%d" % _CENTURY_PIVOT else b"20") + content
    elif tag != GENERALIZED_TIME:
        raise DerError("not a time")
    if len(content) != _GENERALIZED_TIME_LENGTH or content[-1:] != b"Z" or not content[:-1].isdigit():
        raise DerError("a time that is not to the second and in UTC")
    text = content.decode("ascii")
    try:
        return datetime(
            int(text[:4]),
            int(text[4:6]),
            int(text[6:8]),
            int(text[8:10]),
            int(text[10:12]),
            int(text[12:14]),
            tzinfo=UTC,
        )
    except ValueError:
        raise DerError("a time that does not exist") from None
