"""Which addresses may be connected to: public ones, and those of networks that the administrator lists.

The tables are those of the IANA special-purpose address registries, written out: the standard library's idea of
"global" differs between its releases.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from certwright.fetch.failures import PRIVATE_SETTING

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

WIDEST = {4: 8, 6: 7}
"""The shortest prefix that the setting may list: `0.0.0.0/0` would be no choice but a switch."""

NEVER: tuple[Network, ...] = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",  # this host
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
            "::/128",
            "ff00::/8",
            # Where clouds hand out credentials to whoever asks from inside.
            "169.254.169.254/32",
            "169.254.170.2/32",
            "169.254.170.23/32",
            "100.100.100.200/32",
            "168.63.129.16/32",
            "192.0.0.192/32",
            "fd00:ec2::254/128",
            "fd00:ec2::23/128",
            "fd20:ce::254/128",
        ),
    )
)
"""What no setting can allow."""

NOT_PUBLIC: tuple[Network, ...] = tuple(
    map(
        ip_network,
        (
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "2001::/23",  # Teredo, ORCHID and other protocol assignments
            "2001:db8::/32",
            "2002::/16",  # 6to4, which wraps any IPv4 address
            "3fff::/20",
        ),
    )
)

UNICAST = IPv6Network("2000::/3")
"""The only part of IPv6 that is handed out; all else is local, reserved or a wrapping."""

NAT64 = IPv6Network("64:ff9b::/96")


class AddressPolicy:
    """Judge addresses.

    Args:
        private: networks (CIDR) that are allowed although they are not public.

    Raises:
        ValueError: one of them is no network, or wider than any local one is.
    """

    def __init__(self, private: Iterable[str] = ()) -> None:
        self._private = tuple(map(_read_network, private))

    def admit(self, text: str) -> str | None:
        """Give the address to connect to in canonical form, or `None` when it is not allowed.

        An IPv4 address in IPv6 clothes (`::ffff:…`) is undressed first; one behind NAT64 is judged by what is inside,
        for in a cluster without IPv4 every IPv4 host looks like that.
        """
        try:
            address = ip_address(text)
        except ValueError:
            return None
        judged = address
        if isinstance(address, IPv6Address):
            if address.scope_id is not None:
                return None
            if address.ipv4_mapped is not None:
                address = judged = address.ipv4_mapped
            elif address in NAT64:
                judged = IPv4Address(int(address) & 0xFFFFFFFF)
        return str(address) if self._allows(judged) else None

    def _allows(self, address: Address) -> bool:
        if any(address in network for network in NEVER):
            return False
        return is_public(address) or any(address in network for network in self._private)


def is_public(address: Address) -> bool:
    """Say whether an address is one of the public internet."""
    if isinstance(address, IPv6Address) and address not in UNICAST:
        return False
    return not any(address in network for network in NOT_PUBLIC)


def _read_network(text: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError:
        raise ValueError(f"`{PRIVATE_SETTING}`: {text!r} must be a network such as 10.20.0.0/16") from None
    if network.prefixlen < WIDEST[network.version]:
        raise ValueError(f"`{PRIVATE_SETTING}`: {text!r} must be no wider than /{WIDEST[network.version]}")
    return network
