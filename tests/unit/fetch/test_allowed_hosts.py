"""Which hosts may be asked."""

import pytest

from certwright.fetch.allowed_hosts import AllowedHosts
from certwright.fetch.locations import read_location


@pytest.mark.parametrize(
    ("pattern", "url"),
    [
        ("crl.example.com", "http://crl.example.com/"),
        ("crl.example.com", "https://CRL.example.com:443/"),
        ("CRL.Example.com.", "http://crl.example.com/"),
        ("crl.example.com:8080", "http://crl.example.com:8080/"),
        ("crl.example.com:443", "https://crl.example.com/"),
        ("*.example.com", "http://crl.example.com/"),
        ("*.example.com", "http://a.b.example.com/"),
        ("*.example.com:8080", "http://crl.example.com:8080/"),
        ("192.0.2.1", "http://192.0.2.1/"),
        ("[2001:db8::1]:8080", "http://[2001:DB8:0::1]:8080/"),
    ],
)
def test_allow_says_yes_when_a_pattern_fits(pattern: str, url: str) -> None:
    assert AllowedHosts(["other.test", pattern]).allow(read_location(url))


@pytest.mark.parametrize(
    ("pattern", "url"),
    [
        ("crl.example.com", "http://crl.example.com:8080/"),
        ("crl.example.com", "http://crl.example.com:443/"),
        ("crl.example.com", "https://crl.example.com:80/"),
        ("crl.example.com", "http://crl.example.com.evil.test/"),
        ("crl.example.com", "http://xcrl.example.com/"),
        ("crl.example.com:8080", "http://crl.example.com/"),
        ("*.example.com", "http://example.com/"),
        ("*.example.com", "http://evilexample.com/"),
        ("*.example.com:8080", "http://crl.example.com/"),
        ("192.0.2.1", "http://192.0.2.10/"),
    ],
)
def test_allow_says_no_when_no_pattern_fits(pattern: str, url: str) -> None:
    assert not AllowedHosts([pattern]).allow(read_location(url))


def test_allow_says_no_when_there_is_no_pattern() -> None:
    assert not AllowedHosts([]).allow(read_location("http://crl.example.com/"))


@pytest.mark.parametrize(
    "pattern",
    ["", "*", "*.", "crl.*.com", "**.example.com", "http://crl.example.com", "a:0", "*.[::1]", "*.0.0.1", "*.1.2.3.4"],
)
def test_allowed_hosts_name_the_setting_when_a_pattern_is_improper(pattern: str) -> None:
    with pytest.raises(ValueError, match="`CERTWRIGHT_CRL_HOSTS`"):
        AllowedHosts([pattern])
