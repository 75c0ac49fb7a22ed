"""What the policies that guard trust promise, read without a cluster; tests/cluster tries them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from certwright.api.kind import Kind
from certwright.api.trustdecision import TRUST_DECISION
from certwright.api.truststore import CLUSTER_TRUST_STORE, TRUST_STORE
from certwright.api.truststore_status import AUTHORS_LIMIT
from certwright.reconcile.trust.stance import APPROVED_BY_ANNOTATION, CREATED_BY_ANNOTATION, MODIFIED_BY_ANNOTATION

MANIFESTS = Path(__file__).parents[2] / "manifests"
COMPONENTS = MANIFESTS / "components"
TRUST = (TRUST_DECISION, TRUST_STORE, CLUSTER_TRUST_STORE)
FREE = {"deletionPolicy"}
"""What of a store may be changed without the verb `approve`."""


def documents(place: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((COMPONENTS / place).read_text(encoding="utf-8")))


def variables(place: str) -> dict[str, str]:
    return {each["name"]: each["expression"] for each in documents(place)[0]["spec"]["variables"]}


def fields(kind: Kind) -> set[str]:
    return {field.alias or name for name, field in kind.spec.model_fields.items()}


@pytest.mark.parametrize("kind", [TRUST_STORE, CLUSTER_TRUST_STORE], ids=lambda kind: kind.name)
def test_every_field_of_a_store_takes_the_verb_or_is_free_on_purpose(kind: Kind) -> None:
    named = set(re.findall(r"'(\w+)'", variables("approval/stores.yaml")["changed"]))
    assert fields(kind) - FREE - {"deployment"} <= named
    assert not FREE & named


def test_every_field_of_a_deployment_takes_the_verb() -> None:
    schema = yaml.safe_load((MANIFESTS.parent / "crds" / "certwright.io_truststores.yaml").read_text(encoding="utf-8"))
    spec = schema["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    compared = set(re.findall(r"variables\.deployment\[\?'(\w+)'\]", variables("approval/stores.yaml")["changed"]))
    assert set(spec["properties"]["deployment"]["properties"]) == compared


def test_stamps_bear_the_names_that_the_operator_reads() -> None:
    named = set(re.findall(r"'(certwright\.io/[\w-]+)':", variables("audit/policy.yaml")["stamps"]))
    assert named == {CREATED_BY_ANNOTATION, MODIFIED_BY_ANNOTATION, APPROVED_BY_ANNOTATION}


def test_authors_are_refused_from_as_many_on_as_a_status_names() -> None:
    (limit,) = (
        int(found[1])
        for each in documents("approval-four-eyes/policy.yaml")[0]["spec"]["validations"]
        if (found := re.search(r"size\(variables\.authors\) < (\d+)", each["expression"]))
    )
    assert limit == AUTHORS_LIMIT


@pytest.mark.parametrize(
    ("place", "kinds"),
    [
        ("audit/policy.yaml", TRUST),
        ("approval/stores.yaml", (TRUST_STORE, CLUSTER_TRUST_STORE)),
        ("approval/decisions.yaml", (TRUST_DECISION,)),
        ("approval-four-eyes/policy.yaml", (TRUST_STORE, CLUSTER_TRUST_STORE)),
    ],
)
def test_policy_fails_closed_in_every_version_and_is_bound(place: str, kinds: tuple[Kind, ...]) -> None:
    policy, binding = documents(place)
    (rule,) = policy["spec"]["matchConstraints"]["resourceRules"]

    assert policy["spec"]["failurePolicy"] == "Fail"
    assert rule["apiVersions"] == ["*"]
    assert set(rule["resources"]) == {kind.plural for kind in kinds}
    assert "matchConditions" not in policy["spec"]
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    assert binding["spec"].get("validationActions") in (
        ["Deny"],
        None if policy["kind"].startswith("Mut") else ["Deny"],
    )


# ---- roles for people


def roles() -> dict[str, dict[str, Any]]:
    text = (MANIFESTS / "base" / "clusterroles-people.yaml").read_text(encoding="utf-8")
    return {each["metadata"]["name"]: each for each in yaml.safe_load_all(text)}


def test_no_role_that_is_aggregated_names_a_cluster_scoped_kind_or_a_verb_of_trust() -> None:
    aggregated = [
        role for role in roles().values() if any("aggregate-to" in label for label in role["metadata"]["labels"])
    ]
    assert {role["metadata"]["name"] for role in aggregated} == {"certwright-viewer", "certwright-editor"}
    for role in aggregated:
        for rule in role["rules"]:
            assert CLUSTER_TRUST_STORE.plural not in rule["resources"]
            assert not {"approve", "trust", "*"} & set(rule["verbs"])


def test_verbs_of_trust_stand_in_the_role_that_the_refusals_name() -> None:
    bearing = {
        (name, resource, verb)
        for name, role in roles().items()
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        if verb in {"approve", "trust"}
    }
    assert bearing == {
        ("certwright-approver", TRUST_STORE.plural, "approve"),
        ("certwright-approver", CLUSTER_TRUST_STORE.plural, "approve"),
        ("certwright-approver", TRUST_DECISION.plural, "trust"),
    }
    for place in ("approval/stores.yaml", "approval/decisions.yaml"):
        assert "ClusterRole certwright-approver" in documents(place)[0]["spec"]["validations"][0]["messageExpression"]


def test_nobody_among_people_writes_a_status() -> None:
    assert not [r for role in roles().values() for rule in role["rules"] for r in rule["resources"] if "/" in r]


def test_operator_bears_no_verb_of_trust() -> None:
    for name in ("clusterrole.yaml", "role.yaml"):
        for document in yaml.safe_load_all((MANIFESTS / "base" / name).read_text(encoding="utf-8")):
            for rule in document.get("rules", ()):
                assert not {"approve", "trust", "*"} & set(rule["verbs"])
