"""Decisions and a store to stage with, without any cluster: what is deployed is packed and read again every time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from certwright.api.model import dump
from certwright.api.selector import LabelSelector
from certwright.api.truststore_status import PendingChange
from certwright.findings import Finding
from certwright.pki.certificate import Certificate
from certwright.reconcile.questions import PublicRootsAnswer
from certwright.reconcile.trust.change import describe_pending
from certwright.reconcile.trust.deployed import anchors_at
from certwright.reconcile.trust.gathering import Candidate, Sources
from certwright.reconcile.trust.record import TrustRecord, pack_record, unpack_record
from certwright.reconcile.trust.staging import Staging, StagingRequest, stage
from certwright.reconcile.trust.stance import Stance, Standing
from tests.support.pki import NOW, PKI

EXPIRING = NOW + timedelta(days=30)
ROOTS = tuple(PKI().root(f"Root {number}").certificate for number in range(5))
SHORT = PKI().root("Short Root", not_after=EXPIRING).certificate
INTERMEDIATE = PKI().root("Root 0").issue_ca("Issuing CA").certificate
PUBLIC = tuple(PKI().root(f"Public Root {number}").certificate for number in range(3))
SELECTED = {"trust": "corporate"}
SELECTOR = LabelSelector(match_labels=SELECTED)


def decide(
    name: str,
    certificate: Certificate = ROOTS[0],
    standing: Standing = Standing.TRUSTED,
    *,
    selected: bool = True,
    material: Certificate | Finding | None = None,
    read: bool = True,
    **said: Any,
) -> Candidate:
    """Make a decision about a certificate.

    `material` replaces what is read, `read` says whether anything is, and `said` are further fields of its `Stance`.
    """
    labels = SELECTED if selected else {}
    said = {"role": "rootCA", "fingerprint": certificate.fingerprint, "labels": labels, **said}
    stance = Stance(name, f"uid-{name}", standing, **said)
    return Candidate(stance, (material or certificate) if read else None)


@dataclass
class Shop:
    """A store: it stages and deploys what it may, as often as it is told to."""

    manual: bool = False
    allow_empty: bool = False
    approved: str | None = None
    public: PublicRootsAnswer | None = None
    closed: Finding | None = None
    selector: LabelSelector | None = SELECTOR
    now: datetime = NOW
    clock_doubted: bool = False
    record: TrustRecord | None = None
    pending: PendingChange | None = None
    void: tuple[str, ...] = ()
    history: list[Staging] = field(default_factory=list)

    def request(self, candidates: Iterable[Candidate]) -> StagingRequest:
        """Say what staging is made from now."""
        sources = Sources(
            tuple(candidates), self.selector, self.public, self.closed, self.record, self.now, self.clock_doubted
        )
        return StagingRequest(sources, self.manual, self.approved, self.allow_empty, self.pending, self.void)

    def look(self, *candidates: Candidate) -> Staging:
        """Stage, and deploy nothing."""
        return stage(self.request(candidates))

    def deploy(self, *candidates: Candidate) -> Staging:
        """Stage, deploy what is to be deployed, and see that nothing is left to do."""
        staged = self.look(*candidates)
        if staged.deployment is not None:
            self.record = reread(staged.deployment.record)
        self.pending = show(staged)
        self.void = staged.void
        again = self.look(*candidates)
        assert again.deployment is None
        assert again.withdrawals == ()
        assert (again.pending, again.leaving, again.void) == (staged.pending, staged.leaving, staged.void)
        self.history.append(staged)
        return staged

    def approve(self, *candidates: Candidate) -> Staging:
        """Approve what is pending, and deploy it."""
        waiting = self.look(*candidates).pending
        assert waiting is not None
        self.approved = waiting.id
        return self.deploy(*candidates)

    @property
    def anchors(self) -> tuple[Certificate, ...]:
        """What verdicts may rest on."""
        return anchors_at(self.record, self.now) if self.record is not None else ()

    @property
    def bundle(self) -> tuple[Certificate, ...]:
        """What targets hold."""
        return tuple(each.certificate for each in self.record.entries) if self.record is not None else ()


def reread(record: TrustRecord) -> TrustRecord:
    """Pack a record as it is kept, and read it again."""
    parts, digest = pack_record(record, 700)
    read = unpack_record(parts, digest)
    assert read == record
    return read


def show(staged: Staging) -> PendingChange | None:
    """Write the pending change to a status, and read it again."""
    if staged.pending is None:
        return None
    return PendingChange.model_validate(dump(describe_pending(staged.pending)))


def mozilla(*certificates: Certificate, version: str = "2026.05.01") -> PublicRootsAnswer:
    """Give public roots."""
    return PublicRootsAnswer(certificates, version)


def labels(certificates: Iterable[Certificate]) -> list[str]:
    """Name certificates, for messages of tests."""
    return sorted(each.label for each in certificates)
