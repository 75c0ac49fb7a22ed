"""ClusterCertificateSet: several certificates in several namespaces, all of them replaced or none."""

from __future__ import annotations

from certwright.api.certificateset_spec import ClusterCertificateSetSpec
from certwright.api.certificateset_status import ClusterCertificateSetStatus
from certwright.api.kind import MESSAGE_COLUMN, READY_COLUMNS, Column, Kind

__all__ = ["CLUSTER_CERTIFICATE_SET", "ClusterCertificateSetSpec", "ClusterCertificateSetStatus"]

CLUSTER_CERTIFICATE_SET = Kind(
    name="ClusterCertificateSet",
    plural="clustercertificatesets",
    short_name="certset",
    scope="Cluster",
    description=(
        "ClusterCertificateSet validates several certificates together and then replaces them in every namespace that "
        "it names or selects: in all of them, or in none. When a namespace cannot follow, everything is put back as it "
        "was. An omission never removes a certificate; `absent` does. Creating one means reading the keys of the "
        "Secrets that allow it by annotation."
    ),
    spec=ClusterCertificateSetSpec,
    status=ClusterCertificateSetStatus,
    columns=(
        *READY_COLUMNS,
        Column("Updated", ".status.updatedNamespaces", "How many namespaces hold the revision wished for."),
        Column("Code", ".status.responseCode", "The documented code of the set.", type="integer"),
        Column("Deployed", ".status.deployedRevision", "What is deployed.", priority=1),
        Column("Failed", ".status.failedRevision", "What was rolled back last.", priority=1),
        MESSAGE_COLUMN,
    ),
)
