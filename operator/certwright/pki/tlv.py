"""A small reader of ASN.1's tag-length-value encoding: enough to see what a file is before a library works on it.

It reads the definite lengths of DER and the indefinite ones of BER, which macOS and Java write into PKCS#7 and
PKCS#12 files (X.690 §8.1). It decodes no values beyond integers, object identifiers and octet strings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
SEQUENCE = 0x30
SET = 0x31
CONSTRUCTED = 0x20

_DEPTH_LIMIT = 24  # PKCS#12 with everything constructed nests 14 deep
_IDENTIFIER_LIMIT = 64  # bytes; the longest registered ones have about 20
_LONG_TAG = 0x1F
_LENGTH_BYTES_LIMIT = 4
_INDEFINITE = 0x80
_END_OF_CONTENTS = b"\x00\x00"


class TlvError(ValueError):
    """The bytes are not the encoding that was expected; never quotes them."""


@dataclass(frozen=True, slots=True)
class Tlv:
    """One element: its tag octet, its contents, and its whole encoding.

    Attributes:
        tag: the identifier octet, class and constructed bit included (context-specific [0] constructed is 0xA0).
        content: the contents octets; without the end-of-contents octets of an indefinite length.
        raw: identifier, length and contents as they stood in the file.
    """

    tag: int
    content: bytes = field(repr=False)
    raw: bytes = field(repr=False)

    def children(self) -> list[Tlv]:
        """List the elements inside.

        Raises:
            TlvError: the contents are not a row of elements.
        """
        return list(_elements(self.content, 0))

    def octets(self) -> bytes:
        """Return the value of an octet string, put together from its segments where BER split it.

        Accepts the implicit tag [0] too, which encrypted contents carry (RFC 5652 §6.1).

        Raises:
            TlvError: it is not an octet string, or its segments are split again.
        """
        if self.tag in (OCTET_STRING, 0x80):
            return self.content
        if self.tag not in (OCTET_STRING | CONSTRUCTED, 0xA0):
            raise TlvError("not an octet string")
        segments = self.children()
        if any(segment.tag != OCTET_STRING for segment in segments):
            raise TlvError("not an octet string")
        return b"".join(segment.content for segment in segments)

    def integer(self) -> int:
        """Return the value of an integer.

        Raises:
            TlvError: it is not an integer.
        """
        if self.tag != INTEGER or not self.content:
            raise TlvError("not an integer")
        return int.from_bytes(self.content, "big", signed=True)

    def identifier(self) -> str:
        """Return the value of an object identifier in dotted form.

        Raises:
            TlvError: it is not an object identifier.
        """
        if self.tag != OBJECT_IDENTIFIER or not 0 < len(self.content) <= _IDENTIFIER_LIMIT or self.content[-1] & 0x80:
            raise TlvError("not an object identifier")
        arcs: list[int] = []
        value = 0
        for octet in self.content:
            value = value << 7 | octet & 0x7F
            if not octet & 0x80:
                arcs.append(value)
                value = 0
        first = min(arcs[0] // 40, 2)
        return ".".join(str(arc) for arc in (first, arcs[0] - 40 * first, *arcs[1:]))


def read_tlv(data: bytes) -> Tlv:
    """Read the one element that `data` consists of.

    Raises:
        TlvError: `data` is not exactly one element: cut short, damaged, or followed by more.
    """
    element, end = _element(data, 0, 0)
    if end != len(data):
        raise TlvError("data after the element")
    return element


def measure_tlv(data: bytes) -> int:
    """Return how many bytes the first element of `data` takes, its header included.

    Raises:
        TlvError: it is cut short or damaged.
    """
    return _element(data, 0, 0)[1]


def tags(elements: list[Tlv]) -> list[int]:
    """List the tags of `elements`: the shape by which kinds of objects are told apart."""
    return [element.tag for element in elements]


def _elements(data: bytes, depth: int) -> Iterator[Tlv]:
    position = 0
    while position < len(data):
        element, position = _element(data, position, depth)
        yield element


def _element(data: bytes, start: int, depth: int) -> tuple[Tlv, int]:
    tag, length, body = _header(data, start)
    if length is None:
        end = _indefinite_end(data, body, depth)
        return Tlv(tag, data[body:end], data[start : end + 2]), end + 2
    end = body + length
    if end > len(data):
        raise TlvError("cut short")
    return Tlv(tag, data[body:end], data[start:end]), end


def _header(data: bytes, start: int) -> tuple[int, int | None, int]:
    if len(data) < start + 2:
        raise TlvError("cut short")
    tag, first = data[start], data[start + 1]
    if tag & _LONG_TAG == _LONG_TAG:
        raise TlvError("tag out of range")
    if first < _INDEFINITE:
        return tag, first, start + 2
    if first == _INDEFINITE:
        if not tag & CONSTRUCTED:
            raise TlvError("indefinite length of a primitive value")
        return tag, None, start + 2
    count = first & 0x7F
    if count > _LENGTH_BYTES_LIMIT:
        raise TlvError("length out of range")
    body = start + 2 + count
    return tag, int.from_bytes(data[start + 2 : body], "big"), body


def _indefinite_end(data: bytes, position: int, depth: int) -> int:
    if depth >= _DEPTH_LIMIT:
        raise TlvError("nested too deeply")
    while data[position : position + 2] != _END_OF_CONTENTS:
        _, length, body = _header(data, position)
        position = _indefinite_end(data, body, depth + 1) + 2 if length is None else body + length
    return position
