"""TrustDecision: one CA, trusted or not."""

from __future__ import annotations

from certwright.api.kind import MESSAGE_COLUMN, READY_COLUMNS, Column, Kind
from certwright.api.trustdecision_spec import TrustDecisionSpec
from certwright.api.trustdecision_status import TrustDecisionStatus

__all__ = ["TRUST_DECISION", "TrustDecisionSpec", "TrustDecisionStatus"]

TRUST_DECISION = Kind(
    name="TrustDecision",
    plural="trustdecisions",
    short_name="trustdec",
    scope="Namespaced",
    description=(
        "TrustDecision decides whether one CA is trusted, optionally until a date. Stores gather the trusted ones into "
        "bundles. A CA that is withdrawn (`trustStateDesired: untrusted`), past `trustUntil`, expired or revoked "
        "leaves every store and every verdict at once; trouble with its material never takes out what is deployed."
    ),
    spec=TrustDecisionSpec,
    status=TrustDecisionStatus,
    columns=(
        *READY_COLUMNS,
        Column("State", ".status.trustState", "trusted, untrusted or expired."),
        Column("Deployed", ".status.deployStatus", "DEPLOY_PENDING, DEPLOYED or DELETE_PENDING."),
        Column("CN", ".status.cn", "The name of the CA."),
        Column("Expires", ".status.expiryTimestamp", "When the certificate of the CA expires."),
        Column("TrustUntil", ".spec.trustUntil", "After this instant the CA counts as untrusted.", priority=1),
        Column("Use", ".spec.certUse", "rootCA or intermediateCA.", priority=1),
        MESSAGE_COLUMN,
    ),
)
