"""Telling the leaf from its chain, and bringing the chain into order, before anything is judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from certwright.findings import Detail, Finding, MaterialError, Reason, finding, warning
from certwright.validation.path_building import key_id_fit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from certwright.pki.certificate import Certificate


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Certificates that were given together, in order.

    Attributes:
        leaf: the one that is judged and served first.
        chain: its issuers, nearest first, by name and key identifier; signatures are checked later.
        unused: what belongs to no issuer of the leaf.
        warnings: what was put right or left out.
    """

    leaf: Certificate
    chain: tuple[Certificate, ...]
    unused: tuple[Certificate, ...]
    warnings: tuple[Finding, ...]

    @property
    def others(self) -> tuple[Certificate, ...]:
        """Everything but the leaf: the `intermediates` of a validation."""
        return self.chain + self.unused


def arrange(
    certificates: Sequence[Certificate], *, key_matches: Callable[[Certificate], bool] | None = None
) -> Arrangement:
    """Find the leaf among `certificates` and sort the others up from it.

    The leaf is the one that matches the private key, else the only one that issues no other, else the first.

    Args:
        certificates: what was given, in any order, with repetitions.
        key_matches: tells whether a certificate is for the private key that was given; None without a key.

    Raises:
        MaterialError: `Unparsable`: there is none, or several leaves that nothing tells apart (`SeveralLeaves`).
    """
    unique = tuple(dict.fromkeys(certificates))
    if not unique:
        raise MaterialError(
            finding(Reason.UNPARSABLE, "there is no certificate. Give one.", detail=Detail.NO_CERTIFICATE)
        )
    leaf = find_leaf(unique, key_matches=key_matches)
    chain = _sort_issuers(leaf, unique)
    unused = tuple(c for c in unique if c != leaf and c not in chain)
    return Arrangement(leaf, chain, unused, tuple(_describe(certificates, unique, (leaf, *chain), unused=unused)))


def find_leaf(
    certificates: Sequence[Certificate], *, key_matches: Callable[[Certificate], bool] | None = None
) -> Certificate:
    """Return the leaf among different `certificates`, by the rule of `arrange`.

    Raises:
        MaterialError: `Unparsable`, `SeveralLeaves`: several could be it; the message names two.
    """
    matching = [certificate for certificate in certificates if key_matches and key_matches(certificate)]
    candidates = matching or list(certificates)
    if len(candidates) == 1:
        return candidates[0]
    issuers = {c.issuer for c in certificates if not c.is_self_issued}
    last = [c for c in candidates if c.subject not in issuers or not (c.is_ca or c.is_self_issued)]
    leaves = [c for c in last if not c.is_ca]
    if len(leaves) > 1:  # a root of version 1 does not say that it is a CA
        leaves = [c for c in leaves if not c.is_self_issued] or leaves
    if len(leaves) > 1:
        message = (
            f"there are {len(leaves)} certificates that issue no other, among them {_name(leaves[0])} and "
            f"{_name(leaves[1])}. Give one leaf and its chain."
        )
        raise MaterialError(finding(Reason.UNPARSABLE, message, detail=Detail.SEVERAL_LEAVES))
    if leaves:
        return leaves[0]
    return last[0] if len(last) == 1 else candidates[0]


def _sort_issuers(leaf: Certificate, certificates: Sequence[Certificate]) -> tuple[Certificate, ...]:
    found: list[Certificate] = []
    waiting = [leaf]
    while waiting:
        current = waiting.pop(0)
        named = [c for c in certificates if c.subject == current.issuer and c != leaf and c not in found]
        fitting = [c for c in named if key_id_fit(current, c) >= 0] or named
        found += fitting
        waiting += fitting
    return tuple(found)


def _describe(
    given: Sequence[Certificate],
    unique: Sequence[Certificate],
    ordered: Sequence[Certificate],
    *,
    unused: Sequence[Certificate],
) -> Iterator[Finding]:
    if len(given) > len(unique):
        yield warning(Reason.DUPLICATE_CERTIFICATE, f"{len(given) - len(unique)} certificates were given twice.")
    if [certificate for certificate in unique if certificate not in unused] != list(ordered):
        yield warning(Reason.REORDERED, "the certificates were not in order; they are served leaf first.")
    leaf, *chain = ordered
    for certificate in chain:
        if certificate.is_self_issued and certificate.signed_by(certificate):
            message = (
                f'the root "{certificate.label}" was given with the chain; it is not served, and not trusted for it.'
            )
            yield warning(Reason.ROOT_REMOVED, message, fingerprint=certificate.fingerprint)
    if not chain and not leaf.is_self_issued:
        return  # the issuer is missing: the verdict lists what was given instead
    for certificate in unused:
        message = f'the certificate "{certificate.label}" is no issuer of "{leaf.label}"; it is not served. Remove it.'
        yield warning(Reason.UNUSED_CERTIFICATE, message, fingerprint=certificate.fingerprint)


def _name(certificate: Certificate) -> str:
    return f'"{certificate.label[:64]}" (serial {certificate.serial_hex[:40]})'
