"""Where objects live in the API: paths of collections and of single objects."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from certwright.api.kind import API_VERSION
from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.objects import Kind, ObjectKey

LONGEST_NAME = 253


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind as the API serves it.

    Attributes:
        plural: the name of the resource in URLs, RBAC rules and metrics.
    """

    kind: str
    api_version: str
    plural: str
    namespaced: bool = True

    def collection(self, namespace: str = "") -> str:
        """Give the path of all objects, or of those of one namespace.

        Raises:
            ClusterError: the namespace cannot be the name of one.
        """
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        if not (self.namespaced and namespace):
            return f"{root}/{self.plural}"
        return f"{root}/namespaces/{_segment(namespace, self.kind)}/{self.plural}"

    def single(self, namespace: str, name: str, *, subresource: str = "") -> str:
        """Give the path of one object.

        Raises:
            ClusterError: namespace or name cannot be a name; an empty one would address the whole collection.
        """
        if self.namespaced and not namespace:
            raise ClusterError(FailureCause.INVALID, f"a {self.kind} must be named with its namespace")
        path = f"{self.collection(namespace)}/{_segment(name, self.kind)}"
        return f"{path}/{subresource}" if subresource else path


RESOURCES: dict[Kind, Resource] = {
    Kind.SECRET: Resource("Secret", "v1", "secrets"),
    Kind.CONFIG_MAP: Resource("ConfigMap", "v1", "configmaps"),
    Kind.NAMESPACE: Resource("Namespace", "v1", "namespaces", namespaced=False),
    Kind.DEPLOYMENT: Resource("Deployment", "apps/v1", "deployments"),
    Kind.STATEFUL_SET: Resource("StatefulSet", "apps/v1", "statefulsets"),
    Kind.DAEMON_SET: Resource("DaemonSet", "apps/v1", "daemonsets"),
    Kind.IMPORTED_CERTIFICATE: Resource("ImportedCertificate", API_VERSION, "importedcertificates"),
    Kind.PRIVATE_KEY: Resource("PrivateKey", API_VERSION, "privatekeys"),
    Kind.REVOCATION_SOURCE: Resource("RevocationSource", API_VERSION, "revocationsources"),
    Kind.TRUST_DECISION: Resource("TrustDecision", API_VERSION, "trustdecisions"),
    Kind.TRUST_STORE: Resource("TrustStore", API_VERSION, "truststores"),
    Kind.CLUSTER_CERTIFICATE_SET: Resource(
        "ClusterCertificateSet", API_VERSION, "clustercertificatesets", namespaced=False
    ),
    Kind.CLUSTER_TRUST_STORE: Resource("ClusterTrustStore", API_VERSION, "clustertruststores", namespaced=False),
    Kind.CLUSTER_TRUST_BUNDLE: Resource(
        "ClusterTrustBundle", "certificates.k8s.io/v1", "clustertrustbundles", namespaced=False
    ),
}
"""Each kind in the version that is preferred; see `certwright.cluster.served` for those that not every server has."""

OLDER_VERSIONS: dict[Kind, tuple[str, ...]] = {Kind.CLUSTER_TRUST_BUNDLE: ("certificates.k8s.io/v1beta1",)}
"""What is asked for, in this order, where the preferred version is not served; of other kinds it always is."""

EVENTS = Resource("Event", "events.k8s.io/v1", "events")

API_RESOURCES = Resource("APIResourceList", API_VERSION, "apiresources")
"""Not a resource, but what a request for discovery is about."""


_PLAIN = re.compile(r"[A-Za-z0-9._~:-]*")


def can_exist(key: ObjectKey) -> bool:
    """Say whether an object can bear these names; people may refer to anything, `..` and nothing included."""
    return _is_segment(key.name) and (_is_segment(key.namespace) or not RESOURCES[key.kind].namespaced)


def _segment(name: str, kind: str) -> str:
    if not _is_segment(name):
        raise ClusterError(FailureCause.INVALID, f"the names of a {kind} must be valid names of Kubernetes objects")
    # Nearly all names are plain, and a path is made for every request.
    return name if _PLAIN.fullmatch(name) else quote(name, safe=":")


def _is_segment(name: str) -> bool:
    # What the API server itself refuses in every name (path segments); a slash or dots would address another object.
    return 0 < len(name) <= LONGEST_NAME and name not in {".", ".."} and "/" not in name and "%" not in name
