"""Writing DER by hand: test certificates must be able to break every rule, which builders refuse to do."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

NULL = b"\x05\x00"


def tlv(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def sequence(*contents: bytes) -> bytes:
    return tlv(0x30, *contents)


def set_of(*contents: bytes) -> bytes:
    return tlv(0x31, *sorted(contents))


def explicit(number: int, *contents: bytes) -> bytes:
    return tlv(0xA0 | number, *contents)


def implicit(number: int, content: bytes) -> bytes:
    """Tag primitive contents with [number]."""
    return tlv(0x80 | number, content)


def boolean(*, value: bool) -> bytes:
    return tlv(0x01, b"\xff" if value else b"\x00")


def integer(value: int, *, tag: int = 0x02) -> bytes:
    size = value.bit_length() // 8 + 1 if value >= 0 else (value + 1).bit_length() // 8 + 1
    return tlv(tag, value.to_bytes(size, "big", signed=True))


def octets(content: bytes) -> bytes:
    return tlv(0x04, content)


def bit_string(content: bytes, *, unused: int = 0, tag: int = 0x03) -> bytes:
    return tlv(tag, bytes((unused,)), content)


def named_bits(numbers: Iterable[int], *, tag: int = 0x03) -> bytes:
    places = sorted(numbers)
    if not places:
        return tlv(tag, b"\x00")
    size = places[-1] // 8 + 1
    value = 0
    for place in places:
        value |= 1 << (size * 8 - 1 - place)
    return bit_string(value.to_bytes(size, "big"), unused=7 - places[-1] % 8, tag=tag)


def oid(dotted: str) -> bytes:
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    content = b""
    for arc in (40 * first + second, *rest):
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.append(0x80 | arc & 0x7F)
        content += bytes(reversed(digits))
    return tlv(0x06, content)


def text(value: str, *, tag: int = 0x0C) -> bytes:
    encodings = {0x0C: "utf-8", 0x14: "latin-1", 0x1C: "utf-32-be", 0x1E: "utf-16-be"}
    return tlv(tag, value.encode(encodings.get(tag, "ascii")))


def time(instant: datetime) -> bytes:
    if 1950 <= instant.year < 2050:
        return tlv(0x17, instant.strftime("%y%m%d%H%M%SZ").encode())
    return tlv(0x18, f"{instant.year:04}{instant:%m%d%H%M%SZ}".encode())


ATTRIBUTES = {
    "CN": "2.5.4.3",
    "serialNumber": "2.5.4.5",
    "C": "2.5.4.6",
    "L": "2.5.4.7",
    "ST": "2.5.4.8",
    "STREET": "2.5.4.9",
    "O": "2.5.4.10",
    "OU": "2.5.4.11",
    "UID": "0.9.2342.19200300.100.1.1",
    "DC": "0.9.2342.19200300.100.1.25",
    "emailAddress": "1.2.840.113549.1.9.1",
}


def attribute(field: str, value: str, *, tag: int | None = None) -> bytes:
    if tag is None:
        tag = {"C": 0x13, "serialNumber": 0x13, "DC": 0x16, "emailAddress": 0x16}.get(field, 0x0C)
    return sequence(oid(ATTRIBUTES.get(field, field)), text(value, tag=tag))


def name(*attributes: tuple[str, str]) -> bytes:
    """Encode a name of single attributes, most general first: `name(("O", "Corp"), ("CN", "Corp Root"))`."""
    return sequence(*(set_of(attribute(field, value)) for field, value in attributes))


def common_name(value: str) -> bytes:
    return name(("CN", value)) if value else sequence()


def dns_name(value: str) -> bytes:
    return implicit(2, value.encode("ascii"))


def ip_address(value: str) -> bytes:
    """Encode an address, or with a slash the range of a name constraint."""
    if "/" in value:
        network = ipaddress.ip_network(value)
        return implicit(7, network.network_address.packed + network.netmask.packed)
    return implicit(7, ipaddress.ip_address(value).packed)


def email(value: str) -> bytes:
    return implicit(1, value.encode("ascii"))


def uri(value: str) -> bytes:
    return implicit(6, value.encode("ascii"))


def directory(encoded_name: bytes) -> bytes:
    return explicit(4, encoded_name)
