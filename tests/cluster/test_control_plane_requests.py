"""Show that requests are counted exactly, and that a read of Secret data cannot hide."""

import subprocess
from collections.abc import Callable

from tests.support.control_plane import ControlPlane

Kubectl = Callable[..., subprocess.CompletedProcess[str]]

CONFIG_MAPS = "/api/v1/namespaces/{}/configmaps"
SECRETS = "/api/v1/namespaces/{}/secrets"
METADATA_ONLY = {"Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"}
METADATA_ONLY_LIST = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}


def test_requests_tell_metadata_from_secret_data(control_plane: ControlPlane, namespace: str) -> None:
    path = SECRETS.format(namespace)
    client, agent = control_plane.client, {"User-Agent": "counted/1"}
    mark = control_plane.audit_mark()
    client.request("POST", path, {"metadata": {"name": "s"}, "stringData": {"a": "b"}}, headers=agent)
    client.request("GET", path, headers=agent | METADATA_ONLY_LIST)
    client.request("GET", f"{path}/s", headers=agent | METADATA_ONLY)
    client.request("GET", f"{path}/absent", headers=agent)
    assert not any(request.reads_secret_data for request in control_plane.requests(mark))
    client.request("GET", f"{path}/s", headers=agent)
    client.request("GET", path, headers=agent)

    seen = control_plane.requests(mark, user="admin", user_agent_prefix="counted/")
    assert [(request.verb, request.name, request.code) for request in seen] == [
        ("create", "s", 201),
        ("list", "", 200),
        ("get", "s", 200),
        ("get", "absent", 404),
        ("get", "s", 200),
        ("list", "", 200),
    ]
    assert [request.is_write for request in seen] == [True, False, False, False, False, False]
    assert [request.reads_secret_data for request in seen] == [False, False, False, False, True, True]
    assert {request.namespace for request in seen} == {namespace}


def test_requests_are_of_one_user_when_asked_for(control_plane: ControlPlane, kubectl: Kubectl) -> None:
    kubeconfig = control_plane.kubeconfig_as_user("bob", ["system:masters"])
    mark = control_plane.audit_mark()
    kubectl("get", "configmaps", kubeconfig=kubeconfig)
    kubectl("get", "configmaps")
    lists = [request for request in control_plane.requests(mark, user="bob") if request.resource == "configmaps"]
    assert [(request.verb, request.user) for request in lists] == [("list", "bob")]


def test_requests_hold_a_watch_once(control_plane: ControlPlane, namespace: str) -> None:
    mark = control_plane.audit_mark()
    control_plane.client.request("GET", f"{CONFIG_MAPS.format(namespace)}?watch=true&timeoutSeconds=1")
    watches = [request for request in control_plane.requests(mark, user="admin") if request.verb == "watch"]
    assert [(watch.resource, watch.namespace) for watch in watches] == [("configmaps", namespace)]


def test_request_counts_grow_by_what_was_asked(control_plane: ControlPlane, namespace: str) -> None:
    before = control_plane.request_counts()
    for name in ("one", "two"):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
        control_plane.client.apply(f"{CONFIG_MAPS.format(namespace)}/{name}", body)
    grown = control_plane.request_counts() - before
    applied = {
        kind.code: count for kind, count in grown.items() if (kind.verb, kind.resource) == ("APPLY", "configmaps")
    }
    assert applied == {"201": 2}
