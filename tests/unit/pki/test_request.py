from __future__ import annotations

import dataclasses
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import mldsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from certwright.findings import Detail, MaterialError, Reason
from certwright.pki.certificate_wish import CertificateWish, SubjectWish
from certwright.pki.extensions import CLIENT_AUTH, SERVER_AUTH
from certwright.pki.general_names import GeneralNames
from certwright.pki.keys import read_private_key
from certwright.pki.names import Name
from certwright.pki.private_key import PrivateKey
from certwright.pki.request import build_request
from tests.support import pki_files
from tests.support.pki import ec_key, ed25519_key, rsa_key
from tests.support.pki_files import openssl, pem_to_der

SUBJECT = SubjectWish("shop.example.com", "Müller GmbH", "IT", "Ulm", "BW", "DE", "webmaster@example.com")
WISH = CertificateWish(
    SUBJECT, ("shop.example.com", "*.example.com"), ("192.0.2.1", "2001:db8::1"), ("ServerAuth", "ClientAuth")
)
WORDS = st.none() | st.text(st.sampled_from('abz AZ09äß日,+"\\=#'), max_size=20).filter(lambda text: not text.isspace())
COUNTRIES = st.none() | st.sampled_from(["DE", "fr", ""])
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
HOSTS = st.builds("{}{}.{}".format, st.sampled_from(["", "*."]), LABELS, LABELS).filter(
    lambda host: not host.replace(".", "").isdigit()
)
WISHES = st.builds(
    CertificateWish,
    st.builds(SubjectWish, WORDS, WORDS, WORDS, WORDS, WORDS, COUNTRIES, st.sampled_from([None, "a@b.example"])),
    st.lists(HOSTS, min_size=1, max_size=4).map(tuple),
    st.lists(st.ip_addresses().map(str).filter(lambda text: "%" not in text), max_size=3).map(tuple),
    st.sets(st.sampled_from(["ServerAuth", "ClientAuth"])).map(tuple),
)


@cache
def key_of(kind: str) -> PrivateKey:
    """Return the same key each time."""
    if kind == "RSA":
        pem = rsa_key().pem.encode()
    elif kind == "Ed25519":
        pem = ed25519_key("request").pem.encode()
    elif kind == "ED448":
        pem = pki_files.other_key("ED448")
    else:
        pem = ec_key("request").pem.encode() if kind == "P-256" else pki_files.ec_key(kind)
    return read_private_key(pem, what="`tls.key`").key


def read(pem: bytes) -> x509.CertificateSigningRequest:
    return x509.load_pem_x509_csr(pem)


def name_of(pem: bytes) -> Name:
    return Name.from_der(read(pem).subject.public_bytes())


def names_in(extensions: x509.Extensions) -> GeneralNames:
    """Return the alternative names as our own reader would give them."""
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return GeneralNames(
        tuple(names.get_values_for_type(x509.DNSName)), tuple(names.get_values_for_type(x509.IPAddress))
    )


@pytest.mark.parametrize(
    ("kind", "algorithm", "usage"),
    [
        ("P-256", "ecdsa-with-SHA256", "Digital Signature"),
        ("secp384r1", "ecdsa-with-SHA384", "Digital Signature"),
        ("secp521r1", "ecdsa-with-SHA512", "Digital Signature"),
        ("RSA", "sha256WithRSAEncryption", "Digital Signature, Key Encipherment"),
        ("Ed25519", "ED25519", "Digital Signature"),
        ("ED448", "ED448", "Digital Signature"),
    ],
)
def test_request_is_what_openssl_verifies(kind: str, algorithm: str, usage: str) -> None:
    pem = build_request(WISH, key_of(kind))
    assert pem.startswith(b"-----BEGIN CERTIFICATE REQUEST-----\n")
    shown = openssl("req", "-verify", "-noout", "-text", "-nameopt", "utf8,sep_comma_plus", stdin=pem).decode()
    lines = [line.strip() for line in shown.splitlines()]
    assert f"Signature Algorithm: {algorithm}" in lines
    assert (
        "Subject: C=DE,ST=BW,L=Ulm,O=Müller GmbH,OU=IT,CN=shop.example.com,emailAddress=webmaster@example.com" in lines
    )
    assert lines[lines.index("X509v3 Key Usage: critical") + 1] == usage
    purposes = lines.index("X509v3 Extended Key Usage:") + 1
    assert lines[purposes] == "TLS Web Server Authentication, TLS Web Client Authentication"
    names = lines.index("X509v3 Subject Alternative Name:") + 1
    addresses = "IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1"
    assert lines[names] == f"DNS:shop.example.com, DNS:*.example.com, {addresses}"
    assert openssl("req", "-noout", "-pubkey", stdin=pem) == openssl("pkey", "-pubout", stdin=key_of(kind).to_pem())


def test_request_is_the_same_bytes_as_openssl_makes_when_the_signature_holds_no_nonce() -> None:
    settings_file = (
        "[req]\nprompt=no\nutf8=yes\nstring_mask=utf8only\ndistinguished_name=dn\nreq_extensions=ext\n"
        "[dn]\nC=DE\nST=BW\nL=Ulm\nO=Müller GmbH\nOU=IT\nCN=shop.example.com\nemailAddress=webmaster@example.com\n"
        "[ext]\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n"
        "subjectAltName=DNS:shop.example.com,DNS:*.example.com,IP:192.0.2.1,IP:2001:db8::1\n"
    )
    files = {"req.cnf": settings_file.encode(), "key.pem": key_of("Ed25519").to_pem()}
    made = openssl("req", "-new", "-config", "req.cnf", "-key", "key.pem", files=files)
    assert build_request(WISH, key_of("Ed25519")) == made


@pytest.mark.parametrize("kind", ["P-256", "secp384r1", "secp521r1", "RSA", "Ed25519", "ED448"])
def test_request_is_the_same_bytes_when_the_wish_is_the_same(kind: str) -> None:
    key = key_of(kind)
    again = read_private_key(key.to_pem(), what="`tls.key`").key
    assert build_request(WISH, key) == build_request(dataclasses.replace(WISH), again)


@given(WISHES)
def test_request_says_what_was_wished(wish: CertificateWish) -> None:
    pem = build_request(wish, key_of("P-256"))
    assert pem == build_request(wish, key_of("P-256"))
    name, wished = name_of(pem), wish.subject
    texts = (name.common_name, name.organization, name.organizational_unit, name.locality, name.state_or_province)
    assert (*texts, name.country, name.email) == tuple(text or None for _, text in wished.fields())
    extensions = read(pem).extensions
    hosts = {host.lower(): None for host in wish.dns_names}
    assert [host.lower() for host in names_in(extensions).dns] == list(hosts)
    assert list(map(str, names_in(extensions).ips)) == list(dict.fromkeys(wish.ip_addresses))
    assert extensions.get_extension_for_class(x509.SubjectAlternativeName).critical is wished.is_empty
    purposes = [kind.value for kind in extensions if isinstance(kind.value, x509.ExtendedKeyUsage)]
    assert {purpose.dotted_string for held in purposes for purpose in held} == {
        {"ServerAuth": SERVER_AUTH, "ClientAuth": CLIENT_AUTH}[usage] for usage in wish.usages
    }
    assert read(pem).is_signature_valid


def test_request_names_each_host_once_in_the_first_spelling() -> None:
    wish = CertificateWish(dns_names=("Shop.example", "shop.EXAMPLE", "a.example"), ip_addresses=("::1", "0::1"))
    names = names_in(read(build_request(wish, key_of("P-256"))).extensions)
    assert names.dns == ("Shop.example", "a.example")
    assert list(map(str, names.ips)) == ["::1"]


def test_request_has_no_alternative_names_and_no_purposes_when_none_are_wished() -> None:
    pem = build_request(CertificateWish(SUBJECT, usages=()), key_of("P-256"))
    assert [type(kind.value) for kind in read(pem).extensions] == [x509.KeyUsage]


def test_request_is_refused_when_the_wish_has_faults() -> None:
    wish = CertificateWish(SubjectWish("x" * 65, country_code="DEU"))
    with pytest.raises(MaterialError) as caught:
        build_request(wish, key_of("P-256"))
    found = caught.value.finding
    assert (found.reason, found.detail) == (Reason.INVALID_REQUEST, Detail.LIMIT_EXCEEDED)
    assert found.message.startswith("`subject.commonName` must have at most 64 octets")


def test_request_is_refused_when_the_signature_would_be_random() -> None:
    made = mldsa.MLDSA44PrivateKey.from_seed_bytes(b"\x01" * 32)
    pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(MaterialError) as caught:
        build_request(WISH, read_private_key(pem, what="`tls.key`").key)
    found = caught.value.finding
    assert (found.reason, found.detail) == (Reason.KEY_INVALID, Detail.KEY_TYPE_UNSUPPORTED)
    assert found.message == (
        "requests and self-signed certificates are not made for ML-DSA-44 keys; use an ECDSA, RSA or Ed25519 key."
    )


def test_request_holds_nothing_of_the_private_key() -> None:
    key = key_of("Ed25519")
    assert key.pkcs8[-32:] not in pem_to_der(build_request(WISH, key))
