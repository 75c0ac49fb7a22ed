"""RevocationSource: a revocation list that the verdicts of its namespace use."""

from __future__ import annotations

from certwright.api.kind import MESSAGE_COLUMN, READY_COLUMNS, Column, Kind
from certwright.api.revocationsource_spec import RevocationSourceSpec
from certwright.api.revocationsource_status import RevocationSourceStatus

__all__ = ["REVOCATION_SOURCE", "RevocationSourceSpec", "RevocationSourceStatus"]

REVOCATION_SOURCE = Kind(
    name="RevocationSource",
    plural="revocationsources",
    short_name="revsrc",
    scope="Namespaced",
    description=(
        "RevocationSource takes a certificate revocation list (CRL, RFC 5280), inline, from a Secret or ConfigMap, or "
        "from a URL, and validates it. ImportedCertificates of the same namespace use it when their "
        "`spec.trust.revocation` is `Prefer` or `Require`. A list that is bad, or older than the one in use, is "
        "refused with a reason and a fix, and the one in use stays in use, also when the URL cannot be reached."
    ),
    spec=RevocationSourceSpec,
    status=RevocationSourceStatus,
    columns=(
        *READY_COLUMNS,
        Column("NextUpdate", ".status.nextUpdate", "The last instant at which the list in use holds."),
        Column("Entries", ".status.entries", "How many certificates the list names.", type="integer", priority=1),
        Column("CRLNumber", ".status.crlNumber", "The number of the list in use.", priority=1),
        Column("Fetched", ".status.fetchedTime", "When the list in use was fetched.", priority=1),
        MESSAGE_COLUMN,
    ),
)
