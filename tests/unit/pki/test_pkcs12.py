from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import mldsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from certwright.findings import Detail, Finding, MaterialError, Reason
from certwright.pki.certificate import Certificate
from certwright.pki.keys import matches, read_private_key
from certwright.pki.limits import IntakeLimits
from certwright.pki.origin import Origin
from certwright.pki.pkcs12 import Pkcs12Contents, read_pkcs12, write_pkcs12
from tests.support import pki_files
from tests.support.pki_files import PASSWORD, VECTORS, ec_key, issued, openssl, other_key, rsa_key, secrets_of

if TYPE_CHECKING:
    from certwright.pki.private_key import PrivateKey

ORIGIN = Origin("`keystore.p12`")
LEAF, ISSUING, ROOT = (Certificate.from_der(issued(role).der) for role in ("leaf", "issuing", "root"))


def key_of(pem: bytes) -> PrivateKey:
    return read_private_key(pem, what="`tls.key`").key


KEY = key_of(issued("leaf").key)


def read(data: bytes, password: bytes = PASSWORD, limits: IntakeLimits | None = None) -> Pkcs12Contents:
    return read_pkcs12(data, password, ORIGIN, limits or IntakeLimits())


def refusal(data: bytes, password: bytes = PASSWORD, limits: IntakeLimits | None = None) -> Finding:
    with pytest.raises(MaterialError) as caught:
        read(data, password, limits)
    found = caught.value.finding
    assert found.reason is Reason.UNPARSABLE
    assert found.message.startswith("`keystore.p12`: ")
    return found


def tlv(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return bytes([tag, 0x82]) + len(content).to_bytes(2, "big") + content


DATA = bytes.fromhex("06092a864886f70d010701")
ENCRYPTED_DATA = bytes.fromhex("06092a864886f70d010706")
ENVELOPED_DATA = bytes.fromhex("06092a864886f70d010703")
KEY_BAG, SHROUDED_BAG, NESTED_BAG = (bytes.fromhex(f"060b2a864886f70d010c0a01{arc:02x}") for arc in (1, 2, 6))


def data_info(content: bytes) -> bytes:
    return tlv(0x30, DATA, tlv(0xA0, tlv(0x04, content)))


def pfx(*parts: bytes, mac: bytes = b"") -> bytes:
    return tlv(0x30, b"\x02\x01\x03", data_info(tlv(0x30, *parts)), mac)


def bags(*items: bytes) -> bytes:
    return data_info(tlv(0x30, *items))


def bag(kind: bytes, value: bytes) -> bytes:
    return tlv(0x30, kind, tlv(0xA0, value))


def pbe(rounds: bytes) -> bytes:
    return tlv(0x30, bytes.fromhex("060a2a864886f70d010c0103"), tlv(0x30, b"\x04\x01s", tlv(0x02, rounds)))


def mac_data(*iterations: bytes) -> bytes:
    return tlv(0x30, tlv(0x30, tlv(0x30, bytes.fromhex("06052b0e03021a0500")), b"\x04\x01d"), b"\x04\x01s", *iterations)


MILLION_AND_ONE = (1_000_001).to_bytes(3, "big")
MANY = (900_000).to_bytes(3, "big")


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("-legacy",),
        ("-certpbe", "AES-128-CBC", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"),
        ("-nomac",),
        ("-keypbe", "NONE", "-certpbe", "NONE"),
    ],
)
def test_read_pkcs12_gives_key_certificates_and_alias_when_openssl_wrote_it(options: tuple[str, ...]) -> None:
    contents = read(pki_files.pkcs12("-name", "shop", *options))
    assert contents.certificates == (LEAF.der, ISSUING.der)
    assert contents.key is not None
    assert matches(contents.key, LEAF)
    assert contents.alias == "shop"


@pytest.mark.parametrize(
    ("name", "password", "certificates", "has_key", "alias"),
    [
        ("cert-key-aes256cbc.p12", b"cryptography", 1, True, None),
        ("cert-rc2-key-3des.p12", b"cryptography", 1, True, None),
        ("cert-aes256cbc-no-key.p12", b"cryptography", 1, False, None),
        ("name-all-pwd.p12", b"password", 3, True, "name"),
        ("name-unicode-pwd.p12", b"password", 3, True, "☺"),
        ("name-all-no-pwd.p12", b"", 3, True, "name"),
        ("no-cert-key-aes256cbc.p12", b"cryptography", 0, True, None),
        ("no-password.p12", b"", 1, True, "cryptography CA"),
    ],
)
def test_read_pkcs12_opens_published_vectors(
    name: str, password: bytes, certificates: int, *, has_key: bool, alias: str | None
) -> None:
    contents = read((VECTORS / "pkcs12" / name).read_bytes(), password)
    assert len(contents.certificates) == certificates
    assert (contents.key is not None) is has_key
    assert contents.alias == alias


@pytest.mark.parametrize("password", [b"wrong", b"", b"\xff\xfe", PASSWORD + b"\n"])
def test_read_pkcs12_says_wrong_password_when_it_does_not_open(password: bytes) -> None:
    found = refusal(pki_files.pkcs12(), password)
    assert found.detail is Detail.WRONG_PASSWORD
    assert "the password does not open the PKCS#12 file, or the file is damaged." in found.message


@pytest.mark.parametrize(
    "costly",
    [
        pfx(mac=mac_data(tlv(0x02, MILLION_AND_ONE))),
        pfx(bags(bag(SHROUDED_BAG, tlv(0x30, pbe(MILLION_AND_ONE))))),
        pfx(bags(bag(NESTED_BAG, tlv(0x30, bag(SHROUDED_BAG, tlv(0x30, pbe(MILLION_AND_ONE))))))),
        pfx(tlv(0x30, ENCRYPTED_DATA, tlv(0xA0, tlv(0x30, b"\x02\x01\x00", tlv(0x30, DATA, pbe(MILLION_AND_ONE)))))),
    ],
    ids=["mac", "key", "nested", "contents"],
)
def test_read_pkcs12_derives_nothing_when_one_part_asks_for_too_many_rounds(costly: bytes) -> None:
    found = refusal(costly)
    assert found.detail is Detail.LIMIT_EXCEEDED
    assert "asks for 1000001 rounds of key derivation; at most 1000000 are done." in found.message


def test_read_pkcs12_derives_nothing_when_all_parts_together_ask_for_too_many_rounds() -> None:
    part = tlv(0x30, ENCRYPTED_DATA, tlv(0xA0, tlv(0x30, b"\x02\x01\x00", tlv(0x30, DATA, pbe(MANY)))))
    assert refusal(pfx(*[part] * 4)).detail is Detail.WRONG_PASSWORD
    assert refusal(pfx(*[part] * 5)).detail is Detail.LIMIT_EXCEEDED


def test_read_pkcs12_counts_rounds_when_the_mac_is_pbmac1() -> None:
    # RFC 9579: PBKDF2 inside PBMAC1
    pbkdf2 = tlv(0x30, bytes.fromhex("06092a864886f70d01050c"), tlv(0x30, b"\x04\x01s", tlv(0x02, MILLION_AND_ONE)))
    algorithm = tlv(0x30, bytes.fromhex("06092a864886f70d01050e"), tlv(0x30, pbkdf2))
    found = refusal(pfx(mac=tlv(0x30, tlv(0x30, algorithm, b"\x04\x01d"), b"\x04\x01s")))
    assert found.detail is Detail.LIMIT_EXCEEDED


def test_read_pkcs12_takes_one_round_when_the_mac_names_none() -> None:
    assert refusal(pfx(mac=mac_data())).detail is Detail.WRONG_PASSWORD


def test_read_pkcs12_counts_them_when_there_are_several_keys() -> None:
    found = refusal(pfx(bags(bag(KEY_BAG, tlv(0x30)), bag(SHROUDED_BAG, tlv(0x30, pbe(b"\x01"))))))
    assert found.detail is Detail.SEVERAL_KEYS
    assert found.message == "`keystore.p12`: the PKCS#12 file holds 2 private keys; export the one entry that is meant."


@pytest.mark.parametrize(
    "file",
    [
        tlv(0x30, b"\x02\x01\x03", tlv(0x30, bytes.fromhex("06092a864886f70d010702"), tlv(0xA0, tlv(0x30)))),
        pfx(tlv(0x30, ENVELOPED_DATA, tlv(0xA0, tlv(0x30)))),
        pfx(bags(bag(SHROUDED_BAG, tlv(0x30, tlv(0x30, bytes.fromhex("06022a03")))))),
    ],
    ids=["public-key-integrity", "public-key-privacy", "unknown-scheme"],
)
def test_read_pkcs12_says_unsupported_when_protection_is_unknown(file: bytes) -> None:
    found = refusal(file)
    assert found.detail is Detail.KEY_TYPE_UNSUPPORTED
    assert found.message.endswith("is protected in a way that is not supported. Export it again with a password.")


@pytest.mark.parametrize(
    "file",
    [
        b"",
        tlv(0x30),
        pfx(data_info(b"\x04\x00")),
        pfx(data_info(b"\x30")),
        pfx(mac=mac_data(b"\x02\x01\x00")),
        pfx(mac=mac_data(tlv(0x02, b"\x01" * 4000))),
        pfx(bags(bag(NESTED_BAG, tlv(0x30, bag(NESTED_BAG, b"\x04\x00"))))),
    ],
)
def test_read_pkcs12_says_damaged_when_it_cannot_be_walked(file: bytes) -> None:
    found = refusal(file)
    assert found.detail is Detail.DER_DAMAGED
    assert found.message == "`keystore.p12`: the PKCS#12 file cannot be decoded."


def test_read_pkcs12_says_damaged_when_bags_nest_too_deeply() -> None:
    nested = tlv(0x30)
    for _ in range(6):
        nested = tlv(0x30, bag(NESTED_BAG, nested))
    assert refusal(pfx(data_info(nested))).detail is Detail.DER_DAMAGED


def test_read_pkcs12_says_the_size_when_its_rsa_key_is_too_large() -> None:
    found = refusal(pki_files.pkcs12(key=rsa_key()), limits=IntakeLimits(rsa_bits_max=1024))
    assert found.detail is Detail.LIMIT_EXCEEDED
    assert found.message.endswith("an RSA key must have 1024 to 1024 bits; this one has 2048.")


def test_write_pkcs12_is_readable_by_openssl_and_by_us() -> None:
    data = write_pkcs12(KEY, (LEAF, ISSUING), alias="shop", password=PASSWORD)
    shown = openssl("pkcs12", "-passin", f"pass:{PASSWORD.decode()}", "-info", "-nodes", stdin=data)
    assert shown.count(b"BEGIN CERTIFICATE") == 2
    assert b"friendlyName: shop" in shown
    assert read(data) == Pkcs12Contents((LEAF.der, ISSUING.der), KEY, "shop")


def test_write_pkcs12_is_modern_when_looked_at() -> None:
    data = write_pkcs12(KEY, (LEAF,), alias="shop", password=PASSWORD)
    assert data.count(bytes.fromhex("06092a864886f70d01050d")) == 2  # PBES2 for certificates and key
    assert data.count(bytes.fromhex("060960864801650304012a")) == 2  # AES-256-CBC
    assert data.count(bytes.fromhex("0609608648016503040201")) == 1  # MAC with SHA-256
    assert data.count(b"\x02\x02" + (10_000).to_bytes(2, "big")) == 2


def test_write_pkcs12_keeps_order_when_the_chain_is_long() -> None:
    certificates = (LEAF, ROOT, ISSUING)
    data = write_pkcs12(KEY, certificates, alias="", password=PASSWORD)
    assert read(data) == Pkcs12Contents(tuple(certificate.der for certificate in certificates), KEY, None)


def test_write_pkcs12_makes_a_trust_store_when_there_is_no_key() -> None:
    data = write_pkcs12(None, (ROOT, ISSUING), alias="corp", password=PASSWORD)
    assert read(data) == Pkcs12Contents((ROOT.der, ISSUING.der), None, "corp")


@pytest.mark.parametrize(
    "pem",
    [
        rsa_key(),
        ec_key("secp384r1"),
        other_key("ED25519"),
        other_key("ED448"),
        other_key("RSA-PSS"),
        ec_key(encoding="explicit"),
    ],
)
def test_write_pkcs12_holds_every_key_type_when_it_can(pem: bytes) -> None:
    leaf = Certificate.from_der(issued("leaf", pem).der)
    contents = read(write_pkcs12(key_of(pem), (leaf,), alias="shop", password=PASSWORD))
    assert contents.key is not None
    assert matches(contents.key, leaf)


def test_write_pkcs12_refuses_when_the_key_type_has_no_place() -> None:
    private = mldsa.MLDSA44PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "shop")])
    builder = x509.CertificateBuilder(name, name, private.public_key(), 1)
    builder = builder.not_valid_before(datetime(2026, 1, 1, tzinfo=UTC)).not_valid_after(
        datetime(2027, 1, 1, tzinfo=UTC)
    )
    leaf = Certificate.from_der(builder.sign(private, None).public_bytes(Encoding.DER))
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(MaterialError) as caught:
        write_pkcs12(key_of(pem), (leaf,), alias="shop", password=PASSWORD)
    found = caught.value.finding
    assert (found.reason, found.detail) == (Reason.KEY_INVALID, Detail.KEY_TYPE_UNSUPPORTED)
    assert found.message == "PKCS#12 cannot hold ML-DSA-44 keys: leave the format out, or use another key."


def test_write_pkcs12_refuses_when_the_key_is_of_another_certificate() -> None:
    with pytest.raises(MaterialError) as caught:
        write_pkcs12(KEY, (ISSUING, LEAF), alias="shop", password=PASSWORD)
    assert caught.value.finding.reason is Reason.KEY_MISMATCH
    assert str(caught.value) == "the private key of a PKCS#12 file must be that of its first certificate."


@pytest.mark.parametrize("password", [b"", b"\xff\xfe"])
def test_write_pkcs12_refuses_when_the_password_is_no_text(password: bytes) -> None:
    with pytest.raises(MaterialError) as caught:
        write_pkcs12(KEY, (LEAF,), alias="shop", password=password)
    found = caught.value.finding
    assert (found.reason, found.detail) == (Reason.INVALID_REQUEST, Detail.PASSWORD_MISSING)
    assert found.message == "the password of a PKCS#12 file must be UTF-8 text of at least one character."


def test_contents_hide_the_key_when_shown() -> None:
    contents = read(pki_files.pkcs12(key=rsa_key()))
    for secret in secrets_of(rsa_key()):
        assert repr(secret)[2:-1] not in repr(contents)


_FILE = pki_files.pkcs12("-iter", "1", "-macalg", "sha256")


@settings(max_examples=300)
@given(st.integers(0, 100_000), st.integers(0, 255))
def test_read_pkcs12_raises_only_material_errors_when_a_byte_is_changed(place: int, mask: int) -> None:
    damaged = bytearray(_FILE)
    damaged[place % len(damaged)] ^= mask
    try:
        contents = read(bytes(damaged), PASSWORD, IntakeLimits(kdf_iterations=10))
    except MaterialError:
        return
    assert contents.certificates == (LEAF.der, ISSUING.der)
