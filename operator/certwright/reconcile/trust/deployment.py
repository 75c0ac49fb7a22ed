"""The next deployment of a store: the record that is written before anything of it shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from certwright.reconcile.trust.change import Difference, compare
from certwright.reconcile.trust.gathering import Gathered
from certwright.reconcile.trust.record import Distrust, TrustedCertificate, TrustRecord


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is deployed next.

    Attributes:
        record: it is written before the status names it.
        difference: of the CAs that are trusted, for the history. There may be none: then another decision stands behind
            a CA by now, another certificate is distrusted, or one that was goes; targets follow the record in any case.
        approved: `spec.deployment.approved` names the change, and is used up by it.
    """

    record: TrustRecord
    difference: Difference
    approved: bool = False


def deploy(
    before: TrustRecord | None,
    entries: tuple[TrustedCertificate, ...],
    public_roots: str | None,
    *,
    distrusts: tuple[Distrust, ...] = (),
    void: Iterable[str] = (),
    approved: str | None = None,
) -> Deployment | None:
    """Make a record of these CAs; `None` when what is deployed is just this.

    Args:
        before: what is deployed.
        entries: what is to be.
        public_roots: the version of the public roots among them.
        distrusts: what no path may lead through.
        void: the ids of changes whose approval counts no more, besides those that the record before has.
        approved: the id of the change, when it was approved.
    """
    said = (entries, public_roots, distrusts)
    if before is not None and said == (before.entries, before.public_roots, before.distrusts):
        return None
    number, old, consumed = (before.number, before.entries, before.consumed) if before is not None else (0, (), ())
    used = (*consumed, *void, *((approved,) if approved is not None else ()))
    record = TrustRecord(number + 1, entries, public_roots, tuple(dict.fromkeys(used)), distrusts)
    return Deployment(record, compare(old, entries), approved is not None)


def attribute(entries: Iterable[TrustedCertificate], gathered: Gathered) -> tuple[TrustedCertificate, ...]:
    """Say of CAs that stay deployed as they are who stands behind them now.

    That is no change of trust, and nobody approves it: it lets a decision go in whose place another stands, and trouble
    of that other takes nothing out. A CA that nobody speaks for any more keeps the names it was deployed under.
    """
    wanted = {each.fingerprint: each for each in gathered.entries}
    return tuple(
        replace(each, decisions=wanted[each.fingerprint].decisions, public=wanted[each.fingerprint].public)
        if each.fingerprint in wanted
        else each
        for each in entries
    )
