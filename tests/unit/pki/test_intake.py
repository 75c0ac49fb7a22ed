from __future__ import annotations

import base64
import pickle
from pathlib import Path
from typing import TYPE_CHECKING

import certifi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certwright.findings import Detail, Finding, MaterialError, Reason, Severity
from certwright.pki.intake import Material, encode_certificates, read_material
from certwright.pki.keys import matches
from certwright.pki.limits import IntakeLimits
from certwright.pki.pem import encode_pem
from tests.support import pki_files
from tests.support.pki_files import PASSWORD, chain, issued, pem_to_der, secrets_of

if TYPE_CHECKING:
    from collections.abc import Callable

WHAT = "`spec.certificateRef`: Secret `upload`, key `tls.crt`"
LEAF = issued("leaf").certificate
LEAF_DER = issued("leaf").der
KEY = issued("leaf").key


def read(data: bytes, password: bytes | None = None, limits: IntakeLimits | None = None) -> Material:
    return read_material(data, what=WHAT, password=password, limits=limits or IntakeLimits())


def refusal(data: bytes, password: bytes | None = None, limits: IntakeLimits | None = None) -> Finding:
    with pytest.raises(MaterialError) as caught:
        read(data, password, limits)
    found = caught.value.finding
    assert found.severity is Severity.ERROR
    assert found.message.startswith(f"{WHAT}:")
    assert caught.value.__cause__ is None
    return found


def names(material: Material) -> list[str | None]:
    return [certificate.subject.common_name for certificate in material.certificates]


def only_warning(material: Material) -> Finding:
    (found,) = material.warnings
    assert found.severity is Severity.WARNING
    assert found.message.startswith(f"{WHAT}: ")
    return found


def test_read_material_warns_of_nothing_when_file_is_normalised() -> None:
    material = read(chain())
    assert names(material) == ["shop.example.com", "Corp Issuing CA", "Corp Root"]
    assert material.warnings == ()
    assert material.private_keys == ()
    assert encode_certificates(material.certificates) == chain()


def test_read_material_keeps_the_order_when_root_comes_first() -> None:
    backwards = b"".join(issued(role).certificate for role in ("root", "issuing", "leaf"))
    assert names(read(backwards)) == ["Corp Root", "Corp Issuing CA", "shop.example.com"]


@pytest.mark.parametrize(
    ("wrap", "phrase"),
    [
        (lambda pem: pem.replace(b"\n", b"\r\n"), "line ends other than LF"),
        (lambda pem: b"\xef\xbb\xbf" + pem, "a byte order mark"),
        (lambda pem: pem.replace(b"\n", b"\\n"), "line ends written as backslash and n"),
        (lambda pem: b"subject=CN = shop\n" + pem, "text outside the blocks"),
        (lambda pem: pem.rstrip(), "no line end after the last line"),
        (base64.b64encode, "base64 of PEM (encoded twice)"),
        (base64.encodebytes, "base64 of PEM (encoded twice)"),
        (lambda pem: base64.b64encode(pem_to_der(pem)), "base64 without BEGIN and END lines"),
        (pem_to_der, "DER instead of PEM"),
        (lambda pem: pem.replace(b" CERTIFICATE", b" X509 CERTIFICATE"), None),
    ],
)
def test_read_material_names_the_mercy_when_intent_is_certain(
    wrap: Callable[[bytes], bytes], phrase: str | None
) -> None:
    material = read(wrap(LEAF))
    assert encode_certificates(material.certificates) == LEAF
    if phrase is None:
        assert material.warnings == ()
        return
    found = only_warning(material)
    assert found.reason is Reason.NORMALIZED
    assert found.message.endswith(f"stored in normalised form; it came with {phrase}.")


def test_read_material_names_all_mercies_at_once_when_there_are_several() -> None:
    found = only_warning(read(b"Bag Attributes\r\n" + LEAF.rstrip().replace(b"\n", b"\r\n")))
    assert found.message.endswith(
        "it came with line ends other than LF, text outside the blocks, no line end after the last line."
    )


def test_read_material_keeps_each_once_when_certificates_repeat() -> None:
    material = read(LEAF + chain() + LEAF)
    assert names(material) == ["shop.example.com", "Corp Issuing CA", "Corp Root"]
    found = only_warning(material)
    assert found.reason is Reason.DUPLICATE_CERTIFICATE
    assert "5 certificates were given, 3 of them different; each is kept once." in found.message


@pytest.mark.parametrize("options", [("-outform", "PEM"), ("-outform", "DER")], ids=["PEM", "DER"])
def test_read_material_reads_all_when_file_is_pkcs7(options: tuple[str, ...]) -> None:
    material = read(pki_files.pkcs7(*options))
    assert sorted(filter(None, names(material))) == ["Corp Issuing CA", "Corp Root", "shop.example.com"]
    assert only_warning(material).reason is Reason.NORMALIZED
    assert "PKCS#7 instead of PEM" in only_warning(material).message


def test_read_material_reads_pkcs7_when_its_label_says_certificate() -> None:
    mislabelled = encode_pem("CERTIFICATE", pki_files.pkcs7("-outform", "DER"))
    assert len(read(mislabelled).certificates) == 3


def test_read_material_drops_trust_settings_when_openssl_added_them() -> None:
    trusted = pki_files.openssl("x509", "-trustout", "-addtrust", "serverAuth", stdin=LEAF)
    assert b"TRUSTED CERTIFICATE" in trusted
    material = read(trusted)
    assert encode_certificates(material.certificates) == LEAF
    assert "OpenSSL trust settings beside a certificate" in only_warning(material).message


def test_read_material_refuses_when_a_trusted_certificate_is_no_der() -> None:
    assert refusal(encode_pem("TRUSTED CERTIFICATE", b"\x30\x85")).detail is Detail.DER_DAMAGED


@pytest.mark.parametrize(
    "aside", [pki_files.ec_key().split(b"-----BEGIN EC PRIVATE")[0], encode_pem("PGP MESSAGE", b"x")]
)
def test_read_material_skips_blocks_that_harm_nothing_when_certificates_are_there(aside: bytes) -> None:
    material = read(LEAF + aside)
    assert names(material) == ["shop.example.com"]
    assert "beside the certificates" in only_warning(material).message


@pytest.mark.parametrize("first", [True, False])
def test_read_material_sets_the_key_apart_when_it_stands_in_the_certificate_field(*, first: bool) -> None:
    material = read(KEY + chain() if first else chain() + KEY)
    (key,) = material.private_keys
    assert matches(key, material.certificates[0])
    assert any(
        found.reason is Reason.KEY_IN_CERTIFICATE
        and found.message
        == f"{WHAT}: a private key stands beside the certificate. It is not published with it; "
        "keep it in a field of its own."
        for found in material.warnings
    )
    assert b"PRIVATE KEY" not in encode_certificates(material.certificates)


def test_read_material_leaves_the_key_when_it_is_encrypted() -> None:
    material = read(LEAF + pki_files.encrypted(KEY), PASSWORD)
    assert material.private_keys == ()
    assert only_warning(material).reason is Reason.KEY_IN_CERTIFICATE


def test_read_material_leaves_the_key_when_it_is_damaged() -> None:
    material = read(LEAF + encode_pem("PRIVATE KEY", b"damaged"))
    assert material.private_keys == ()
    assert only_warning(material).reason is Reason.KEY_IN_CERTIFICATE


@pytest.mark.parametrize("key", [KEY, pki_files.converted(KEY), pki_files.encrypted(KEY), pem_to_der(KEY)])
def test_read_material_asks_whether_swapped_when_it_is_a_key(key: bytes) -> None:
    found = refusal(key)
    assert (found.reason, found.detail) == (Reason.UNPARSABLE, Detail.WRONG_TYPE)
    assert found.message == f"{WHAT}: it holds a private key and no certificate. Were certificate and key swapped?"


def test_read_material_names_the_request_when_it_is_a_csr() -> None:
    found = refusal(pki_files.request(KEY))
    assert (found.reason, found.detail) == (Reason.UNPARSABLE, Detail.WRONG_TYPE)
    assert found.message == (
        f"{WHAT}: this is a certificate signing request (CSR), not a certificate. "
        "Give the certificate that the CA issued for it."
    )


@pytest.mark.parametrize("encode", [bytes, pem_to_der, lambda pem: base64.b64encode(pem_to_der(pem))])
def test_read_material_names_the_list_when_it_is_a_crl(encode: Callable[[bytes], bytes]) -> None:
    found = refusal(encode(pki_files.revocation_list()))
    assert (found.reason, found.detail) == (Reason.UNPARSABLE, Detail.WRONG_TYPE)
    assert "this is a certificate revocation list (CRL), not a certificate." in found.message
    assert found.message.endswith("Revocation lists belong into a RevocationSource.")


def test_read_material_names_the_block_when_a_crl_stands_among_certificates() -> None:
    assert (
        f"{WHAT}: block 4 is a certificate revocation list (CRL)"
        in refusal(chain() + pki_files.revocation_list()).message
    )


def test_read_material_names_what_it_is_when_it_is_a_public_key() -> None:
    found = refusal(pki_files.converted(KEY, "-pubout"))
    assert found.detail is Detail.WRONG_TYPE
    assert found.message == f"{WHAT}: it holds a public key without a certificate, not a certificate."


def test_read_material_says_which_when_one_certificate_is_broken() -> None:
    broken = bytearray(issued("issuing").der)
    broken[5] ^= 0xFF
    found = refusal(LEAF + encode_pem("CERTIFICATE", bytes(broken)) + issued("root").certificate)
    assert found.reason in (Reason.UNPARSABLE, Reason.UNDECODABLE)
    assert found.message.startswith(f"{WHAT}: certificate 2 of 3: ")


def test_read_material_gives_no_number_when_the_only_certificate_is_broken() -> None:
    found = refusal(encode_pem("CERTIFICATE", LEAF_DER[:-7]))
    assert found.reason is Reason.UNPARSABLE
    assert "certificate 1 of" not in found.message


def test_read_material_says_cut_short_when_der_is_truncated() -> None:
    found = refusal(LEAF_DER[:-1])
    assert (found.reason, found.detail) == (Reason.UNPARSABLE, Detail.TRUNCATED)
    assert found.message.endswith("the DER ends before its own length says: the file was cut short.")


def test_read_material_counts_the_surplus_when_der_is_followed_by_more() -> None:
    found = refusal(LEAF_DER + b"\n\n")
    assert (found.reason, found.detail) == (Reason.UNPARSABLE, Detail.TRAILING_DATA)
    assert "2 bytes follow the DER object" in found.message


def test_read_material_says_unknown_when_der_is_something_else() -> None:
    found = refusal(bytes.fromhex("3081800481") + bytes([125]) + bytes(125))
    assert (found.reason, found.detail) == (Reason.UNPARSABLE, Detail.DER_DAMAGED)
    assert found.message.endswith("this is DER, but no certificate nor anything else known here.")


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_read_material_hints_at_powershell_when_text_is_utf16(codec: str) -> None:
    found = refusal(LEAF.decode().encode(codec))
    assert (found.reason, found.detail) == (Reason.UNPARSABLE, Detail.UTF16)
    assert "the text is UTF-16, as a redirection in PowerShell writes it." in found.message


@pytest.mark.parametrize("mark", ["feedfeed", "cececece"])
def test_read_material_names_the_conversion_when_it_is_a_java_keystore(mark: str) -> None:
    found = refusal(bytes.fromhex(mark) + b"\0\0\0\2")
    assert found.detail is Detail.WRONG_TYPE
    assert found.message.endswith("Convert it with `keytool -importkeystore -deststoretype pkcs12`.")


@pytest.mark.parametrize("empty", [b"", b"\n", b"  \r\n"])
def test_read_material_says_empty_when_there_is_nothing(empty: bytes) -> None:
    found = refusal(empty)
    assert (found.reason, found.detail) == (Reason.UNPARSABLE, Detail.NO_CERTIFICATE)
    assert found.message == f"{WHAT}: it is empty; a certificate is expected."


def test_read_material_says_what_was_sought_when_it_is_garbage() -> None:
    found = refusal(b"hello, world")
    assert (found.reason, found.detail) == (Reason.UNPARSABLE, Detail.NO_CERTIFICATE)
    assert found.message == (
        f"{WHAT}: no certificate was found in 12 bytes: neither PEM, nor DER, nor base64 of either."
    )


def test_read_material_doubts_the_base64_when_it_decodes_to_nothing_known() -> None:
    found = refusal(base64.b64encode(base64.b64encode(base64.b64encode(LEAF))))
    assert (found.reason, found.detail) == (Reason.UNPARSABLE, Detail.NO_CERTIFICATE)
    assert "this is base64, but what it decodes to is no certificate" in found.message


def test_read_material_says_none_when_pem_holds_only_parameters() -> None:
    found = refusal(encode_pem("DH PARAMETERS", b"x"))
    assert found.detail is Detail.WRONG_TYPE
    assert found.message.endswith("it holds key parameters, not a certificate.")


@pytest.mark.parametrize("junk", [b"-" * (1 << 20), b"A" * (1 << 20), b"-----BEGIN " * (1 << 16), bytes(1 << 20)])
def test_read_material_refuses_a_megabyte_of_junk_whatever_it_is(junk: bytes) -> None:
    assert refusal(junk).reason is Reason.UNPARSABLE


def test_read_material_says_the_limit_when_the_file_is_too_large() -> None:
    found = refusal(b"A" * ((1 << 20) + 1))
    assert (found.reason, found.detail) == (Reason.UNPARSABLE, Detail.LIMIT_EXCEEDED)
    assert found.message == f"{WHAT}: 1048577 bytes are more than the 1048576 that are read."


def test_read_material_says_the_limit_when_there_are_65_certificates() -> None:
    assert len(read(LEAF * 64).certificates) == 1
    found = refusal(LEAF * 65)
    assert (found.reason, found.detail) == (Reason.UNPARSABLE, Detail.LIMIT_EXCEEDED)
    assert found.message == f"{WHAT}: 65 certificates are more than the 64 allowed."


def test_read_material_reads_the_public_roots_when_the_limit_is_raised() -> None:
    bundle = Path(certifi.where()).read_bytes()
    material = read(bundle, limits=IntakeLimits(certificates=512))
    assert len(material.certificates) == bundle.count(b"BEGIN CERTIFICATE")
    assert all(certificate.is_ca for certificate in material.certificates)


def test_read_material_gives_certificates_and_key_when_pkcs12_opens() -> None:
    material = read(pki_files.pkcs12(), PASSWORD)
    assert names(material) == ["shop.example.com", "Corp Issuing CA"]
    (key,) = material.private_keys
    assert matches(key, material.certificates[0])
    assert material.warnings == ()


def test_read_material_reads_pkcs12_when_it_is_base64() -> None:
    assert len(read(base64.b64encode(pki_files.pkcs12()), PASSWORD).certificates) == 2


def test_read_material_asks_for_the_password_when_pkcs12_has_none() -> None:
    found = refusal(pki_files.pkcs12())
    assert (found.reason, found.detail) == (Reason.UNPARSABLE, Detail.PASSWORD_MISSING)
    assert "Name the Secret of its password in `passwordRef`" in found.message


def test_read_material_says_wrong_password_when_pkcs12_does_not_open() -> None:
    found = refusal(pki_files.pkcs12(), b"wrong")
    assert (found.reason, found.detail) == (Reason.UNPARSABLE, Detail.WRONG_PASSWORD)
    assert found.message == f"{WHAT}: the password does not open the PKCS#12 file, or the file is damaged."


def test_read_material_hints_at_the_line_end_when_the_password_has_one() -> None:
    found = refusal(pki_files.pkcs12(), PASSWORD + b"\n")
    assert found.message.endswith("The password ends with a line end, which is seldom meant.")


def test_read_material_refuses_when_pkcs12_holds_only_a_key() -> None:
    no_certificate = (pki_files.VECTORS / "pkcs12" / "no-cert-key-aes256cbc.p12").read_bytes()
    found = refusal(no_certificate, b"cryptography")
    assert (found.reason, found.detail) == (Reason.UNPARSABLE, Detail.NO_CERTIFICATE)
    assert found.message.endswith("the PKCS#12 file holds no certificate.")


def test_read_material_refuses_when_pkcs12_stands_among_others() -> None:
    found = refusal(LEAF + encode_pem("PKCS12", pki_files.pkcs12()), PASSWORD)
    assert found.detail is Detail.WRONG_TYPE
    assert "a PKCS#12 file stands among other objects" in found.message


def test_material_survives_the_way_to_a_worker_and_back() -> None:
    material = read(KEY + LEAF + LEAF)
    assert pickle.loads(pickle.dumps(material)) == material  # noqa: S301 - our own bytes


def test_material_hides_the_key_when_shown() -> None:
    material = read(pki_files.pkcs12(), PASSWORD)
    for secret in secrets_of(pki_files.converted(KEY)):
        assert secret.decode("latin-1") not in repr(material)
        assert repr(secret)[2:-1] not in repr(material)


@settings(max_examples=150)
@given(st.one_of(st.binary(max_size=300), st.binary(max_size=200).map(lambda der: encode_pem("CERTIFICATE", der))))
def test_read_material_raises_only_material_errors_whatever_the_bytes(data: bytes) -> None:
    with pytest.raises(MaterialError):
        read(data, b"password")


_FILES = [LEAF, LEAF_DER, pki_files.pkcs7("-outform", "DER"), KEY + LEAF, pki_files.pkcs12("-iter", "1")]


@settings(max_examples=200)
@given(st.sampled_from(_FILES), st.integers(0, 100_000), st.integers(1, 255), st.booleans())
def test_read_material_raises_only_material_errors_when_a_byte_is_changed(
    file: bytes,
    place: int,
    mask: int,
    cut: bool,  # noqa: FBT001 - hypothesis gives it by position
) -> None:
    damaged = bytearray(file)
    place %= len(damaged)
    if cut:
        del damaged[place:]
    else:
        damaged[place] ^= mask
    try:
        material = read(bytes(damaged), PASSWORD)
    except MaterialError:
        return
    assert read(encode_certificates(material.certificates)).certificates == material.certificates
