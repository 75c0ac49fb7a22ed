"""The component `approval` on a real API server: raising trust takes a verb, and every way round is closed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.control_plane import ControlPlane, Response
from tests.support.trust_guards import (
    APPROVERS,
    CLUSTER_STORES,
    DECISIONS,
    EDITORS,
    JSON_PATCH,
    KINDS,
    STORES,
    Manifest,
    Person,
    manifest,
    path_of,
    person,
)

FIRST, SECOND = ("sha256:" + digit * 64 for digit in "ab")
MANUAL, AUTOMATIC = {"mode": "Manual"}, {"mode": "Automatic"}
ROLE = "which the ClusterRole certwright-approver gives to whom it is bound"
NAMESPACE_CONTROLLER = "system:serviceaccount:kube-system:namespace-controller"
COLLECTOR = "system:serviceaccount:kube-system:generic-garbage-collector"

both_stores = pytest.mark.parametrize("plural", [STORES, CLUSTER_STORES])


@pytest.fixture(scope="module")
def control_plane(guarded_plane: ControlPlane) -> ControlPlane:
    return guarded_plane


@pytest.fixture(scope="module")
def ada(control_plane: ControlPlane) -> Person:
    """Give somebody who may edit everything, and bears no verb."""
    return person(control_plane, "ada", EDITORS)


@pytest.fixture(scope="module")
def grace(control_plane: ControlPlane) -> Person:
    """Give somebody who bears both verbs."""
    return person(control_plane, "grace", APPROVERS)


def made(by: Person, plural: str, namespace: str, spec: Manifest, **metadata: Any) -> str:
    """Create an object named after the namespace, which keeps those apart that have none, and give its path."""
    body = manifest(plural, namespace, spec, **metadata)
    answer = by.create(path_of(plural, namespace=namespace), body)
    assert answer.code == 201, answer.body
    return path_of(plural, namespace, namespace=namespace)


def sentence(plural: str, namespace: str, deed: str, *, who: str = "ada", rest: str = "") -> str:
    """Give what the policy says."""
    verb = "trust" if plural == DECISIONS else "approve"
    place = "" if plural == CLUSTER_STORES else f"{namespace}/"
    where = "" if plural == CLUSTER_STORES else f" in namespace {namespace}"
    return (
        f"{who} may not {deed} {KINDS[plural]} {place}{namespace}: that needs the verb {verb} on "
        f"{plural}.certwright.io{where}, {ROLE}{rest}"
    )


def assert_refused(answer: Response, words: str) -> None:
    assert answer.code == 403, answer.body
    assert answer.json()["reason"] == "Forbidden"
    assert answer.json()["message"].endswith(f"denied request: {words}")


# ---- stores


@both_stores
@pytest.mark.parametrize(
    ("deployment", "how"),
    [
        (AUTOMATIC, "with mode Automatic"),
        ({"mode": "Manual", "approved": FIRST}, "with an approval in it"),
        ({"mode": "Automatic", "approved": FIRST}, "with mode Automatic"),
    ],
)
def test_creation_needs_the_verb_when_it_would_deploy(
    ada: Person, grace: Person, namespace: str, plural: str, deployment: Manifest, how: str
) -> None:
    body = manifest(plural, namespace, {"deployment": deployment})
    path = path_of(plural, namespace, namespace=namespace)

    assert_refused(ada.create(path.rpartition("/")[0], body), sentence(plural, namespace, f"create, {how},"))
    assert_refused(ada.apply(path, body), sentence(plural, namespace, f"create, {how},"))
    assert grace.apply(path, body).code == 201


def test_creation_needs_the_verb_when_the_mode_is_the_default(ada: Person, grace: Person, namespace: str) -> None:
    path, body = path_of(STORES, namespace=namespace), manifest(STORES, namespace, {})

    assert_refused(ada.create(path, body), sentence(STORES, namespace, "create, with mode Automatic,"))
    assert grace.create(path, body).code == 201


@both_stores
def test_creation_is_free_when_nothing_is_deployed_by_it(ada: Person, namespace: str, plural: str) -> None:
    made(ada, plural, namespace, {"deployment": MANUAL, "publicRoots": "Mozilla"})


TARGETS = [{"kind": "ConfigMap", "name": "ca"}]
CHANGES: list[tuple[str, str, Manifest]] = [
    *[
        (plural, words, change)
        for plural in (STORES, CLUSTER_STORES)
        for words, change in (
            ("deployment.approved", {"deployment": {"approved": FIRST}}),
            ("deployment.mode", {"deployment": AUTOMATIC}),
            ("deployment.mode, deployment.approved", {"deployment": {"mode": "Automatic", "approved": FIRST}}),
            ("publicRoots", {"publicRoots": "Mozilla"}),
            ("revocation", {"revocation": "Prefer"}),
            ("allowEmpty", {"allowEmpty": True}),
        )
    ],
    (STORES, "selector", {"selector": {}}),
    (STORES, "targets", {"targets": TARGETS}),
    (CLUSTER_STORES, "selector, decisionNamespace", {"selector": {}, "decisionNamespace": "trust"}),
    (CLUSTER_STORES, "decisionNamespace", {"decisionNamespace": "trust"}),
    (CLUSTER_STORES, "targets, namespaceSelector", {"targets": TARGETS, "namespaceSelector": {}}),
    (CLUSTER_STORES, "namespaceSelector", {"namespaceSelector": {}}),
    (CLUSTER_STORES, "clusterTrustBundle", {"clusterTrustBundle": {"name": "corporate"}}),
]


@pytest.mark.parametrize(("plural", "words", "change"), CHANGES)
def test_change_of_a_store_needs_the_verb_when_it_decides_about_trust(
    ada: Person, grace: Person, namespace: str, plural: str, words: str, change: Manifest
) -> None:
    path = made(ada, plural, namespace, {"deployment": MANUAL})
    refusal = sentence(plural, namespace, f"change {words} of")

    assert_refused(ada.patch(path, {"spec": change}), refusal)
    found = ada.get(path)
    deployment = found["spec"]["deployment"] | change.get("deployment", {})
    assert_refused(ada.replace(path, found | {"spec": found["spec"] | change | {"deployment": deployment}}), refusal)
    assert ada.get(path)["spec"] == found["spec"]

    assert grace.patch(path, {"spec": change}).ok


def test_change_needs_the_verb_when_the_mode_becomes_the_default(ada: Person, grace: Person, namespace: str) -> None:
    path = path_of(STORES, namespace, namespace=namespace)
    assert grace.apply(path, manifest(STORES, namespace, {"deployment": MANUAL})).ok
    refusal = sentence(STORES, namespace, "change deployment.mode of")

    assert_refused(ada.patch(path, {"spec": {"deployment": None}}), refusal)
    assert_refused(ada.patch(path, {"spec": {"deployment": {"mode": None}}}), refusal)
    # As the manager that owns the field, without it.
    assert_refused(ada.apply(path, manifest(STORES, namespace, {"publicRoots": "None"})), refusal)


def test_selector_and_targets_may_not_be_widened_when_there_were_some(
    ada: Person, grace: Person, namespace: str
) -> None:
    spec = {
        "deployment": MANUAL,
        "selector": {"matchLabels": {"tier": "prod"}},
        "decisionNamespace": "trust",
        "namespaceSelector": {"matchLabels": {"tier": "prod"}},
        "targets": TARGETS,
    }
    path = made(grace, CLUSTER_STORES, namespace, spec)

    for field, value in (
        ("selector", {"matchLabels": {"tier": None}}),
        ("namespaceSelector", {"matchExpressions": [{"key": "any", "operator": "DoesNotExist"}]}),
        ("targets", [*TARGETS, {"kind": "ConfigMap", "name": "more"}]),
        ("targets", [{**TARGETS[0], "content": "RootsAndIntermediates"}]),
        ("targets", [{**TARGETS[0], "key": "other.crt"}]),
        ("targets", None),
    ):
        answer = ada.patch(path, {"spec": {field: value}})
        assert_refused(answer, sentence(CLUSTER_STORES, namespace, f"change {field} of"))


@both_stores
@pytest.mark.parametrize(
    "change",
    [
        {"spec": {"deletionPolicy": "Retain"}},
        {"metadata": {"labels": {"team": "platform"}}},
        {"metadata": {"annotations": {"note": "seen"}}},
        {"spec": {"deployment": MANUAL}},
    ],
)
def test_change_of_a_store_is_free_when_it_decides_nothing(
    ada: Person, grace: Person, namespace: str, plural: str, change: Manifest
) -> None:
    path = made(grace, plural, namespace, {"deployment": {"mode": "Manual", "approved": FIRST}})
    assert ada.patch(path, change).ok


@both_stores
def test_approval_needs_the_verb_anew_when_there_was_one(
    ada: Person, grace: Person, namespace: str, plural: str
) -> None:
    path = made(grace, plural, namespace, {"deployment": {"mode": "Manual", "approved": FIRST}})
    refusal = sentence(plural, namespace, "change deployment.approved of")

    assert_refused(ada.patch(path, {"spec": {"deployment": {"approved": SECOND}}}), refusal)
    assert_refused(ada.patch(path, {"spec": {"deployment": {"approved": None}}}), refusal)
    assert grace.patch(path, {"spec": {"deployment": {"approved": None}}}).ok
    # The old one, for what was withdrawn and is trusted again.
    assert_refused(ada.patch(path, {"spec": {"deployment": {"approved": FIRST}}}), refusal)
    other_ways = ("/spec/deployment/approved", FIRST), ("/spec/deployment", {"mode": "Manual", "approved": FIRST})
    for place, value in other_ways:
        answer = ada.patch(path, [{"op": "add", "path": place, "value": value}], how=JSON_PATCH)
        assert_refused(answer, refusal)


@both_stores
def test_approval_stays_out_when_it_comes_with_a_status_or_a_scale(
    ada: Person, grace: Person, namespace: str, plural: str
) -> None:
    path = made(grace, plural, namespace, {"deployment": MANUAL})
    change = {"spec": {"deployment": {"approved": FIRST}}, "status": {"observedGeneration": 1}}

    assert ada.patch(f"{path}/status", change).code == 403  # no role for people has that
    assert ada.patch(f"{path}/scale", change).code in {403, 404}
    assert "approved" not in ada.get(path)["spec"]["deployment"]


@both_stores
def test_store_cannot_be_deleted_and_created_again_without_the_verb(
    ada: Person, grace: Person, namespace: str, plural: str
) -> None:
    path = made(grace, plural, namespace, {"deployment": MANUAL})

    assert_refused(ada.delete(path), sentence(plural, namespace, "delete"))
    assert_refused(
        ada.delete(path.rpartition("/")[0] + f"?fieldSelector=metadata.name={namespace}"),
        sentence(plural, namespace, "delete"),
    )
    assert ada.get(path)["metadata"]["name"] == namespace
    assert grace.delete(path).ok
    for deployment in (AUTOMATIC, {"mode": "Manual", "approved": FIRST}):
        again = ada.create(path.rpartition("/")[0], manifest(plural, namespace, {"deployment": deployment}))
        assert again.code == 403


# ---- decisions


CA = {"certificate": "one"}
LOWERED = {**CA, "trustStateDesired": "untrusted"}
FREE = "; to set trustStateDesired to untrusted, and nothing else, needs no verb"


@pytest.mark.parametrize("spec", [CA, {**CA, "trustStateDesired": "trusted"}])
def test_creation_of_a_decision_needs_the_verb_when_it_is_trusted(
    ada: Person, grace: Person, namespace: str, spec: Manifest
) -> None:
    path, body = path_of(DECISIONS, namespace, namespace=namespace), manifest(DECISIONS, namespace, spec)
    refusal = sentence(DECISIONS, namespace, "create, as trusted,")

    assert_refused(ada.create(path.rpartition("/")[0], body), refusal)
    assert_refused(ada.apply(path, body), refusal)
    assert grace.apply(path, body).code == 201


def test_creation_needs_the_verb_on_all_when_the_api_server_makes_the_name(ada: Person, namespace: str) -> None:
    body = manifest(DECISIONS, "", CA)
    body["metadata"] = {"generateName": "root-"}

    answer = ada.create(path_of(DECISIONS, namespace=namespace), body)

    assert answer.code == 403
    assert f"ada may not create, as trusted, TrustDecision {namespace}/root-" in answer.json()["message"]


CHANGES_OF_A_DECISION = {
    "certificate swapped": ("change the wish of", {"spec": {"certificate": "another"}}),
    "certificate moved": ("change the wish of", {"spec": {"certificate": None, "cert": "b25l"}}),
    "reference swapped": (
        "change the wish of",
        {"spec": {"certificate": None, "certificateRef": {"name": "x"}, "fingerprint": FIRST}},
    ),
    "fingerprint": ("change the wish of", {"spec": {"fingerprint": FIRST}}),
    "use": ("change the wish of", {"spec": {"certUse": "intermediateCA"}}),
    "end": ("change the wish of", {"spec": {"trustUntil": "2099-01-01T00:00:00Z"}}),
    "labels moved into a selector": ("change the labels of", {"metadata": {"labels": {"tier": "prod"}}}),
    "labels moved out of it": ("change the labels of", {"metadata": {"labels": {"stage": None}}}),
    "all labels taken": ("change the labels of", {"metadata": {"labels": None}}),
    "lowered with another certificate": (
        "change the wish of",
        {"spec": {"trustStateDesired": "untrusted", "certificate": "another"}},
    ),
    "lowered with another label": (
        "change the labels of",
        {"spec": {"trustStateDesired": "untrusted"}, "metadata": {"labels": {"tier": "prod"}}},
    ),
}


@pytest.mark.parametrize("trick", CHANGES_OF_A_DECISION)
def test_change_of_a_trusted_decision_needs_the_verb(ada: Person, grace: Person, namespace: str, trick: str) -> None:
    deed, change = CHANGES_OF_A_DECISION[trick]
    path = made(grace, DECISIONS, namespace, CA, labels={"stage": "live"})

    assert_refused(ada.patch(path, change), sentence(DECISIONS, namespace, deed, rest=FREE))
    assert grace.patch(path, change).ok


def test_lowering_is_free_and_raising_needs_the_verb(ada: Person, grace: Person, namespace: str) -> None:
    path = made(grace, DECISIONS, namespace, {**CA, "trustUntil": "2099-01-01T00:00:00Z"}, labels={"stage": "live"})
    refusal = sentence(DECISIONS, namespace, "set to trusted")

    assert ada.patch(path, {"spec": {"trustStateDesired": "untrusted"}}).ok
    assert_refused(ada.patch(path, {"spec": {"trustStateDesired": "trusted"}}), refusal)
    assert_refused(ada.patch(path, {"spec": {"trustStateDesired": None}}), refusal)  # the default is trusted
    assert_refused(ada.patch(path, {"spec": {"trustStateDesired": "trusted", "certificate": "two"}}), refusal)
    assert grace.patch(path, {"spec": {"trustStateDesired": "trusted"}}).ok


@pytest.mark.parametrize(
    ("deed", "change"),
    [
        ("change the wish of", {"spec": {"certificate": "another"}}),
        ("change the labels of", {"metadata": {"labels": {"stage": None}}}),
    ],
)
def test_distrust_is_not_turned_away_from_its_certificate_or_its_stores_without_the_verb(
    ada: Person, grace: Person, namespace: str, deed: str, change: Manifest
) -> None:
    path = made(ada, DECISIONS, namespace, LOWERED, labels={"stage": "live"})

    assert_refused(ada.patch(path, change), sentence(DECISIONS, namespace, deed))
    assert grace.patch(path, change).ok


def test_deletion_of_a_decision_needs_the_verb_when_it_gives_up_a_distrust(
    ada: Person, grace: Person, namespace: str
) -> None:
    path = made(ada, DECISIONS, namespace, LOWERED)
    refusal = sentence(DECISIONS, namespace, "delete, while it is untrusted,")

    assert_refused(ada.delete(path), refusal)
    assert_refused(ada.delete(path.rpartition("/")[0]), refusal)
    assert grace.delete(path).ok


def test_deletion_of_a_decision_needs_the_verb_when_it_ends_the_trust_in_its_ca(
    ada: Person, grace: Person, namespace: str
) -> None:
    path = path_of(DECISIONS, namespace, namespace=namespace)
    limited = manifest(DECISIONS, namespace, {"certificate": "x", "trustUntil": "2026-01-01T00:00:00Z"})
    assert grace.create(path_of(DECISIONS, namespace=namespace), limited).code == 201
    refusal = sentence(DECISIONS, namespace, "delete, while trustUntil limits the trust in its CA,")

    assert_refused(ada.delete(path), refusal)
    assert_refused(ada.delete(path.rpartition("/")[0]), refusal)
    assert grace.delete(path).ok


def test_deletion_of_a_trusted_decision_is_free_and_creating_it_again_is_not(
    ada: Person, grace: Person, namespace: str
) -> None:
    path = made(grace, DECISIONS, namespace, CA)

    assert ada.delete(path).ok
    assert ada.create(path.rpartition("/")[0], manifest(DECISIONS, namespace, CA)).code == 403


@pytest.mark.parametrize("spec", [CA, LOWERED])
def test_change_of_a_decision_is_free_when_it_decides_nothing(
    ada: Person, grace: Person, namespace: str, spec: Manifest
) -> None:
    path = made(grace, DECISIONS, namespace, spec, labels={"stage": "live"})
    for change in (
        {"metadata": {"annotations": {"note": "seen"}}},
        {"metadata": {"finalizers": ["certwright.io/deployed"]}},
        {"metadata": {"finalizers": None}},
        {"spec": spec},
    ):
        assert ada.patch(path, change).ok


# ---- who bears a verb, and where


def bound(control_plane: ControlPlane, namespace: str, who: str, *rules: Manifest) -> Person:
    """Give somebody a role of their own in one namespace."""
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    control_plane.client.create(f"{rbac}/roles", {"metadata": {"name": who}, "rules": list(rules)})
    subject = {"kind": "User", "name": who, "apiGroup": "rbac.authorization.k8s.io"}
    reference = {"kind": "Role", "name": who, "apiGroup": "rbac.authorization.k8s.io"}
    control_plane.client.create(
        f"{rbac}/rolebindings", {"metadata": {"name": who}, "roleRef": reference, "subjects": [subject]}
    )
    return person(control_plane, who, EDITORS)


def rule(plural: str, *verbs: str, **more: Any) -> Manifest:
    return {"apiGroups": ["certwright.io"], "resources": [plural], "verbs": list(verbs), **more}


def test_verb_counts_for_one_store_when_the_role_names_it(
    control_plane: ControlPlane, grace: Person, namespace: str
) -> None:
    linus = bound(control_plane, namespace, "linus", rule(STORES, "approve", resourceNames=[namespace]))
    path = made(grace, STORES, namespace, {"deployment": MANUAL})
    other = manifest(STORES, "other", {"deployment": MANUAL})
    assert grace.create(path_of(STORES, namespace=namespace), other).code == 201
    approval = {"spec": {"deployment": {"approved": FIRST}}}

    assert linus.patch(path, approval).ok
    assert linus.patch(path_of(STORES, "other", namespace=namespace), approval).code == 403


def test_verb_counts_in_its_own_namespace_only(control_plane: ControlPlane, grace: Person, namespace: str) -> None:
    vera = bound(control_plane, "default", "vera", rule(STORES, "approve"), rule(DECISIONS, "trust"))
    store = made(grace, STORES, namespace, {"deployment": MANUAL})
    approval = {"spec": {"deployment": {"approved": FIRST}}}

    assert_refused(
        vera.patch(store, approval), sentence(STORES, namespace, "change deployment.approved of", who="vera")
    )
    assert vera.create(path_of(DECISIONS, namespace=namespace), manifest(DECISIONS, "root", CA)).code == 403


@pytest.mark.parametrize(("plural", "verb"), [(STORES, "trust"), (DECISIONS, "approve")])
def test_verb_of_the_one_does_not_do_for_the_other(
    control_plane: ControlPlane, namespace: str, plural: str, verb: str
) -> None:
    margaret = bound(control_plane, namespace, "margaret", rule(plural, verb))
    spec: Manifest = CA if plural == DECISIONS else {"deployment": AUTOMATIC}
    assert margaret.create(path_of(plural, namespace=namespace), manifest(plural, "one", spec)).code == 403


def test_operator_cannot_approve_or_trust_when_it_may_patch_everything_else(
    control_plane: ControlPlane, grace: Person, namespace: str
) -> None:
    store = made(grace, STORES, namespace, {"deployment": MANUAL})
    decision = made(grace, DECISIONS, namespace, LOWERED)
    operator = control_plane.kubeconfig_for("certwright-system", "certwright")
    account = "--serviceaccount=certwright-system:certwright"
    for role in ("certwright-viewer", "certwright-editor"):
        control_plane.kubectl("create", "rolebinding", "-n", namespace, role, f"--clusterrole={role}", account)
    tries = [
        ("truststore", {"deployment": {"approved": FIRST}}, "approve"),
        ("truststore", {"deployment": AUTOMATIC}, "approve"),
        ("trustdecision", {"trustStateDesired": "trusted"}, "trust"),
    ]

    for kind, spec, verb in tries:
        done = control_plane.kubectl(
            *("patch", kind, "-n", namespace, namespace, "--type=merge", "-p", json.dumps({"spec": spec})),
            kubeconfig=operator,
            check=False,
        )
        assert done.returncode == 1
        assert "system:serviceaccount:certwright-system:certwright may not" in done.stderr
        assert f"that needs the verb {verb} on" in done.stderr
    for verb, plural in (("approve", STORES), ("approve", CLUSTER_STORES), ("trust", DECISIONS)):
        asked = control_plane.kubectl(
            "auth", "can-i", verb, f"{plural}.certwright.io", "-A", kubeconfig=operator, check=False
        )
        assert asked.stdout.strip() == "no"
    assert grace.get(store)["spec"]["deployment"] == MANUAL
    assert grace.get(decision)["spec"]["trustStateDesired"] == "untrusted"


# ---- namespaces that go


@pytest.fixture
def held(control_plane: ControlPlane, namespace: str) -> Iterator[str]:
    """Give a namespace whose deletion does not end before the test does."""
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    control_plane.client.create(path, {"metadata": {"name": "hold", "finalizers": ["example.com/hold"]}})
    yield namespace
    patch = {"Content-Type": "application/merge-patch+json"}
    control_plane.client.request("PATCH", f"{path}/hold", {"metadata": {"finalizers": None}}, headers=patch)


@pytest.mark.parametrize("who", [NAMESPACE_CONTROLLER, COLLECTOR])
def test_controllers_are_refused_like_anybody_while_the_namespace_lives(
    control_plane: ControlPlane, grace: Person, namespace: str, who: str
) -> None:
    controller = person(control_plane, who)
    store = made(grace, STORES, namespace, {"deployment": MANUAL})
    decision = made(grace, DECISIONS, namespace, LOWERED)

    assert_refused(controller.delete(store), sentence(STORES, namespace, "delete", who=who))
    words = sentence(DECISIONS, namespace, "delete, while it is untrusted,", who=who)
    assert_refused(controller.delete(decision), words)


def test_namespace_takes_its_stores_and_decisions_with_it_when_somebody_without_the_verbs_deletes_it(
    control_plane: ControlPlane, ada: Person, grace: Person, held: str
) -> None:
    # Finalizers keep them, so that the control plane's own controller, an administrator here, does not end them.
    store = made(grace, STORES, held, {"deployment": AUTOMATIC}, finalizers=["example.com/hold"])
    decision = made(grace, DECISIONS, held, LOWERED, finalizers=["example.com/hold"])
    controller = person(control_plane, NAMESPACE_CONTROLLER)
    control_plane.kubectl("create", "clusterrole", f"end-{held}", "--verb=delete", "--resource=namespaces")
    control_plane.kubectl("create", "clusterrolebinding", f"end-{held}", f"--clusterrole=end-{held}", "--user=ada")

    assert ada.delete(f"/api/v1/namespaces/{held}").ok

    for path in (store, decision):
        assert controller.delete(path).ok, path
        assert controller.delete(path.rpartition("/")[0]).ok, path
        assert ada.patch(path, {"metadata": {"finalizers": None}}).ok, path
    # Nothing can be created there again, with whatever verb.
    again = grace.create(path_of(STORES, namespace=held), manifest(STORES, "again", {"deployment": AUTOMATIC}))
    assert again.code == 403
    assert "being terminated" in again.json()["message"]
