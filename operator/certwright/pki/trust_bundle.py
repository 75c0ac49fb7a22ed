"""Trust bundles: the certificates that a trust store hands out, as PEM and as PKCS#12.

A bundle is made of parsed certificates, never of the text they came in, each once and sorted by digest: the same set
is the same bytes. PKCS#12 is random by nature, so a plan carries a recipe, and a stored file that opens with the
password and holds what it should is kept byte for byte.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from certwright.findings import MaterialError
from certwright.pki.intake import encode_certificates, read_material
from certwright.pki.limits import IntakeLimits
from certwright.pki.origin import Origin
from certwright.pki.pkcs12 import read_trust_store, write_trust_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from certwright.pki.certificate import Certificate

BUNDLE_LIMITS = IntakeLimits(certificates=4096)
"""The limits on a bundle of our own: as many certificates as fit into the largest file."""

BundleFormat = Literal["PEM", "PKCS12"]
"""The forms of a bundle."""

_MOST_REMEMBERED = 8  # one bundle goes to a thousand namespaces
_SUBJECT_LIMIT = 200
_ALIAS_DIGITS = 32  # 128 bits: Java overwrites an entry whose alias comes twice, so nobody may be able to make one
_ALIAS_NAME_LIMIT = 32
_NOT_IN_ALIAS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class BundleRecipe:
    """One data key of a target of a trust store.

    Attributes:
        certificates: in any order, repetition makes no difference.
        data_key: the key of the object's data that holds the bundle.
        format: `PEM`, or `PKCS12`: a trust store in the form Java reads.
        password: protects a PKCS#12 file; never part of a digest.
        comments: whether each certificate of a PEM bundle has a line above it that names subject and expiry.
    """

    certificates: tuple[Certificate, ...]
    data_key: str
    format: BundleFormat = "PEM"
    password: bytes | None = field(default=None, repr=False)
    comments: bool = True


def render_bundle(certificates: Iterable[Certificate], *, comments: bool) -> bytes:
    """Write certificates as PEM (RFC 7468): 64 columns, LF, each once, sorted by the SHA-256 of the DER.

    With `comments` a line `# <subject> until <YYYY-MM-DD>` stands above each, in ASCII, for there are programs that
    read nothing else. Without, the text is blocks and nothing else, as a ClusterTrustBundle demands it.
    """
    return _render_bundle(_arrange(certificates), comments=comments)


def parse_bundle(text: bytes, *, what: str = "the bundle") -> tuple[Certificate, ...]:
    """Read the certificates of a bundle in its order, each once; text between the blocks is overlooked.

    An empty bundle is none. `what` names the source for messages.

    Raises:
        MaterialError: `Unparsable` or `Undecodable`, as `read_material` says.
    """
    return read_material(text, what=what, limits=BUNDLE_LIMITS).certificates if text.strip() else ()


def render_trust_store(certificates: Iterable[Certificate], password: bytes) -> bytes:
    """Write certificates as a PKCS#12 trust store: each once, sorted, trusted for everything by Java.

    Aliases are made of name and fingerprint: the same certificate has the same alias in every file.

    Raises:
        MaterialError: `InvalidRequest` for a password that is empty or not UTF-8, or for no certificate at all.
    """
    return write_trust_store(_entries(certificates), password=password)


def holds_trust_store(data: bytes, certificates: Iterable[Certificate], password: bytes) -> bool:
    """Tell whether `data` opens with the password and holds exactly these certificates under our aliases."""
    if not data:
        return False
    try:
        found = read_trust_store(data, password, Origin("the trust store"), BUNDLE_LIMITS)
    except MaterialError:
        return False
    return sorted(found) == sorted((alias, certificate.der) for alias, certificate in _entries(certificates).items())


def render_target(recipe: BundleRecipe, stored: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """Render the data of a target; a PKCS#12 file in `stored` that still fits is kept byte for byte.

    Raises:
        MaterialError: as for `render_trust_store`.
    """
    kept = (stored or {}).get(recipe.data_key, b"")
    if recipe.format == "PEM":
        return {recipe.data_key: render_bundle(recipe.certificates, comments=recipe.comments)}
    password = recipe.password or b""
    if holds_trust_store(kept, recipe.certificates, password):
        return {recipe.data_key: kept}
    return {recipe.data_key: render_trust_store(recipe.certificates, password)}


def target_matches(recipe: BundleRecipe, data: Mapping[str, bytes]) -> bool:
    """Tell whether `data` holds what the recipe says; other keys do not matter.

    PEM must be the same bytes; a PKCS#12 file must open with its password and hold the same certificates.
    """
    found = data.get(recipe.data_key)
    if found is None:
        return False
    if recipe.format == "PEM":
        return found == render_bundle(recipe.certificates, comments=recipe.comments)
    return holds_trust_store(found, recipe.certificates, recipe.password or b"")


def target_digest(recipe: BundleRecipe) -> str:
    """Return `sha256:` and 64 hexadecimal digits over what is public of the recipe.

    Fingerprints, data key, format and comments; never the password, whose digest would be an oracle for guessing it.
    """
    public = {
        "certificates": sorted({certificate.fingerprint for certificate in recipe.certificates}),
        "data_key": recipe.data_key,
        "format": recipe.format,
        "comments": recipe.comments,
    }
    canonical = json.dumps(public, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return "sha256:" + hashlib.sha256(canonical.encode("ascii")).hexdigest()


def managed_keys(recipe: BundleRecipe) -> frozenset[str]:
    """Return the keys of the object's data that the recipe fills."""
    return frozenset({recipe.data_key})


def _arrange(certificates: Iterable[Certificate]) -> tuple[Certificate, ...]:
    unique = {certificate.fingerprint: certificate for certificate in certificates}
    return tuple(unique[fingerprint] for fingerprint in sorted(unique))


@lru_cache(maxsize=_MOST_REMEMBERED)
def _render_bundle(arranged: tuple[Certificate, ...], *, comments: bool) -> bytes:
    if not comments:
        return encode_certificates(arranged)
    return b"".join(_comment(certificate) + encode_certificates((certificate,)) for certificate in arranged)


def _comment(certificate: Certificate) -> bytes:
    # RFC 4514 has escaped what does not print, line ends among it. It may write any character as a pair of
    # hexadecimal digits: here what is not ASCII, and the second of two hyphens, for a subject must not look like a
    # BEGIN line.
    subject = certificate.subject.rfc4514.replace("--", "-\\2D") or "(empty name)"
    octets = "".join(
        char if char.isascii() else "".join(f"\\{octet:02X}" for octet in char.encode()) for char in subject
    )
    if len(octets) > _SUBJECT_LIMIT:
        octets = octets[:_SUBJECT_LIMIT] + "..."
    return f"# {octets} until {certificate.not_after.date().isoformat()}\n".encode("ascii")


def _entries(certificates: Iterable[Certificate]) -> dict[str, Certificate]:
    return {_alias(certificate): certificate for certificate in _arrange(certificates)}


def _alias(certificate: Certificate) -> str:
    # Java compares aliases without case.
    digits = certificate.fingerprint.removeprefix("sha256:")[:_ALIAS_DIGITS]
    name = _NOT_IN_ALIAS.sub("-", certificate.label.lower())[:_ALIAS_NAME_LIMIT].strip("-")
    return f"{name}-{digits}" if name else digits
