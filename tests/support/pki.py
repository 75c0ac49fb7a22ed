"""A test PKI that is the same bytes every time: fixed instants, derived keys, counted serial numbers.

>>> root = PKI().root("Corp Root")
>>> issuing = root.issue_ca("Corp Issuing CA 3", path_length=0)
>>> shop = issuing.issue_leaf("shop.example.com")
>>> shop.pem, shop.key_pem, issuing.crl([shop]).pem
"""

from __future__ import annotations

import base64
import hashlib
import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from certwright.pki.certificate import Certificate
from tests.support import der_writer as der
from tests.support import extension_writer as ext

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tests.support.extension_writer import Ext

NOW = datetime(2026, 6, 15, tzinfo=UTC)
"""The instant at which everything made with defaults is valid."""
NOT_BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
NOT_AFTER = datetime(2027, 1, 1, tzinfo=UTC)
CA_NOT_BEFORE = datetime(2025, 1, 1, tzinfo=UTC)
CA_NOT_AFTER = datetime(2035, 1, 1, tzinfo=UTC)
THIS_UPDATE = datetime(2026, 6, 1, tzinfo=UTC)
NEXT_UPDATE = datetime(2026, 7, 1, tzinfo=UTC)

_RSA_KEYS = Path(__file__).parent / "rsa_keys"
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ECDSA_SHA256 = der.sequence(der.oid("1.2.840.10045.4.3.2"))
_RSA_SHA256 = der.sequence(der.oid("1.2.840.113549.1.1.11"), der.NULL)
_RSA_SHA1 = der.sequence(der.oid("1.2.840.113549.1.1.5"), der.NULL)
_ED25519 = der.sequence(der.oid("1.3.101.112"))


@dataclass(frozen=True)
class Key:
    """A private key that signs deterministically."""

    private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

    @cached_property
    def spki(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @cached_property
    def identifier(self) -> bytes:
        return hashlib.sha1(self.spki, usedforsecurity=False).digest()

    @cached_property
    def pem(self) -> str:
        """PKCS#8, unencrypted."""
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def algorithm(self, *, sha1: bool = False) -> bytes:
        if isinstance(self.private, rsa.RSAPrivateKey):
            return _RSA_SHA1 if sha1 else _RSA_SHA256
        return _ED25519 if isinstance(self.private, ed25519.Ed25519PrivateKey) else _ECDSA_SHA256

    def sign(self, data: bytes, *, sha1: bool = False) -> bytes:
        if isinstance(self.private, rsa.RSAPrivateKey):
            digest = hashes.SHA1() if sha1 else hashes.SHA256()  # noqa: S303 - weak on purpose
            return self.private.sign(data, padding.PKCS1v15(), digest)
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.sign(data)
        return self.private.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


@cache
def ec_key(label: str) -> Key:
    """Derive a P-256 key from `label`."""
    secret = int.from_bytes(hashlib.sha256(label.encode()).digest(), "big") % (_P256_ORDER - 1) + 1
    return Key(ec.derive_private_key(secret, ec.SECP256R1()))


@cache
def ed25519_key(label: str) -> Key:
    """Derive an Ed25519 key from `label`."""
    return Key(ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(label.encode()).digest()))


@cache
def rsa_key(which: str = "a") -> Key:
    """Load a committed RSA key: `a`, `b`, `c` have 2048 bits, `weak` has 1024."""
    loaded = load_pem_private_key((_RSA_KEYS / f"{which}.pem").read_bytes(), None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(loaded, rsa.RSAPrivateKey)
    return Key(loaded)


def armor(label: str, data: bytes) -> str:
    """Write PEM: 64 columns, LF."""
    text = base64.b64encode(data).decode()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""))


def sign(tbs: bytes, key: Key, *, sha1: bool = False, outer_algorithm: bytes | None = None) -> bytes:
    """Wrap signed bytes the way certificates and revocation lists are."""
    return der.sequence(tbs, outer_algorithm or key.algorithm(sha1=sha1), der.bit_string(key.sign(tbs, sha1=sha1)))


@dataclass(frozen=True)
class Entity:
    """A certificate and its key; with a CA certificate it can issue others.

    Attributes:
        subject: the encoded name of the holder.
        key: the private key.
        der: the certificate.
        issuer: who issued it; None is itself.
        serial: its serial number.
    """

    subject: bytes
    key: Key
    der: bytes
    serial: int
    issuer: Entity | None = field(default=None, repr=False)
    counter: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False, compare=False)

    @cached_property
    def certificate(self) -> Certificate:
        return Certificate.from_der(self.der)

    @cached_property
    def pem(self) -> str:
        return armor("CERTIFICATE", self.der)

    @property
    def key_pem(self) -> str:
        return self.key.pem

    @property
    def issuers(self) -> list[Entity]:
        """The chain above, nearest first, the root last."""
        return [self.issuer, *self.issuer.issuers] if self.issuer else []

    @property
    def chain_pem(self) -> str:
        """The certificate and the chain above without the root, as a server would send them."""
        return "".join(entity.pem for entity in (self, *self.issuers) if entity.issuer or entity is self)

    def issue_leaf(self, cn: str, **wishes: object) -> Entity:
        """Issue an end-entity certificate; `wishes` are the fields of `Wish`, `dns` defaults to the common name."""
        wish = {"dns": [cn] if "." in cn and " " not in cn else [], **wishes}
        return self.issue(cn, Wish(**wish))  # type: ignore[arg-type]

    def issue_ca(self, cn: str, **wishes: object) -> Entity:
        """Issue a CA certificate."""
        return self.issue(cn, Wish(**{**CA_WISHES, **wishes}))  # type: ignore[arg-type]

    def issue(self, cn: str, wish: Wish) -> Entity:
        return issue(cn, wish, self)

    def crl(self, revoked: Iterable[Entity | int | RevokedEntry] = (), **wishes: object) -> SignedList:
        """Issue a revocation list; `wishes` are the fields of `ListWish`."""
        return issue_list(self, revoked, ListWish(**wishes))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Wish:
    """What a certificate should say; `extensions` replace made ones of the same kind, `without` leaves some out."""

    subject: bytes | None = None
    key: Key | None = None
    serial: int | None = None
    not_before: datetime = NOT_BEFORE
    not_after: datetime = NOT_AFTER
    version: int = 3
    ca: bool | None = None
    path_length: int | None = None
    key_usage: Sequence[str] | None = ("digitalSignature",)
    usages: Sequence[str] | None = ("serverAuth", "clientAuth")
    dns: Sequence[str] = ()
    ips: Sequence[str] = ()
    emails: Sequence[str] = ()
    uris: Sequence[str] = ()
    names: Sequence[bytes] = ()
    extensions: Sequence[Ext] = ()
    without: Sequence[str] = ()
    issuer_name: bytes | None = None
    sign_with: Key | None = None
    sha1: bool = False
    outer_algorithm: bytes | None = None


CA_WISHES = {
    "ca": True,
    "key_usage": ("keyCertSign", "cRLSign"),
    "usages": None,
    "not_before": CA_NOT_BEFORE,
    "not_after": CA_NOT_AFTER,
}


def issue(cn: str, wish: Wish, issuer: Entity | None) -> Entity:
    """Issue a certificate; without `issuer` a self-signed one."""
    subject = wish.subject if wish.subject is not None else der.common_name(cn)
    path = issuer.subject.hex() if issuer else ""
    count = next(issuer.counter) if issuer else 0
    key = wish.key or ec_key(f"{path}/{subject.hex()}/{count}")
    digest = hashlib.sha256(f"{path}/{subject.hex()}/{count}/{wish.not_before}".encode()).digest()
    serial = int.from_bytes(digest[:8], "big") >> 1 | 1 if wish.serial is None else wish.serial
    signer = wish.sign_with or (issuer.key if issuer else key)
    authority = issuer.key if issuer else key
    made = {} if wish.version < 3 else {e.oid: e for e in (*_made(wish, key, authority), *wish.extensions)}
    kept = [e.der for e in made.values() if e.oid not in {ext.OIDS.get(name, name) for name in wish.without}]
    algorithm = signer.algorithm(sha1=wish.sha1)
    tbs = der.sequence(
        der.explicit(0, der.integer(wish.version - 1)) if wish.version > 1 else b"",
        der.integer(serial),
        algorithm,
        wish.issuer_name or (issuer.subject if issuer else subject),
        der.sequence(der.time(wish.not_before), der.time(wish.not_after)),
        subject,
        key.spki,
        der.explicit(3, der.sequence(*kept)) if kept else b"",
    )
    signed = sign(tbs, signer, sha1=wish.sha1, outer_algorithm=wish.outer_algorithm)
    return Entity(subject, key, signed, serial, issuer)


def _made(wish: Wish, key: Key, authority: Key) -> Iterator[Ext]:
    if wish.ca is not None:
        yield ext.basic_constraints(ca=wish.ca, path_length=wish.path_length)
    if wish.key_usage is not None:
        yield ext.key_usage(*wish.key_usage)
    if wish.usages is not None:
        yield ext.extended_key_usage(*wish.usages)
    names = [
        *map(der.dns_name, wish.dns),
        *map(der.ip_address, wish.ips),
        *map(der.email, wish.emails),
        *map(der.uri, wish.uris),
        *wish.names,
    ]
    if names:
        yield ext.subject_alt_names(*names)
    yield ext.subject_key_id(key.identifier)
    if key is not authority:
        yield ext.authority_key_id(authority.identifier)


class PKI:
    """The start: roots, and other self-signed certificates."""

    def root(self, cn: str = "Corp Root", **wishes: object) -> Entity:
        """Make a self-signed CA."""
        return issue(cn, Wish(**{**CA_WISHES, **wishes}), None)  # type: ignore[arg-type]

    def self_signed(self, cn: str, **wishes: object) -> Entity:
        """Make a self-signed end-entity certificate."""
        return issue(cn, Wish(**{"dns": [cn] if "." in cn else [], **wishes}), None)  # type: ignore[arg-type]


@dataclass(frozen=True)
class RevokedEntry:
    """One entry of a revocation list; `reason` is a number of RFC 5280 §5.3.1."""

    serial: int
    date: datetime = THIS_UPDATE
    reason: int | None = None
    extensions: Sequence[Ext] = ()


@dataclass(frozen=True)
class ListWish:
    """What a revocation list should say."""

    this_update: datetime = THIS_UPDATE
    next_update: datetime | None = NEXT_UPDATE
    number: int | None = 1
    delta_base: int | None = None
    extensions: Sequence[Ext] = ()
    without: Sequence[str] = ()
    version: int = 2
    issuer_name: bytes | None = None
    sign_with: Key | None = None


@dataclass(frozen=True)
class SignedList:
    """A revocation list."""

    der: bytes

    @cached_property
    def pem(self) -> str:
        return armor("X509 CRL", self.der)


def issue_list(issuer: Entity, revoked: Iterable[Entity | int | RevokedEntry], wish: ListWish) -> SignedList:
    signer = wish.sign_with or issuer.key
    made: list[Ext] = []
    if wish.version > 1:
        made.append(ext.authority_key_id(signer.identifier))
        if wish.number is not None:
            made.append(ext.crl_number(wish.number))
        if wish.delta_base is not None:
            made.append(ext.delta_crl_indicator(wish.delta_base))
    chosen = {e.oid: e for e in (*made, *wish.extensions)}
    kept = [e.der for e in chosen.values() if e.oid not in {ext.OIDS.get(name, name) for name in wish.without}]
    entries = [_entry(item) for item in revoked]
    tbs = der.sequence(
        der.integer(wish.version - 1) if wish.version > 1 else b"",
        signer.algorithm(),
        wish.issuer_name or issuer.subject,
        der.time(wish.this_update),
        der.time(wish.next_update) if wish.next_update else b"",
        der.sequence(*entries) if entries else b"",
        der.explicit(0, der.sequence(*kept)) if kept else b"",
    )
    return SignedList(sign(tbs, signer))


def _entry(item: Entity | int | RevokedEntry) -> bytes:
    if isinstance(item, Entity):
        item = item.serial
    if isinstance(item, int):
        item = RevokedEntry(item)
    extensions = [*item.extensions]
    if item.reason is not None:
        extensions.append(ext.reason_code(item.reason))
    return der.sequence(
        der.integer(item.serial),
        der.time(item.date),
        der.sequence(*(e.der for e in extensions)) if extensions else b"",
    )
