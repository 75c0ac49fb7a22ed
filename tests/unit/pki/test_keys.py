from __future__ import annotations

import base64
import dataclasses
import pickle
import traceback
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import mldsa, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from certwright.findings import Detail, Finding, MaterialError, Reason
from certwright.pki.arithmetic import is_consistent
from certwright.pki.certificate import Certificate
from certwright.pki.keys import KeyMaterial, PrivateKey, matches, read_private_key
from certwright.pki.limits import IntakeLimits
from certwright.pki.pem import encode_pem
from certwright.pki.private_key import same_numbers
from certwright.pki.public_key import PublicKey
from tests.support import pki_files
from tests.support.pki_files import (
    PASSWORD,
    VECTORS,
    converted,
    ec_key,
    encrypted,
    issued,
    legacy_encrypted,
    other_key,
    pem_to_der,
    rsa_key,
    secrets_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

WHAT = "`spec.privateKeyRef`: Secret `upload`, key `tls.key`"
RSA = rsa_key()
EC = ec_key()
PKCS1 = converted(RSA, "-traditional")


def read(data: bytes, password: bytes | None = None, limits: IntakeLimits | None = None) -> KeyMaterial:
    return read_private_key(data, what=WHAT, password=password, limits=limits or IntakeLimits())


def refusal(data: bytes, password: bytes | None = None, limits: IntakeLimits | None = None) -> Finding:
    with pytest.raises(MaterialError) as caught:
        read(data, password, limits)
    found = caught.value.finding
    assert found.reason is Reason.KEY_INVALID
    assert found.message.startswith(f"{WHAT}: ")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return found


def vector(path: str) -> bytes:
    return (VECTORS / "asymmetric" / path).read_bytes()


@pytest.mark.parametrize(
    ("file", "algorithm", "size"),
    [
        (RSA, "RSA", 2048),
        (PKCS1, "RSA", 2048),
        (EC, "ECDSA", 256),
        (converted(EC), "ECDSA", 256),
        (ec_key("secp384r1"), "ECDSA", 384),
        (ec_key("secp521r1", encoding="explicit"), "ECDSA", 521),
    ],
    ids=["pkcs8", "pkcs1", "sec1-with-parameters", "ec-pkcs8", "p384", "explicit"],
)
def test_read_private_key_keeps_pkcs8_when_form_is_common(file: bytes, algorithm: str, size: int) -> None:
    material = read(file)
    assert (material.key.algorithm, material.key.size) == (algorithm, size)
    assert material.warnings == ()
    assert material.key.to_pem().startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert read(material.key.to_pem()).key == material.key


def test_read_private_key_gives_equal_keys_when_only_forms_differ() -> None:
    assert read(RSA).key == read(PKCS1).key == read(pem_to_der(RSA)).key == read(pem_to_der(PKCS1)).key
    assert read(EC).key.public == read(converted(EC)).key.public


@pytest.mark.parametrize(
    ("wrap", "phrase"),
    [
        (pem_to_der, "DER instead of PEM"),
        (lambda pem: pem.replace(b"\n", b"\r\n"), "line ends other than LF"),
        (base64.b64encode, "base64 of PEM (encoded twice)"),
        (lambda pem: base64.b64encode(pem_to_der(pem)), "base64 without BEGIN and END lines"),
    ],
)
def test_read_private_key_names_the_mercy_when_intent_is_certain(wrap: Callable[[bytes], bytes], phrase: str) -> None:
    material = read(wrap(RSA))
    assert material.key == read(RSA).key
    (found,) = material.warnings
    assert found.reason is Reason.NORMALIZED
    assert found.message == f"{WHAT}: stored in normalised form; it came with {phrase}."


@pytest.mark.parametrize(
    "options",
    [
        ("-v2", "aes-256-cbc", "-iter", "1000"),
        ("-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA512", "-iter", "1000"),
        ("-v2", "des3", "-iter", "1000"),
        ("-v1", "PBE-SHA1-3DES", "-iter", "1000"),
        ("-scrypt",),
    ],
)
@pytest.mark.parametrize("encode", [bytes, pem_to_der], ids=["PEM", "DER"])
def test_read_private_key_decrypts_when_the_password_is_right(
    options: tuple[str, ...], encode: Callable[[bytes], bytes]
) -> None:
    file = encode(encrypted(RSA, *options))
    assert read(file, PASSWORD).key == read(RSA).key
    assert refusal(file, b"wrong").detail is Detail.WRONG_PASSWORD
    assert refusal(file).detail is Detail.ENCRYPTED


@pytest.mark.parametrize(("key", "command"), [(RSA, "rsa"), (EC, "ec")])
def test_read_private_key_decrypts_when_encryption_is_that_of_rfc_1421(key: bytes, command: str) -> None:
    file = legacy_encrypted(key, command)
    assert b"Proc-Type: 4,ENCRYPTED" in file
    assert read(file, PASSWORD).key.public == read(key).key.public
    assert refusal(file, b"wrong").detail is Detail.WRONG_PASSWORD
    assert refusal(file).detail is Detail.ENCRYPTED


@pytest.mark.parametrize(("written", "damaged"), [(b"AES-128-CBC,", b"AES-128-CBC,00"), (b"AES-128", b"CAMELLIA-128")])
def test_read_private_key_says_which_header_when_it_is_damaged(written: bytes, damaged: bytes) -> None:
    found = refusal(legacy_encrypted(RSA).replace(written, damaged), PASSWORD)
    assert found.message == (
        f"{WHAT}: the header of the encrypted private key (`DEK-Info`) is damaged, "
        "or names a cipher that is not supported."
    )


def test_read_private_key_asks_nothing_of_the_library_when_the_vector_is_short() -> None:
    # the library aborts on it, with an exception that nothing catches
    file = legacy_encrypted(RSA)
    start = file.index(b"AES-128-CBC,") + 12
    assert refusal(file[:start] + file[start + 2 :], PASSWORD).detail is Detail.DER_DAMAGED


def test_read_private_key_says_what_to_do_when_it_is_encrypted() -> None:
    assert refusal(encrypted(RSA), b"").message == (
        f"{WHAT}: the private key is encrypted and no password is given. Name its Secret in `passwordRef`, or decrypt "
        "the key with `openssl pkey`."
    )


def test_read_private_key_hints_at_the_line_end_when_the_password_has_one() -> None:
    assert refusal(encrypted(RSA), PASSWORD + b"\n").message == (
        f"{WHAT}: the password does not open the private key, or the file is damaged. "
        "The password ends with a line end, which is seldom meant."
    )


@pytest.mark.parametrize(
    ("path", "password"),
    [
        ("PKCS8/enc-rsa-pkcs8.pem", b"foobar"),
        ("PKCS8/enc2-rsa-pkcs8.pem", b"baz"),
        ("PKCS8/pkcs12_s2k_pem-X_9607.pem", b"123456"),
        ("PKCS8/rsa-pbewithmd5anddescbc.pem", b"hunter2"),
        ("PKCS8/ec_private_key_encrypted.pem", b"123456"),
        ("PKCS8/enc-ec-sha1-128-rc4.pem", b"password"),
        ("Traditional_OpenSSL_Serialization/key1.pem", b"123456"),
        ("PEM_Serialization/ec_private_key_encrypted.pem", b"123456"),
        ("DER_Serialization/enc-rsa-pkcs8.der", b"foobar"),
    ],
)
def test_read_private_key_opens_published_vectors(path: str, password: bytes) -> None:
    assert read(vector(path), password).key.algorithm in ("RSA", "ECDSA")


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("PKCS8/unenc-dsa-pkcs8.pem", Detail.KEY_TYPE_UNSUPPORTED),
        ("Traditional_OpenSSL_Serialization/dsa.2048.pem", Detail.KEY_TYPE_UNSUPPORTED),
        ("DH/dhkey.pem", Detail.KEY_TYPE_UNSUPPORTED),
        ("X25519/x25519-pkcs8.pem", Detail.KEY_TYPE_UNSUPPORTED),
        ("EC/explicit_parameters_private_key.pem", Detail.KEY_TYPE_UNSUPPORTED),
        ("EC/secp128r1_private_key.pem", Detail.KEY_TYPE_UNSUPPORTED),
        ("PKCS8/unknown-oid.der", Detail.KEY_TYPE_UNSUPPORTED),
        ("PKCS8/bad-encryption-oid.pem", Detail.KEY_TYPE_UNSUPPORTED),
        ("PKCS8/enc-unknown-kdf.pem", Detail.KEY_TYPE_UNSUPPORTED),
        ("PKCS8/enc-rsa-pkcs8-pbkdf2-0iter.pem", Detail.DER_DAMAGED),
        ("PKCS8/ec-inconsistent-curve.pem", Detail.DER_DAMAGED),
        ("PKCS8/invalid-version.der", Detail.DER_DAMAGED),
        ("EC/truncated-private-key.der", Detail.DER_DAMAGED),
        ("Traditional_OpenSSL_Serialization/rsa-wrong-version.pem", Detail.DER_DAMAGED),
        ("PEM_Serialization/rsa-bad-1025-q-is-2.pem", Detail.INCONSISTENT),
        ("OpenSSH/ed25519-nopsw.key", Detail.KEY_TYPE_UNSUPPORTED),
        ("PEM_Serialization/rsa_public_key.pem", Detail.WRONG_TYPE),
        ("Traditional_OpenSSL_Serialization/key1-malformed-dek-info.pem", Detail.DER_DAMAGED),
        ("Traditional_OpenSSL_Serialization/key1-malformed-iv.pem", Detail.DER_DAMAGED),
        ("Traditional_OpenSSL_Serialization/key1-short-iv.pem", Detail.DER_DAMAGED),
        ("Traditional_OpenSSL_Serialization/key1-no-dek-info.pem", Detail.DER_DAMAGED),
    ],
)
def test_read_private_key_refuses_published_vectors(path: str, detail: Detail) -> None:
    assert refusal(vector(path), b"password").detail is detail


def test_read_private_key_names_the_conversion_when_it_is_an_openssh_key() -> None:
    assert refusal(vector("OpenSSH/rsa-nopsw.key")).message == (
        f"{WHAT}: this is an OpenSSH key. Convert it with `ssh-keygen -p -m PKCS8 -f FILE`."
    )


def test_read_private_key_says_which_types_are_supported_when_it_is_another() -> None:
    assert refusal(other_key("X25519")).message == (
        f"{WHAT}: the private key is of a type or curve that is not supported; "
        "use RSA, ECDSA, Ed25519, Ed448 or ML-DSA."
    )


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (other_key("ED25519"), "Ed25519"),
        (other_key("ED448"), "Ed448"),
        (ec_key("secp256k1"), "ECDSA secp256k1"),
        (
            mldsa.MLDSA65PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            "ML-DSA-65",
        ),
    ],
)
def test_read_private_key_warns_when_consumers_may_not_know_the_type(key: bytes, name: str) -> None:
    (found,) = read(key).warnings
    assert found.reason is Reason.UNUSUAL_KEY_TYPE
    assert found.message == (
        f"{WHAT}: not every server and client can use {name} keys; try yours before relying on it."
    )


def test_read_private_key_asks_whether_swapped_when_it_is_a_certificate() -> None:
    found = refusal(issued("leaf").certificate)
    assert found.detail is Detail.WRONG_TYPE
    assert found.message == f"{WHAT}: it holds a certificate and no private key. Were certificate and key swapped?"


def test_read_private_key_ignores_certificates_when_a_key_is_there() -> None:
    material = read(issued("leaf").certificate + issued("leaf").key)
    assert matches(material.key, Certificate.from_der(issued("leaf").der))
    (found,) = material.warnings
    assert found.reason is Reason.NORMALIZED
    assert found.message == f"{WHAT}: only the private key is used; beside it stands a certificate."


def test_read_private_key_points_to_the_certificate_field_when_it_is_pkcs12() -> None:
    found = refusal(pki_files.pkcs12(), PASSWORD)
    assert found.detail is Detail.WRONG_TYPE
    assert "it is a PKCS#12 file, which holds certificate and key" in found.message


def test_read_private_key_names_what_it_is_when_it_is_a_request() -> None:
    found = refusal(pki_files.request(EC))
    assert found.detail is Detail.WRONG_TYPE
    assert found.message == f"{WHAT}: it holds a certificate signing request (CSR), not a private key."


def test_read_private_key_counts_them_when_keys_differ() -> None:
    found = refusal(RSA + EC)
    assert found.detail is Detail.SEVERAL_KEYS
    assert found.message == f"{WHAT}: 2 different private keys stand in it; leave the certificate's own."


def test_read_private_key_reads_it_once_when_the_same_key_repeats() -> None:
    assert read(RSA + RSA).key == read(RSA).key


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it is empty; a private key is expected."),
        (b"hello", "no private key was found in 5 bytes: neither PEM, nor DER, nor base64 of either."),
        (EC.split(b"-----BEGIN EC PRIVATE")[0], "no private key stands in it."),
        (
            base64.b64encode(b"something else"),
            "this is base64, but what it decodes to is no private key. Was it cut short, or encoded more than twice?",
        ),
    ],
)
def test_read_private_key_says_so_when_there_is_none(data: bytes, message: str) -> None:
    found = refusal(data)
    assert found.detail is Detail.NO_KEY
    assert found.message == f"{WHAT}: {message}"


def test_read_private_key_says_truncated_when_the_end_line_is_missing() -> None:
    assert refusal(RSA[:-40]).detail is Detail.TRUNCATED


@pytest.mark.parametrize(("bits", "least"), [(1024, 2048), (2048, 3072)])
def test_read_private_key_says_the_size_when_rsa_is_out_of_range(bits: int, least: int) -> None:
    found = refusal(rsa_key(bits), limits=IntakeLimits(rsa_bits_min=least))
    assert found.detail is Detail.LIMIT_EXCEEDED
    assert found.message == f"{WHAT}: an RSA key must have {least} to 8192 bits; this one has {bits}."


def test_read_private_key_accepts_rsa_when_it_has_1024_bits() -> None:
    assert read(rsa_key(1024)).key.size == 1024


def test_read_private_key_says_the_limit_when_the_key_is_huge() -> None:
    huge = encode_pem("PRIVATE KEY", bytes(30_000))
    found = refusal(huge)
    assert found.detail is Detail.LIMIT_EXCEEDED
    assert found.message == f"{WHAT}: a key of 30000 bytes is larger than the 20480 that are read."


@pytest.mark.parametrize("options", [("-v2", "aes-256-cbc"), ("-v1", "PBE-SHA1-3DES")])
def test_read_private_key_derives_nothing_when_the_rounds_are_too_many(options: tuple[str, ...]) -> None:
    file = pem_to_der(encrypted(RSA, *options, "-iter", "65537"))
    assert file.count(b"\x02\x03\x01\x00\x01") == 1
    costly = file.replace(b"\x02\x03\x01\x00\x01", b"\x02\x03\x7f\xff\xff")
    found = refusal(costly, PASSWORD)
    assert found.detail is Detail.LIMIT_EXCEEDED
    assert found.message == (
        f"{WHAT}: its password protection asks for 8388607 rounds of key derivation; at most 1000000 are done. "
        "Encrypt it anew with fewer."
    )


def test_read_private_key_derives_nothing_when_scrypt_asks_for_too_much() -> None:
    found = refusal(encrypted(RSA, "-scrypt", "-scrypt_N", "1024"), PASSWORD, IntakeLimits(kdf_iterations=7000))
    assert found.detail is Detail.LIMIT_EXCEEDED
    assert "asks for 7812 rounds" in found.message


@pytest.mark.parametrize(
    "parameters", ["", "0500", "3000", "30060609" + "00" * 4], ids=["none", "null", "empty", "cut"]
)
def test_read_private_key_says_damaged_when_encryption_parameters_are(parameters: str) -> None:
    algorithm = bytes.fromhex("06092a864886f70d01050d" + parameters)
    file = bytes([0x30, len(algorithm) + 4, 0x30, len(algorithm)]) + algorithm + b"\x04\x00"
    found = refusal(encode_pem("ENCRYPTED PRIVATE KEY", file), PASSWORD)
    assert found.detail is Detail.DER_DAMAGED


def _numbers() -> rsa.RSAPrivateNumbers:
    key = load_pem_private_key(rsa_key(1024), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key.private_numbers()


def _changed(**changes: int) -> rsa.RSAPrivateNumbers:
    numbers = _numbers()
    fields = {name: getattr(numbers, name) for name in ("p", "q", "d", "dmp1", "dmq1", "iqmp")}
    public = rsa.RSAPublicNumbers(
        changes.pop("e", numbers.public_numbers.e), changes.pop("n", numbers.public_numbers.n)
    )
    return rsa.RSAPrivateNumbers(**(fields | changes), public_numbers=public)


def test_is_consistent_holds_when_the_key_is_untouched() -> None:
    assert is_consistent(_numbers())


@pytest.mark.parametrize("name", ["n", "e", "d", "p", "q", "dmp1", "dmq1", "iqmp"])
@pytest.mark.parametrize("step", [2, -2])
def test_is_consistent_fails_when_one_number_is_changed(name: str, step: int) -> None:
    numbers = _numbers()
    value = getattr(numbers.public_numbers if name in "ne" else numbers, name)
    assert not is_consistent(_changed(**{name: value + step}))


@pytest.mark.parametrize("changes", [{"e": 1}, {"e": 2}, {"p": 1}, {"p": 2}, {"q": 0}, {"d": 1}, {"iqmp": -1}])
def test_is_consistent_fails_when_a_number_is_degenerate(changes: dict[str, int]) -> None:
    assert not is_consistent(_changed(**changes))


def test_read_private_key_says_inconsistent_when_crt_values_are_of_another_key() -> None:
    numbers = _changed(dmp1=_numbers().dmp1 + 2)
    mixed = numbers.private_key(unsafe_skip_rsa_key_validation=True)
    found = refusal(mixed.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    assert found.detail is Detail.INCONSISTENT
    assert "the numbers of the RSA key do not fit each other" in found.message


def test_matches_tells_own_certificate_from_others() -> None:
    leaf = Certificate.from_der(issued("leaf").der)
    assert matches(read(issued("leaf").key).key, leaf)
    assert not matches(read(issued("root").key).key, leaf)
    assert not matches(read(RSA).key, leaf)
    assert not matches(read(other_key("ED25519")).key, leaf)


def test_matches_holds_when_certificate_says_rsa_pss() -> None:
    key = other_key("RSA-PSS")
    leaf = Certificate.from_der(issued("leaf", key).der)
    own = read(key).key
    assert (own.algorithm, leaf.public_key.algorithm) == ("RSA", "RSA-PSS")
    assert own.public.spki != leaf.public_key.spki
    assert matches(own, leaf)
    assert not matches(read(RSA).key, leaf)


def test_matches_holds_when_certificate_has_an_explicit_curve() -> None:
    key = ec_key(encoding="explicit")
    leaf = Certificate.from_der(issued("leaf", key).der)
    own = read(key).key
    assert own.public.spki != leaf.public_key.spki
    assert matches(own, leaf)
    assert not matches(read(EC).key, leaf)


def test_same_numbers_fails_when_key_types_differ() -> None:
    assert not same_numbers(read(RSA).key.public, read(EC).key.public)


def test_private_key_survives_the_way_to_a_worker_and_back() -> None:
    key = read(RSA).key
    assert pickle.loads(pickle.dumps(key)) == key  # noqa: S301 - our own bytes
    assert isinstance(key.public, PublicKey)
    with pytest.raises(dataclasses.FrozenInstanceError):
        key.pkcs8 = b""  # type: ignore[misc]


@pytest.mark.parametrize("pem", [RSA, converted(EC), other_key("ED448")])
def test_private_key_hides_itself_when_shown(pem: bytes) -> None:
    material = read(pem)
    for secret in secrets_of(pem):
        assert repr(secret)[2:-1] not in repr(material)
        assert repr(secret)[2:-1] not in str(material.key)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda pem: pem[:-40],
        lambda pem: pem.replace(b"\n", b"\n!", 3),
        lambda pem: pem + EC,
        lambda pem: encode_pem("PRIVATE KEY", pem_to_der(pem)[:-1] + b"\0\0"),
        lambda pem: encode_pem("PRIVATE KEY", pem_to_der(pem)[:-60] + bytes(60)),
        lambda pem: pem_to_der(pem) + b"x",
        lambda pem: b"x" + base64.b64encode(pem_to_der(pem))[1:],
        lambda pem: pem.decode().encode("utf-16"),
    ],
)
def test_errors_hold_no_key_bytes_when_a_key_is_spoilt(spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(MaterialError) as caught:
        read(spoil(RSA))
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.finding) + repr(caught.value)
    for secret in secrets_of(RSA):
        assert repr(secret)[2:-1] not in shown


@settings(max_examples=150)
@given(st.one_of(st.binary(max_size=300), st.binary(max_size=200).map(lambda der: encode_pem("EC PRIVATE KEY", der))))
def test_read_private_key_raises_only_material_errors_whatever_the_bytes(data: bytes) -> None:
    with pytest.raises(MaterialError):
        read(data, b"password")


_FILES = [pem_to_der(PKCS1), pem_to_der(EC), pem_to_der(converted(EC)), pem_to_der(encrypted(EC, "-iter", "2"))]
_FILES += [EC, legacy_encrypted(EC, "ec")]


@settings(max_examples=300)
@given(st.sampled_from(_FILES), st.integers(0, 100_000), st.integers(1, 255), st.booleans())
def test_read_private_key_raises_only_material_errors_when_a_byte_is_changed(
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
        key = read(bytes(damaged), PASSWORD).key
    except MaterialError:
        return
    assert isinstance(key, PrivateKey)
    assert read(key.to_pem()).key == key
