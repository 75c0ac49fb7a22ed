"""Trust with its guards and the operator together: the policies of a real API server, real users, the real operator."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import pytest
from click.testing import CliRunner, Result

from certwright.cli.kubectl import plugin as commands
from tests.support.control_plane import ControlPlane
from tests.support.operator_process import OperatorProcess
from tests.support.pki import Entity
from tests.support.rough_world import OPERATOR
from tests.support.trust_guards import (
    APPROVERS,
    DECISIONS,
    EDITORS,
    STORES,
    Manifest,
    Person,
    manifest,
    path_of,
    person,
)
from tests.support.waiting import wait_until
from tests.support.worlds.manifests import config_map
from tests.support.worlds.material import Corp
from tests.support.worlds.trust import bundle_of, certificates

PATIENCE_SECONDS = 30.0
STORE = "corporate"
FINALIZER = "certwright.io/deployed"
CREATED, MODIFIED, APPROVED = (f"certwright.io/{name}-by" for name in ("created", "modified", "approved"))
LABELS = {"trust": "corporate"}
WISH: Manifest = {
    "selector": {"matchLabels": LABELS},
    "deployment": {"mode": "Manual"},
    "targets": [{"name": "bundle"}],
}

Plugin = Callable[..., Result]


@pytest.fixture(scope="module")
def control_plane(guarded_plane: ControlPlane) -> ControlPlane:
    return guarded_plane


@pytest.fixture(scope="module", autouse=True)
def operator(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """Run the operator with its own token, and see that no policy has held it up."""
    log = tmp_path_factory.mktemp("operator") / "operator.log"
    with OperatorProcess(control_plane.kubeconfig_for(*OPERATOR), log) as process:
        process.wait_ready()
        yield process
        process.check()
    assert "ValidatingAdmissionPolicy" not in log.read_text()


@pytest.fixture(scope="module")
def flux(control_plane: ControlPlane) -> Person:
    """Give who brings manifests from Git; it bears the verb `trust`, and the other one."""
    return person(control_plane, "flux", APPROVERS)


@pytest.fixture(scope="module")
def grace(control_plane: ControlPlane) -> Person:
    return person(control_plane, "grace", APPROVERS)


@pytest.fixture(scope="module")
def ada(control_plane: ControlPlane) -> Person:
    """Give somebody who may edit, and bears no verb."""
    return person(control_plane, "ada", EDITORS)


@pytest.fixture
def corp() -> Corp:
    return Corp(datetime.now(tz=UTC).replace(microsecond=0))


class Scene:
    """A namespace of the guarded cluster."""

    def __init__(self, control_plane: ControlPlane, namespace: str) -> None:
        self._plane = control_plane
        self.namespace = namespace

    def path(self, plural: str, name: str) -> str:
        return path_of(plural, name, namespace=self.namespace)

    def read(self, plural: str, name: str) -> Manifest:
        return dict(self._plane.client.get(self.path(plural, name)) or {})

    def status(self, plural: str, name: str) -> Manifest:
        return dict(self.read(plural, name).get("status") or {})

    def store(self) -> Manifest:
        return self.status(STORES, STORE)

    def pending(self) -> Manifest:
        return dict(self.store().get("pending") or {})

    def target(self) -> Manifest | None:
        return self._plane.client.get(f"/api/v1/namespaces/{self.namespace}/configmaps/bundle")

    def bundle(self) -> list[bytes] | None:
        found = self.target()
        return certificates(found["data"]["ca.crt"].encode()) if found is not None else None

    def sync(self, by: Person, *entities: tuple[str, Entity], **deployment: Any) -> None:
        """Do what Flux does with what is in Git; who decides leaves `trustStateDesired` out there."""
        for name, entity in entities:
            self.apply(by, DECISIONS, name, {"certificate": entity.pem}, labels=LABELS)
        self.apply(by, STORES, STORE, {**WISH, "deployment": {**WISH["deployment"], **deployment}})

    def apply(self, by: Person, plural: str, name: str, spec: Manifest, **metadata: Any) -> None:
        answer = by.apply(self.path(plural, name), manifest(plural, name, spec, **metadata), manager="flux")
        assert answer.ok, answer.body

    def until(self, reached: Callable[[], Any], what: str) -> Any:
        return wait_until(reached, deadline_seconds=PATIENCE_SECONDS, what=what)

    def until_waiting(self, *added: str) -> str:
        """Wait until a change waits that adds just these CAs, and give its id."""

        def waits() -> str | None:
            pending = self.pending()
            names = sorted(each["name"] for each in pending.get("added", ()))
            return pending["id"] if names == sorted(added) else None

        return str(self.until(waits, f"a change that adds {added}"))

    def until_held(self, *entities: Entity) -> None:
        self.until(lambda: self.bundle() == bundle_of(*entities), f"a bundle of {len(entities)} CAs")

    def stamps(self, plural: str, name: str) -> dict[str, str]:
        annotations = self.read(plural, name)["metadata"].get("annotations", {})
        return {key: text for key, text in annotations.items() if key in {CREATED, MODIFIED, APPROVED}}


@pytest.fixture
def scene(control_plane: ControlPlane, namespace: str) -> Scene:
    return Scene(control_plane, namespace)


@pytest.fixture
def plugin(namespace: str) -> Plugin:
    """Give a function that runs `kubectl certwright` in the namespace of the test."""

    def run(by: Person, *arguments: str) -> Result:
        words = (*arguments, "-n", namespace, "--kubeconfig", str(by.kubeconfig))
        return CliRunner().invoke(commands, words, input="y\n")

    return run


# ---- the way it is meant


def test_change_from_git_waits_and_is_deployed_when_somebody_with_the_verb_approves_it(
    scene: Scene, flux: Person, ada: Person, grace: Person, plugin: Plugin, corp: Corp
) -> None:
    scene.sync(flux, ("root", corp.root))
    waiting = scene.until_waiting("Corp Root")
    assert scene.pending()["authors"] == ["flux"]
    status = scene.status(DECISIONS, "root")
    assert (status["metadata"]["createdBy"], status["metadata"]["modifiedBy"]) == ("flux", "flux")
    assert status["deployStatus"] == "DEPLOY_PENDING"

    refused = plugin(ada, "approve", STORE)
    assert refused.exit_code == 1
    assert "ada may not change deployment.approved" in refused.stderr
    assert "the verb approve on truststores.certwright.io in namespace" in refused.stderr
    assert scene.bundle() is None

    done = plugin(grace, "approve", STORE)
    assert (done.exit_code, done.stderr) == (0, "")
    scene.until_held(corp.root)
    scene.until(lambda: scene.store().get("rollout", {}).get("state") == "Complete", "the roll-out")
    assert scene.read(STORES, STORE)["spec"]["deployment"]["approved"] == waiting
    (entry,) = scene.store()["history"]
    assert entry["approvedBy"] == "grace"
    conditions = {each["type"]: (each["status"], each["reason"]) for each in scene.store()["conditions"]}
    assert conditions["Approved"] == ("True", "Valid")

    # The next sync leaves the approval where it is, and changes nothing.
    version = (scene.target() or {})["metadata"]["resourceVersion"]
    scene.sync(flux, ("root", corp.root))
    assert scene.read(STORES, STORE)["spec"]["deployment"]["approved"] == waiting
    assert (scene.target() or {})["metadata"]["resourceVersion"] == version


def test_operators_own_writes_pass_the_policies_and_change_no_stamp(
    scene: Scene, flux: Person, grace: Person, plugin: Plugin, corp: Corp
) -> None:
    scene.sync(flux, ("root", corp.root), ("other", corp.ca("Other Root")))
    scene.until_waiting("Corp Root", "Other Root")
    assert plugin(grace, "approve", STORE).exit_code == 0
    scene.until(lambda: scene.status(DECISIONS, "root").get("deployStatus") == "DEPLOYED", "the decision to know of it")

    assert scene.read(DECISIONS, "root")["metadata"]["finalizers"] == [FINALIZER]
    assert scene.stamps(DECISIONS, "root") == {CREATED: "flux", MODIFIED: "flux"}
    assert scene.stamps(STORES, STORE) == {CREATED: "flux", MODIFIED: "grace", APPROVED: "grace"}

    # Deleted: its finalizer goes, though nobody has approved, and it was the operator that let go of it.
    assert flux.delete(scene.path(DECISIONS, "root")).ok
    scene.until(lambda: scene.read(DECISIONS, "root") == {}, "the decision to go")
    assert scene.bundle() == bundle_of(corp.root, corp.ca("Other Root"))
    removed = scene.until(lambda: scene.pending().get("removed"), "the removal to wait")
    assert [each["name"] for each in removed] == ["Corp Root"]


def test_approval_may_be_a_commit_like_any_other(scene: Scene, flux: Person, corp: Corp) -> None:
    scene.sync(flux, ("root", corp.root))
    waiting = scene.until_waiting("Corp Root")

    scene.sync(flux, ("root", corp.root), approved=waiting)

    scene.until_held(corp.root)
    assert scene.until(lambda: scene.store().get("history"), "the history")[0]["approvedBy"] == "flux"


def test_withdrawal_by_hand_needs_no_verb_and_survives_the_next_sync(
    scene: Scene, flux: Person, ada: Person, grace: Person, plugin: Plugin, corp: Corp
) -> None:
    root, other = ("root", corp.root), ("other", corp.ca("Other Root"))
    scene.sync(flux, root, other)
    scene.until_waiting("Corp Root", "Other Root")
    assert plugin(grace, "approve", STORE).exit_code == 0
    scene.until_held(corp.root, other[1])
    scene.until(lambda: scene.status(DECISIONS, "root").get("deployStatus") == "DEPLOYED", "the decision to know of it")

    done = plugin(ada, "distrust", "root")
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"TrustStore {scene.namespace}/{STORE}: DEPLOYED" in done.stdout
    scene.until_held(other[1])
    assert scene.status(DECISIONS, "root")["metadata"]["modifiedBy"] == "ada"

    scene.sync(flux, root, other)
    assert scene.read(DECISIONS, "root")["spec"]["trustStateDesired"] == "untrusted"
    assert scene.bundle() == bundle_of(other[1])

    # Up again it goes only with the verb, and then with an approval once more; the old one is worthless.
    path, up = scene.path(DECISIONS, "root"), {"spec": {"trustStateDesired": "trusted"}}
    refused = ada.patch(path, up)
    assert refused.code == HTTPStatus.FORBIDDEN
    assert "the verb trust on trustdecisions.certwright.io" in refused.body.decode()
    assert grace.patch(path, up).ok
    scene.until_waiting("Corp Root")
    assert scene.bundle() == bundle_of(other[1])
    assert plugin(grace, "approve", STORE).exit_code == 0
    scene.until_held(corp.root, other[1])


# ---- the ways round


def test_no_way_round_an_approval_changes_the_bundle(
    scene: Scene, flux: Person, ada: Person, grace: Person, plugin: Plugin, corp: Corp
) -> None:
    evil, outsider, lent = corp.ca("Evil Root"), corp.ca("Outside Root"), corp.ca("Lent Root")
    material = config_map("material", {"ca.crt": lent.pem})
    configmaps = f"/api/v1/namespaces/{scene.namespace}/configmaps"
    scene._plane.client.create(configmaps, material)
    scene.apply(flux, DECISIONS, "outside", {"certificate": outsider.pem}, labels={"trust": "others"})
    reference = {"certificateRef": {"name": "material"}, "fingerprint": lent.certificate.fingerprint}
    scene.apply(flux, DECISIONS, "lent", reference, labels=LABELS)
    scene.sync(flux, ("root", corp.root))
    scene.until_waiting("Corp Root", "Lent Root")
    assert plugin(grace, "approve", STORE).exit_code == 0
    scene.until_held(corp.root, lent)
    version = (scene.target() or {})["metadata"]["resourceVersion"]

    store, decisions = scene.path(STORES, STORE), scene.path(DECISIONS, "")
    stores, fresh = store.rpartition("/")[0], {**WISH, "deployment": {"mode": "Automatic"}}
    approved = {**WISH, "deployment": {"mode": "Manual", "approved": "sha256:" + "a" * 64}}
    tries = {
        "mode to Automatic": lambda: ada.patch(store, {"spec": {"deployment": {"mode": "Automatic"}}}),
        "approval of anything": lambda: ada.patch(store, {"spec": {"deployment": {"approved": "sha256:" + "a" * 64}}}),
        "deletion of the store": lambda: ada.delete(store),
        "another store in its place": lambda: ada.create(stores, manifest(STORES, "second", fresh)),
        "a store that brings its approval": lambda: ada.create(stores, manifest(STORES, "third", approved)),
        "another selector": lambda: ada.patch(store, {"spec": {"selector": {"matchLabels": {"trust": "others"}}}}),
        "a wider target": lambda: ada.patch(store, {"spec": {"targets": [{"name": "bundle"}, {"name": "more"}]}}),
        "public roots": lambda: ada.patch(store, {"spec": {"publicRoots": "Mozilla"}}),
        "labels into the selector": lambda: ada.patch(
            scene.path(DECISIONS, "outside"), {"metadata": {"labels": LABELS}}
        ),
        "another certificate": lambda: ada.patch(scene.path(DECISIONS, "root"), {"spec": {"certificate": evil.pem}}),
        "another decision": lambda: ada.create(
            decisions.rstrip("/"), manifest(DECISIONS, "evil", {"certificate": evil.pem}, labels=LABELS)
        ),
    }
    for what, attempt in tries.items():
        answer = attempt()
        assert answer.code == HTTPStatus.FORBIDDEN, f"{what}: {answer.code} {answer.body!r}"
        assert "certwright-approver" in answer.body.decode(), what

    # What no policy sees, the fingerprint does: whoever edits ConfigMaps trusts nobody.
    edited = {"data": {"ca.crt": evil.pem}}
    answer = scene._plane.client.request(
        "PATCH", f"{configmaps}/material", edited, headers={"Content-Type": "application/merge-patch+json"}
    )
    assert answer.ok
    scene.until(
        lambda: any(
            each["reason"] == "FingerprintMismatch" for each in scene.status(DECISIONS, "lent").get("findings", ())
        ),
        "the mismatch",
    )
    # And one who bears the verb `trust` alone brings a change that waits.
    scene.sync(flux, ("root", corp.root), ("evil", evil))
    scene.until_waiting("Evil Root")
    found = scene.target() or {}
    assert found["metadata"]["resourceVersion"] == version
    assert scene.bundle() == bundle_of(corp.root, lent)


def test_operators_account_cannot_approve_even_with_the_rights_of_an_editor(
    control_plane: ControlPlane, scene: Scene, flux: Person, corp: Corp
) -> None:
    scene.sync(flux, ("root", corp.root))
    waiting = scene.until_waiting("Corp Root")
    kubeconfig = control_plane.kubeconfig_for(*OPERATOR)
    patch = json.dumps({"spec": {"deployment": {"approved": waiting}}})
    words = ("patch", "truststore", STORE, "-n", scene.namespace, "--type=merge", "-p", patch)

    answer = control_plane.kubectl(*words, kubeconfig=kubeconfig, check=False)
    assert answer.returncode == 1
    assert 'cannot patch resource "truststores"' in answer.stderr

    bound = ("rolebinding", "-n", scene.namespace, "taken-over")
    account = ":".join(OPERATOR)
    control_plane.kubectl("create", *bound, "--clusterrole=certwright-editor", f"--serviceaccount={account}")

    def refused() -> str:
        return control_plane.kubectl(*words, kubeconfig=kubeconfig, check=False).stderr

    said = scene.until(lambda: text if "verb" in (text := refused()) else "", "the policy to refuse it")
    assert "may not change deployment.approved of TrustStore" in said
    assert f"that needs the verb approve on truststores.certwright.io in namespace {scene.namespace}" in said
    assert scene.bundle() is None


# ---- what the documents show


def test_metadata_of_the_documented_example_names_who_created_and_who_modified(
    scene: Scene, flux: Person, ada: Person, corp: Corp
) -> None:
    scene.apply(flux, DECISIONS, "root", {"certificate": corp.root.pem}, labels=LABELS)
    scene.until(lambda: scene.status(DECISIONS, "root").get("trustState") == "trusted", "the verdict")
    assert ada.patch(scene.path(DECISIONS, "root"), {"spec": {"trustStateDesired": "untrusted"}}).ok
    scene.until(lambda: scene.status(DECISIONS, "root").get("trustState") == "untrusted", "the withdrawal")

    found = scene.read(DECISIONS, "root")
    metadata = found["status"]["metadata"]
    assert metadata == {
        "labels": [{"name": "trust", "value": "corporate"}],
        "creationTimestamp": found["metadata"]["creationTimestamp"],
        "modificationTimestamp": metadata["modificationTimestamp"],
        "createdBy": "flux",
        "modifiedBy": "ada",
    }
    assert metadata["modificationTimestamp"] >= metadata["creationTimestamp"]
