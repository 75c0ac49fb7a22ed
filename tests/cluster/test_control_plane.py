"""Show that the control plane of the tests is the real thing, so that other tests may rely on it."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import pytest

from tests.support.control_plane import ControlPlane, ControlPlaneError
from tests.support.control_plane.binaries import ASSETS_VARIABLE
from tests.support.control_plane.building import kubernetes_version
from tests.support.waiting import wait_until

Kubectl = Callable[..., subprocess.CompletedProcess[str]]

CONFIG_MAPS = "/api/v1/namespaces/{}/configmaps"
APPLY = {"Content-Type": "application/apply-patch+yaml"}
WATCH_SECONDS = 5

CRD_WITH_RULE: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "ranges.harness.example.com"},
    "spec": {
        "group": "harness.example.com",
        "scope": "Namespaced",
        "names": {"kind": "Range", "plural": "ranges", "singular": "range"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "required": ["spec"],
                        "properties": {
                            "spec": {
                                "type": "object",
                                "required": ["low", "high"],
                                "properties": {"low": {"type": "integer"}, "high": {"type": "integer"}},
                                "x-kubernetes-validations": [
                                    {"rule": "self.low <= self.high", "message": "low must not be above high"}
                                ],
                            }
                        },
                    }
                },
            }
        ],
    },
}


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def dependent_of(owner: dict[str, str]) -> dict[str, Any]:
    dependent = config_map("dependent")
    dependent["metadata"]["ownerReferences"] = [owner]
    return dependent


@pytest.mark.skipif(ASSETS_VARIABLE in os.environ, reason=f"{ASSETS_VARIABLE} chooses the version")
def test_versions_are_those_of_go_mod(kubectl: Kubectl) -> None:
    versions = json.loads(kubectl("version", "--output=json").stdout)
    for side in ("clientVersion", "serverVersion"):
        assert versions[side]["gitVersion"] == kubernetes_version()


@pytest.mark.parametrize(
    ("group", "plural"),
    [
        ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
        ("admissionregistration.k8s.io", "mutatingadmissionpolicies"),
        ("certificates.k8s.io", "clustertrustbundles"),
    ],
)
def test_api_is_served(kubectl: Kubectl, group: str, plural: str) -> None:
    assert f"{plural}.{group}" in kubectl("api-resources", f"--api-group={group}", "--output=name").stdout.split()


def test_apply_is_refused_when_another_manager_owns_the_field(control_plane: ControlPlane, namespace: str) -> None:
    path = f"{CONFIG_MAPS.format(namespace)}/shared"
    control_plane.client.apply(path, config_map("shared", color="red"), manager="first")
    answer = control_plane.client.request(
        "PATCH", f"{path}?fieldManager=second", config_map("shared", color="blue"), headers=APPLY
    )
    assert answer.code == HTTPStatus.CONFLICT
    assert 'conflict with "first"' in answer.json()["message"]


def test_apply_keeps_the_resource_version_when_nothing_changes(control_plane: ControlPlane, namespace: str) -> None:
    path = f"{CONFIG_MAPS.format(namespace)}/same"
    first, second = (control_plane.client.apply(path, config_map("same", a="b")) for _ in range(2))
    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]


@pytest.fixture
def ranges(control_plane: ControlPlane, kubectl: Kubectl, namespace: str) -> Iterator[str]:
    """Install a kind of our own and return the path of its objects."""
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    control_plane.client.create(crds, CRD_WITH_RULE)
    kubectl("wait", "--for=condition=Established", "crd/ranges.harness.example.com", "--timeout=20s")
    path = f"/apis/harness.example.com/v1/namespaces/{namespace}/ranges"
    # Established comes first; until its storage is open, the API server answers 404 and then 429.
    wait_until(lambda: control_plane.client.request("GET", path).ok, deadline_seconds=20, what="ranges to be served")
    yield path
    control_plane.client.delete(f"{crds}/ranges.harness.example.com")
    wait_until(lambda: not control_plane.client.request("GET", path).ok, deadline_seconds=20, what="ranges to be gone")


def test_crd_rule_judges_objects(control_plane: ControlPlane, ranges: str) -> None:
    body = {"apiVersion": "harness.example.com/v1", "kind": "Range", "metadata": {"name": "r"}}
    with pytest.raises(ControlPlaneError, match="low must not be above high"):
        control_plane.client.create(ranges, body | {"spec": {"low": 2, "high": 1}})
    control_plane.client.create(ranges, body | {"spec": {"low": 1, "high": 2}})


def test_dependent_of_a_new_kind_is_collected_when_the_controllers_were_restarted(
    control_plane: ControlPlane, namespace: str, ranges: str
) -> None:
    control_plane.restart_controller_manager()
    kind = {"apiVersion": "harness.example.com/v1", "kind": "Range"}
    owner = control_plane.client.create(ranges, kind | {"metadata": {"name": "owner"}, "spec": {"low": 1, "high": 2}})
    path = CONFIG_MAPS.format(namespace)
    control_plane.client.create(path, dependent_of(kind | {"name": "owner", "uid": owner["metadata"]["uid"]}))
    control_plane.client.delete(f"{ranges}/owner")
    wait_until(
        lambda: control_plane.client.get(f"{path}/dependent") is None,
        deadline_seconds=20,
        what="the dependent ConfigMap to be collected",
    )


def test_service_account_may_do_what_its_role_says_and_no_more(
    control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    kubectl("create", "serviceaccount", "reader", f"--namespace={namespace}")
    kubectl("create", "role", "reader", "--verb=get,list", "--resource=configmaps", f"--namespace={namespace}")
    binding = ("--role=reader", f"--serviceaccount={namespace}:reader", f"--namespace={namespace}")
    kubectl("create", "rolebinding", "reader", *binding)
    kubeconfig = control_plane.kubeconfig_for(namespace, "reader")

    me = json.loads(kubectl("auth", "whoami", "--output=json", kubeconfig=kubeconfig).stdout)
    assert me["status"]["userInfo"]["username"] == f"system:serviceaccount:{namespace}:reader"
    wait_until(
        lambda: kubectl("get", "configmaps", kubeconfig=kubeconfig, check=False).returncode == 0,
        deadline_seconds=20,
        what="the binding to take effect",
    )
    with pytest.raises(ControlPlaneError, match=r"Forbidden.*cannot list resource \"secrets\""):
        kubectl("get", "secrets", kubeconfig=kubeconfig)


def test_kubeconfig_is_refused_when_the_service_account_does_not_exist(
    control_plane: ControlPlane, namespace: str
) -> None:
    with pytest.raises(ControlPlaneError, match='serviceaccounts \\\\"nobody\\\\" not found'):
        control_plane.kubeconfig_for(namespace, "nobody")


def test_user_has_the_name_and_groups_asked_for(control_plane: ControlPlane, kubectl: Kubectl) -> None:
    kubeconfig = control_plane.kubeconfig_as_user("alice", ["team-shop", "auditors"])
    me = json.loads(kubectl("auth", "whoami", "--output=json", kubeconfig=kubeconfig).stdout)["status"]["userInfo"]
    assert me["username"] == "alice"
    assert set(me["groups"]) == {"team-shop", "auditors", "system:authenticated"}
    assert kubectl("get", "namespaces", kubeconfig=kubeconfig, check=False).returncode != 0


def test_dependent_is_collected_when_its_owner_is_deleted(control_plane: ControlPlane, namespace: str) -> None:
    path = CONFIG_MAPS.format(namespace)
    owner = control_plane.client.create(path, config_map("owner"))["metadata"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["uid"]}
    control_plane.client.create(path, dependent_of(reference))
    control_plane.client.delete(f"{path}/owner")
    wait_until(
        lambda: control_plane.client.get(f"{path}/dependent") is None,
        deadline_seconds=30,
        what="the dependent ConfigMap to be collected",
    )


def test_namespace_goes_with_its_content(control_plane: ControlPlane) -> None:
    path = "/api/v1/namespaces"
    control_plane.client.create(path, {"metadata": {"name": "short-lived"}})
    control_plane.client.create(CONFIG_MAPS.format("short-lived"), config_map("content"))
    control_plane.client.delete(f"{path}/short-lived")
    wait_until(
        lambda: control_plane.client.get(f"{path}/short-lived") is None,
        deadline_seconds=30,
        what="the namespace to be gone",
    )


def test_namespace_gets_its_service_account(control_plane: ControlPlane, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
    wait_until(lambda: control_plane.client.get(path), deadline_seconds=20, what="the ServiceAccount `default`")


def test_data_and_address_stay_when_the_apiserver_is_restarted(control_plane: ControlPlane, namespace: str) -> None:
    path = CONFIG_MAPS.format(namespace)
    before = control_plane.client.create(path, config_map("lasting", a="b"))
    pid, url = control_plane.pids["kube-apiserver"], control_plane.url
    control_plane.restart_apiserver()
    assert control_plane.client.get(f"{path}/lasting") == before
    assert control_plane.url == url
    assert control_plane.pids["kube-apiserver"] != pid


def test_apiserver_does_not_answer_while_it_is_paused(control_plane: ControlPlane) -> None:
    control_plane.pause_apiserver()
    try:
        with pytest.raises(TimeoutError):
            control_plane.client.request("GET", "/readyz", timeout_seconds=0.5)
    finally:
        control_plane.resume_apiserver()
    # It finds its own checks stale at first, and says so.
    wait_until(
        lambda: control_plane.client.request("GET", "/readyz").ok, deadline_seconds=20, what="an answer after the pause"
    )


def test_watch_gets_410_when_its_resource_version_has_expired(control_plane: ControlPlane, namespace: str) -> None:
    path = CONFIG_MAPS.format(namespace)
    old = control_plane.client.create(path, config_map("one"))["metadata"]["resourceVersion"]
    control_plane.client.create(path, config_map("two"))
    assert control_plane.expire_resource_versions() > int(old)
    query = f"watch=true&resourceVersion={old}&timeoutSeconds={WATCH_SECONDS}"
    events = control_plane.client.request("GET", f"{path}?{query}").body.splitlines()
    assert [json.loads(event)["object"]["code"] for event in events] == [HTTPStatus.GONE]


def test_continued_list_gets_410_when_its_version_has_expired(control_plane: ControlPlane, namespace: str) -> None:
    path = CONFIG_MAPS.format(namespace)
    for name in ("one", "two", "three"):
        control_plane.client.create(path, config_map(name))
    page = control_plane.client.get(f"{path}?limit=1")
    assert page is not None
    # This write moves the revision on: the present one is the only one that does not expire.
    control_plane.client.create(path, config_map("four"))
    control_plane.expire_resource_versions()
    answer = control_plane.client.request("GET", f"{path}?limit=1&continue={page['metadata']['continue']}")
    assert answer.code == HTTPStatus.GONE
