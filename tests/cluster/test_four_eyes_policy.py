"""The component `approval-four-eyes` on a real API server: nobody approves a change of their own."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.support.control_plane import ControlPlane
from tests.support.trust_guards import (
    ACTIVE_SECONDS,
    APPROVERS,
    CLUSTER_STORES,
    MANIFESTS,
    STORES,
    Manifest,
    Person,
    manifest,
    path_of,
    person,
)
from tests.support.waiting import wait_until

POLICY = MANIFESTS / "components" / "approval-four-eyes" / "policy.yaml"
PENDING, OTHER = ("sha256:" + digit * 64 for digit in "ab")
MANUAL = {"mode": "Manual"}
HELD = "example.com/four-eyes"

both_stores = pytest.mark.parametrize("plural", [STORES, CLUSTER_STORES])


@pytest.fixture(scope="module")
def control_plane(guarded_plane: ControlPlane) -> Iterator[ControlPlane]:
    """Hold only some stores to it, for others share the control plane."""
    policy, binding = yaml.safe_load_all(POLICY.read_text(encoding="utf-8"))
    binding["spec"]["matchResources"] = {"objectSelector": {"matchLabels": {HELD: "yes"}}}
    guarded_plane.kubectl("apply", "-f", "-", input=yaml.safe_dump_all([policy, binding]))
    yield guarded_plane
    guarded_plane.kubectl("delete", "-f", str(POLICY))


@pytest.fixture(scope="module")
def ada(control_plane: ControlPlane) -> Person:
    ada = person(control_plane, "ada", APPROVERS)
    trial = store(STORES, "trial", {"mode": "Automatic"})
    path = path_of(STORES, namespace="default") + "?dryRun=All"
    wait_until(lambda: ada.create(path, trial).code == 403, deadline_seconds=ACTIVE_SECONDS, what="the policy to hold")
    return ada


@pytest.fixture(scope="module")
def grace(control_plane: ControlPlane) -> Person:
    return person(control_plane, "grace", APPROVERS)


def store(plural: str, name: str, deployment: Manifest) -> Manifest:
    return manifest(plural, name, {"deployment": deployment}, labels={HELD: "yes"})


def waiting(control_plane: ControlPlane, by: Person, plural: str, namespace: str, *authors: str) -> str:
    """Create a store with a change that waits, and give its path."""
    path = path_of(plural, namespace, namespace=namespace)
    assert by.create(path.rpartition("/")[0], store(plural, namespace, MANUAL)).code == 201
    status = {"pending": {"id": PENDING, "authors": list(authors)}}
    assert person(control_plane, "root", "system:masters").patch(f"{path}/status", {"status": status}).ok
    return path


def approval(value: str | None) -> Manifest:
    return {"spec": {"deployment": {"approved": value}}}


@both_stores
def test_author_may_not_approve_and_another_may(
    control_plane: ControlPlane, ada: Person, grace: Person, namespace: str, plural: str
) -> None:
    path = waiting(control_plane, ada, plural, namespace, "linus", "ada")

    answer = ada.patch(path, approval(PENDING))

    assert answer.code == 403
    assert "ada is an author of this change and may not approve it" in answer.json()["message"]
    assert grace.patch(path, approval(PENDING)).ok
    assert ada.patch(path, approval(None)).ok


@both_stores
def test_approval_is_refused_when_it_is_not_of_what_waits(
    control_plane: ControlPlane, ada: Person, grace: Person, namespace: str, plural: str
) -> None:
    path = waiting(control_plane, ada, plural, namespace, "ada")
    body = store(plural, f"{namespace}-2", {"mode": "Manual", "approved": PENDING})

    for answer in (grace.patch(path, approval(OTHER)), grace.create(path.rpartition("/")[0], body)):
        assert answer.code == 403
        assert "must be the id of the change that waits" in answer.json()["message"]


@both_stores
def test_store_becomes_automatic_for_nobody(
    control_plane: ControlPlane, ada: Person, grace: Person, namespace: str, plural: str
) -> None:
    path = waiting(control_plane, ada, plural, namespace, "ada")
    automatic: dict[str, Any] = {"mode": "Automatic"}

    for answer in (
        grace.patch(path, {"spec": {"deployment": automatic}}),
        grace.create(path.rpartition("/")[0], store(plural, f"{namespace}-2", automatic)),
    ):
        assert answer.code == 403
        assert "spec.deployment.mode must be Manual" in answer.json()["message"]


def test_approval_is_refused_when_the_list_of_authors_is_full(
    control_plane: ControlPlane, ada: Person, grace: Person, namespace: str
) -> None:
    path = waiting(control_plane, ada, STORES, namespace, *(f"author-{number}" for number in range(16)))

    answer = grace.patch(path, approval(PENDING))

    assert answer.code == 403
    assert "too many authors" in answer.json()["message"]


def test_everything_else_is_as_without_it_when_nothing_is_approved(
    control_plane: ControlPlane, ada: Person, namespace: str
) -> None:
    path = waiting(control_plane, ada, STORES, namespace, "ada")
    for change in ({"spec": {"publicRoots": "Mozilla"}}, {"metadata": {"annotations": {"note": "seen"}}}):
        assert ada.patch(path, change).ok
