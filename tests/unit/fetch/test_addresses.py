"""Which addresses may be connected to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.fetch.addresses import AddressPolicy

PUBLIC = AddressPolicy()


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("93.184.216.34", "93.184.216.34"),
        ("2606:2800:0220:1::1", "2606:2800:220:1::1"),
        ("::ffff:93.184.216.34", "93.184.216.34"),
        ("64:ff9b::5db8:d822", "64:ff9b::5db8:d822"),
        ("172.15.0.1", "172.15.0.1"),
        ("100.128.0.1", "100.128.0.1"),
    ],
)
def test_admit_gives_the_address_when_it_is_public(text: str, canonical: str) -> None:
    assert PUBLIC.admit(text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",  # noqa: S104 - to be refused
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "169.254.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
        "100.100.100.200",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:a9fe:a9fe",
        "::ffff:0:0",
        "64:ff9b::7f00:1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "2606:2800:220:1::1%eth0",
        "fec0::1",
        "ff02::1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "localhost",
        "",
    ],
)
def test_admit_gives_nothing_when_the_address_is_not_public(text: str) -> None:
    assert PUBLIC.admit(text) is None


@pytest.mark.parametrize(
    ("network", "text"),
    [
        ("10.20.0.0/16", "10.20.1.1"),
        ("10.20.0.0/16", "::ffff:10.20.1.1"),
        ("127.0.0.0/8", "127.0.0.1"),
        ("fc00::/7", "fd12::1"),
        ("192.168.1.1", "192.168.1.1"),
    ],
)
def test_admit_gives_the_address_when_its_network_is_listed(network: str, text: str) -> None:
    assert AddressPolicy([network]).admit(text) == text.removeprefix("::ffff:")


@pytest.mark.parametrize(
    ("network", "text"),
    [
        ("10.20.0.0/16", "10.21.1.1"),
        ("169.254.0.0/16", "169.254.169.254"),
        ("100.64.0.0/10", "100.100.100.200"),
        ("224.0.0.0/8", "224.0.0.1"),
        ("fc00::/7", "fd00:ec2::254"),
        ("0.0.0.0/8", "0.0.0.0"),  # noqa: S104 - to be refused
    ],
)
def test_admit_gives_nothing_when_no_setting_can_allow_the_address(network: str, text: str) -> None:
    assert AddressPolicy([network]).admit(text) is None


@pytest.mark.parametrize(
    ("network", "problem"),
    [
        ("0.0.0.0/0", "no wider than /8"),
        ("::/0", "no wider than /7"),
        ("10.0.0.1/8", "a network"),
        ("all", "a network"),
    ],
)
def test_address_policy_names_the_setting_when_a_network_is_improper(network: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"`CERTWRIGHT_CRL_PRIVATE_ADDRESSES`.*{problem}"):
        AddressPolicy([network])


@given(st.ip_addresses(v=4))
def test_admit_judges_alike_when_an_address_is_wrapped(address: object) -> None:
    plain = PUBLIC.admit(str(address))
    assert PUBLIC.admit(f"::ffff:{address}") == plain
    assert (PUBLIC.admit(f"64:ff9b::{address}") is None) == (plain is None)
