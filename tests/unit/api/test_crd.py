"""What must hold of every kind, walked over its whole schema; a new kind is covered by being listed."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from certwright.api.conditions import ConditionType
from certwright.api.crd import KINDS, crd_file_name, custom_resource_definition, render_crd
from certwright.api.kind import Kind
from certwright.cli.crds import crds

CRDS = Path(__file__).parents[3] / "crds"
TAKEN = {"cert", "certs", "cr", "ca", "csr", "certificates", "bundles", "issuers", "certificaterequests"}

FOR_A_WHILE = {"Reconciling", "Stalled"}
STORE_CONDITIONS = {"Ready", "Deployed", "Approved", *FOR_A_WHILE}
CONDITIONS = {
    "importedcertificates": {"Ready", "Valid", "Trusted", "Stored", "Refreshed", "ExpiringSoon", *FOR_A_WHILE},
    "privatekeys": {"Ready", *FOR_A_WHILE},
    "revocationsources": {"Ready", "Valid", "Fresh", *FOR_A_WHILE},
    "trustdecisions": {"Ready", "Valid", "Trusted", "Deployed", *FOR_A_WHILE},
    "truststores": STORE_CONDITIONS,
    "clustertruststores": STORE_CONDITIONS,
    "clustercertificatesets": {"Ready", "Valid", "Deployed", *FOR_A_WHILE},
}

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)


def object_schema(kind: Kind) -> dict[str, Any]:
    (version,) = custom_resource_definition(kind)["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def walk(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, each in schema.get("properties", {}).items():
        yield from walk(each, f"{path}.{name}")
    if "items" in schema:
        yield from walk(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from walk(schema["additionalProperties"], f"{path}{{}}")


def fields(kind: Kind) -> Iterator[tuple[str, dict[str, Any]]]:
    parts = object_schema(kind)["properties"]
    yield from walk(parts["spec"], "spec")
    yield from walk(parts["status"], "status")


@every_kind
def test_crd_bounds_every_string_and_list_when_walked(kind: Kind) -> None:
    for path, schema in fields(kind):
        match schema["type"]:
            case "string":
                assert "maxLength" in schema or "enum" in schema, path
            case "array":
                assert "maxItems" in schema, path
                assert schema["x-kubernetes-list-type"] in {"atomic", "map", "set"}, path
            case "object":
                assert schema.get("properties") or (schema["additionalProperties"] and schema["maxProperties"]), path
            case other:
                assert other in {"integer", "boolean"}, path


@every_kind
def test_crd_describes_every_field_by_its_name_when_walked(kind: Kind) -> None:
    for path, schema in fields(kind):
        description = schema.get("description", "")
        name = path.rpartition(".")[2]
        if path.endswith(("[]", "{}")):
            assert not description or schema["type"] == "object", path
            continue
        assert description.startswith(f"{name} "), path
        assert description.endswith("."), path
        assert "\n" not in description, path


@every_kind
def test_crd_says_the_default_in_words_when_a_field_has_one(kind: Kind) -> None:
    for path, schema in fields(kind):
        if "default" in schema and "enum" not in schema:
            shown = in_words(schema["default"])
            assert f"Default: `{shown}`" in schema["description"] or f"Default: {shown}" in schema["description"], path


def in_words(value: object) -> str:
    match value:
        case list():
            return f"[{', '.join(value)}]"
        case dict():
            return f"{{{', '.join(f'{name}: {each}' for name, each in value.items())}}}"
        case bool():
            return str(value).lower()
        case _:
            return str(value)


@every_kind
def test_crd_lets_map_lists_be_merged_when_their_keys_are_required(kind: Kind) -> None:
    for path, schema in fields(kind):
        for key in schema.get("x-kubernetes-list-map-keys", []):
            assert key in schema["items"]["required"] or "default" in schema["items"]["properties"][key], path


@every_kind
def test_crd_rules_say_what_must_hold_and_blame_a_field_when_they_refuse(kind: Kind) -> None:
    for path, schema in fields(kind):
        for rule in schema.get("x-kubernetes-validations", []):
            assert schema["type"] == "object", f"{path}: a rule on the value itself would repeat it"
            assert rule["message"].startswith("must "), path
            assert rule["fieldPath"].removeprefix(".") in schema["properties"], path
            assert rule["reason"] in {"FieldValueForbidden", "FieldValueRequired"}, f"{path}: others show the value"


@every_kind
def test_crd_requires_spec_and_serves_a_status_when_applied(kind: Kind) -> None:
    (version,) = custom_resource_definition(kind)["spec"]["versions"]

    assert object_schema(kind)["required"] == ["spec"]
    assert version["subresources"] == {"status": {}}
    assert version["served"]
    assert version["storage"]


@every_kind
def test_crd_names_collide_with_nobody_when_typed(kind: Kind) -> None:
    names = custom_resource_definition(kind)["spec"]["names"]

    assert not TAKEN & {names["plural"], names["singular"], *names["shortNames"]}
    assert names["categories"] == ["certwright"]


@every_kind
def test_crd_columns_show_fields_that_exist_when_listed(kind: Kind) -> None:
    (version,) = custom_resource_definition(kind)["spec"]["versions"]
    columns = version["additionalPrinterColumns"]
    known = {f".{path}" for path, _ in fields(kind)}
    always = [each["name"] for each in columns if "priority" not in each]

    assert (always[:2], always[-1]) == (["Ready", "Reason"], "Age")
    for column in columns:
        path = column["jsonPath"]
        if path.startswith(".status.conditions["):
            assert path.endswith((".status", ".reason", ".message"))
        elif path != ".metadata.creationTimestamp":
            assert path in known
            assert column["type"] != "date", "a date column shows the time since, also of what is to come"


@every_kind
def test_crd_conditions_name_the_types_that_the_kind_has_when_explained(kind: Kind) -> None:
    schema = dict(fields(kind))["status.conditions"]
    named = set(re.findall(r"`(\w+)`", schema["description"]))

    assert named == CONDITIONS[kind.plural]
    assert named <= {each.value for each in ConditionType}


@every_kind
def test_render_crd_is_what_the_repository_holds_when_compared(kind: Kind) -> None:
    committed = (CRDS / crd_file_name(kind)).read_text(encoding="utf-8")

    assert committed == render_crd(kind), "run `make crds`"
    assert yaml.safe_load(committed) == custom_resource_definition(kind)


def test_crds_folder_holds_exactly_the_kinds_when_listed() -> None:
    held = {path.name for path in CRDS.glob("*.yaml")} - {"kustomization.yaml"}
    listed = yaml.safe_load((CRDS / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]

    assert held == {crd_file_name(kind) for kind in KINDS}
    assert sorted(listed) == sorted(held)


def test_crds_command_prints_every_definition_when_called() -> None:
    result = CliRunner().invoke(crds)

    assert result.exit_code == 0
    assert [each["metadata"]["name"] for each in yaml.safe_load_all(result.output)] == [kind.resource for kind in KINDS]


def test_crds_command_writes_one_file_a_kind_when_a_directory_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(crds, ["--output", str(tmp_path / "new")])

    assert (result.exit_code, result.output) == (0, "")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {crd_file_name(kind) for kind in KINDS}
