"""ImportedCertificate: certificate and key in, checked Secret out; without targets it only watches."""

from certwright.reconcile.importedcertificate.judgement import Judgement
from certwright.reconcile.importedcertificate.reconciler import ImportedCertificates, judged_by

__all__ = ["ImportedCertificates", "Judgement", "judged_by"]
