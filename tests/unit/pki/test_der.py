from datetime import UTC, datetime

import pytest

from certwright.pki import der
from tests.support import der_writer as writer

MALFORMED = [
    b"\x30",  # no length
    b"\x30\x05\x00",  # cut short
    b"\x30\x80\x00\x00",  # indefinite
    b"\x30\x81\x05\x00\x00\x00\x00\x00",  # long form of a short length
    b"\x30\x82\x00\x81" + bytes(129),  # leading zero in the length
    b"\x30\x85\x01\x00\x00\x00\x00",  # oversized
    b"\x1f\x01\x00",  # long tag
    b"\x30\x82\x01",  # length cut short
]


@pytest.mark.parametrize("data", MALFORMED)
def test_values_are_refused_when_they_are_not_der(data: bytes) -> None:
    with pytest.raises(der.DerError):
        der.children(data, 0, len(data))


def test_values_are_found_with_their_whole_encoding() -> None:
    long = writer.octets(b"x" * 300)
    data = writer.sequence(long, writer.integer(5))
    root = der.whole(data, der.SEQUENCE)
    first, second = der.inside(data, root, der.SEQUENCE)
    assert der.encoding(data, first) == long
    assert der.encoding(data, second) == b"\x02\x01\x05"
    assert der.encoding(data, root) == data
    with pytest.raises(der.DerError):
        der.inside(data, first, der.SEQUENCE)
    for wrong in (data + b"\x05\x00", b""):
        with pytest.raises(der.DerError):
            der.whole(wrong, der.SEQUENCE)


def node_of(data: bytes) -> der.Node:
    return der.children(data, 0, len(data))[0]


@pytest.mark.parametrize(("content", "value"), [(b"\x00", False), (b"\xff", True)])
def test_booleans(content: bytes, *, value: bool) -> None:
    data = writer.tlv(1, content)
    assert der.boolean(data, node_of(data)) is value


@pytest.mark.parametrize("value", [0, 1, -1, 127, 128, -128, -129, 2**64])
def test_integers(value: int) -> None:
    data = writer.integer(value)
    assert der.integer(data, node_of(data)) == value


@pytest.mark.parametrize(
    ("read", "data"),
    [
        (der.boolean, b"\x01\x01\x01"),
        (der.boolean, b"\x01\x00"),
        (der.integer, b"\x02\x00"),
        (der.integer, b"\x02\x02\x00\x05"),
        (der.integer, b"\x02\x02\xff\xff"),
        (der.bits, b"\x03\x00"),
        (der.bits, b"\x03\x02\x08\x00"),
        (der.bits, b"\x03\x02\x01\x01"),
        (der.bits, b"\x03\x01\x01"),
        (der.identifier, b"\x02\x01\x05"),
        (der.identifier, b"\x06\x00"),
        (der.identifier, b"\x06\x02\x55\x80"),
        (der.identifier, b"\x06\x03\x55\x80\x01"),
        (der.identifier, writer.tlv(6, b"\x55" * 200)),
        (der.time, b"\x02\x01\x05"),
        (der.time, writer.tlv(0x17, b"2601010000Z")),
        (der.time, writer.tlv(0x17, b"260101000000+")),
        (der.time, writer.tlv(0x17, b"2601010000x0Z")),
        (der.time, writer.tlv(0x17, b"260229000000Z")),
        (der.time, writer.tlv(0x18, b"20260101000000.5Z")),
        (der.time, writer.tlv(0x18, b"00000101000000Z")),
    ],
)
def test_values_are_refused_when_they_are_not_what_they_should_be(read: object, data: bytes) -> None:
    with pytest.raises(der.DerError):
        read(data, node_of(data))  # type: ignore[operator]


@pytest.mark.parametrize("dotted", ["0.9.2342.19200300.100.1.25", "1.2.840.113549.1.1.11", "2.5.29.17", "2.999.3"])
def test_identifiers(dotted: str) -> None:
    arcs = dotted.split(".")
    data = writer.oid(dotted) if arcs[1] != "999" else writer.tlv(6, b"\x88\x37\x03")
    assert der.identifier(data, node_of(data)) == dotted


@pytest.mark.parametrize("year", [1950, 1999, 2000, 2049, 2050, 9999])
def test_times(year: int) -> None:
    instant = datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    data = writer.time(instant)
    assert der.time(data, node_of(data)) == instant


def test_named_bits_beyond_the_names_are_ignored() -> None:
    data = writer.named_bits([0, 2, 9])
    assert der.named_bits(data, node_of(data), ("a", "b", "c")) == {"a", "c"}
    none = writer.named_bits([])
    assert der.named_bits(none, node_of(none), ("a",)) == frozenset()
