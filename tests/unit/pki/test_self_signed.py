from __future__ import annotations

import dataclasses
import shutil
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.findings import Detail, Finding, MaterialError, Reason
from certwright.pki.certificate_wish import CertificateWish, SubjectWish
from certwright.pki.extensions import CLIENT_AUTH, SERVER_AUTH, BasicConstraints, Extensions
from certwright.pki.identity import subject_key_id
from certwright.pki.intake import encode_certificates
from certwright.pki.keys import read_private_key
from certwright.pki.names import Name
from certwright.pki.private_key import PrivateKey, matches
from certwright.pki.request import build_request
from certwright.pki.self_signed import build_self_signed, is_made_of
from certwright.pki.trust_bundle import render_trust_store
from certwright.validation import Options, Role, validate
from tests.support import der_writer as der
from tests.support.pki import NOW, ec_key, ed25519_key, rsa_key
from tests.support.pki_files import PASSWORD, openssl, other_key

if TYPE_CHECKING:
    from pathlib import Path

    from certwright.pki.certificate import Certificate


def key_of(pem: str | bytes) -> PrivateKey:
    return read_private_key(pem.encode() if isinstance(pem, str) else pem, what="`tls.key`").key


KEYS = {
    "ECDSA": key_of(ec_key("self").pem),
    "RSA": key_of(rsa_key().pem),
    "Ed25519": key_of(ed25519_key("self").pem),
    "Ed448": key_of(other_key("ED448")),
}
KEY = KEYS["ECDSA"]
SUBJECT = SubjectWish("shop.example.com", "Corp", "IT", "Ulm", "BW", "DE", "webmaster@example.com")
WISH = CertificateWish(
    SUBJECT, ("shop.example.com", "*.example.com"), ("192.0.2.1", "2001:db8::1"), ("ServerAuth", "ClientAuth")
)
BEGIN = datetime(2026, 6, 1, 12, 30, 15, tzinfo=UTC)


def made(
    wish: CertificateWish = WISH, key: PrivateKey = KEY, *, begin: datetime = BEGIN, days: int = 365
) -> Certificate:
    return build_self_signed(wish, key, not_before=begin, days=days)


def refusal(wish: CertificateWish = WISH, *, days: int = 365, serial: int | None = None) -> Finding:
    with pytest.raises(MaterialError) as caught:
        build_self_signed(wish, KEY, not_before=BEGIN, days=days, serial=serial)
    return caught.value.finding


@pytest.mark.parametrize("kind", list(KEYS))
def test_self_signed_says_what_was_wished(kind: str) -> None:
    certificate = made(key=KEYS[kind])
    assert matches(KEYS[kind], certificate)
    assert certificate.version == 3
    assert certificate.subject == certificate.issuer
    assert certificate.subject.attributes == (
        ("C", "DE"),
        ("ST", "BW"),
        ("L", "Ulm"),
        ("O", "Corp"),
        ("OU", "IT"),
        ("CN", "shop.example.com"),
        ("emailAddress", "webmaster@example.com"),
    )
    assert certificate.dns_names == WISH.dns_names
    assert tuple(map(str, certificate.ip_addresses)) == WISH.ip_addresses
    assert certificate.extended_key_usage == (SERVER_AUTH, CLIENT_AUTH)
    assert certificate.basic_constraints == BasicConstraints(ca=False)
    assert certificate.key_usage == {"digitalSignature"} | ({"keyEncipherment"} if kind == "RSA" else set())
    assert certificate.extensions.present == {
        "2.5.29.14": False,
        "2.5.29.15": True,
        "2.5.29.17": False,
        "2.5.29.19": True,
        "2.5.29.37": False,
    }
    assert certificate.subject_key_id == subject_key_id(dataclasses.replace(certificate, extensions=Extensions()))


@pytest.mark.parametrize("kind", list(KEYS))
def test_self_signed_is_accepted_as_a_server_s_by_our_own_rules(kind: str) -> None:
    certificate = made(key=KEYS[kind])
    options = Options(
        dns_names=("shop.example.com", "api.example.com"), ip_addresses=WISH.ip_addresses, strict_names=True
    )
    for anchors in (None, (certificate,)):
        verdict = validate(certificate, intermediates=(), anchors=anchors, at=NOW, role=Role.BOTH, options=options)
        assert verdict.is_valid
        unusual = kind in {"Ed25519", "Ed448"}
        assert [found.reason for found in verdict.findings] == [Reason.UNUSUAL_KEY_TYPE] * unusual
        assert verdict.next_change == certificate.not_after + timedelta(seconds=1)
    refused = validate(certificate, intermediates=(), anchors=(), at=NOW, role=Role.SERVER)
    assert refused.reason is Reason.INVALID_SELF_SIGNED


@pytest.mark.parametrize("kind", list(KEYS))
@pytest.mark.parametrize("wish", [WISH, CertificateWish(dns_names=("shop.example.com",))])
def test_self_signed_is_verified_by_openssl_when_it_is_trusted(kind: str, wish: CertificateWish) -> None:
    pem = encode_certificates([made(wish, KEYS[kind])])
    verify = [
        "verify",
        "-x509_strict",
        "-check_ss_sig",
        "-no-CApath",
        "-no-CAstore",
        "-attime",
        f"{NOW.timestamp():.0f}",
    ]
    verify += ["-purpose", "sslserver", "-verify_hostname", "shop.example.com", "-trusted", "own.pem", "own.pem"]
    assert openssl(*verify, files={"own.pem": pem}) == b"own.pem: OK\n"
    shown = openssl("x509", "-noout", "-text", stdin=pem)
    assert b"CA:FALSE" in shown
    assert openssl("x509", "-noout", "-pubkey", stdin=pem) == openssl("pkey", "-pubout", stdin=KEYS[kind].to_pem())


@pytest.mark.skipif(shutil.which("keytool") is None, reason="keytool is not installed")
def test_self_signed_is_read_by_java_when_only_names_were_wished(tmp_path: Path) -> None:
    certificate = made(CertificateWish(dns_names=("*.example.com",)))
    (tmp_path / "own.p12").write_bytes(render_trust_store([certificate], PASSWORD))
    listing = ["keytool", "-list", "-v", "-keystore", tmp_path / "own.p12", "-storepass", PASSWORD.decode()]
    shown = subprocess.run(listing, capture_output=True, text=True, check=True).stdout
    assert "Issuer: CN=*.example.com" in shown


@pytest.mark.parametrize("kind", list(KEYS))
def test_self_signed_is_the_same_bytes_when_the_arguments_are_the_same(kind: str) -> None:
    key = KEYS[kind]
    again = key_of(key.to_pem())
    assert made(key=key).der == made(dataclasses.replace(WISH), again).der
    assert made(key=key).der == made(key=key, begin=BEGIN.replace(microsecond=999_999)).der
    assert made(key=key).der == made(key=key, begin=BEGIN.astimezone(timezone(timedelta(hours=2)))).der


def test_self_signed_has_another_serial_number_when_anything_differs() -> None:
    certificates = [
        made(),
        made(key=KEYS["RSA"]),
        made(days=366),
        made(begin=BEGIN + timedelta(seconds=1)),
        made(dataclasses.replace(WISH, dns_names=WISH.dns_names[:1])),
        made(dataclasses.replace(WISH, usages=("ServerAuth",))),
        made(dataclasses.replace(WISH, subject=SubjectWish("shop"))),
    ]
    serials = {certificate.serial_number for certificate in certificates}
    assert len(serials) == len(certificates)
    assert all(0 < serial < 1 << 128 for serial in serials)


@pytest.mark.parametrize("serial", [1, 1 << 127, (1 << 159) - 1])
def test_self_signed_has_the_serial_number_that_was_given(serial: int) -> None:
    assert build_self_signed(WISH, KEY, not_before=BEGIN, days=1, serial=serial).serial_number == serial


@pytest.mark.parametrize("serial", [0, -1, 1 << 159])
def test_self_signed_is_refused_when_the_serial_number_is_out_of_range(serial: int) -> None:
    found = refusal(serial=serial)
    assert (found.reason, found.detail) == (Reason.INVALID_REQUEST, Detail.LIMIT_EXCEEDED)
    assert found.message == "a serial number must be positive and below 2^159 (RFC 5280 §4.1.2.2)."


def test_self_signed_is_valid_for_whole_days_both_ends_included() -> None:
    certificate = made(days=1)
    assert (certificate.not_before, certificate.not_after) == (BEGIN, datetime(2026, 6, 2, 12, 30, 14, tzinfo=UTC))


@given(st.integers(1, 2_900_000), st.datetimes(datetime(1970, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis wants them so
def test_self_signed_has_the_dates_that_were_wished_in_either_form(days: int, begin: datetime) -> None:
    begin = begin.replace(microsecond=0)
    certificate = made(CertificateWish(dns_names=("shop",)), KEYS["Ed25519"], begin=begin, days=days)
    assert certificate.not_before == begin
    assert certificate.not_after + timedelta(seconds=1) - begin == timedelta(days=days)
    assert der.sequence(der.time(begin), der.time(certificate.not_after)) in certificate.tbs


@pytest.mark.parametrize("days", [0, -1, -(10**12)])
def test_self_signed_is_refused_when_it_would_never_be_valid(days: int) -> None:
    assert refusal(days=days).message == f"`validityDays` must be at least 1; it is {days}."


@pytest.mark.parametrize("days", [3_000_000, 10**12])
def test_self_signed_is_refused_when_it_would_outlast_the_calendar(days: int) -> None:
    found = refusal(days=days)
    assert (found.reason, found.detail) == (Reason.INVALID_REQUEST, Detail.LIMIT_EXCEEDED)
    assert found.message == f"`validityDays` must end before the year 10000; {days} days do not. Choose fewer."


@pytest.mark.parametrize(
    ("hosts", "addresses", "subject"),
    [
        (("shop.example.com", "a.example"), ("::1",), "shop.example.com"),
        (("x" * 63 + ".example", "a.example"), (), "a.example"),
        ((), ("2001:db8::1",), "2001:db8::1"),
        (("x" * 63 + ".example",), ("192.0.2.1",), "192.0.2.1"),
    ],
)
def test_self_signed_takes_its_subject_from_the_names_when_none_is_wished(
    hosts: tuple[str, ...], addresses: tuple[str, ...], subject: str
) -> None:
    certificate = made(CertificateWish(SubjectWish(""), hosts, addresses))
    assert certificate.subject == certificate.issuer == Name.from_der(der.common_name(subject))
    assert (certificate.dns_names, tuple(map(str, certificate.ip_addresses))) == (hosts, addresses)


def test_self_signed_is_refused_when_no_name_fits_into_the_subject() -> None:
    found = refusal(CertificateWish(dns_names=("x" * 63 + ".example",)))
    assert (found.reason, found.detail) == (Reason.INVALID_REQUEST, Detail.LIMIT_EXCEEDED)
    assert found.message == (
        "a self-signed certificate needs a subject, and no name is short enough for one (64 octets). Set "
        "`subject.commonName`."
    )


def test_self_signed_is_refused_when_the_wish_has_faults() -> None:
    assert refusal(CertificateWish()).message.startswith("nobody is named: ")


def test_self_signed_warns_only_of_missing_names_when_a_common_name_is_all() -> None:
    certificate = made(CertificateWish(SubjectWish("shop.example.com")))
    verdict = validate(certificate, intermediates=(), anchors=None, at=NOW, role=Role.SERVER)
    assert verdict.is_valid
    assert [found.reason for found in verdict.findings] == [Reason.NO_SUBJECT_ALT_NAME]


def test_self_signed_and_request_agree_about_the_key_and_the_subject() -> None:
    certificate = encode_certificates([made()])
    request = build_request(WISH, KEY)
    for option in ("-subject", "-pubkey"):
        assert openssl("x509", "-noout", option, stdin=certificate) == openssl("req", "-noout", option, stdin=request)


@pytest.mark.parametrize("name", KEYS)
def test_certificate_is_known_as_made_of_its_arguments_at_whatever_instant(name: str) -> None:
    key = KEYS[name]
    for begin in (BEGIN, BEGIN + timedelta(days=400)):
        assert is_made_of(made(key=key, begin=begin, days=30), WISH, key, days=30)


def test_certificate_is_not_taken_for_another_when_an_argument_differs() -> None:
    certificate = made()
    wider = dataclasses.replace(WISH, dns_names=(*WISH.dns_names, "api.example.com"))

    assert not is_made_of(certificate, wider, KEY, days=365)
    assert not is_made_of(certificate, WISH, KEY, days=364)
    assert not is_made_of(certificate, WISH, KEYS["RSA"], days=365)
    numbered = build_self_signed(WISH, KEY, not_before=BEGIN, days=365, serial=7)
    assert not is_made_of(numbered, WISH, KEY, days=365)
