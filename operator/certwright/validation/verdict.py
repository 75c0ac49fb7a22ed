"""The outcome of a validation: all findings, and the worst of them as the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from certwright.findings import Finding, Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from certwright.pki.certificate import Certificate
    from certwright.validation.options import KnownRevocation

_WORST_FIRST = (
    Reason.VALIDATION_ERROR,
    Reason.UNPARSABLE,
    Reason.UNDECODABLE,
    Reason.NOT_YET_VALID,
    Reason.EXPIRED,
    Reason.INVALID_SELF_SIGNED,
    Reason.USAGE_MISMATCH,
    Reason.NAME_MISSING,
    Reason.ISSUER_NOT_FOUND,
    Reason.CHAIN_INVALID,
    Reason.REVOKED,
    Reason.CRL_INVALID,
    Reason.CRL_ISSUER_NOT_FOUND,
    Reason.CRL_ISSUER_NOT_AUTHORIZED,
    Reason.CRL_NOT_VALID,
    Reason.CRL_EXPIRED,
    Reason.CRL_ERROR,
)
"""The order of the checks: parse, decode, dates, self-signature, usage, issuer, chain, revocation."""
_RANK = {reason: rank for rank, reason in enumerate(_WORST_FIRST)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a validation found out.

    Attributes:
        reason: `VALID`, or the reason of the worst error.
        findings: everything that was found, errors first, the worst of them at the front.
        path: the certificates from the target up: to the anchor, or as far as they could be followed. Of a path
            that failed the one that got furthest.
        next_change: the earliest instant at which the verdict can differ when no input changes; None is never.
        anchor: the trusted certificate at the end of `path`; None without a trust store and when none was reached.
        revocations: certificates that were looked at and are revoked, to be remembered for the next validation.
    """

    reason: Reason
    findings: tuple[Finding, ...]
    path: tuple[Certificate, ...]
    next_change: datetime | None
    anchor: Certificate | None = None
    revocations: tuple[KnownRevocation, ...] = ()

    @property
    def is_valid(self) -> bool:
        """Tell whether nothing refuses the target."""
        return self.reason is Reason.VALID

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that refuse the target."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)

    @property
    def intermediates(self) -> tuple[Certificate, ...]:
        """What a server sends after the target: the path without target, anchor and self-signed top."""
        above = self.path[1:]
        if above and (self.anchor is not None or above[-1].is_self_issued):
            above = above[:-1]
        return above


def rank_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return each finding once: errors before warnings, the worst error first, else in the order found."""
    unique = dict.fromkeys(findings)
    return tuple(
        sorted(unique, key=lambda item: (item.severity is not Severity.ERROR, _RANK.get(item.reason, len(_RANK))))
    )


def worst_reason(findings: Iterable[Finding]) -> Reason:
    """Return the reason of the worst error, or `VALID` when there is none."""
    ranked = rank_findings(findings)
    return ranked[0].reason if ranked and ranked[0].severity is Severity.ERROR else Reason.VALID
