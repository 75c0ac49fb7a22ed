"""ImportedCertificate: a certificate and key go in, a checked Secret comes out; without targets it only watches."""

from __future__ import annotations

from certwright.api.importedcertificate_spec import ImportedCertificateSpec
from certwright.api.importedcertificate_status import ImportedCertificateStatus

__all__ = ["ImportedCertificateSpec", "ImportedCertificateStatus"]
