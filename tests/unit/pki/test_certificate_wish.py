from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.findings import Detail, MaterialError, Reason
from certwright.pki.certificate_wish import CertificateWish, SubjectWish, find_wish_faults
from certwright.pki.keys import read_private_key
from certwright.pki.request import build_request
from tests.support.pki import ed25519_key

KEY = read_private_key(ed25519_key("wish").pem.encode(), what="`tls.key`").key
HINT = "Shorten it; host names belong into `dnsNames`."
TEXTS = st.none() | st.text(max_size=70)
WISHES = st.builds(
    CertificateWish,
    st.builds(SubjectWish, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS, st.none() | st.text(max_size=3), TEXTS),
    st.lists(st.text(max_size=20) | st.sampled_from(["shop.example.com", "*.example.com"]), max_size=3).map(tuple),
    st.lists(st.text(max_size=20) | st.ip_addresses().map(str), max_size=3).map(tuple),
    st.lists(st.text(max_size=12) | st.sampled_from(["ServerAuth", "ClientAuth"]), max_size=3).map(tuple),
)


def faults(subject: SubjectWish | None = None, **wishes: tuple[str, ...]) -> list[str]:
    found = find_wish_faults(CertificateWish(subject or SubjectWish("shop"), **wishes))
    assert all(fault.reason is Reason.INVALID_REQUEST for fault in found)
    return [fault.message for fault in found]


@pytest.mark.parametrize(
    "subject",
    [
        SubjectWish("shop.example.com", "Müller GmbH", "IT", "Ulm", "BW", "DE", "webmaster@example.com"),
        SubjectWish("x" * 64, "x" * 64, "x" * 64, "x" * 128, "x" * 128, "de", "x" * 243 + "@example.com"),
        SubjectWish("ä" * 32, "ä" * 64, "🦊" * 64),
        SubjectWish("*.example.com", "", None, ""),
    ],
)
def test_wish_has_no_fault_when_the_subject_is_within_its_bounds(subject: SubjectWish) -> None:
    assert faults(subject) == []
    assert not subject.is_empty


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        (
            SubjectWish("x" * 65),
            f"`subject.commonName` must have at most 64 octets (RFC 5280 appendix A); it has 65. {HINT}",
        ),
        (
            SubjectWish("ä" * 33),
            f"`subject.commonName` must have at most 64 octets (RFC 5280 appendix A); it has 66. {HINT}",
        ),
        (
            SubjectWish(organization_name="x" * 65),
            "`subject.organizationName` must have at most 64 characters (RFC 5280 appendix A); it has 65. Shorten it.",
        ),
        (
            SubjectWish(organization_unit="ä" * 65),
            "`subject.organizationUnit` must have at most 64 characters (RFC 5280 appendix A); it has 65. Shorten it.",
        ),
        (
            SubjectWish(locality="x" * 129),
            "`subject.locality` must have at most 128 characters (RFC 5280 appendix A); it has 129. Shorten it.",
        ),
        (
            SubjectWish(state_province="x" * 129),
            "`subject.stateProvince` must have at most 128 characters (RFC 5280 appendix A); it has 129. Shorten it.",
        ),
        (
            SubjectWish(email="x" * 244 + "@example.com"),
            "`subject.email` must have at most 255 characters (RFC 5280 appendix A); it has 256. Shorten it.",
        ),
    ],
)
def test_wish_is_refused_when_an_attribute_is_too_long(subject: SubjectWish, message: str) -> None:
    (found,) = find_wish_faults(CertificateWish(subject))
    assert (found.reason, found.detail) == (Reason.INVALID_REQUEST, Detail.LIMIT_EXCEEDED)
    assert found.message == message


@pytest.mark.parametrize("country", ["DEU", "D", "D1", "ДЕ", "D\n", "  "])
def test_wish_is_refused_when_the_country_is_not_two_letters(country: str) -> None:
    (message,) = faults(SubjectWish(country_code=country))
    assert message.startswith("`subject.countryCode` must be two letters, such as `DE` (ISO 3166); it is ")


@pytest.mark.parametrize("email", ["webmaster", "@example.com", "a@b@c", "wärter@example.com", "a b@example.com"])
def test_wish_is_refused_when_the_mail_address_is_none(email: str) -> None:
    assert faults(SubjectWish(email=email)) == [f'`subject.email` must be a mail address in ASCII; it is "{email}".']


@pytest.mark.parametrize(("text", "shown"), [("a\nb", "a\\nb"), ("a\u202eb", "a\\u202eb"), ("a\ud800", "a\\ud800")])
def test_wish_is_refused_when_a_text_holds_what_cannot_be_seen(text: str, shown: str) -> None:
    (message,) = faults(SubjectWish(organization_name=text))
    assert message == (
        f'`subject.organizationName` must not hold control, invisible or unassigned characters; it is "{shown}".'
    )


@pytest.mark.parametrize(
    "host",
    [
        "shop.example.com",
        "*.example.com",
        "xn--bcher-kva.example",
        "localhost",
        "shop.shop.svc",
        "_dmarc.a_b.example",
        "1.example",
        "SHOP.example.com",
        ".".join(["x" * 63] * 3 + ["x" * 61]),
    ],
)
def test_wish_has_no_fault_when_the_host_name_is_one(host: str) -> None:
    assert faults(dns_names=(host,)) == []


@pytest.mark.parametrize(
    "host",
    ["", "*", "*.", "a.*.example", "w*.example", "**.example", "bücher.example", "a b", "a..b", ".a", "a.", "-a"],
)
def test_wish_is_refused_when_the_host_name_is_none(host: str) -> None:
    (message,) = faults(dns_names=(host,))
    assert message == (
        "`dnsNames` must hold host names in ASCII (internationalised ones as A-labels, `xn--…`), `*` only as the "
        f'whole left-most label; "{host}" is none.'
    )


@pytest.mark.parametrize("host", ["x" * 64, ".".join(["x" * 63] * 4), "a" + "." * 300, "é" * 254])
def test_wish_is_refused_when_the_host_name_is_too_long(host: str) -> None:
    (found,) = find_wish_faults(CertificateWish(SubjectWish("shop"), (host,)))
    assert found.detail is Detail.LIMIT_EXCEEDED
    assert found.message.startswith("`dnsNames` must hold names of at most 253 characters, 63 between two dots")
    assert len(found.message) < 250


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"])
def test_wish_takes_an_address_only_among_the_addresses(address: str) -> None:
    assert faults(ip_addresses=(address,)) == []
    assert faults(dns_names=(address,)) == [
        f'`dnsNames` must hold host names; "{address}" is an address: move it to `ipAddresses`.'
    ]


@pytest.mark.parametrize("address", ["", "192.0.2", "192.0.2.0/24", "fe80::1%eth0", "010.0.0.1", "shop", "\ud800"])
def test_wish_is_refused_when_an_address_is_none(address: str) -> None:
    (message,) = faults(ip_addresses=(address,))
    assert message.startswith("`ipAddresses` must hold IPv4 and IPv6 addresses without zone or prefix length; ")


def test_wish_is_refused_when_a_usage_is_unknown() -> None:
    assert faults(usages=("ServerAuth", "CodeSigning")) == [
        '`usages` must hold only `ServerAuth` and `ClientAuth`; not "CodeSigning".'
    ]
    assert faults(usages=()) == []


@pytest.mark.parametrize("subject", [SubjectWish(), SubjectWish("", "", email="")])
def test_wish_is_refused_when_nobody_is_named(subject: SubjectWish) -> None:
    message = (
        "nobody is named: the subject is empty, and there is no DNS name and no IP address. Set at least `dnsNames` "
        "or `subject.commonName`."
    )
    assert faults(subject) == [message]
    assert faults(subject, dns_names=("shop",)) == faults(subject, ip_addresses=("::1",)) == []


def test_wish_has_all_its_faults_found_when_there_are_several() -> None:
    subject = SubjectWish("x" * 65, country_code="DEU", email="ä" * 256)
    assert len(faults(subject, dns_names=("a b", "ok", "-"), ip_addresses=("x",), usages=("y", "z"))) == 9


@given(WISHES)
def test_wish_can_be_encoded_exactly_when_it_has_no_fault(wish: CertificateWish) -> None:
    found = find_wish_faults(wish)
    if not found:
        assert build_request(wish, KEY) == build_request(wish, KEY)
        return
    with pytest.raises(MaterialError) as caught:
        build_request(wish, KEY)
    assert caught.value.finding == found[0]
