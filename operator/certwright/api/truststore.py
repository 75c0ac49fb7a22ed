"""TrustStore and ClusterTrustStore: the CAs that are trusted together, as a numbered revision."""

from __future__ import annotations

from certwright.api.kind import MESSAGE_COLUMN, READY_COLUMNS, Column, Kind
from certwright.api.truststore_spec import ClusterTrustStoreSpec, TrustStoreSpec
from certwright.api.truststore_status import TrustStoreStatus

__all__ = ["CLUSTER_TRUST_STORE", "TRUST_STORE", "ClusterTrustStoreSpec", "TrustStoreSpec", "TrustStoreStatus"]

_COLUMNS = (
    *READY_COLUMNS,
    Column("CAs", ".status.certificates", "How many certificates are deployed.", type="integer"),
    Column("Progress", ".status.rollout.percentComplete", "How many targets hold them, in per cent.", type="integer"),
    Column("Mode", ".spec.deployment.mode", "Automatic, or Manual: changes wait for approval.", priority=1),
    Column("Pending", ".status.pending.id", "The change that waits for approval.", priority=1),
    Column("Deployed", ".status.deployedRevision", "What is deployed.", priority=1),
    MESSAGE_COLUMN,
)

TRUST_STORE = Kind(
    name="TrustStore",
    plural="truststores",
    short_name="tstore",
    scope="Namespaced",
    description=(
        "TrustStore gathers the trusted TrustDecisions of its namespace, and public roots if wished, into a revision, "
        "deploys it at once or after approval, and keeps ConfigMaps and Secrets of the namespace equal to it. What is "
        "added waits for approval in mode `Manual`; what is withdrawn never waits."
    ),
    spec=TrustStoreSpec,
    status=TrustStoreStatus,
    columns=_COLUMNS,
)

CLUSTER_TRUST_STORE = Kind(
    name="ClusterTrustStore",
    plural="clustertruststores",
    short_name="ctruststore",
    scope="Cluster",
    description=(
        "ClusterTrustStore gathers the trusted TrustDecisions of one namespace, and public roots if wished, into a "
        "revision, deploys it at once or after approval, and keeps ConfigMaps in every selected namespace, and a "
        "ClusterTrustBundle, equal to it. What is added waits for approval in mode `Manual`; what is withdrawn never "
        "waits."
    ),
    spec=ClusterTrustStoreSpec,
    status=TrustStoreStatus,
    columns=_COLUMNS,
)
