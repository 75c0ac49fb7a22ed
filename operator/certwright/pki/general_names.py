"""General names: the other names of a subject, and the ranges that name constraints draw around them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from certwright.pki import der
from certwright.pki.names import Name

OTHER_NAME = 0xA0
RFC822_NAME = 0x81
DNS_NAME = 0x82
DIRECTORY_NAME = 0xA4
URI = 0x86
IP_ADDRESS = 0x87
_FORMS = (OTHER_NAME, RFC822_NAME, DNS_NAME, 0xA3, DIRECTORY_NAME, 0xA5, URI, IP_ADDRESS, 0x88)
_ADDRESS_LENGTHS = (4, 16)
_RANGE_LENGTHS = (8, 32)
_MINIMUM, _MAXIMUM = 0x80, 0x81

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class GeneralNames:
    """Names of the forms of RFC 5280 §4.2.1.6, each in the order of the certificate.

    Attributes:
        dns: DNS names as they stand.
        ips: IP addresses.
        emails: mail addresses.
        uris: identifiers of resources.
        directories: distinguished names.
        others: (tag, contents) of the forms that nothing here compares, and of damaged ones: an odd name must not
            make its neighbours unreadable, but a constraint on its form cannot be checked.
    """

    dns: tuple[str, ...] = ()
    ips: tuple[IPAddress, ...] = ()
    emails: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    directories: tuple[Name, ...] = ()
    others: tuple[tuple[int, bytes], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Tell whether there is no name at all."""
        return not (self.dns or self.ips or self.emails or self.uris or self.directories or self.others)

    @property
    def texts(self) -> tuple[str, ...]:
        """Every comparable name as people write it."""
        addresses = tuple(map(str, self.ips))
        return (*self.dns, *addresses, *self.emails, *self.uris, *(name.rfc4514 for name in self.directories))

    def overlaps(self, other: GeneralNames) -> bool:
        """Tell whether one name stands in both (RFC 5280 §6.3.3 (b)(2)(i))."""
        return bool(
            set(self.uris) & set(other.uris)
            or set(self.directories) & set(other.directories)
            or {name.lower() for name in self.dns} & {name.lower() for name in other.dns}
            or {name.lower() for name in self.emails} & {name.lower() for name in other.emails}
            or set(self.ips) & set(other.ips)
            or set(self.others) & set(other.others)
        )


@dataclass(frozen=True, slots=True)
class IPRange:
    """An address range of a name constraint (RFC 5280 §4.2.1.10): network and mask, equally long."""

    network: bytes
    mask: bytes

    def contains(self, address: IPAddress) -> bool:
        """Tell whether `address` is of this family and lies in the range."""
        packed = address.packed
        return len(packed) == len(self.mask) and all(
            octet & bits == base & bits for octet, base, bits in zip(packed, self.network, self.mask, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Subtrees:
    """The permitted or the excluded half of a name constraint, by form.

    Attributes:
        dns: domains.
        ips: address ranges.
        emails: mailboxes, hosts, or domains with a leading dot.
        uris: hosts, or domains with a leading dot.
        directories: distinguished names that the names inside begin with.
        others: tags of forms whose constraint nothing here can check.
    """

    dns: tuple[str, ...] = ()
    ips: tuple[IPRange, ...] = ()
    emails: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    directories: tuple[Name, ...] = ()
    others: tuple[int, ...] = ()

    def __len__(self) -> int:
        return sum(map(len, (self.dns, self.ips, self.emails, self.uris, self.directories, self.others)))


def read_general_names(data: bytes, nodes: list[der.Node]) -> GeneralNames:
    """Read the GeneralName values `nodes`; a form that cannot be decoded goes to `others`.

    Raises:
        DerError: a tag is not that of any form.
    """
    forms: dict[int, list[str]] = {DNS_NAME: [], RFC822_NAME: [], URI: []}
    ips: list[IPAddress] = []
    directories: list[Name] = []
    others: list[tuple[int, bytes]] = []
    for node in nodes:
        tag, start, stop = node
        content = data[start:stop]
        if tag not in _FORMS:
            raise der.DerError("not a form of general name")
        try:
            if tag in forms:
                forms[tag].append(content.decode("ascii"))
            elif tag == IP_ADDRESS:
                ips.append(_address(content))
            elif tag == DIRECTORY_NAME:
                directories.append(Name.from_der(content))
            else:
                others.append((tag, content))
        except ValueError:
            others.append((tag, content))
    return GeneralNames(
        tuple(forms[DNS_NAME]),
        tuple(ips),
        tuple(forms[RFC822_NAME]),
        tuple(forms[URI]),
        tuple(directories),
        tuple(others),
    )


def _address(content: bytes) -> IPAddress:
    if len(content) not in _ADDRESS_LENGTHS:
        raise der.DerError("an address of an impossible length")
    return ipaddress.ip_address(content)


def read_subtrees(data: bytes, nodes: list[der.Node]) -> Subtrees:
    """Read the GeneralSubtree values `nodes` (RFC 5280 §4.2.1.10).

    Raises:
        DerError: one is damaged, or uses minimum and maximum, which the profile forbids.
    """
    forms: dict[int, list[str]] = {DNS_NAME: [], RFC822_NAME: [], URI: []}
    ips: list[IPRange] = []
    directories: list[Name] = []
    others: list[int] = []
    for node in nodes:
        tag, start, stop = _subtree_base(data, node)
        content = data[start:stop]
        if tag in forms:
            forms[tag].append(_text(content))
        elif tag == IP_ADDRESS:
            ips.append(_range(content))
        elif tag == DIRECTORY_NAME:
            directories.append(Name.from_der(content))
        else:
            others.append(tag)
    return Subtrees(
        tuple(forms[DNS_NAME]),
        tuple(ips),
        tuple(forms[RFC822_NAME]),
        tuple(forms[URI]),
        tuple(directories),
        tuple(others),
    )


def _subtree_base(data: bytes, node: der.Node) -> der.Node:
    base, *bounds = der.inside(data, node, der.SEQUENCE) or [(0, 0, 0)]
    if base[0] not in _FORMS:
        raise der.DerError("not a form of general name")
    for bound in bounds:
        if bound[0] != _MINIMUM or der.integer(data, bound) != 0:
            raise der.DerError("a name constraint with minimum or maximum")
    return base


def _text(content: bytes) -> str:
    try:
        return content.decode("ascii")
    except UnicodeDecodeError:
        raise der.DerError("a name constraint that is not ASCII") from None


def _range(content: bytes) -> IPRange:
    if len(content) not in _RANGE_LENGTHS:
        raise der.DerError("an address range of an impossible length")
    half = len(content) // 2
    return IPRange(content[:half], content[half:])
