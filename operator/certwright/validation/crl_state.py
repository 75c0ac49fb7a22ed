"""What a revocation list is worth by itself, whoever it is about: structure, critical extensions, dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from certwright.findings import Detail, Finding, Reason, finding, printable, warning

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from certwright.pki.crl import RevocationList
    from certwright.validation.options import Options

_LABEL_LENGTH = 48
_WORST_KNOWN_FIRST = (
    Reason.CRL_EXPIRED,
    Reason.CRL_NOT_VALID,
    Reason.CRL_ISSUER_NOT_AUTHORIZED,
    Reason.CRL_ISSUER_NOT_FOUND,
    Reason.CRL_INVALID,
    Reason.CRL_ERROR,
)
_OUTSIDE = {Detail.SCOPE, Detail.CRL_MISSING}


def name_crl(crl: RevocationList) -> str:
    """Name a list in a sentence: by its issuer and its instant."""
    return f'the revocation list of "{printable(crl.issuer.label, limit=_LABEL_LENGTH)}" of {crl.this_update:%Y-%m-%d}'


def find_defects(crl: RevocationList, options: Options) -> Iterator[Finding]:
    """Find what makes a list unusable by its structure: `CRLInvalid` (RFC 5280 §5.1, §5.2)."""
    for defect in crl.defects:
        yield finding(Reason.CRL_INVALID, f"{name_crl(crl)} is invalid: {defect}.", fingerprint=crl.fingerprint)
    if crl.next_update is None and options.strict_crl:
        message = f"{name_crl(crl)} is invalid: it does not say when the next one comes."
        yield finding(Reason.CRL_INVALID, message, fingerprint=crl.fingerprint)


def find_oddities(crl: RevocationList, options: Options) -> Iterator[Finding]:
    """Find what breaks RFC 5280 §5.2 and is tolerated: warnings."""
    odd = []
    if crl.next_update is None and not options.strict_crl:
        odd.append("does not say when the next one comes")
    if crl.number is None:
        odd.append("has no number")
    elif crl.number_critical:
        odd.append("marks its number as critical")
    for what in odd:
        yield warning(Reason.CRL_INVALID, f"{name_crl(crl)} {what}; it is used.", fingerprint=crl.fingerprint)


def find_unknown(crl: RevocationList) -> Iterator[Finding]:
    """Find critical extensions of the list or of any entry that are not known (RFC 5280 §5.2, §5.3)."""
    for oid in crl.critical_unknown:
        message = f"{name_crl(crl)} cannot be used: it has the critical extension {oid}, which is not known."
        yield finding(
            Reason.CRL_NOT_VALID, message, detail=Detail.CRITICAL_EXTENSION_UNKNOWN, fingerprint=crl.fingerprint
        )


def find_not_yet_valid(crl: RevocationList, at: datetime) -> Iterator[Finding]:
    """Find that a list is from the future."""
    if crl.this_update > at:
        message = f"{name_crl(crl)} cannot be used: it is not valid before {crl.this_update:%Y-%m-%d %H:%M:%S} UTC."
        yield finding(Reason.CRL_NOT_VALID, message, detail=Detail.CRL_NOT_YET_VALID, fingerprint=crl.fingerprint)


def find_expired(crl: RevocationList, at: datetime) -> Iterator[Finding]:
    """Find that a newer list should be there; the last instant is inclusive."""
    if crl.next_update is not None and at > crl.next_update:
        message = f"{name_crl(crl)} expired on {crl.next_update:%Y-%m-%d %H:%M:%S} UTC. Fetch the present one."
        yield finding(Reason.CRL_EXPIRED, message, fingerprint=crl.fingerprint)


def most_advanced(failures: list[Finding]) -> Finding:
    """Return the failure that got furthest in the checks; one about another scope says least."""
    return min(
        failures, key=lambda item: (item.detail in _OUTSIDE, _WORST_KNOWN_FIRST.index(item.reason), item.message)
    )
