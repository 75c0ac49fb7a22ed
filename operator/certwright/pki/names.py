"""Distinguished names: what they say, and when two of them are the same (RFC 5280 §7.1, RFC 4518, RFC 4514)."""

from __future__ import annotations

import stringprep
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from certwright.pki import der

_FIELD_NAMES = {
    "2.5.4.3": "CN",
    "2.5.4.4": "surname",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.12": "title",
    "2.5.4.17": "postalCode",
    "2.5.4.42": "givenName",
    "2.5.4.43": "initials",
    "2.5.4.44": "generationQualifier",
    "2.5.4.46": "dnQualifier",
    "2.5.4.65": "pseudonym",
    "2.5.4.97": "organizationIdentifier",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "emailAddress",
    "1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL",
    "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST",
    "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
    "2.5.4.15": "businessCategory",
}
_STRING_ENCODINGS = {
    0x0C: "utf-8",
    0x12: "ascii",  # NumericString
    0x13: "ascii",  # PrintableString; senders put "@", "*" and "_" into it, which harms nobody
    0x14: "latin-1",  # TeletexString: everybody writes Latin-1
    0x16: "ascii",  # IA5String
    0x1A: "ascii",  # VisibleString
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}
_ATTRIBUTE_PARTS = 2
_CACHED_OCTETS = 1024  # longer names are read anew: strangers must not fill the memory with them
_MAPPED_TO_SPACE = frozenset("\t\n\v\f\r\x85")
_MAPPED_TO_NOTHING = frozenset("\u00ad\u034f\u06dd\u070f\u1806\u200b\ufeff\ufffc") | frozenset(
    chr(code)
    for first, last in (
        (0x00, 0x08),
        (0x0E, 0x1F),
        (0x7F, 0x84),
        (0x86, 0x9F),
        (0x180B, 0x180E),
        (0x200C, 0x200F),
        (0x202A, 0x202E),
        (0x2060, 0x2063),
        (0x206A, 0x206F),
        (0xFE00, 0xFE0F),
        (0xFFF9, 0xFFFB),
        (0x1D173, 0x1D17A),
        (0xE0001, 0xE0001),
        (0xE0020, 0xE007F),
    )
    for code in range(first, last + 1)
)
_ESCAPED_4514 = frozenset('"+,;<>\\')

AttributeKey = tuple[str, str | tuple[int, bytes]]
RdnKey = AttributeKey | frozenset[AttributeKey]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Name:
    """A distinguished name; equal to another when RFC 5280 §7.1 says so, whatever the encodings.

    Attributes:
        der: the encoding it was read from.
        attributes: (field name, value) in the order of the certificate; the field is the short name people know or
            a dotted object identifier, the value a text or `#` and the hexadecimal encoding of what is no text.
        rdns: one comparable key a relative name; a subtree's keys are a prefix of the keys of the names in it.
        rfc4514: the printable form of RFC 4514, most specific part first, every unprintable character escaped.
    """

    der: bytes
    attributes: tuple[tuple[str, str], ...]
    rdns: tuple[RdnKey, ...]
    rfc4514: str

    @staticmethod
    def from_der(data: bytes) -> Name:
        """Read the encoding of a name; equal encodings share one object.

        Raises:
            DerError: it is no name, or a text in it is not in its declared character set.
        """
        data = bytes(data)
        return _parse_cached(data) if len(data) <= _CACHED_OCTETS else _parse(data)

    def __eq__(self, other: object) -> bool:
        return self.rdns == other.rdns if isinstance(other, Name) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.rdns)

    def __repr__(self) -> str:
        return f"Name({self.rfc4514!r})"

    def __str__(self) -> str:
        return self.rfc4514

    def __reduce__(self) -> tuple[object, tuple[bytes]]:
        return (Name.from_der, (self.der,))

    @property
    def is_empty(self) -> bool:
        """Tell whether there is no attribute at all."""
        return not self.rdns

    @property
    def common_name(self) -> str | None:
        """The most specific common name."""
        return self._last("CN")

    @property
    def organization(self) -> str | None:
        """The most specific organization."""
        return self._last("O")

    @property
    def organizational_unit(self) -> str | None:
        """The most specific organizational unit."""
        return self._last("OU")

    @property
    def locality(self) -> str | None:
        """The locality."""
        return self._last("L")

    @property
    def state_or_province(self) -> str | None:
        """The state or province."""
        return self._last("ST")

    @property
    def country(self) -> str | None:
        """The country code."""
        return self._last("C")

    @property
    def email(self) -> str | None:
        """The mail address, where the name itself holds one."""
        return self._last("emailAddress")

    @property
    def label(self) -> str:
        """What to call it in a sentence: common name, else last unit, else organization, else the whole name."""
        return self.common_name or self.organizational_unit or self.organization or self.rfc4514 or "(empty name)"

    def within(self, subtree: Name) -> bool:
        """Tell whether the name lies in the subtree that `subtree` is the root of (RFC 5280 §4.2.1.10)."""
        return self.rdns[: len(subtree.rdns)] == subtree.rdns

    def extended_by(self, rdn: bytes) -> Name:
        """Return the name with one relative name added: `rdn` holds the contents of its SET (RFC 5280 §4.2.1.13).

        Raises:
            DerError: `rdn` is no relative name.
        """
        _, start, stop = der.whole(self.der, der.SEQUENCE)
        return Name.from_der(_encode(der.SEQUENCE, self.der[start:stop] + _encode(der.SET, rdn)))

    def _last(self, field: str) -> str | None:
        for name, value in reversed(self.attributes):
            if name == field:
                return value
        return None


@lru_cache(maxsize=2048)
def _parse_cached(data: bytes) -> Name:
    return _parse(data)


def _parse(data: bytes) -> Name:
    root = der.whole(data, der.SEQUENCE)
    attributes: list[tuple[str, str]] = []
    keys: list[RdnKey] = []
    printed: list[str] = []
    for rdn in der.inside(data, root, der.SEQUENCE):
        parts = der.inside(data, rdn, der.SET)
        if not parts:
            raise der.DerError("an empty relative name")
        read = [_attribute(data, part) for part in parts]
        attributes.extend((field, text) for field, text, _, _ in read)
        keys.append(read[0][3] if len(read) == 1 else frozenset(key for _, _, _, key in read))
        printed.append("+".join(f"{field}={escaped}" for field, _, escaped, _ in read))
    return Name(data, tuple(attributes), tuple(keys), ",".join(reversed(printed)))


def _attribute(data: bytes, node: der.Node) -> tuple[str, str, str, AttributeKey]:
    parts = der.inside(data, node, der.SEQUENCE)
    if len(parts) != _ATTRIBUTE_PARTS:
        raise der.DerError("not a name attribute")
    kind = der.identifier(data, parts[0])
    tag, start, stop = parts[1]
    content = data[start:stop]
    field = _FIELD_NAMES.get(kind, kind)
    encoding = _STRING_ENCODINGS.get(tag)
    if encoding is None:
        text = "#" + der.encoding(data, parts[1]).hex()
        return field, text, text, (kind, (tag, content))
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise der.DerError("a text that is not in its declared character set") from None
    prepared = prepare(text)
    return field, text, escape(text), (kind, (tag, content) if prepared is None else prepared)


def prepare(text: str) -> str | None:
    """Prepare a text for comparison: case, width and spaces stop to matter (RFC 4518 §2, RFC 5280 §7.1).

    Returns:
        The prepared text; None when string preparation refuses it (unassigned, private or replacement characters),
        in which case only equal bytes are equal.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.lower().split())
    mapped: list[str] = []
    for char in text:
        if char in _MAPPED_TO_NOTHING:
            continue
        if char in _MAPPED_TO_SPACE or unicodedata.category(char)[0] == "Z":
            mapped.append(" ")
        else:
            mapped.append(stringprep.map_table_b2(char))
    normal = unicodedata.ucd_3_2_0.normalize("NFKC", "".join(mapped))
    if any(_is_prohibited(char) for char in normal):
        return None
    return " ".join(part for part in normal.split(" ") if part)


def _is_prohibited(char: str) -> bool:
    return (
        stringprep.in_table_a1(char)
        or stringprep.in_table_c3(char)
        or stringprep.in_table_c4(char)
        or stringprep.in_table_c5(char)
        or stringprep.in_table_c8(char)
        or char == "\ufffd"
    )


def escape(text: str) -> str:
    r"""Escape an attribute value for RFC 4514; characters that do not print become hexadecimal pairs of UTF-8."""
    if text.isascii() and text.isprintable() and _ESCAPED_4514.isdisjoint(text) and text == text.strip(" ").lstrip("#"):
        return text
    pieces = [_escape_char(char) for char in text]
    if pieces and pieces[0] in (" ", "#"):
        pieces[0] = "\\" + pieces[0]
    if len(pieces) > 1 and pieces[-1] == " ":
        pieces[-1] = "\\ "
    return "".join(pieces)


def _escape_char(char: str) -> str:
    if char in _ESCAPED_4514:
        return "\\" + char
    if char.isprintable():
        return char
    return "".join(f"\\{octet:02X}" for octet in char.encode("utf-8", "surrogatepass"))


def _encode(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:  # noqa: PLR2004 - the short form (X.690 §8.1.3.4)
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content
