"""URLs: one reading, or none."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.fetch.locations import Location, LocationError, follow, read_authority, read_location

HERE = Location("https", "crl.example.com", 443, "/lists/root.crl?a=b")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://crl.example.com", Location("http", "crl.example.com", 80, "/")),
        ("HTTPS://CRL.Example.COM./Root.crl", Location("https", "crl.example.com", 443, "/Root.crl")),
        (
            "https://crl.example.com:8443/a%20b?x=/../y#part",
            Location("https", "crl.example.com", 8443, "/a%20b?x=/../y"),
        ),
        ("http://crl.example.com?list", Location("http", "crl.example.com", 80, "/?list")),
        ("http://192.0.2.1:80/", Location("http", "192.0.2.1", 80, "/")),
        ("https://[2001:DB8:0::1]/", Location("https", "2001:db8::1", 443, "/")),
        ("http://xn--bcher-kva.example/", Location("http", "xn--bcher-kva.example", 80, "/")),
    ],
)
def test_read_location_gives_canonical_parts_when_the_url_is_proper(url: str, expected: Location) -> None:
    assert read_location(url) == expected


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://crl.example.com/", "must begin with"),
        ("ldap:///cn=CA", "must begin with"),
        ("file:///etc/passwd", "must begin with"),
        ("//crl.example.com/", "must begin with"),
        ("http:/crl.example.com/", "must begin with"),
        ("", "must hold only the characters"),
        ("http://user:pw@crl.example.com/", "must hold no user name or password"),
        ("http://crl.example.com@evil.test/", "must hold no user name or password"),
        ("http:///list", "must name a host"),
        ("http://crl.example.com:http/", "must name a host, optionally with a port"),
        ("http://crl.example.com:/", "must name a host, optionally with a port"),
        ("http://crl.example.com:0/", "must have a port from 1 to 65535"),
        ("http://crl.example.com:65536/", "must have a port from 1 to 65535"),
        ("http://crl.example.com\\@evil.test/", "must hold only the characters"),
        ("http://crl.example.com/a b", "must hold only the characters"),
        ("http://crl.example.com/\r\nHost: evil", "must hold only the characters"),
        ("http://crl.example.com/\n", "must hold only the characters"),
        ("http://\uff11\uff12\uff17.0.0.1/", "must hold only the characters"),
        ("http://b\u00fccher.example/", "must hold only the characters"),
        ("http://crl%2eexample.com/", "must name a host"),
        ("http://a..b/", "must name a host by labels"),
        ("http://-a.example/", "must name a host by labels"),
        (f"http://{'a' * 64}.example/", "must name a host by labels"),
        (f"http://{'a.' * 130}example/", "must name a host by labels"),
        ("http://2130706433/", "must hold an IPv4 address as four decimal numbers"),
        ("http://127.1/", "must hold an IPv4 address as four decimal numbers"),
        ("http://0x7f.0.0.1/", "must hold an IPv4 address as four decimal numbers"),
        ("http://0x7f000001/", "must hold an IPv4 address as four decimal numbers"),
        ("http://0177.0.0.1/", "must hold an IPv4 address as four decimal numbers"),
        ("http://127.0.0.0x1/", "must hold an IPv4 address as four decimal numbers"),
        ("http://crl.example.0/", "must hold an IPv4 address as four decimal numbers"),
        ("http://[::1/", "must name a host"),
        ("http://[::1]x/", "must name a host"),
        ("http://[:::1]/", "must hold a proper IPv6 address"),
        ("http://[fe80::1%25eth0]/", "must name a host"),
        (f"http://crl.example.com/{'a' * 2048}", "must be at most 2048 characters long"),
    ],
)
def test_read_location_refuses_when_the_url_could_be_read_in_two_ways(url: str, problem: str) -> None:
    with pytest.raises(LocationError, match=problem):
        read_location(url)


@given(st.text())
def test_read_location_gives_a_location_or_its_own_error_when_given_anything(text: str) -> None:
    with suppress(LocationError):
        read = read_location(f"http://{text}")
        assert read_location(str(read)) == read


@pytest.mark.parametrize(
    "url",
    ["http://crl.example.com/", "https://crl.example.com:8443/a?b", "http://[2001:db8::1]:81/", "https://[::1]/"],
)
def test_location_reads_as_its_url_when_printed(url: str) -> None:
    assert str(read_location(url)) == url


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("other.crl", "https://crl.example.com/lists/other.crl"),
        ("/other.crl", "https://crl.example.com/other.crl"),
        ("../../../x", "https://crl.example.com/x"),
        ("?c=d", "https://crl.example.com/lists/root.crl?c=d"),
        ("//cdn.example.com/x", "https://cdn.example.com/x"),
        ("https://cdn.example.com:444/x", "https://cdn.example.com:444/x"),
    ],
)
def test_follow_gives_the_next_place_when_it_may_be_gone_to(reference: str, expected: str) -> None:
    assert str(follow(HERE, reference)) == expected


@pytest.mark.parametrize(
    "reference",
    [
        "http://crl.example.com/",
        "ftp://crl.example.com/",
        "file:///etc/passwd",
        "javascript:1",
        "https://u:p@x.example/",
        "//[",
        "https://[::1",
        "\x01",
        "/a\tb",
        "",
    ],
)
def test_follow_refuses_when_a_redirect_leads_astray(reference: str) -> None:
    with pytest.raises(LocationError, match="must"):
        follow(HERE, reference)


def test_follow_goes_from_http_to_https_when_redirected() -> None:
    assert follow(read_location("http://a.example/"), "https://a.example/").is_secure


def test_read_authority_gives_no_port_when_there_is_none() -> None:
    assert read_authority("A.example") == ("a.example", None)
