"""Read private keys in every form that people have them in.

Forms: PKCS#8, PKCS#1 and SEC1, as PEM or DER, plain or encrypted with a password that is given; kept as PKCS#8. No
error and no `repr` holds key bytes, and none chains the parser's own exception.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

from certwright.findings import Detail, Finding, MaterialError, Reason
from certwright.pki.derivation import UnknownSchemeError, count_rounds, too_many_rounds, wrong_password
from certwright.pki.envelope import EncodedObject, Envelope, open_envelope, remark_repairs
from certwright.pki.limits import DEFAULT_LIMITS, IntakeLimits
from certwright.pki.objects import ObjectKind
from certwright.pki.origin import Origin
from certwright.pki.pem import encode_pem
from certwright.pki.private_key import (
    PARSER_ERRORS,
    PrivateKey,
    adopt_key,
    matches,
    remark_type,
    unsupported_key,
)
from certwright.pki.tlv import INTEGER, SEQUENCE, TlvError, read_tlv, tags

__all__ = ["KeyMaterial", "PrivateKey", "load_key", "matches", "read_private_key"]

_SIGNING_ALGORITHMS = frozenset(
    {
        "1.2.840.113549.1.1.1",  # rsaEncryption
        "1.2.840.113549.1.1.10",  # id-RSASSA-PSS
        "1.2.840.10045.2.1",  # id-ecPublicKey
        "1.3.101.112",  # Ed25519
        "1.3.101.113",  # Ed448
        "2.16.840.1.101.3.4.3.17",  # ML-DSA-44
        "2.16.840.1.101.3.4.3.18",  # ML-DSA-65
        "2.16.840.1.101.3.4.3.19",  # ML-DSA-87
    }
)
_ENCRYPTION_HEADER = re.compile(r"DEK-Info: {0,8}([A-Z0-9-]{1,16}), {0,8}([0-9A-Fa-f]{1,64})")
_VECTOR_DIGITS = {"DES-CBC": 16, "DES-EDE3-CBC": 16, "AES-128-CBC": 32, "AES-192-CBC": 32, "AES-256-CBC": 32}
_KEY_KINDS = (ObjectKind.PRIVATE_KEY, ObjectKind.ENCRYPTED_KEY)


@dataclass(frozen=True, slots=True)
class KeyMaterial:
    """A private key and what was remarkable about its file."""

    key: PrivateKey
    warnings: tuple[Finding, ...] = ()


def read_private_key(
    data: bytes, *, what: str, password: bytes | None = None, limits: IntakeLimits = DEFAULT_LIMITS
) -> KeyMaterial:
    """Read the one private key of a file; `what` names the field for messages.

    Parameter blocks and certificates beside the key are skipped.

    Raises:
        MaterialError: with reason `KeyInvalid` and detail `NoKey`, `SeveralKeys`, `WrongType`, `Encrypted`,
            `WrongPassword`, `KeyTypeUnsupported`, `LimitExceeded`, `Inconsistent`, or one of a damaged file.
    """
    origin = Origin(what, Reason.KEY_INVALID, "private key", Detail.NO_KEY)
    envelope = open_envelope(data, origin, limits)
    key = load_key(_pick_key(envelope, origin), password, origin, limits=limits)
    warnings = (*remark_repairs(envelope.repairs, origin), *_remark_others(envelope, origin))
    return KeyMaterial(key, (*warnings, *remark_type(key, origin)))


def load_key(item: EncodedObject, password: bytes | None, origin: Origin, *, limits: IntakeLimits) -> PrivateKey:
    """Decrypt if need be, parse and check one key object.

    Raises:
        MaterialError: as for `read_private_key`, with the reason of `origin`.
    """
    if len(item.der) > limits.key_bytes:
        raise origin.refusal(
            Detail.LIMIT_EXCEEDED,
            f"a key of {len(item.der)} bytes is larger than the {limits.key_bytes} that are read.",
        )
    if item.label == "OPENSSH PRIVATE KEY":
        raise origin.refusal(
            Detail.KEY_TYPE_UNSUPPORTED, "this is an OpenSSH key. Convert it with `ssh-keygen -p -m PKCS8 -f FILE`."
        )
    if item.kind is ObjectKind.ENCRYPTED_KEY:
        return adopt_key(_decrypt(item, password, origin, limits), origin, limits)
    if not _is_for_signing(item.der):
        raise unsupported_key(origin)
    try:
        loaded = load_der_private_key(item.der, None, unsafe_skip_rsa_key_validation=True)
    except UnsupportedAlgorithm:
        raise unsupported_key(origin) from None
    except PARSER_ERRORS:
        raise origin.refusal(
            Detail.DER_DAMAGED, "the private key cannot be decoded, or its private and public parts contradict."
        ) from None
    return adopt_key(loaded, origin, limits)


def _is_for_signing(der: bytes) -> bool:
    # Looked at before the library is: it would work on Diffie-Hellman groups of any size.
    try:
        fields = read_tlv(der).children()
        if tags(fields)[:2] == [INTEGER, SEQUENCE]:  # PKCS#8, RFC 5958 §2
            return fields[1].children()[0].identifier() in _SIGNING_ALGORITHMS
    except (TlvError, IndexError):
        pass  # the parser says what is wrong
    return True


def _decrypt(item: EncodedObject, password: bytes | None, origin: Origin, limits: IntakeLimits) -> object:
    if not password:
        raise origin.refusal(
            Detail.ENCRYPTED,
            "the private key is encrypted and no password is given. Name its Secret in `passwordRef`, or decrypt the "
            "key with `openssl pkey`.",
        )
    legacy = _legacy_pem(item, origin) if item.headers else None
    if legacy is None:
        _bound_derivation(item.der, origin, limits)
    try:
        if legacy is not None:
            return load_pem_private_key(legacy, password, unsafe_skip_rsa_key_validation=True)
        return load_der_private_key(item.der, password, unsafe_skip_rsa_key_validation=True)
    except UnsupportedAlgorithm:
        raise unsupported_key(origin) from None
    except PARSER_ERRORS:
        raise wrong_password(password, "the private key", origin) from None


def _bound_derivation(der: bytes, origin: Origin, limits: IntakeLimits) -> None:
    try:
        rounds = count_rounds(read_tlv(der).children()[0])
    except (TlvError, IndexError):
        raise origin.refusal(Detail.DER_DAMAGED, "the encrypted private key cannot be decoded.") from None
    except UnknownSchemeError:
        raise origin.refusal(
            Detail.KEY_TYPE_UNSUPPORTED,
            "the private key is encrypted in a way that is not supported. Convert it with `openssl pkcs8 -topk8`.",
        ) from None
    if rounds > limits.kdf_iterations:
        raise too_many_rounds(rounds, origin, limits)


def _legacy_pem(item: EncodedObject, origin: Origin) -> bytes:
    # RFC 1421 §4.6.1: the headers stand between BEGIN and an empty line. The library aborts on an initialisation
    # vector that is too short, so it only sees one of the right length.
    match = next(filter(None, map(_ENCRYPTION_HEADER.fullmatch, item.headers)), None)
    if match is None or len(match[2]) != _VECTOR_DIGITS.get(match[1]):
        raise origin.refusal(
            Detail.DER_DAMAGED,
            "the header of the encrypted private key (`DEK-Info`) is damaged, or names a cipher that is not supported.",
        )
    begin, body = encode_pem(item.label, item.der).split(b"\n", 1)
    headers = f"Proc-Type: 4,ENCRYPTED\nDEK-Info: {match[1]},{match[2]}\n\n"
    return begin + b"\n" + headers.encode("ascii") + body


def _pick_key(envelope: Envelope, origin: Origin) -> EncodedObject:
    found = {item.der: item for item in envelope.objects if item.kind in _KEY_KINDS}
    if len(found) > 1:
        raise origin.refusal(
            Detail.SEVERAL_KEYS, f"{len(found)} different private keys stand in it; leave the certificate's own."
        )
    if found:
        return next(iter(found.values()))
    raise _no_key(envelope, origin)


def _no_key(envelope: Envelope, origin: Origin) -> MaterialError:
    kinds = envelope.kinds()
    if kinds & {ObjectKind.CERTIFICATE, ObjectKind.TRUSTED_CERTIFICATE}:
        return origin.refusal(
            Detail.WRONG_TYPE, "it holds a certificate and no private key. Were certificate and key swapped?"
        )
    if ObjectKind.PKCS12 in kinds:
        return origin.refusal(
            Detail.WRONG_TYPE,
            "it is a PKCS#12 file, which holds certificate and key; name it as the certificate, with its password.",
        )
    others = sorted(kinds - {ObjectKind.PARAMETERS, ObjectKind.UNKNOWN})
    if others:
        return origin.refusal(Detail.WRONG_TYPE, f"it holds {' and '.join(others)}, not a private key.")
    return origin.refusal(Detail.NO_KEY, "no private key stands in it.")


def _remark_others(envelope: Envelope, origin: Origin) -> tuple[Finding, ...]:
    others = sorted(envelope.kinds() - {*_KEY_KINDS, ObjectKind.PARAMETERS})
    if not others:
        return ()
    return (
        origin.remark(Reason.NORMALIZED, f"only the private key is used; beside it stands {' and '.join(others)}."),
    )
