from __future__ import annotations

import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.findings import Detail, MaterialError, Reason
from certwright.pki.generate import DEFAULT_SIZES, choose_size, generate_key
from certwright.pki.keys import read_private_key
from tests.support.pki_files import openssl, secrets_of


@pytest.mark.parametrize(
    ("algorithm", "size", "description", "shown"),
    [
        ("ECDSA", None, "ECDSA P-256", "Private-Key: (256 bit)"),
        ("ECDSA", 256, "ECDSA P-256", "NIST CURVE: P-256"),
        ("ECDSA", 384, "ECDSA P-384", "NIST CURVE: P-384"),
        ("ECDSA", 521, "ECDSA P-521", "NIST CURVE: P-521"),
        ("RSA", None, "RSA 2048", "Private-Key: (2048 bit, 2 primes)"),
        ("RSA", 2056, "RSA 2056", "Private-Key: (2056 bit, 2 primes)"),
        ("RSA", 3072, "RSA 3072", "publicExponent: 65537 (0x10001)"),
        ("Ed25519", None, "Ed25519", "ED25519 Private-Key:"),
        ("Ed25519", 256, "Ed25519", "ED25519 Private-Key:"),
    ],
)
def test_generate_key_makes_what_openssl_reads(algorithm: str, size: int | None, description: str, shown: str) -> None:
    key = generate_key(algorithm, size)
    assert (key.algorithm, key.public.description) == (algorithm, description)
    assert key.size == choose_size(algorithm, size)
    pem = key.to_pem()
    assert pem.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert read_private_key(pem, what="`tls.key`").key == key
    assert shown in openssl("pkey", "-noout", "-text", "-check", stdin=pem).decode()
    assert openssl("pkcs8", "-topk8", "-nocrypt", "-outform", "DER", stdin=pem) == key.pkcs8


@pytest.mark.parametrize(("algorithm", "size"), [("ECDSA", 256), ("RSA", 2048), ("Ed25519", None)])
def test_generate_key_makes_another_key_each_time(algorithm: str, size: int | None) -> None:
    assert generate_key(algorithm, size).public != generate_key(algorithm, size).public


@pytest.mark.parametrize("size", [2048, 2056, 4096, 8184, 8192])
def test_choose_size_takes_whole_octets_when_the_key_is_rsa(size: int) -> None:
    assert choose_size("RSA", size) == size


@pytest.mark.parametrize(
    ("algorithm", "size", "message"),
    [
        ("RSA", 1024, "`size` must be from 2048 to 8192 and a multiple of 8 for RSA; it is 1024."),
        ("RSA", 2047, "`size` must be from 2048 to 8192 and a multiple of 8 for RSA; it is 2047."),
        ("RSA", 4095, "`size` must be from 2048 to 8192 and a multiple of 8 for RSA; it is 4095."),
        ("RSA", 8200, "`size` must be from 2048 to 8192 and a multiple of 8 for RSA; it is 8200."),
        ("RSA", 256, "`size` must be from 2048 to 8192 and a multiple of 8 for RSA; it is 256."),
        ("ECDSA", 2048, "`size` must be 256, 384 or 521 for ECDSA; it is 2048."),
        ("ECDSA", 0, "`size` must be 256, 384 or 521 for ECDSA; it is 0."),
        ("Ed25519", 255, "`size` must be 256 or left out for Ed25519; it is 255."),
    ],
)
def test_generate_key_refuses_when_the_algorithm_has_no_such_size(algorithm: str, size: int, message: str) -> None:
    with pytest.raises(MaterialError) as caught:
        generate_key(algorithm, size)
    found = caught.value.finding
    assert (found.reason, found.detail) == (Reason.INVALID_REQUEST, Detail.LIMIT_EXCEEDED)
    assert found.message == f"{message} Make a new object with another size."


@given(st.text(max_size=10).filter(lambda text: text not in DEFAULT_SIZES), st.none() | st.integers())
def test_choose_size_refuses_when_the_algorithm_is_unknown(algorithm: str, size: int | None) -> None:
    with pytest.raises(MaterialError) as caught:
        choose_size(algorithm, size)
    found = caught.value.finding
    assert (found.reason, found.detail) == (Reason.INVALID_REQUEST, Detail.KEY_TYPE_UNSUPPORTED)
    assert found.message == "`algorithm` must be `ECDSA`, `RSA` or `Ed25519`. Make a new object with one of them."


def test_generate_key_comes_back_when_called_in_another_process() -> None:
    program = (
        "import pickle, sys; func, args = pickle.load(sys.stdin.buffer); pickle.dump(func(*args), sys.stdout.buffer)"
    )
    call = pickle.dumps((generate_key, ("ECDSA", 384)))
    answer = subprocess.run([sys.executable, "-c", program], input=call, capture_output=True, check=True).stdout
    key = pickle.loads(answer)  # noqa: S301 - our own bytes
    assert read_private_key(key.to_pem(), what="`tls.key`").key == key


def test_generate_key_hides_the_key_when_shown() -> None:
    key = generate_key("ECDSA")
    for secret in secrets_of(key.to_pem()):
        assert repr(secret)[2:-1] not in repr(key)
