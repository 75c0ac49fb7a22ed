"""Render what a target Secret stores, and tell whether it is stored already.

A plan carries a recipe; the bytes are made when it is carried out, because PKCS#12 is random by nature. A stored
PKCS#12 file is good as long as it opens with the password and holds what the recipe says, so planning twice plans
nothing. PEM parts are the same bytes every time and are compared as such.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from certwright.findings import MaterialError
from certwright.pki.certificate import Certificate
from certwright.pki.intake import encode_certificates, read_material
from certwright.pki.keys import read_private_key
from certwright.pki.limits import DEFAULT_LIMITS
from certwright.pki.origin import Origin
from certwright.pki.pkcs12 import read_pkcs12, write_pkcs12
from certwright.pki.private_key import PrivateKey, same_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

CERTIFICATE_KEY = "tls.crt"
PRIVATE_KEY_KEY = "tls.key"
CA_KEY = "ca.crt"


@dataclass(frozen=True, slots=True)
class Pkcs12Recipe:
    """One PKCS#12 file of a Secret.

    Attributes:
        data_key: the key of the Secret's data that holds it.
        alias: the friendly name of its entry.
        password: protects it; never part of a digest.
    """

    data_key: str
    alias: str
    password: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SecretRecipe:
    """What a target Secret is to hold.

    Attributes:
        certificates: the leaf, then the intermediates of its path, without the root.
        key: the leaf's private key; None where only certificates are stored.
        ca: the anchors for `ca.crt`; empty, and there is no such key.
        formats: further files of the same contents.
    """

    certificates: tuple[Certificate, ...]
    key: PrivateKey | None = field(default=None, repr=False)
    ca: tuple[Certificate, ...] = ()
    formats: tuple[Pkcs12Recipe, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """What a Secret holds, read back from its PEM parts.

    Attributes:
        leaf: the first certificate of `tls.crt`.
        chain: the others, in their order.
        key: the private key; None where there is none or it cannot be read.
        ca: the certificates of `ca.crt`.
    """

    leaf: Certificate
    chain: tuple[Certificate, ...]
    key: PrivateKey | None = field(default=None, repr=False)
    ca: tuple[Certificate, ...] = ()

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the leaf."""
        return self.leaf.fingerprint


def render(recipe: SecretRecipe, stored: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """Render the data of a Secret; PKCS#12 files in `stored` that still fit are kept byte for byte.

    Raises:
        MaterialError: a password or key that PKCS#12 cannot take.
    """
    present = stored or {}
    data = _render_pem(recipe)
    for wanted in recipe.formats:
        kept = present.get(wanted.data_key, b"")
        data[wanted.data_key] = kept if _holds(kept, wanted, recipe) else _render_format(wanted, recipe)
    return data


def matches_stored(recipe: SecretRecipe, data: Mapping[str, bytes]) -> bool:
    """Tell whether `data` holds all that the recipe says; other keys do not matter.

    PEM parts must be the same bytes. A PKCS#12 file must open with its password and hold the same key, certificates
    and alias.
    """
    pem = _render_pem(recipe)
    if any(data.get(name) != content for name, content in pem.items()):
        return False
    return all(_holds(data.get(wanted.data_key, b""), wanted, recipe) for wanted in recipe.formats)


def managed_keys(recipe: SecretRecipe) -> frozenset[str]:
    """Return the keys of the Secret's data that the recipe fills."""
    names = {CERTIFICATE_KEY, *(wanted.data_key for wanted in recipe.formats)}
    if recipe.key is not None:
        names.add(PRIVATE_KEY_KEY)
    if recipe.ca:
        names.add(CA_KEY)
    return frozenset(names)


def digest(recipe: SecretRecipe) -> str:
    """Return `sha256:` and 64 hexadecimal digits over what is public of the recipe.

    Certificates in order, the key's public half, the anchors, and type, data key and alias of the formats. Never over
    key or password bytes: a digest of a password is an oracle for guessing it.
    """
    public = {
        "certificates": [certificate.fingerprint for certificate in recipe.certificates],
        "key": None if recipe.key is None else recipe.key.public.fingerprint,
        "ca": [certificate.fingerprint for certificate in recipe.ca],
        "formats": [["PKCS12", wanted.data_key, wanted.alias] for wanted in recipe.formats],
    }
    canonical = json.dumps(public, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return "sha256:" + hashlib.sha256(canonical.encode("ascii")).hexdigest()


def read_stored(data: Mapping[str, bytes]) -> Stored | None:
    """Read a Secret back; None when its `tls.crt` is absent or holds no readable certificate.

    A `tls.key` or `ca.crt` that cannot be read counts as absent: this answers what can still be used.
    """
    certificates = _read_certificates(data, CERTIFICATE_KEY)
    if not certificates:
        return None
    return Stored(certificates[0], certificates[1:], _read_key(data), _read_certificates(data, CA_KEY))


def _render_pem(recipe: SecretRecipe) -> dict[str, bytes]:
    data = {CERTIFICATE_KEY: encode_certificates(recipe.certificates)}
    if recipe.key is not None:
        data[PRIVATE_KEY_KEY] = recipe.key.to_pem()
    if recipe.ca:
        data[CA_KEY] = encode_certificates(recipe.ca)
    return data


def _render_format(wanted: Pkcs12Recipe, recipe: SecretRecipe) -> bytes:
    return write_pkcs12(recipe.key, recipe.certificates, alias=wanted.alias, password=wanted.password)


def _holds(stored: bytes, wanted: Pkcs12Recipe, recipe: SecretRecipe) -> bool:
    if not stored:
        return False
    try:
        contents = read_pkcs12(stored, wanted.password, Origin(wanted.data_key), DEFAULT_LIMITS)
    except MaterialError:
        return False
    return (
        contents.certificates == tuple(certificate.der for certificate in recipe.certificates)
        and (contents.alias or "") == wanted.alias
        and _same_key(contents.key, recipe.key)
    )


def _same_key(one: PrivateKey | None, other: PrivateKey | None) -> bool:
    if one is None or other is None:
        return one is other
    return same_numbers(one.public, other.public)


def _read_certificates(data: Mapping[str, bytes], name: str) -> tuple[Certificate, ...]:
    try:
        return read_material(data.get(name, b""), what=f"`{name}`").certificates
    except MaterialError:
        return ()


def _read_key(data: Mapping[str, bytes]) -> PrivateKey | None:
    try:
        return read_private_key(data.get(PRIVATE_KEY_KEY, b""), what=f"`{PRIVATE_KEY_KEY}`").key
    except MaterialError:
        return None
