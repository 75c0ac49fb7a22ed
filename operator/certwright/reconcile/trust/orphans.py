"""Intermediates whose issuers are withdrawn: they go with those, at once, for many programs anchor on what they hold.

No verdict rests on them, since no path through them ends at a trusted root any more. A bundle of roots and
intermediates is read by programs that know no such difference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from certwright.findings import MESSAGE_LIMIT, Finding, Reason, Severity, finding, printable
from certwright.pki.certificate import Certificate
from certwright.reconcile.trust.gathering import Gathered, Sources, Voices
from certwright.reconcile.trust.record import TrustedCertificate
from certwright.reconcile.trust.withdrawal import Withdrawal, remaining

_WHY = "no CA that issued it is trusted any more"


def let_orphans_go(
    sources: Sources, voices: Voices, gathered: Gathered, withdrawals: tuple[Withdrawal, ...]
) -> tuple[Gathered, tuple[Withdrawal, ...]]:
    """Take them out of what is wanted, and add the deployed ones to what is withdrawn.

    They lead to a root of the deployed set that is withdrawn, and to none that is deployed or wanted. One whose issuer
    is nowhere to be seen stays as it is deployed, for its root may be a decision that the store does not select; but
    while anything is withdrawn none is added.
    """
    deployed = sources.deployed.entries if sources.deployed is not None else ()
    rest = remaining(sources, withdrawals)
    helping = {each.fingerprint: each.certificate for each in (*rest, *gathered.entries) if _helps(each)}
    if not helping or not _is_anything_withdrawn(sources, voices, withdrawals):
        return gathered, withdrawals
    alive = _reach(helping, _roots((*rest, *gathered.entries)))
    below = _reach({each.fingerprint: each.certificate for each in deployed if _helps(each)}, _roots(deployed))
    held = {each.fingerprint for each in rest}
    orphans = {each for each in helping if each not in alive and (each in below or each not in held)}
    return (
        replace(
            gathered,
            entries=tuple(each for each in gathered.entries if each.fingerprint not in orphans),
            findings=(*gathered.findings, *_leave_out(gathered, orphans - held)),
        ),
        (*withdrawals, *(Withdrawal(each, _WHY) for each in rest if each.fingerprint in orphans)),
    )


def _is_anything_withdrawn(sources: Sources, voices: Voices, withdrawals: tuple[Withdrawal, ...]) -> bool:
    if withdrawals or voices.distrusted or voices.ended:
        return True
    deployed = sources.deployed
    return deployed is not None and (bool(deployed.distrusts) or any(each.distrusted for each in deployed.entries))


def _leave_out(gathered: Gathered, orphans: Collection[str]) -> Iterator[Finding]:
    for each in gathered.entries:
        if each.fingerprint in orphans:
            text = (
                f"It is left out: TrustDecision {', '.join(each.decisions)}, for the store selects no trusted CA that "
                "issued its certificate, and others are withdrawn. Select the decision about its root as well."
            )
            yield finding(
                Reason.CERTIFICATE_LEFT_OUT,
                printable(text, limit=MESSAGE_LIMIT),
                severity=Severity.WARNING,
                fingerprint=each.fingerprint,
            )


def _helps(entry: TrustedCertificate) -> bool:
    return entry.role == "intermediateCA"


def _roots(entries: Iterable[TrustedCertificate]) -> tuple[Certificate, ...]:
    return tuple(each.certificate for each in entries if not _helps(each))


def _reach(helping: Mapping[str, Certificate], roots: Iterable[Certificate]) -> frozenset[str]:
    """Give the fingerprints of the intermediates from which signatures lead to a root."""
    reached: dict[str, Certificate] = {}
    issuers = tuple(roots)
    while issuers:
        found = {
            fingerprint: each
            for fingerprint, each in helping.items()
            if fingerprint not in reached
            and any(each.issuer == issuer.subject and each.signed_by(issuer) for issuer in issuers)
        }
        reached.update(found)
        issuers = tuple(found.values())
    return frozenset(reached)
