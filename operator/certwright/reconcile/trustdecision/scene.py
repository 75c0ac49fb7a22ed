"""What a status is told from: the judgement, how the object stands, and where the CA is deployed."""

from __future__ import annotations

from dataclasses import dataclass

from certwright.dialects.root_certificates import validation_code
from certwright.dialects.trust_state import TrustState
from certwright.findings import Reason
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.trustdecision.deployment import Deployment
from certwright.reconcile.trustdecision.judgement import Judgement
from certwright.reconcile.trustdecision.past import Past
from certwright.reconcile.trustdecision.standing import Standing


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that is known when a pass is about to say it.

    Attributes:
        state: trusted, untrusted or expired.
    """

    judgement: Judgement
    state: TrustState
    standing: Standing
    deployment: Deployment
    past: Past
    snapshot: Snapshot

    @property
    def validation(self) -> int:
        """The code of the certificate; -1 when none was judged."""
        reasons = [each.reason for each in self.judgement.errors]
        if self.judgement.certificate is None and not self.judgement.held:
            reasons.append(Reason.NOT_CHECKED)
        return validation_code(reasons)
