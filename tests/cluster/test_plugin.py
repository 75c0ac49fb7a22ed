"""`kubectl certwright` as people call it: the real kubectl, the real API server, people with and without the verbs."""

import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from certwright.cli.kubectl import approve as approving
from certwright.cli.kubectl import plugin as commands
from certwright.cluster.by_hand import ByHand
from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.objects import Kind, ObjectKey
from tests.support.cluster_client import connected
from tests.support.control_plane import ControlPlane
from tests.support.trust_guards import (
    APPROVERS,
    CLUSTER_STORES,
    DECISIONS,
    EDITORS,
    KINDS,
    STORES,
    Manifest,
    Person,
    manifest,
    path_of,
    person,
)

FIRST, SECOND, DEPLOYED = ("sha256:" + digit * 64 for digit in "abc")
CA = "sha256:" + "d" * 64
UNTIL = "rootCA, until 2036-01-01T00:00:00Z"
CHANGE: Manifest = {
    "id": FIRST,
    "added": [{"fingerprint": CA, "name": "Corp Root G2", "decision": "root-g2", "effect": UNTIL}],
    "addedCount": 3,
    "removed": [{"fingerprint": DEPLOYED, "name": "Old\u202e Root"}],
    "removedCount": 1,
    "changed": [{"fingerprint": SECOND, "name": "Lasting Root", "decision": "lasting"}],
    "changedCount": 1,
    "authors": ["linus", "vera"],
    "publicRoots": "certifi 2026.10.18",
}
NOW = datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

LAST = "and it is the last one there: targets keep it unless `allowEmpty` is set, but nothing rests on it"

Plugin = Callable[..., Result]

both_stores = pytest.mark.parametrize("plural", [STORES, CLUSTER_STORES])


@pytest.fixture(scope="module")
def control_plane(guarded_plane: ControlPlane) -> ControlPlane:
    return guarded_plane


@pytest.fixture(scope="module")
def root(control_plane: ControlPlane) -> Person:
    """Give somebody who may do everything, and plays the operator."""
    return person(control_plane, "root", "system:masters")


@pytest.fixture(scope="module")
def ada(control_plane: ControlPlane) -> Person:
    return person(control_plane, "ada", EDITORS)


@pytest.fixture(scope="module")
def grace(control_plane: ControlPlane) -> Person:
    return person(control_plane, "grace", APPROVERS)


@pytest.fixture
def plugin(namespace: str) -> Plugin:
    """Give a function that runs the plugin in the namespace of the test."""

    def run(by: Person, *arguments: str, answer: str | None = None) -> Result:
        words = (*arguments, "-n", namespace, "--kubeconfig", str(by.kubeconfig))
        return CliRunner().invoke(commands, words, input=answer)

    return run


def waiting(
    root: Person, plural: str, namespace: str, change: Manifest | None = CHANGE, **deployment: Any
) -> tuple[str, list[str]]:
    """Create a store in which a change waits; give its path and what names it on the command line."""
    path = path_of(plural, namespace, namespace=namespace)
    wish = manifest(plural, namespace, {"deployment": {"mode": "Manual", **deployment}})
    assert root.apply(path, wish, manager="kustomize-controller").code == 201
    put_status(root, path, {"pending": change, "observedGeneration": 1})
    return path, [namespace] + (["--cluster"] if plural == CLUSTER_STORES else [])


def put_status(root: Person, path: str, status: Manifest) -> None:
    answer = root.patch(f"{path}/status", {"status": status})
    assert answer.ok, answer.body


def approved(root: Person, path: str) -> str | None:
    value: str | None = root.get(path)["spec"]["deployment"].get("approved")
    return value


def named(plural: str, namespace: str) -> str:
    return f"{KINDS[plural]} {namespace}/{namespace}" if plural != CLUSTER_STORES else f"{KINDS[plural]} {namespace}"


def test_kubectl_finds_the_plugin_and_the_api_server_believes_it(
    control_plane: ControlPlane, root: Person, grace: Person, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, words = waiting(root, STORES, namespace)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")

    done = control_plane.kubectl(
        "certwright", "approve", *words, "-n", namespace, input="y\n", kubeconfig=grace.kubeconfig
    )

    assert done.stdout.endswith(f"{named(STORES, namespace)} approved: {FIRST}\n")
    assert approved(root, path) == FIRST


# ---- approve


@both_stores
def test_change_is_shown_and_approved_when_the_person_says_yes(
    root: Person, grace: Person, plugin: Plugin, namespace: str, plural: str
) -> None:
    path, words = waiting(root, plural, namespace)

    done = plugin(grace, "approve", *words, answer="y\n")

    assert (done.exit_code, done.stderr) == (0, "")
    shown = done.stdout.splitlines()
    assert shown == [
        f"{named(plural, namespace)}: this change waits for approval",
        f'  + add "Corp Root G2", {UNTIL} decision root-g2, {CA}',
        "  + add and 2 more",
        f'  - remove "Old\\u202e Root" public root, {DEPLOYED}',
        f'  ~ change "Lasting Root" decision lasting, {SECOND}',
        "  public roots: certifi 2026.10.18",
        "  authors: linus, vera",
        f"  id: {FIRST}",
        "Approve this change? [y/N]: y",
        f"{named(plural, namespace)} approved: {FIRST}",
    ]
    found = root.get(path)
    assert found["spec"]["deployment"] == {"mode": "Manual", "approved": FIRST}
    assert found["metadata"]["annotations"]["certwright.io/approved-by"] == "grace"
    managers = {each["manager"]: each for each in found["metadata"]["managedFields"]}
    own = managers["certwright-approval"]
    assert own["operation"] == "Apply"
    assert own["fieldsV1"] == {"f:spec": {"f:deployment": {"f:approved": {}}}}


@both_stores
def test_person_without_the_verb_reads_the_sentence_of_the_policy(
    root: Person, ada: Person, plugin: Plugin, namespace: str, plural: str
) -> None:
    path, words = waiting(root, plural, namespace)

    done = plugin(ada, "approve", *words, "--yes")

    place = "" if plural == CLUSTER_STORES else f" in namespace {namespace}"
    assert done.exit_code == 1
    assert done.stderr == (
        f"certwright: ada may not change deployment.approved of {named(plural, namespace)}: that needs the verb "
        f"approve on {plural}.certwright.io{place}, which the ClusterRole certwright-approver gives to whom it is "
        "bound\n"
    )
    assert approved(root, path) is None


def test_person_without_any_role_reads_which_right_is_missing(
    control_plane: ControlPlane, root: Person, plugin: Plugin, namespace: str
) -> None:
    waiting(root, STORES, namespace)
    done = plugin(person(control_plane, "nobody"), "approve", namespace, "--yes")
    assert done.exit_code == 1
    assert 'User "nobody" cannot get resource "truststores" in API group "certwright.io"' in done.stderr


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_nothing_is_changed_when_the_person_does_not_say_yes(
    root: Person, grace: Person, plugin: Plugin, namespace: str, answer: str
) -> None:
    path, words = waiting(root, STORES, namespace)
    done = plugin(grace, "approve", *words, answer=answer)
    assert done.exit_code == 1
    assert done.stdout.endswith("Nothing was changed.\n")
    assert approved(root, path) is None


def test_dry_run_changes_nothing_and_tells_whether_one_may(
    root: Person, ada: Person, grace: Person, plugin: Plugin, namespace: str
) -> None:
    path, words = waiting(root, STORES, namespace)

    may, may_not = (plugin(by, "approve", *words, "--dry-run") for by in (grace, ada))

    assert (may.exit_code, may_not.exit_code) == (0, 1)
    assert may.stdout.endswith(f"{named(STORES, namespace)} would be approved (dry run): {FIRST}\n")
    assert "needs the verb approve" in may_not.stderr
    assert approved(root, path) is None


def test_store_that_is_not_there_is_told(grace: Person, plugin: Plugin) -> None:
    done = plugin(grace, "approve", "none", "--yes")
    assert (done.exit_code, done.stderr) == (1, 'certwright: truststores.certwright.io "none" not found\n')


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("Manual", "no change waits for approval."),
        ("Automatic", "its mode is Automatic, so changes are deployed at once and none waits for approval."),
    ],
)
def test_store_in_which_nothing_waits_is_told(
    root: Person, grace: Person, plugin: Plugin, namespace: str, mode: str, words: str
) -> None:
    waiting(root, STORES, namespace, None, mode=mode)
    done = plugin(grace, "approve", namespace, "--yes")
    assert (done.exit_code, done.stderr) == (1, f"certwright: {named(STORES, namespace)}: {words}\n")


@pytest.mark.parametrize("deployment", [{}, {"approved": FIRST}, {"mode": "Automatic"}])
def test_change_is_not_approved_when_it_waits_for_something_else(
    root: Person, grace: Person, plugin: Plugin, namespace: str, deployment: Manifest
) -> None:
    path, words = waiting(root, STORES, namespace, **deployment)
    stuck = "What is deployed stays: the change would leave the bundle without any root."
    said = (("Approved", "True", "Valid", "No change waits."), ("Ready", "False", "EmptyBundle", stuck))
    conditions = [
        {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": NOW}
        for kind, status, reason, message in said
    ]
    put_status(root, path, {"conditions": conditions})

    done = plugin(grace, "approve", *words, "--yes")

    told = f"{named(STORES, namespace)}: the change in its status waits for something else than approval: {stuck}"
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"certwright: {told}\n")
    assert approved(root, path) == deployment.get("approved")


def test_change_that_is_approved_already_is_told(root: Person, ada: Person, plugin: Plugin, namespace: str) -> None:
    waiting(root, STORES, namespace, approved=FIRST)
    done = plugin(ada, "approve", namespace)
    assert done.exit_code == 0
    assert done.stdout.endswith("It is approved already; certwright deploys it.\n")


def test_warnings_say_who_else_approves_and_that_more_may_come(
    root: Person, grace: Person, plugin: Plugin, namespace: str
) -> None:
    path, words = waiting(root, STORES, namespace, approved=SECOND)
    put_status(root, path, {"observedGeneration": 0})

    done = plugin(grace, "approve", *words, "--yes")

    assert done.exit_code == 0
    assert "warning certwright has not looked at the store since it was last changed" in done.stdout
    assert 'warning the field manager "kustomize-controller" writes approvals of this store too' in done.stdout
    assert approved(root, path) == FIRST


class Meddled(ByHand):
    """Somebody who writes between the look and the approval, a given number of times."""

    root: Person
    path: str
    statuses: list[Manifest]

    async def set_field(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        if self.statuses:
            put_status(self.root, self.path, self.statuses.pop(0))
        return await super().set_field(*arguments, **options)


async def approve_meddled(grace: Person, root: Person, path: str, namespace: str, *statuses: Manifest) -> int:
    async with connected(grace.kubeconfig) as requests:
        objects = Meddled(requests.connection)
        objects.root, objects.path, objects.statuses = root, path, list(statuses)
        key = ObjectKey(Kind.TRUST_STORE, namespace, namespace)
        return await approving._approve(objects, key, yes=True, dry_run=False)


async def test_approval_goes_through_when_only_other_things_were_written_meanwhile(
    root: Person, grace: Person, namespace: str
) -> None:
    path, _ = waiting(root, STORES, namespace)
    code = await approve_meddled(grace, root, path, namespace, {"certificates": 1}, {"certificates": 2})
    assert (code, approved(root, path)) == (0, FIRST)


async def test_approval_gives_up_when_it_is_written_all_the_time(root: Person, grace: Person, namespace: str) -> None:
    path, _ = waiting(root, STORES, namespace)
    with pytest.raises(ClusterError) as caught:
        await approve_meddled(grace, root, path, namespace, *({"certificates": count} for count in range(9)))
    assert caught.value.cause is FailureCause.CONFLICT
    assert approved(root, path) is None


@pytest.mark.parametrize("change", [{"id": SECOND}, None])
async def test_nothing_is_approved_when_another_change_waits_by_then(
    root: Person, grace: Person, namespace: str, change: Manifest | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path, _ = waiting(root, STORES, namespace)
    code = await approve_meddled(grace, root, path, namespace, {"pending": change})
    assert (code, approved(root, path)) == (1, None)
    assert "another change waits by now, and nothing was approved; look at it first." in capsys.readouterr().err


def test_approval_stays_when_the_manifest_from_git_is_applied_again(
    root: Person, grace: Person, plugin: Plugin, namespace: str
) -> None:
    path, words = waiting(root, STORES, namespace)
    assert plugin(grace, "approve", *words, "--yes").exit_code == 0

    wish = manifest(STORES, namespace, {"deployment": {"mode": "Manual"}})
    assert root.apply(path, wish, manager="kustomize-controller").ok

    assert approved(root, path) == FIRST


# ---- distrust


def decided(root: Person, namespace: str, spec: Manifest | None = None, **status: Any) -> str:
    """Create a decision as Flux does, judged and deployed; give its path."""
    path = path_of(DECISIONS, namespace, namespace=namespace)
    wish = manifest(DECISIONS, namespace, {"certificate": "x", **(spec or {})})
    assert root.apply(path, wish, manager="kustomize-controller").code == 201
    known = {"fingerprint": CA, "cn": "Corp Root", "trustState": "trusted", "expiryTimestamp": "2030-01-01T00:00:00Z"}
    put_status(root, path, {**known, **status})
    return path


def desired(root: Person, path: str) -> str:
    value: str = root.get(path)["spec"]["trustStateDesired"]
    return value


def complete(targets: int) -> dict[str, object]:
    """Give a roll-out that has reached all targets."""
    return {"state": "Complete", "targets": targets, "updatedTargets": targets, "percentComplete": 100, "failed": 0}


def test_ca_is_shown_with_who_rests_on_it_and_withdrawn(
    root: Person, ada: Person, plugin: Plugin, namespace: str
) -> None:
    store, _ = waiting(root, STORES, namespace, None)
    put_status(root, store, {"certificates": 1, "rollout": complete(3)})
    cluster_store, _ = waiting(root, CLUSTER_STORES, namespace, None)
    put_status(root, cluster_store, {"certificates": 7, "rollout": complete(300)})
    for name, anchor in (("shop", CA), ("other", SECOND)):
        certificate = path_of("importedcertificates", namespace=namespace)
        body = {
            "apiVersion": "certwright.io/v1alpha1",
            "kind": "ImportedCertificate",
            "metadata": {"name": name},
            "spec": {"certificate": "x"},
        }
        assert root.create(certificate, body).code == 201
        put_status(root, f"{certificate}/{name}", {"served": served(anchor)})
    rows = [
        {"kind": "TrustStore", "namespace": namespace, "name": namespace, "deployStatus": "DEPLOYED"},
        {"kind": "ClusterTrustStore", "name": namespace, "deployStatus": "DEPLOY_PENDING"},
        {"kind": "TrustStore", "namespace": namespace, "name": "gone", "deployStatus": "DELETE_PENDING"},
    ]
    path = decided(root, namespace, stores=rows, storesCount=5)

    done = plugin(ada, "distrust", namespace, answer="y\n")

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"TrustDecision {namespace}/{namespace}",
        '  CA "Corp Root", trusted, until 2030-01-01T00:00:00Z',
        f"  {CA}",
        f"  TrustStore {namespace}/{namespace}: DEPLOYED, taken out of 3 targets, {LAST}",
        f"  ClusterTrustStore {namespace}: DEPLOY_PENDING, waits to be deployed there, and will not be",
        f"  TrustStore {namespace}/gone: DELETE_PENDING, cannot be read (NotFound)",
        "  and 2 more stores",
        f"  ImportedCertificate {namespace}/shop: trusted by this CA, and no more",
        "Withdraw the trust in this CA? [y/N]: y",
        f"TrustDecision {namespace}/{namespace} untrusted",
    ]
    assert desired(root, path) == "untrusted"


def test_certificates_below_an_intermediate_are_shown_when_it_is_withdrawn(
    root: Person, ada: Person, plugin: Plugin, namespace: str
) -> None:
    chain = [{"commonName": "Issuing CA", "fingerprint": CA, "validThru": NOW}]
    path = path_of("importedcertificates", namespace=namespace)
    without_store = {name: value for name, value in served(SECOND).items() if name != "anchor"}
    for name, said in (("shop", served(SECOND)), ("aside", without_store)):
        body = {"apiVersion": "certwright.io/v1alpha1", "kind": "ImportedCertificate", "metadata": {"name": name}}
        assert root.create(path, {**body, "spec": {"certificate": "x"}}).code == 201
        put_status(root, f"{path}/{name}", {"served": {**said, "chain": chain}})
    store, _ = waiting(root, STORES, namespace, None)
    put_status(root, store, {"certificates": 2, "rollout": complete(3)})
    rows = [{"kind": "TrustStore", "namespace": namespace, "name": namespace, "deployStatus": "DEPLOYED"}]
    decided(root, namespace, stores=rows, storesCount=1)

    done = plugin(ada, "distrust", namespace, "--dry-run")

    resting = [line for line in done.stdout.splitlines() if "ImportedCertificate" in line]
    assert resting == [f"  ImportedCertificate {namespace}/shop: trusted by this CA, and no more"]


def served(anchor: str) -> Manifest:
    return {
        "fingerprint": FIRST,
        "commonName": "shop.example.com",
        "serialNumber": "01",
        "validFrom": NOW,
        "validThru": NOW,
        "keyFingerprint": FIRST,
        "since": NOW,
        "anchor": {"commonName": "Corp Root", "fingerprint": anchor, "validThru": NOW},
    }


def test_withdrawal_survives_whatever_is_synchronised_without_the_field(
    control_plane: ControlPlane, root: Person, ada: Person, plugin: Plugin, namespace: str
) -> None:
    path = decided(root, namespace)
    wish = manifest(DECISIONS, namespace, {"certificate": "x"}, namespace=namespace)

    done = plugin(ada, "distrust", namespace, "--yes")

    assert (done.exit_code, "warning" in done.stdout) == (0, False)
    assert root.apply(path, wish, manager="kustomize-controller").ok
    assert desired(root, path) == "untrusted"
    for way in ([], ["--server-side", "--force-conflicts"]):
        control_plane.kubectl("apply", *way, "-f", "-", input=json.dumps(wish))
        assert desired(root, path) == "untrusted"


def test_withdrawal_survives_when_the_decision_was_created_and_applied_by_kubectl(
    control_plane: ControlPlane, root: Person, ada: Person, plugin: Plugin, namespace: str
) -> None:
    wish = manifest(DECISIONS, namespace, {"certificate": "x"}, namespace=namespace)
    control_plane.kubectl("apply", "-f", "-", input=json.dumps(wish))

    done = plugin(ada, "distrust", namespace, "--yes")
    control_plane.kubectl(
        "apply", "-f", "-", input=json.dumps({**wish, "metadata": {**wish["metadata"], "labels": {}}})
    )

    assert (done.exit_code, "warning" in done.stdout) == (0, False)
    assert desired(root, path_of(DECISIONS, namespace, namespace=namespace)) == "untrusted"


@pytest.mark.parametrize("way", ["server-side", "client-side"])
def test_warning_names_who_will_put_trust_back_when_the_field_is_in_git(
    control_plane: ControlPlane, root: Person, ada: Person, plugin: Plugin, namespace: str, way: str
) -> None:
    written = {"trustStateDesired": "trusted"}
    if way == "server-side":
        decided(root, namespace, written)
    else:
        wish = manifest(DECISIONS, namespace, {"certificate": "x", **written}, namespace=namespace)
        control_plane.kubectl("apply", "-f", "-", input=json.dumps(wish))

    done = plugin(ada, "distrust", namespace, "--yes")

    manager = "kustomize-controller" if way == "server-side" else "kubectl apply"
    assert done.exit_code == 0
    assert (
        f'warning "{manager}" applies this object with `trustStateDesired` in it, and will put that back' in done.stdout
    )


def test_withdrawal_takes_no_verb_and_is_not_repeated(
    root: Person, ada: Person, plugin: Plugin, namespace: str
) -> None:
    decided(root, namespace, {"trustStateDesired": "untrusted"})
    done = plugin(ada, "distrust", namespace)
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "It is untrusted already.")


@pytest.mark.parametrize(
    ("option", "code", "last"),
    [
        ("--context=test", 1, "Nothing was changed."),
        ("--dry-run", 0, "TrustDecision {0}/{0} would be untrusted (dry run)"),
    ],
)
def test_nothing_is_withdrawn_when_nobody_says_yes(
    root: Person, plugin: Plugin, namespace: str, option: str, code: int, last: str
) -> None:
    path = decided(root, namespace)
    done = plugin(root, "distrust", namespace, option, answer="n\n")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (code, last.format(namespace))
    assert desired(root, path) == "trusted"


def may_view(control_plane: ControlPlane, namespace: str, user: str) -> None:
    role = "--clusterrole=certwright-viewer"
    control_plane.kubectl("create", "rolebinding", "-n", namespace, user, role, f"--user={user}")


def test_who_may_only_read_a_namespace_is_told_which_right_is_missing(
    control_plane: ControlPlane, root: Person, plugin: Plugin, namespace: str
) -> None:
    path = decided(root, namespace)
    control_plane.kubectl(
        "create", "rolebinding", "-n", namespace, "v", "--clusterrole=certwright-viewer", "--user=vera"
    )
    done = plugin(person(control_plane, "vera"), "distrust", namespace, "--yes")
    assert done.exit_code == 1
    assert 'User "vera" cannot patch resource "trustdecisions" in API group "certwright.io"' in done.stderr
    assert desired(root, path) == "trusted"


# ---- inventory


def test_inventory_lists_what_ends_first_on_top(root: Person, ada: Person, plugin: Plugin, namespace: str) -> None:
    millis = int(datetime(2031, 5, 1, tzinfo=UTC).timestamp() * 1000)
    issuer = [{"fieldName": "CN", "value": "Corp\u202e Root"}]
    decided(root, namespace, expiry=millis, trustState="trusted", issuer=issuer)
    certificates = path_of("importedcertificates", namespace=namespace)
    wishes = {
        "late": ({"storeRef": {"name": "corporate"}}, {"validThru": "2031-04-01T00:00:00Z", "issuer": "CN=Corp CA"}),
        "soon": (None, {"validThru": "2031-03-01T00:00:00Z"}),
        "bare": (None, None),
    }
    for name, (trust, status) in wishes.items():
        wish = watching(name, namespace)
        wish["spec"] |= {"trust": trust} if trust is not None else {}
        assert root.create(certificates, wish).code == 201
        if status is not None:
            put_status(root, f"{certificates}/{name}", {"responseCode": 200, **status})

    done = plugin(ada, "inventory")

    assert done.stderr == ""
    assert done.exit_code == 0
    heads, *lines = (line.split() for line in done.stdout.splitlines())
    assert heads == ["UNTIL", "OBJECT", "CODE", "STORE", "ISSUER"]
    assert [line for line in lines if any(namespace in word for word in line)] == [
        ["2031-03-01T00:00:00Z", "ImportedCertificate", f"{namespace}/soon", "200", "-", "-"],
        ["2031-04-01T00:00:00Z", "ImportedCertificate", f"{namespace}/late", "200", "corporate", "CN=Corp", "CA"],
        ["2031-05-01T00:00:00Z", "TrustDecision", f"{namespace}/{namespace}", "trusted", "-", "CN=Corp\\u202e", "Root"],
        ["-", "ImportedCertificate", f"{namespace}/bare", "-", "-", "-"],
    ]
    assert f"{namespace}/soon" in plugin(ada, "inventory", "-A").stdout


def test_inventory_is_empty_where_nothing_is(ada: Person, plugin: Plugin) -> None:
    done = plugin(ada, "inventory")
    assert (done.exit_code, done.stdout) == (0, "There are no certificates of certwright here.\n")


def test_inventory_proposes_to_watch_the_tls_secrets_that_nobody_watches(
    root: Person, ada: Person, plugin: Plugin, namespace: str
) -> None:
    secrets = f"/api/v1/namespaces/{namespace}/secrets"
    for name, kind, labels in (
        ("new", "kubernetes.io/tls", {}),
        ("watched", "kubernetes.io/tls", {}),
        ("taken", "kubernetes.io/tls", {}),
        ("ours", "kubernetes.io/tls", {"app.kubernetes.io/managed-by": "certwright"}),
        ("opaque", "Opaque", {}),
    ):
        data = {"tls.crt": "", "tls.key": ""}
        body = {"metadata": {"name": name, "labels": labels}, "type": kind, "data": data}
        assert root.create(secrets, body).code == 201
    certificates = path_of("importedcertificates", namespace=namespace)
    assert root.create(certificates, watching("watcher", namespace, of="watched")).code == 201
    assert root.create(certificates, watching("taken", namespace, of="elsewhere")).code == 201

    refused = plugin(ada, "inventory", "-o", "manifests")
    assert (refused.exit_code, 'cannot list resource "secrets"' in refused.stderr) == (1, True)

    done = plugin(root, "inventory", "-o", "manifests")

    assert done.exit_code == 1
    assert f"Secret {namespace}/taken is left out" in done.stderr
    (proposed,) = yaml.safe_load_all(done.stdout)
    assert proposed == watching("new", namespace)
    assert root.create(certificates, proposed).code == 201
    assert plugin(root, "inventory", "-o", "manifests").stdout == ""


def watching(name: str, namespace: str, *, of: str | None = None) -> Manifest:
    return {
        "apiVersion": "certwright.io/v1alpha1",
        "kind": "ImportedCertificate",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"certificateRef": {"name": of or name}},
    }


# ---- status and why


CONDITION = {"lastTransitionTime": NOW, "reason": "Expired", "message": "The certificate expired.", "status": "False"}


def test_status_lists_what_is_not_ready_first(root: Person, ada: Person, plugin: Plugin, namespace: str) -> None:
    decided(root, namespace, conditions=[{**CONDITION, "type": "Ready"}])
    store, _ = waiting(root, STORES, namespace)
    ready = {**CONDITION, "type": "Ready", "status": "True", "reason": "Valid", "message": ""}
    put_status(root, store, {"conditions": [ready]})
    lone = path_of(STORES, namespace=namespace)
    assert root.create(lone, manifest(STORES, "lone", {})).code == 201

    done = plugin(ada, "status")

    assert (done.exit_code, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines() if f" {namespace}/" in line]
    assert lines == [
        ["TrustDecision", f"{namespace}/{namespace}", "False", "Expired", "The", "certificate", "expired."],
        ["TrustStore", f"{namespace}/lone", "Unknown", "certwright", "has", "not", "looked", "at", "it", "yet"],
        ["TrustStore", f"{namespace}/{namespace}", "True", "Valid"],
    ]
    assert done.stdout.splitlines()[0].split() == ["OBJECT", "READY", "REASON", "MESSAGE"]
    assert f"{namespace}/lone" in plugin(ada, "status", "-A").stdout


def test_status_says_what_could_not_be_listed(control_plane: ControlPlane, plugin: Plugin, namespace: str) -> None:
    control_plane.kubectl(
        "create", "rolebinding", "-n", namespace, "v", "--clusterrole=certwright-viewer", "--user=vera"
    )
    done = plugin(person(control_plane, "vera"), "status")
    assert done.exit_code == 1
    assert done.stdout == "There are no objects of certwright here.\n"
    assert 'cannot list resource "clustertruststores"' in done.stderr


@pytest.mark.parametrize("kind", ["TrustDecision", "trustdecisions", "trustdec"])
def test_why_shows_conditions_findings_and_what_to_do(
    root: Person, ada: Person, plugin: Plugin, namespace: str, kind: str
) -> None:
    finding = {"reason": "Unparsable", "detail": "BadPem", "severity": "Error", "message": "It is no certificate."}
    unknown = {"reason": "FromTheFuture", "severity": "Warning", "message": "Something new."}
    conditions = [{**CONDITION, "type": "Ready"}, {**CONDITION, "type": "Stalled", "status": "True"}]
    decided(root, namespace, conditions=conditions, findings=[finding, unknown], findingsCount=3, observedGeneration=1)

    done = plugin(ada, "why", f"{kind}/{namespace}")

    assert (done.exit_code, done.stderr) == (0, "")
    assert f"  Ready=False Expired since {NOW}\n    The certificate expired.\n" in done.stdout
    assert "Error Unparsable/BadPem\n    It is no certificate.\n" in done.stdout
    assert "Warning FromTheFuture\n    Something new.\n" in done.stdout
    assert "and 1 more findings" in done.stdout
    assert "\nUnparsable\n" in done.stdout
    assert "    What to do: " in done.stdout


def test_why_says_that_nobody_has_looked_yet(root: Person, ada: Person, plugin: Plugin, namespace: str) -> None:
    path, _ = waiting(root, CLUSTER_STORES, namespace, None)
    assert "certwright has not looked at it yet" in plugin(ada, "why", f"ctruststore/{namespace}").stdout
    put_status(root, path, {"conditions": [{**CONDITION, "type": "Ready"}], "observedGeneration": 0})
    shown = plugin(ada, "why", f"ctruststore/{namespace}").stdout
    assert "certwright has not looked at it since it was last changed" in shown
