"""ImportedCertificate: a certificate and key go in, a checked Secret comes out; without targets it only watches."""

from __future__ import annotations

from certwright.api.importedcertificate_spec import ImportedCertificateSpec
from certwright.api.importedcertificate_status import ImportedCertificateStatus
from certwright.api.kind import MESSAGE_COLUMN, READY_COLUMNS, Column, Kind

__all__ = ["IMPORTED_CERTIFICATE", "ImportedCertificateSpec", "ImportedCertificateStatus"]

IMPORTED_CERTIFICATE = Kind(
    name="ImportedCertificate",
    plural="importedcertificates",
    short_name="impcert",
    scope="Namespaced",
    description=(
        "ImportedCertificate takes a certificate that somebody else issued, validates it and its chain (RFC 5280) and "
        "its private key, and writes it to Secrets only when it is good. `spec` is your wish, `status` the verdict, "
        "`status.served` what consumers have now: a bad upload is refused with a reason and a fix, and what was "
        "served stays served. Without `targets` it only watches and says when the certificate expires."
    ),
    spec=ImportedCertificateSpec,
    status=ImportedCertificateStatus,
    columns=(
        *READY_COLUMNS,
        Column("Expires", ".status.served.validThru", "When the certificate that consumers have now expires."),
        Column("Status", ".status.certificateStoreStatus", "The state in one documented word.", priority=1),
        Column("Code", ".status.responseCode", "The documented number of the state.", type="integer", priority=1),
        Column("Common Name", ".status.commonName", "The common name of the uploaded certificate.", priority=1),
        Column("Issuer", ".status.issuer", "The issuer of the uploaded certificate.", priority=1),
        Column("Serial", ".status.serialNumber", "The serial number of the uploaded certificate.", priority=1),
        MESSAGE_COLUMN,
    ),
)
