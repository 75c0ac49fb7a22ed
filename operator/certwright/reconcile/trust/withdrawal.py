"""What leaves a deployed set at once, without waiting for anybody, and what the set would be empty without."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from certwright.reconcile.trust.gathering import Sources, Voices, is_over
from certwright.reconcile.trust.record import TrustedCertificate


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A deployed CA that nothing may rest on any more.

    Attributes:
        why: half a sentence for people: `TrustDecision old-root distrusts it`.
    """

    entry: TrustedCertificate
    why: str


def find_withdrawals(sources: Sources, voices: Voices, wanted: frozenset[str]) -> tuple[Withdrawal, ...]:
    """Give the deployed CAs that are withdrawn: distrusted, past their end, or deployed under a say that has ended.

    Args:
        sources: what is deployed, and the time.
        voices: who says what.
        wanted: fingerprints of what is wanted now.
    """
    found = []
    for entry in sources.deployed.entries if sources.deployed is not None else ():
        why = None if entry.distrusted else _find_why(entry, sources, voices, wanted)
        if why is not None:
            found.append(Withdrawal(entry, why))
    return tuple(found)


def remaining(sources: Sources, withdrawals: Iterable[Withdrawal]) -> tuple[TrustedCertificate, ...]:
    """Give what is deployed and still trusted."""
    gone = {each.entry.fingerprint for each in withdrawals}
    entries = sources.deployed.entries if sources.deployed is not None else ()
    return tuple(each for each in entries if not each.distrusted and each.fingerprint not in gone)


def has_roots(entries: Iterable[TrustedCertificate]) -> bool:
    """Say whether a set has an anchor; a bundle of it is empty without."""
    return any(each.role == "rootCA" and not each.distrusted for each in entries)


def keep_from_empty(
    entries: Collection[TrustedCertificate], sources: Sources, *, allow_empty: bool
) -> tuple[TrustedCertificate, ...]:
    """Add to a set without an anchor the deployed ones that are withdrawn, as distrusted, unless it may be empty.

    Programs that read an empty bundle fail in worse ways than one that rely on a CA too many; verdicts rely on none.
    """
    if allow_empty or has_roots(entries):
        return tuple(entries)
    held = [
        replace(each, distrusted=True)
        for each in (sources.deployed.entries if sources.deployed is not None else ())
        if each.role == "rootCA" and each.fingerprint not in {other.fingerprint for other in entries}
    ]
    return tuple(sorted((*entries, *held), key=lambda each: each.fingerprint))


def _find_why(entry: TrustedCertificate, sources: Sources, voices: Voices, wanted: frozenset[str]) -> str | None:
    if entry.fingerprint in voices.distrusted:
        return f"TrustDecision {voices.distrusted[entry.fingerprint]} distrusts it"
    if is_over(entry, sources):
        return "its `trustUntil` has passed" if entry.ends == entry.trust_until else "it has expired"
    if entry.fingerprint in wanted:
        return None
    ended = voices.ended.intersection(entry.decisions)
    if ended or entry.fingerprint in voices.ended_fingerprints:
        return "the `trustUntil` of its TrustDecision has passed, or it has expired"
    # The decision speaks of another certificate by now, and still: nobody is left who trusts this one.
    withdrawing = voices.withdrawing.intersection(entry.decisions)
    return f"TrustDecision {min(withdrawing)} is untrusted" if withdrawing else None
