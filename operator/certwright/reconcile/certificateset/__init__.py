"""ClusterCertificateSets: several certificates in several namespaces, all of them replaced or none."""

from certwright.reconcile.certificateset.reconciler import ClusterCertificateSets

__all__ = ["ClusterCertificateSets"]
