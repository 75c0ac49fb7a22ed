"""A control plane on which trust is guarded, and the people who try it: real users, real requests."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support.control_plane import ApiClient, ControlPlane, Response
from tests.support.waiting import wait_until

MANIFESTS = Path(__file__).parents[2] / "manifests"
POLICIES = ("audit/policy.yaml", "approval/stores.yaml", "approval/decisions.yaml")
ACTIVE_SECONDS = 60.0

EDITORS, APPROVERS = "editors", "approvers"
_EDITING = ("certwright-viewer", "certwright-editor", "certwright-cluster-viewer", "certwright-cluster-editor")
ROLES = {EDITORS: _EDITING, APPROVERS: (*_EDITING, "certwright-approver")}
"""Groups, and the roles that they have in the whole cluster."""

DECISIONS, STORES, CLUSTER_STORES = "trustdecisions", "truststores", "clustertruststores"
KINDS = {DECISIONS: "TrustDecision", STORES: "TrustStore", CLUSTER_STORES: "ClusterTrustStore"}

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"

Manifest = dict[str, Any]


def path_of(plural: str, name: str = "", *, namespace: str = "") -> str:
    """Give the path of an object, or of a collection."""
    place = f"namespaces/{namespace}/" if namespace and plural != CLUSTER_STORES else ""
    return f"/apis/certwright.io/v1alpha1/{place}{plural}" + (f"/{name}" if name else "")


def manifest(plural: str, name: str, spec: Manifest, **metadata: Any) -> Manifest:
    """Make an object of one of the three kinds of trust."""
    return {
        "apiVersion": "certwright.io/v1alpha1",
        "kind": KINDS[plural],
        "metadata": {"name": name, **metadata},
        "spec": spec,
    }


class Person:
    """Somebody with a client certificate, who sends single requests."""

    def __init__(self, name: str, kubeconfig: Path, client: ApiClient) -> None:
        self.name = name
        self.kubeconfig = kubeconfig
        self._client = client

    def get(self, path: str) -> Manifest:
        found: Manifest = self._client.request("GET", path).json()
        return found

    def create(self, path: str, body: Manifest, *, query: str = "") -> Response:
        return self._client.request("POST", path + query, body)

    def replace(self, path: str, body: Manifest) -> Response:
        return self._client.request("PUT", path, body)

    def delete(self, path: str) -> Response:
        return self._client.request("DELETE", path)

    def patch(self, path: str, body: object, *, how: str = MERGE, manager: str = "kubectl-edit") -> Response:
        query = f"?fieldManager={manager}" + ("&force=true" if how == APPLY else "")
        return self._client.request("PATCH", path + query, body, headers={"Content-Type": how})

    def apply(self, path: str, body: Manifest, *, manager: str = "flux") -> Response:
        return self.patch(path, body, how=APPLY, manager=manager)


def person(control_plane: ControlPlane, name: str, *groups: str) -> Person:
    """Be a user in groups."""
    kubeconfig = control_plane.kubeconfig_as_user(name, groups)
    config = json.loads(kubeconfig.read_text(encoding="utf-8"))
    files = []
    for kind in ("client-certificate", "client-key"):
        path = kubeconfig.with_suffix(f".{kind}")
        path.touch(mode=0o600)
        path.write_bytes(b64decode(config["users"][0]["user"][f"{kind}-data"]))
        files.append(path)
    authority = kubeconfig.with_suffix(".ca")
    authority.write_bytes(b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]))
    port = urlsplit(control_plane.url).port or 0
    return Person(name, kubeconfig, ApiClient(port, ca_file=authority, user_files=(files[0], files[1])))


def install_guards(control_plane: ControlPlane) -> None:
    """Install certwright, its roles, and the components `audit` and `approval`, and wait until they hold."""
    control_plane.kubectl("apply", "--server-side", "-k", str(MANIFESTS / "overlays" / "default"))
    control_plane.kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/name=certwright")
    for policy in POLICIES:
        control_plane.kubectl("apply", "--server-side", "-f", str(MANIFESTS / "components" / policy))
    for group, roles in ROLES.items():
        for role in roles:
            binding = ("clusterrolebinding", f"{group}-{role}", f"--clusterrole={role}", f"--group={group}")
            control_plane.kubectl("create", *binding)
    trial = person(control_plane, "trial", EDITORS)
    wait_until(lambda: _hold(trial), deadline_seconds=ACTIVE_SECONDS, what="the policies to hold")


def _hold(trial: Person) -> bool:
    """Say whether all three policies answer; they, and the API server's knowledge of new kinds, come a moment later."""
    lowered = manifest(DECISIONS, "trial", {"certificate": "x", "trustStateDesired": "untrusted"})
    raised = manifest(DECISIONS, "trial", {"certificate": "x"})
    store = manifest(STORES, "trial", {"deployment": {"mode": "Automatic"}})
    path, dry = path_of(DECISIONS, namespace="default"), "?dryRun=All"
    stamped = trial.create(path, lowered, query=dry)
    return (
        stamped.ok
        and stamped.json()["metadata"].get("annotations", {}).get("certwright.io/created-by") == trial.name
        and b"trust.certwright.io" in trial.create(path, raised, query=dry).body
        and b"approve.certwright.io" in trial.create(path_of(STORES, namespace="default"), store, query=dry).body
    )
