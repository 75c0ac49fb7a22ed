"""What all certificates of a set are measured against besides their own chains: the store, and revocation lists."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from certwright.api.certificateset import ClusterCertificateSetSpec
from certwright.findings import Finding, Reason
from certwright.pki.certificate import Certificate
from certwright.pki.crl import RevocationList
from certwright.reconcile.certificateset.past import read_past
from certwright.reconcile.expiry import find_expiry, first_after, warning_instant
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.trust.lists import find_unchecked, read_lists, revocation_of
from certwright.reconcile.trust.reliance import Trusted, read_trust, speak_of_store
from certwright.validation import KnownRevocation, Options, Revocation, Role, Verdict, validate

WARN_BEFORE_PERCENTAGE = 20
"""The part of a certificate's lifetime that is left when the warning begins, as ImportedCertificates have it."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What verdicts rest on.

    Attributes:
        trusted: whom the store trusts; `None` when the wish names no store, and when there is a problem.
        problem: why nothing can be judged by the store, or by the lists.
        lists: the revocation lists.
        mode: how they are used.
        known: what lists said in earlier passes.
        warnings: about all of it.
    """

    trusted: Trusted | None = None
    problem: Finding | None = None
    lists: tuple[RevocationList, ...] = ()
    mode: Revocation = Revocation.OFF
    known: tuple[KnownRevocation, ...] = ()
    warnings: tuple[Finding, ...] = ()

    def validate(
        self,
        leaf: Certificate,
        others: Iterable[Certificate],
        *,
        at: datetime,
        role: Role,
        dns_names: tuple[str, ...] = (),
    ) -> Verdict:
        """Validate a certificate, up to a CA that the store trusts where the wish names one.

        Args:
            leaf: the certificate.
            others: what was given to build its path from.
            at: the instant.
            role: what it is to be used for.
            dns_names: what it must be valid for.
        """
        if self.problem is not None:
            return Verdict(Reason.NOT_CHECKED, (self.problem,), (), None)
        trusted, given = self.trusted, tuple(others)
        verdict = validate(
            leaf,
            intermediates=(*given, *(trusted.intermediates_above((leaf, *given)) if trusted is not None else ())),
            anchors=trusted.anchors if trusted is not None else None,
            crls=self.lists,
            at=at,
            role=role,
            options=Options(
                dns_names=dns_names,
                revocation=self.mode,
                known_revocations=self.known,
                distrusted=frozenset(trusted.distrusted) if trusted is not None else frozenset(),
            ),
        )
        warns_at = warning_instant(leaf.not_before, leaf.not_after, WARN_BEFORE_PERCENTAGE)
        found, trust_ends = verdict.findings, None
        if trusted is not None:
            found = tuple(speak_of_store(each, trusted) for each in found)
            trust_ends = trusted.end_of(verdict.path)
        return replace(
            verdict,
            findings=(*found, *find_expiry(leaf, warns_at, at)),
            next_change=first_after(at, (verdict.next_change, warns_at, trust_ends)),
        )


def find_basis(spec: ClusterCertificateSetSpec, snapshot: Snapshot, operator_namespace: str) -> Basis:
    """Give what the verdicts on a set rest on at the snapshot's instant."""
    if spec.trust is None:
        return Basis()
    known = read_past(snapshot.subject).known_revocations
    trusted = read_trust(spec, snapshot, operator_namespace)
    if isinstance(trusted, Finding):
        return Basis(problem=trusted, known=known)
    lists = read_lists(spec, snapshot, operator_namespace)
    if isinstance(lists, Finding):
        return Basis(problem=lists, known=known)
    mode = revocation_of(spec, snapshot)
    return Basis(trusted, None, lists, mode, known, tuple(find_unchecked(spec, mode, lists)))
