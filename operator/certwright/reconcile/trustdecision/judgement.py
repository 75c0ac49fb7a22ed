"""What the judge of a TrustDecision hands to the planner; values only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from certwright.api.trustdecision import TrustDecisionSpec
from certwright.findings import Finding, Reason, Severity
from certwright.pki.certificate import Certificate
from certwright.validation import KnownRevocation


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on a certificate and on the wish to trust it.

    Attributes:
        spec: the wish; `None` when it cannot be read.
        findings: everything that was found.
        certificate: what was judged; `None` when it cannot be had.
        revoked: what a list said of the certificate, now or before.
        next_change: when the verdict changes by time alone.
        held: time is in doubt, or a list is not at hand: the verdict stands as it is.
    """

    spec: TrustDecisionSpec | None
    findings: tuple[Finding, ...] = ()
    certificate: Certificate | None = None
    revoked: KnownRevocation | None = None
    next_change: datetime | None = None
    held: bool = False

    @property
    def is_wished(self) -> bool:
        """Say whether the CA is wished to be trusted."""
        return self.spec is None or self.spec.trust_state_desired == "trusted"

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that refuse the certificate, or end its time."""
        return errors_of(self.findings)

    def has(self, *reasons: Reason) -> bool:
        """Say whether one of these refuses the certificate."""
        return any(each.reason in reasons for each in self.errors)


def errors_of(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Give the findings that refuse something."""
    return tuple(each for each in findings if each.severity is Severity.ERROR)
