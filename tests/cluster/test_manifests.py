"""The manifests on a real API server: one command installs, twice is once, and everybody may do what they should."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.support.control_plane import ControlPlane

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"
DEFAULT_OVERLAY = str(MANIFESTS / "overlays" / "default")
EXAMPLES = MANIFESTS / "examples"
OPERATOR = "system:serviceaccount:certwright-system:certwright"

Kubectl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module", autouse=True)
def installed(control_plane: ControlPlane) -> None:
    """Install as people do; it stays installed, for other tests of the session use the same control plane."""
    control_plane.kubectl("apply", "-k", DEFAULT_OVERLAY)
    control_plane.kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/name=certwright")


def test_apply_says_unchanged_when_everything_is_applied_again(kubectl: Kubectl) -> None:
    lines = kubectl("apply", "-k", DEFAULT_OVERLAY).stdout.splitlines()

    assert len(lines) >= 7
    assert [line for line in lines if not line.endswith(" unchanged")] == []


def test_overlay_runs_under_the_restricted_standard_when_a_pod_is_made_of_its_template(kubectl: Kubectl) -> None:
    (deployment,) = (
        document
        for document in yaml.safe_load_all(kubectl("kustomize", DEFAULT_OVERLAY).stdout)
        if document["kind"] == "Deployment"
    )
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "trial", "namespace": "certwright-system"},
        "spec": deployment["spec"]["template"]["spec"],
    }

    answer = kubectl("apply", "--dry-run=server", "-f", "-", input=yaml.safe_dump(pod), check=False)

    # The namespace enforces the standard; a violation is a refusal that names it.
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize(
    "component", ["approval", "approval-four-eyes", "audit", "fence", "metrics", "networkpolicy", "refresh"]
)
def test_component_is_accepted_when_added_to_the_overlay(kubectl: Kubectl, tmp_path: Path, component: str) -> None:
    overlay = kustomization(
        tmp_path, f"resources: [{relative(tmp_path, DEFAULT_OVERLAY)}]", MANIFESTS / "components" / component
    )

    answer = kubectl("apply", "--dry-run=server", "-k", str(overlay))

    assert sum(line.endswith(" created (server dry run)") for line in answer.stdout.splitlines()) >= 1


def test_argocd_component_adds_the_health_of_every_kind_when_argocd_has_its_config_map(
    kubectl: Kubectl, tmp_path: Path
) -> None:
    (tmp_path / "argocd-cm.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm}\ndata: {url: https://argocd.example.com}\n",
        encoding="utf-8",
    )
    overlay = kustomization(tmp_path, "resources: [argocd-cm.yaml]", MANIFESTS / "components" / "argocd-health")

    config_map = yaml.safe_load(kubectl("kustomize", str(overlay)).stdout)

    assert config_map["metadata"]["name"] == "argocd-cm"
    assert config_map["data"]["url"] == "https://argocd.example.com"
    prefix = "resource.customizations.health.certwright.io_"
    scripts = {name.removeprefix(prefix): text for name, text in config_map["data"].items() if name.startswith(prefix)}
    definitions = (yaml.safe_load(each.read_text(encoding="utf-8")) for each in (ROOT / "crds").glob("certwright.io_*"))
    assert scripts.keys() == {each["spec"]["names"]["kind"] for each in definitions}
    assert all("observedGeneration" in text for text in scripts.values())


def kustomization(folder: Path, resources: str, component: Path) -> Path:
    (folder / "kustomization.yaml").write_text(
        f"{resources}\ncomponents: [{relative(folder, str(component))}]\n", encoding="utf-8"
    )
    return folder


def relative(folder: Path, target: str) -> str:
    return os.path.relpath(target, folder.resolve())


# ---- examples


def test_refused_examples_say_what_their_annotation_promises_when_applied(kubectl: Kubectl, namespace: str) -> None:
    files = sorted((EXAMPLES / "refused").glob("*.yaml"))

    assert files
    for path in files:
        (document,) = yaml.safe_load_all(path.read_text(encoding="utf-8"))
        promised = document["metadata"]["annotations"]["examples.certwright.io/refused"]
        answer = kubectl("apply", "-n", namespace, "-f", str(path), check=False)
        assert answer.returncode == 1, path.name
        assert promised in answer.stderr, path.name
        assert "this-would-be-a-key" not in answer.stderr, path.name


@pytest.mark.parametrize("folder", ["good", "bad"])
def test_examples_are_stored_when_applied_together(kubectl: Kubectl, namespace: str, folder: str) -> None:
    answer = kubectl("apply", "-n", namespace, "-f", str(EXAMPLES / folder))

    stored = [line for line in answer.stdout.splitlines() if ".certwright.io/" in line]
    texts = [path.read_text(encoding="utf-8") for path in (EXAMPLES / folder).glob("*.yaml")]
    assert len(stored) == sum(text.count("apiVersion: certwright.io/") for text in texts)
    assert all(line.endswith(" created") for line in stored)


# ---- who may do what


@pytest.mark.parametrize(
    ("verb", "resource", "allowed"),
    [
        *[(verb, "importedcertificates.certwright.io", True) for verb in ("get", "list", "watch")],
        *[(verb, "importedcertificates.certwright.io", False) for verb in ("create", "update", "patch", "delete")],
        ("patch", "importedcertificates.certwright.io/status", True),
        *[(verb, "secrets", True) for verb in ("get", "list", "watch", "create", "patch", "delete")],
        ("deletecollection", "secrets", False),
        *[(verb, "configmaps", True) for verb in ("get", "list", "watch", "create", "patch", "delete")],
        ("deletecollection", "configmaps", False),
        *[(verb, "events.events.k8s.io", True) for verb in ("create", "patch")],
        *[(verb, "deployments.apps", False) for verb in ("get", "patch")],
        *[(verb, "namespaces", True) for verb in ("get", "list", "watch")],
        *[(verb, "namespaces", False) for verb in ("create", "patch", "delete")],
        *[(verb, "trustdecisions.certwright.io", True) for verb in ("get", "list", "watch", "patch")],
        *[(verb, "clustertruststores.certwright.io", True) for verb in ("get", "list", "watch")],
        *[(verb, "clustertruststores.certwright.io", False) for verb in ("create", "update", "patch", "delete")],
        *[(verb, "truststores.certwright.io", False) for verb in ("create", "update", "patch", "delete", "approve")],
        ("list", "customresourcedefinitions.apiextensions.k8s.io", False),
        ("create", "pods", False),
        *[(verb, "leases.coordination.k8s.io", False) for verb in ("get", "create", "update")],
        ("escalate", "clusterroles.rbac.authorization.k8s.io", False),
    ],
)
def test_operator_may_do_exactly_its_work_when_the_base_is_installed(
    kubectl: Kubectl, verb: str, resource: str, *, allowed: bool
) -> None:
    assert can_i(kubectl, verb, resource, as_user=OPERATOR) is allowed


@pytest.mark.parametrize(
    ("verb", "resource", "allowed"),
    [
        *[(verb, "leases.coordination.k8s.io/certwright", True) for verb in ("get", "update")],
        *[(verb, "leases.coordination.k8s.io/another", False) for verb in ("get", "update")],
        ("create", "leases.coordination.k8s.io", True),
        *[(verb, "leases.coordination.k8s.io", False) for verb in ("list", "watch", "patch", "delete")],
        *[(verb, "configmaps", True) for verb in ("create", "patch", "delete")],
    ],
)
def test_operator_may_use_its_lease_and_keep_records_in_its_own_namespace(
    kubectl: Kubectl, verb: str, resource: str, *, allowed: bool
) -> None:
    answer = kubectl("auth", "can-i", verb, resource, "-n", "certwright-system", "--as", OPERATOR, check=False)

    assert (answer.stdout.strip() == "yes") is allowed


def test_operator_may_roll_workloads_out_when_the_component_is_added(kubectl: Kubectl) -> None:
    role = str(ROOT / "manifests" / "components" / "refresh" / "clusterrole.yaml")
    kubectl("apply", "-f", role)
    try:
        for resource in ("deployments.apps", "statefulsets.apps", "daemonsets.apps"):
            assert can_i(kubectl, "get", resource, as_user=OPERATOR)
            assert can_i(kubectl, "patch", resource, as_user=OPERATOR)
            assert not can_i(kubectl, "update", resource, as_user=OPERATOR)
    finally:
        kubectl("delete", "-f", role)


@pytest.mark.parametrize(
    ("role", "allowed", "refused"),
    [
        ("certwright-viewer", ["get", "list", "watch"], ["create", "patch", "delete"]),
        ("certwright-editor", ["create", "update", "patch", "delete"], ["get", "list"]),
    ],
)
def test_people_may_do_what_their_role_says_when_it_is_bound(
    kubectl: Kubectl, namespace: str, role: str, allowed: list[str], refused: list[str]
) -> None:
    kubectl("create", "rolebinding", "-n", namespace, "person", f"--clusterrole={role}", "--user=ada")

    for verb in allowed:
        assert can_i(kubectl, verb, "importedcertificates.certwright.io", as_user="ada", namespace=namespace), verb
    for verb in refused:
        assert not can_i(kubectl, verb, "importedcertificates.certwright.io", as_user="ada", namespace=namespace), verb
    assert not can_i(kubectl, "patch", "importedcertificates.certwright.io/status", as_user="ada", namespace=namespace)
    assert not can_i(kubectl, "get", "secrets", as_user="ada", namespace=namespace)


def can_i(kubectl: Kubectl, verb: str, resource: str, *, as_user: str, namespace: str = "default") -> bool:
    resource, _, subresource = resource.partition("/")
    extra = [f"--subresource={subresource}"] if subresource else []
    answer = kubectl("auth", "can-i", verb, resource, "-n", namespace, "--as", as_user, *extra, check=False)
    return answer.stdout.strip() == "yes"
