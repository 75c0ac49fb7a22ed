"""Staging: what decisions and public roots make now, what of it is deployed next, and what waits for approval.

What is added waits for approval in mode `Manual`; what is withdrawn never waits; trouble takes nothing out and adds
nothing. Everything here is pure: the same sources give the same bytes, in whatever order they come.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from certwright.api.truststore_status import CHANGE_LIMIT, PendingChange
from certwright.findings import Finding, Reason, Severity, finding
from certwright.pki.certificate import Certificate
from certwright.reconcile.trust.blocking import find_block
from certwright.reconcile.trust.change import Change, change_id, compare, find_authors
from certwright.reconcile.trust.deployment import Deployment, attribute, deploy
from certwright.reconcile.trust.distrust import find_distrusts
from certwright.reconcile.trust.gathering import Gathered, Sources, Voices, end_of, gather, hear
from certwright.reconcile.trust.orphans import let_orphans_go
from certwright.reconcile.trust.record import NO_END, Distrust, TrustedCertificate, TrustRecord, revision_of
from certwright.reconcile.trust.withdrawal import (
    Withdrawal,
    find_withdrawals,
    has_roots,
    keep_from_empty,
    remaining,
)

_NAMED = 3  # of the CAs in a message


@dataclass(frozen=True, slots=True)
class StagingRequest:
    """What staging is made from.

    Attributes:
        manual: `spec.deployment.mode` is `Manual`.
        approved: `spec.deployment.approved`.
        allow_empty: `spec.allowEmpty`.
        former: `status.pending`, the change that waited after the pass before.
        void: `status.record.void`.
    """

    sources: Sources
    manual: bool = False
    approved: str | None = None
    allow_empty: bool = False
    former: PendingChange | None = None
    void: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Staging:
    """The outcome of staging. `pending`, `leaving` and `void` are as they hold once `deployment` is deployed.

    Attributes:
        entries: what is wanted now, sorted by fingerprint.
        revision: of these: `status.stagedRevision`.
        public_roots: the version of the public roots among them.
        withdrawals: the deployed CAs that nothing may rest on from now on.
        deployment: what is to be deployed; `None` when what is deployed is as it should be.
        pending: the change that waits, for approval or for the end of what blocks it.
        blocked: why nothing but withdrawals is deployed, approved or not: the sources are closed, `EmptyBundle`, or the
            bundle would be too large.
        leaving: fingerprints of the deployed CAs that are due to go (see `deployed.write_marks`).
        distrusts: what no path may lead through, as the record has it.
        void: `status.record.void`, as it is to be.
        next_change: the next instant at which any of this changes by time alone.
        findings: all of them, `blocked` included; `ApprovalPending` is not among them.
    """

    entries: tuple[TrustedCertificate, ...]
    revision: str
    public_roots: str | None = None
    withdrawals: tuple[Withdrawal, ...] = ()
    deployment: Deployment | None = None
    pending: Change | None = None
    blocked: Finding | None = None
    leaving: frozenset[str] = frozenset()
    distrusts: tuple[Distrust, ...] = ()
    void: tuple[str, ...] = ()
    next_change: datetime | None = None
    findings: tuple[Finding, ...] = ()


def stage(request: StagingRequest) -> Staging:
    """Say what is wanted, what is deployed next, and what waits."""
    sources = request.sources
    voices = hear(sources)
    gathered = gather(sources, voices)
    wanted = frozenset(each.fingerprint for each in gathered.entries)
    withdrawals = find_withdrawals(sources, voices, wanted)
    gathered, withdrawals = let_orphans_go(sources, voices, gathered, withdrawals)
    wanted = frozenset(each.fingerprint for each in gathered.entries)
    rest = remaining(sources, withdrawals)
    change = _find_change(request, gathered, rest)
    blocked = find_block(sources, gathered.entries, rest, allow_empty=request.allow_empty)
    is_approved = change is not None and change.id == request.approved
    goes = blocked is None and (change is None or is_approved or not request.manual)
    void = _find_void(request, voices, change)
    trusted = wanted if goes else frozenset(each.fingerprint for each in rest)
    distrusts = find_distrusts(sources, voices, trusted, may_end=goes)
    deployment = None
    if goes:
        entries = keep_from_empty(gathered.entries, sources, allow_empty=request.allow_empty)
        used = request.approved if is_approved else None
        deployment = deploy(
            sources.deployed, entries, gathered.public_roots, distrusts=distrusts, void=void, approved=used
        )
    elif sources.deployed is not None:
        entries = attribute(keep_from_empty(rest, sources, allow_empty=request.allow_empty), gathered)
        deployment = deploy(sources.deployed, entries, sources.deployed.public_roots, distrusts=distrusts, void=void)
    record = deployment.record if deployment is not None else sources.deployed
    in_force = record.entries if record is not None else ()
    in_use = {each.fingerprint for each in in_force if not each.distrusted}
    return Staging(
        entries=gathered.entries,
        revision=revision_of(gathered.entries),
        public_roots=gathered.public_roots,
        withdrawals=tuple(each for each in withdrawals if each.entry.fingerprint not in in_use),
        deployment=deployment,
        pending=None if goes else change,
        blocked=blocked,
        leaving=frozenset(each.fingerprint for each in in_force if each.fingerprint not in wanted),
        distrusts=distrusts,
        void=() if deployment is not None else void,
        next_change=_find_next_change(sources, voices, (*gathered.entries, *in_force)),
        findings=_find_findings(gathered, in_force, blocked),
    )


def restore_record(staging: Staging, revision: str, number: int, approved: str | None) -> TrustRecord | None:
    """Make the record of a deployment anew that was lost: only when exactly the same CAs are staged again.

    Which approvals were used is lost with it. The one that the spec names may have been, and counts no more.

    Args:
        staging: made with nothing deployed.
        revision: what the status says is deployed.
        number: of the new record.
        approved: `spec.deployment.approved`.

    Returns:
        `None` when something else is staged, or no root.
    """
    if staging.revision != revision or not has_roots(staging.entries):
        return None
    used = staging.deployment.record.consumed if staging.deployment is not None else staging.void
    consumed = tuple(dict.fromkeys((*used, *((approved,) if approved is not None else ()))))
    return TrustRecord(number, staging.entries, staging.public_roots, consumed, staging.distrusts)


def _find_change(request: StagingRequest, gathered: Gathered, rest: tuple[TrustedCertificate, ...]) -> Change | None:
    deployed = request.sources.deployed
    difference = compare(attribute(rest, gathered), gathered.entries)
    if not difference:
        return None
    used = {*request.void, *(deployed.consumed if deployed is not None else ())}
    stances = {each.stance.name: each.stance for each in request.sources.candidates}
    brings_roots = any(each.public for each in (*difference.added, *difference.removed))
    identity = change_id(revision_of(rest) if deployed is not None else None, revision_of(gathered.entries), used)
    known = request.former.authors if request.former is not None else ()
    is_same = request.former is not None and request.former.id == identity
    return Change(
        identity,
        difference,
        # Those who stood behind a CA until now have to do with the change as much as those who do from now on.
        find_authors(compare(rest, gathered.entries), stances, known, is_same=is_same),
        gathered.public_roots if brings_roots else None,
    )


def _find_void(request: StagingRequest, voices: Voices, change: Change | None) -> tuple[str, ...]:
    """Add the change that waited before, when a withdrawal of what it adds has ended it.

    An approval of it may be under way, or come late: it must not count once the CA is trusted again.
    """
    former = request.former
    if former is None or former.id in request.void or (change is not None and change.id == former.id):
        return request.void
    withdrawn = voices.distrusted.keys() | voices.ended_fingerprints
    is_cut = (former.added_count or 0) > len(former.added)
    if withdrawn.isdisjoint(each.fingerprint for each in former.added) and not (is_cut and withdrawn):
        return request.void
    return (*request.void, former.id)[-CHANGE_LIMIT:]


def _find_next_change(sources: Sources, voices: Voices, entries: tuple[TrustedCertificate, ...]) -> datetime | None:
    instants = (each for each in _list_instants(sources, voices, entries) if sources.now < each < NO_END)
    return min(instants, default=None)


def _list_instants(sources: Sources, voices: Voices, entries: tuple[TrustedCertificate, ...]) -> Iterator[datetime]:
    for entry in entries:
        yield entry.ends
    for root in sources.public.certificates if sources.public is not None else ():
        yield root.not_before
    for candidate in voices.selected.values():
        until = end_of(candidate.stance)
        if until is not None:
            yield until
        if isinstance(candidate.material, Certificate):
            yield candidate.material.not_before


def _find_findings(
    gathered: Gathered, entries: tuple[TrustedCertificate, ...], blocked: Finding | None
) -> tuple[Finding, ...]:
    distrusted = [each.certificate.label for each in entries if each.distrusted]
    found = [] if blocked is None else [blocked]
    if distrusted:
        named = ", ".join(f'"{each}"' for each in distrusted[:_NAMED])
        text = (
            f"The last CAs of the bundle ({len(distrusted)}) are withdrawn. They stay in it, for programs that read an "
            "empty bundle fail; verdicts do not rest on them. Add the CA that takes their place, or set "
            f"`spec.allowEmpty`. Among them: {named}."
        )
        found.append(finding(Reason.ANCHORS_DISTRUSTED, text, severity=Severity.WARNING))
    return (*found, *gathered.findings)
