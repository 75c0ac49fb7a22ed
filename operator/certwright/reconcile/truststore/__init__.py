"""TrustStore and ClusterTrustStore: the CAs that are trusted together, kept as numbered revisions, and handed out."""

from certwright.reconcile.truststore.judgement import Judgement
from certwright.reconcile.truststore.reconciler import ClusterTrustStores, TrustStores

__all__ = ["ClusterTrustStores", "Judgement", "TrustStores"]
