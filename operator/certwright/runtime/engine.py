"""What judges and plans: the reconcilers of all kinds, made from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from certwright.reconcile.certificateset import ClusterCertificateSets
from certwright.reconcile.importedcertificate import ImportedCertificates, judged_by
from certwright.reconcile.objects import Kind
from certwright.reconcile.privatekey import PrivateKeys
from certwright.reconcile.reconciler import Reconciler
from certwright.reconcile.revocationsource import RevocationSources
from certwright.reconcile.trustdecision import TrustDecisions
from certwright.reconcile.truststore import ClusterTrustStores, TrustStores
from certwright.settings import Settings


@dataclass(frozen=True, slots=True)
class Engine:
    """What judges and plans.

    Attributes:
        reconcilers: the pure steps of each kind; these kinds are watched.
        judged_by: digest of everything but its inputs that a verdict depends on; see `status.record.judgedBy`.
    """

    reconcilers: Mapping[Kind, Reconciler[Any]]
    judged_by: str


def make_engine(settings: Settings) -> Engine:
    """Make the one that the settings describe."""
    reconcilers: dict[Kind, Reconciler[Any]] = {
        Kind.IMPORTED_CERTIFICATE: ImportedCertificates(settings),
        Kind.PRIVATE_KEY: PrivateKeys(settings),
        Kind.REVOCATION_SOURCE: RevocationSources(settings),
        Kind.TRUST_DECISION: TrustDecisions(settings),
        Kind.TRUST_STORE: TrustStores(settings),
        Kind.CLUSTER_TRUST_STORE: ClusterTrustStores(settings),
        Kind.CLUSTER_CERTIFICATE_SET: ClusterCertificateSets(settings, holder=uuid4().hex),
    }
    return Engine(reconcilers, judged_by(settings))
