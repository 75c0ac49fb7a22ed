"""Building paths: from the target up to an anchor, every way there is, likely ones first (RFC 5280 §6.1, RFC 4158)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from certwright.pki.certificate import Certificate
    from certwright.pki.names import Name
    from certwright.pki.public_key import PublicKey
    from certwright.validation.work import Work

Path = tuple["Certificate", ...]
"""Certificates from the target up."""


class Ending(Enum):
    """Why a path goes no further."""

    ANCHOR = "an anchor is reached"
    TOP = "the end of what was given, and nothing more is required"
    UNTRUSTED_ROOT = "self-signed, and not an anchor"
    ISSUER_UNKNOWN = "the issuer is not among what was given"
    SIGNATURE = "the issuers of that name did not sign it"
    TOO_LONG = "more intermediates than allowed"


@dataclass(frozen=True, slots=True)
class Trail:
    """A path and why it ends where it ends."""

    path: Path
    ending: Ending

    @property
    def is_complete(self) -> bool:
        """Tell whether the path ends where paths should."""
        return self.ending in (Ending.ANCHOR, Ending.TOP)


class Pool:
    """The certificates that a path can be made of, found by name.

    Order and repetition of what is given make no difference.
    """

    def __init__(self, intermediates: Iterable[Certificate], anchors: Iterable[Certificate] | None) -> None:
        """Index the given certificates; `anchors` None means that paths need not end at one."""
        self.anchors = frozenset(anchors or ())
        self.needs_anchor = anchors is not None
        self._anchor_keys = {(anchor.subject, anchor.public_key) for anchor in self.anchors}
        self._by_subject: dict[Name, list[Certificate]] = {}
        for certificate in self.anchors | frozenset(intermediates):
            self._by_subject.setdefault(certificate.subject, []).append(certificate)

    def is_anchor_target(self, target: Certificate) -> bool:
        """Tell whether a path to `target` is complete with itself: an anchor, or its name and key (RFC 5280 §6.1)."""
        return (target.subject, target.public_key) in self._anchor_keys

    def named(self, name: Name) -> list[Certificate]:
        """List the certificates of that subject, anchors among them."""
        return self._by_subject.get(name, [])

    def issuers(self, certificate: Certificate, at: datetime) -> list[Certificate]:
        """List the candidates for the issuer of `certificate`: key identifier fits, anchor, valid at `at`, first."""
        return sorted(
            self.named(certificate.issuer),
            key=lambda issuer: (
                -key_id_fit(certificate, issuer),
                issuer not in self.anchors,
                not issuer.not_before <= at <= issuer.not_after,
                issuer.fingerprint,
            ),
        )


def key_id_fit(certificate: Certificate, issuer: Certificate) -> int:
    """Compare key identifiers (RFC 5280 §4.2.1.1): 1 equal, 0 one is absent, -1 different."""
    authority = certificate.authority_key_id
    if authority is None or authority.key_id is None or issuer.subject_key_id is None:
        return 0
    return 1 if authority.key_id == issuer.subject_key_id else -1


def build_paths(target: Certificate, pool: Pool, work: Work) -> Iterator[Trail]:
    """Yield every path from `target`, depth first: complete ones and dead ends; none holds a name and key twice.

    Each step is a verified signature between equal names (RFC 5280 §6.1.3 (a)(1), (a)(4)).

    Raises:
        BudgetError: a limit on candidates, signatures or paths is exceeded.
    """
    if pool.is_anchor_target(target):
        yield Trail((target,), Ending.ANCHOR)
        return
    yield from _extend((target,), {(target.subject, target.public_key)}, pool, work=work)


def _extend(path: Path, seen: set[tuple[Name, PublicKey]], pool: Pool, *, work: Work) -> Iterator[Trail]:
    top = path[-1]
    if len(path) > 1 and top in pool.anchors:
        yield Trail(path, Ending.ANCHOR)
        return
    extended = forged = False
    for issuer in pool.issuers(top, work.at):
        work.spend("candidates")
        step = (issuer.subject, issuer.public_key)
        if step in seen:
            continue
        if not work.is_signed_by(top, issuer):
            forged = forged or key_id_fit(top, issuer) >= 0
            continue
        extended = True
        if len(path) > work.limits.intermediates and issuer not in pool.anchors:
            yield Trail((*path, issuer), Ending.TOO_LONG)
            continue
        yield from _extend((*path, issuer), seen | {step}, pool, work=work)
    if not extended:
        yield Trail(path, _dead_end(top, pool, work=work, forged=forged))


def _dead_end(top: Certificate, pool: Pool, *, work: Work, forged: bool) -> Ending:
    if claims_self_signed(top):
        if not work.is_signed_by(top, top):
            return Ending.SIGNATURE
        return Ending.UNTRUSTED_ROOT if pool.needs_anchor else Ending.TOP
    if forged:
        return Ending.SIGNATURE
    return Ending.ISSUER_UNKNOWN if pool.needs_anchor else Ending.TOP


def claims_self_signed(certificate: Certificate) -> bool:
    """Tell whether names and key identifiers say that a certificate is signed with its own key (RFC 5280 §3.2)."""
    return certificate.is_self_issued and key_id_fit(certificate, certificate) >= 0
