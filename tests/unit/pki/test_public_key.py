"""Keys and signature algorithms: what verifies what."""

import hashlib
import pickle

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, mldsa, padding, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certwright.findings import Detail
from certwright.pki.algorithms import Scheme, read_algorithm
from certwright.pki.der import DerError
from certwright.pki.public_key import KeyTypeError, PublicKey
from tests.support import der_writer as der
from tests.support.pki import ec_key, ed25519_key, rsa_key

SHA256 = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))
PSS_OID = "1.2.840.113549.1.1.10"
SHA256_PSS = der.sequence(
    der.oid(PSS_OID),
    der.sequence(
        der.explicit(0, SHA256),
        der.explicit(1, der.sequence(der.oid("1.2.840.113549.1.1.8"), SHA256)),
        der.explicit(2, der.integer(32)),
    ),
)


def spki_of(key: object) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined, no-any-return]


def algorithm(oid: str, *parameters: bytes) -> bytes:
    return der.sequence(der.oid(oid), *parameters)


def test_keys_are_values() -> None:
    key = PublicKey.from_spki(ec_key("a").spki)
    assert pickle.loads(pickle.dumps(key)) is key  # noqa: S301 - our own bytes
    assert key != PublicKey.from_spki(ec_key("b").spki)
    assert key != key.spki
    assert key.fingerprint == "sha256:" + hashlib.sha256(key.spki).hexdigest()
    assert repr(key) == f"PublicKey('ECDSA P-256', '{key.fingerprint}')"
    assert key.key_bits[:1] == b"\x04"


@pytest.mark.parametrize(
    ("key", "described", "size"),
    [
        (ec.derive_private_key(5, ec.SECP384R1()), "ECDSA P-384", 384),
        (ec.derive_private_key(5, ec.BrainpoolP256R1()), "ECDSA brainpoolP256r1", 256),
        (ed448.Ed448PrivateKey.from_private_bytes(b"x" * 57), "Ed448", 448),
        (mldsa.MLDSA65PrivateKey.from_seed_bytes(b"x" * 32), "ML-DSA-65", 15616),
    ],
)
def test_keys_are_described(key: object, described: str, size: int) -> None:
    read = PublicKey.from_spki(spki_of(key.public_key()))  # type: ignore[attr-defined]
    assert (read.description, read.size) == (described, size)


def test_keys_that_cannot_sign_or_are_unknown_are_refused() -> None:
    exchange = spki_of(x25519.X25519PrivateKey.from_private_bytes(b"x" * 32).public_key())
    unknown = ec_key("a").spki.replace(der.oid("1.2.840.10045.2.1"), der.oid("1.2.840.10045.2.9"))
    for spki in (exchange, unknown):
        with pytest.raises(KeyTypeError) as caught:
            PublicKey.from_spki(spki)
        assert caught.value.detail is Detail.KEY_TYPE_UNSUPPORTED
    for spki in (b"", der.sequence(), der.sequence(der.sequence(), der.bit_string(b"")), ec_key("a").spki[:-1]):
        with pytest.raises(KeyTypeError) as caught:
            PublicKey.from_spki(spki)
        assert caught.value.detail is Detail.DER_DAMAGED
    off_curve = ec_key("a").spki[:-1] + bytes([ec_key("a").spki[-1] ^ 1])
    with pytest.raises(KeyTypeError):
        PublicKey.from_spki(off_curve)


def test_signatures_of_every_scheme_are_verified() -> None:
    message = b"signed"
    pair = rsa_key("a")
    assert isinstance(pair.private, rsa.RSAPrivateKey)
    plain = PublicKey.from_spki(pair.spki)
    restricted = PublicKey.from_spki(_as_pss(pair.spki))
    pss = pair.private.sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    pkcs1 = pair.sign(message)
    pss_algorithm, rsa_algorithm = read_algorithm(SHA256_PSS), read_algorithm(pair.algorithm())
    assert restricted.description == "RSA-PSS 2048"
    assert plain.verifies(pss, message, pss_algorithm)
    assert restricted.verifies(pss, message, pss_algorithm)
    assert plain.verifies(pkcs1, message, rsa_algorithm)
    assert not restricted.verifies(pkcs1, message, rsa_algorithm)
    assert not plain.verifies(pkcs1, b"other", rsa_algorithm)
    for keys in (ec_key("a"), ed25519_key("a")):
        key = PublicKey.from_spki(keys.spki)
        named = read_algorithm(keys.algorithm())
        assert key.verifies(keys.sign(message), message, named)
        assert not key.verifies(b"", message, named)
        assert not key.verifies(pkcs1, message, rsa_algorithm)
        assert not plain.verifies(keys.sign(message), message, named)
    post_quantum = mldsa.MLDSA44PrivateKey.from_seed_bytes(b"x" * 32)
    key = PublicKey.from_spki(spki_of(post_quantum.public_key()))
    assert key.verifies(post_quantum.sign(message), message, read_algorithm(algorithm("2.16.840.1.101.3.4.3.17")))


def _as_pss(spki: bytes) -> bytes:
    bits = PublicKey.from_spki(spki).key_bits
    return der.sequence(algorithm(PSS_OID), der.bit_string(bits))


def test_huge_keys_are_read_and_cost_little() -> None:
    modulus = der.integer((1 << 60_000) + 1)
    bits = der.bit_string(der.sequence(modulus, der.integer(65537)))
    huge = PublicKey.from_spki(der.sequence(algorithm("1.2.840.113549.1.1.1", der.NULL), bits))
    assert huge.size == 60_001
    assert not huge.verifies(b"x" * 7501, b"y", read_algorithm(rsa_key("a").algorithm()))


def test_algorithms_that_nothing_knows_verify_nothing() -> None:
    assert read_algorithm(algorithm("1.2.3.4", der.octets(b"x" * 300))).oid == "1.2.3.4"
    unknown = read_algorithm(algorithm("1.2.3.4", der.octets(b"x")))
    assert (unknown.name, unknown.scheme, unknown.is_broken) == ("1.2.3.4", Scheme.UNKNOWN, False)
    assert not PublicKey.from_spki(ec_key("a").spki).verifies(b"x", b"y", unknown)
    old = read_algorithm(algorithm("1.2.840.113549.1.1.4", der.NULL))
    assert old.is_broken
    assert not PublicKey.from_spki(rsa_key("a").spki).verifies(b"x" * 256, b"y", old)


def test_the_parameters_of_pss_have_defaults() -> None:
    read = read_algorithm(algorithm(PSS_OID, der.sequence()))
    assert (read.name, read.digest, read.mask_digest, read.salt_length) == ("RSA-PSS-SHA1", "SHA-1", "SHA-1", 20)
    trailer = der.sequence(der.explicit(3, der.integer(1)))
    assert read_algorithm(algorithm(PSS_OID, trailer)).digest == "SHA-1"
    assert read_algorithm(SHA256_PSS).name == "RSA-PSS-SHA256"


@pytest.mark.parametrize(
    "damaged",
    [
        der.sequence(),
        algorithm("1.2.840.10045.4.3.2", der.octets(b"x")),
        algorithm(PSS_OID),
        algorithm(PSS_OID, der.sequence(der.NULL)),
        algorithm(PSS_OID, der.sequence(der.explicit(0, der.sequence()))),
        algorithm(PSS_OID, der.sequence(der.explicit(0))),
        algorithm(PSS_OID, der.sequence(der.explicit(1, der.sequence(der.oid("1.2.3"), SHA256)))),
        algorithm(PSS_OID, der.sequence(der.explicit(2, der.integer(-1)))),
        algorithm(PSS_OID, der.sequence(der.explicit(2, der.integer(5000)))),
        algorithm(PSS_OID, der.sequence(der.explicit(3, der.integer(2)))),
    ],
)
def test_damaged_algorithms_are_refused(damaged: bytes) -> None:
    with pytest.raises(DerError):
        read_algorithm(damaged)
