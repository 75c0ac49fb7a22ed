"""The component `audit` on a real API server: it says who decided, and nobody can make it say anything else."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.trust_guards import (
    APPLY,
    APPROVERS,
    CLUSTER_STORES,
    DECISIONS,
    JSON_PATCH,
    STORES,
    Manifest,
    Person,
    manifest,
    path_of,
    person,
)

CREATED, MODIFIED, APPROVED = (f"certwright.io/{name}-by" for name in ("created", "modified", "approved"))
FORGED = {CREATED: "mallory", MODIFIED: "mallory", APPROVED: "mallory"}
SPECS: dict[str, Manifest] = {
    DECISIONS: {"certificate": "one"},
    STORES: {"deployment": {"mode": "Manual"}},
    CLUSTER_STORES: {"deployment": {"mode": "Manual"}},
}
CHANGES: dict[str, Manifest] = {
    DECISIONS: {"trustUntil": "2027-01-01T00:00:00Z"},
    STORES: {"publicRoots": "Mozilla"},
    CLUSTER_STORES: {"publicRoots": "Mozilla"},
}
FIRST, SECOND = ("sha256:" + digit * 64 for digit in "ab")

every_kind = pytest.mark.parametrize("plural", [DECISIONS, STORES, CLUSTER_STORES])
both_stores = pytest.mark.parametrize("plural", [STORES, CLUSTER_STORES])


@pytest.fixture(scope="module")
def control_plane(guarded_plane: ControlPlane) -> ControlPlane:
    return guarded_plane


@pytest.fixture(scope="module")
def ada(control_plane: ControlPlane) -> Person:
    return person(control_plane, "ada", APPROVERS)


@pytest.fixture(scope="module")
def grace(control_plane: ControlPlane) -> Person:
    return person(control_plane, "grace", APPROVERS)


def stamps(found: Manifest) -> dict[str, str]:
    annotations = found["metadata"].get("annotations", {})
    return {key: value for key, value in annotations.items() if key in FORGED}


def made(by: Person, plural: str, namespace: str, **spec: Any) -> str:
    """Create an object named after the namespace, which keeps those apart that have none, and give its path."""
    answer = by.create(path_of(plural, namespace=namespace), manifest(plural, namespace, {**SPECS[plural], **spec}))
    assert answer.ok, answer.body
    return path_of(plural, namespace, namespace=namespace)


@every_kind
@pytest.mark.parametrize("way", ["create", "apply", "apply without annotations"])
def test_creation_is_stamped_when_somebody_else_is_named(ada: Person, namespace: str, plural: str, way: str) -> None:
    annotations = {} if way == "apply without annotations" else {"annotations": {**FORGED, "kept": "yes"}}
    body = manifest(plural, namespace, SPECS[plural], **annotations)
    path = path_of(plural, namespace, namespace=namespace)

    answer = ada.create(path.rpartition("/")[0], body) if way == "create" else ada.apply(path, body)

    assert answer.code == 201, answer.body
    assert stamps(answer.json()) == {CREATED: "ada", MODIFIED: "ada"}
    assert ("kept" in answer.json()["metadata"]["annotations"]) is bool(annotations)


@every_kind
def test_who_modified_changes_and_who_created_stays_when_another_changes_the_wish(
    ada: Person, grace: Person, namespace: str, plural: str
) -> None:
    path = made(ada, plural, namespace)

    answer = grace.patch(path, {"metadata": {"annotations": FORGED}, "spec": CHANGES[plural]})

    assert stamps(answer.json()) == {CREATED: "ada", MODIFIED: "grace"}


@every_kind
@pytest.mark.parametrize("labels", [{"tier": "one"}, {"stage": "test"}, {"stage": None}])
def test_who_modified_changes_when_only_labels_differ(
    ada: Person, grace: Person, namespace: str, plural: str, labels: dict[str, str | None]
) -> None:
    path = made(ada, plural, namespace)
    assert ada.patch(path, {"metadata": {"labels": {"stage": "live"}}}).ok

    answer = grace.patch(path, {"metadata": {"labels": labels}})

    assert stamps(answer.json()) == {CREATED: "ada", MODIFIED: "grace"}


def without_annotations(found: Manifest) -> Manifest:
    return {**found, "metadata": {key: value for key, value in found["metadata"].items() if key != "annotations"}}


def with_annotations(found: Manifest) -> Manifest:
    return {**found, "metadata": {**found["metadata"], "annotations": FORGED}}


def status_forging(found: Manifest) -> Manifest:
    return {**with_annotations(found), "status": {"observedGeneration": 1}}


TRICKS: dict[str, Callable[[Person, str], Any]] = {
    "remove one": lambda eve, path: eve.patch(path, {"metadata": {"annotations": {MODIFIED: None}}}),
    "remove all": lambda eve, path: eve.patch(path, {"metadata": {"annotations": None}}),
    "forge": lambda eve, path: eve.patch(path, {"metadata": {"annotations": FORGED}}),
    "empty": lambda eve, path: eve.patch(path, {"metadata": {"annotations": dict.fromkeys(FORGED, "")}}),
    "JSON patch": lambda eve, path: eve.patch(
        path, [{"op": "replace", "path": "/metadata/annotations", "value": FORGED}], how=JSON_PATCH
    ),
    "remove by JSON patch": lambda eve, path: eve.patch(
        path, [{"op": "remove", "path": "/metadata/annotations"}], how=JSON_PATCH
    ),
    "replace with forged": lambda eve, path: eve.replace(path, with_annotations(eve.get(path))),
    "replace without": lambda eve, path: eve.replace(path, without_annotations(eve.get(path))),
    "apply": lambda eve, path: eve.apply(
        path, {key: eve.get(path)[key] for key in ("apiVersion", "kind")} | {"metadata": {"annotations": FORGED}}
    ),
    "apply, and stop applying": lambda eve, path: [
        eve.apply(path, {key: eve.get(path)[key] for key in ("apiVersion", "kind")} | {"metadata": metadata})
        for metadata in ({"annotations": FORGED}, {})
    ][-1],
}
"""What eve may try; none of it changes the wish or a label."""


@every_kind
@pytest.mark.parametrize("trick", TRICKS)
def test_stamps_stay_when_somebody_tries_to_change_nothing_else(
    ada: Person, grace: Person, namespace: str, plural: str, trick: str
) -> None:
    path = made(ada, plural, namespace)

    answer = TRICKS[trick](grace, path)

    assert answer.code == 200, answer.body
    assert stamps(answer.json()) == {CREATED: "ada", MODIFIED: "ada"}
    assert stamps(ada.get(path)) == {CREATED: "ada", MODIFIED: "ada"}


@every_kind
def test_stamps_stay_when_only_metadata_is_asked_for_back(
    control_plane: ControlPlane, ada: Person, namespace: str, plural: str
) -> None:
    path = made(ada, plural, namespace)
    headers = {
        "Content-Type": "application/merge-patch+json",
        "Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
    }

    answer = control_plane.client.request("PATCH", path, {"metadata": {"annotations": FORGED}}, headers=headers)

    assert answer.json()["kind"] == "PartialObjectMetadata"
    assert stamps(answer.json()) == {CREATED: "ada", MODIFIED: "ada"}


@every_kind
@pytest.mark.parametrize("way", ["patch", "apply", "replace"])
def test_stamps_stay_when_the_status_is_written_with_forged_ones(
    control_plane: ControlPlane, ada: Person, namespace: str, plural: str, way: str
) -> None:
    path = made(ada, plural, namespace)
    admin = person(control_plane, "root", "system:masters")
    body = status_forging(ada.get(path))
    if way == "replace":
        answer = admin.replace(f"{path}/status", body)
    else:
        sent = {key: body[key] for key in ("apiVersion", "kind", "status")} | {"metadata": {"annotations": FORGED}}
        answer = admin.apply(f"{path}/status", sent) if way == "apply" else admin.patch(f"{path}/status", sent)

    assert answer.code == 200, answer.body
    assert answer.json()["status"]["observedGeneration"] == 1
    assert stamps(ada.get(path)) == {CREATED: "ada", MODIFIED: "ada"}


KUBECTL = {
    "annotate": ("annotate", "--overwrite", "trustdecision/{0}", "-n{0}", f"{CREATED}=mallory", f"{MODIFIED}=mallory"),
    "annotate away": ("annotate", "trustdecision/{0}", "-n{0}", f"{CREATED}-", f"{MODIFIED}-"),
    "edit": ("edit", "trustdecision/{0}", "-n{0}"),
    "replace": ("replace", "-f", "-"),
    "apply": ("apply", "-f", "-"),
    "server-side apply": ("apply", "--server-side", "--force-conflicts", "-f", "-"),
}


@pytest.mark.parametrize("way", KUBECTL)
def test_stamps_stay_when_kubectl_changes_them(
    control_plane: ControlPlane, grace: Person, namespace: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(person(control_plane, "ada", APPROVERS), DECISIONS, namespace)
    monkeypatch.setenv("KUBE_EDITOR", "sed -i s/ada$/mallory/")
    forged = manifest(DECISIONS, namespace, SPECS[DECISIONS], annotations=FORGED, namespace=namespace)

    done = control_plane.kubectl(
        *(part.format(namespace) for part in KUBECTL[way]),
        input=None if way == "edit" else json.dumps(forged),
        kubeconfig=grace.kubeconfig,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert stamps(grace.get(path)) == {CREATED: "ada", MODIFIED: "ada"}


def test_stamps_stay_when_the_operator_sets_and_removes_its_finalizer(
    control_plane: ControlPlane, ada: Person, namespace: str
) -> None:
    path = made(ada, DECISIONS, namespace)
    control_plane.kubectl(
        "create", "role", "-n", namespace, "finalizers", "--verb=get,patch", "--resource=trustdecisions.certwright.io"
    )
    control_plane.kubectl(
        *("create", "rolebinding", "-n", namespace, "finalizers", "--role=finalizers"),
        "--serviceaccount=certwright-system:certwright",
    )
    operator = control_plane.kubeconfig_for("certwright-system", "certwright")

    for finalizers in (["certwright.io/deployed"], None):
        control_plane.kubectl(
            *("patch", "trustdecision", "-n", namespace, namespace, "--type=merge"),
            *("-p", json.dumps({"metadata": {"finalizers": finalizers}})),
            kubeconfig=operator,
        )
        found = ada.get(path)
        assert found["metadata"].get("finalizers") == finalizers
        assert stamps(found) == {CREATED: "ada", MODIFIED: "ada"}


# ---- approvals


@both_stores
def test_approver_is_stamped_until_the_approval_changes(
    ada: Person, grace: Person, namespace: str, plural: str
) -> None:
    path = made(ada, plural, namespace)

    answer = grace.patch(path, {"spec": {"deployment": {"approved": FIRST}}, "metadata": {"annotations": FORGED}})
    assert stamps(answer.json()) == {CREATED: "ada", MODIFIED: "grace", APPROVED: "grace"}

    answer = ada.patch(path, {"spec": CHANGES[plural], "metadata": {"annotations": FORGED}})
    assert stamps(answer.json()) == {CREATED: "ada", MODIFIED: "ada", APPROVED: "grace"}

    answer = grace.patch(path, {"metadata": {"annotations": {APPROVED: None}}})
    assert stamps(answer.json()) == {CREATED: "ada", MODIFIED: "ada", APPROVED: "grace"}

    answer = ada.patch(path, {"spec": {"deployment": {"approved": FIRST}}})  # once more, by somebody else
    assert stamps(answer.json()) == {CREATED: "ada", MODIFIED: "ada", APPROVED: "grace"}

    answer = ada.patch(path, {"spec": {"deployment": {"approved": SECOND}}})
    assert stamps(answer.json()) == {CREATED: "ada", MODIFIED: "ada", APPROVED: "ada"}


@both_stores
def test_approver_is_gone_when_the_approval_is(ada: Person, grace: Person, namespace: str, plural: str) -> None:
    path = made(ada, plural, namespace, deployment={"mode": "Manual", "approved": FIRST})
    assert stamps(ada.get(path))[APPROVED] == "ada"

    answer = grace.patch(path, {"spec": {"deployment": {"approved": None}}, "metadata": {"annotations": FORGED}})

    assert stamps(answer.json()) == {CREATED: "ada", MODIFIED: "grace"}


@both_stores
def test_approver_is_stamped_when_the_plugin_applies_its_one_field(
    ada: Person, grace: Person, namespace: str, plural: str
) -> None:
    path = made(ada, plural, namespace)
    body = manifest(plural, namespace, {"deployment": {"approved": FIRST}})

    answer = grace.patch(path, body, how=APPLY, manager="certwright-approval")

    assert stamps(answer.json()) == {CREATED: "ada", MODIFIED: "grace", APPROVED: "grace"}


def test_person_is_stamped_and_not_who_lends_the_rights_when_impersonating(
    control_plane: ControlPlane, namespace: str
) -> None:
    body = json.dumps(manifest(DECISIONS, "borrowed", SPECS[DECISIONS]))

    done = control_plane.kubectl(
        *("create", "-n", namespace, "-f", "-", "-o", "json", "--as=linus", "--as-group=approvers"), input=body
    )

    assert stamps(json.loads(done.stdout)) == {CREATED: "linus", MODIFIED: "linus"}
