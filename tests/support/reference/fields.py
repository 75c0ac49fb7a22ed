"""The fields of our kinds, from their CustomResourceDefinitions."""

import json
from collections.abc import Iterator
from typing import Any

import yaml

from certwright.api.certificateset import CLUSTER_CERTIFICATE_SET
from certwright.api.crd import render_crd
from certwright.api.importedcertificate import IMPORTED_CERTIFICATE
from certwright.api.kind import Kind
from certwright.api.privatekey import PRIVATE_KEY
from certwright.api.revocationsource import REVOCATION_SOURCE
from certwright.api.trustdecision import TRUST_DECISION
from certwright.api.truststore import CLUSTER_TRUST_STORE, TRUST_STORE
from tests.support.reference.page import code, page, table

INTRODUCTION = """\
`apiVersion: certwright.io/v1alpha1`, `kind: {kind}`, short name `{short}`, category `certwright`,
{scope}. `kubectl explain {short}.spec` says the same at the terminal. `spec` is your wish; `status` is the verdict,
and {served}."""
SERVED = {
    IMPORTED_CERTIFICATE: "`status.served` is what consumers have now",
    PRIVATE_KEY: "`status.fingerprint` says which key this is, for good",
    REVOCATION_SOURCE: "its facts are those of the list that verdicts use now",
    TRUST_DECISION: "`status.deployStatus` says whether stores hold the CA",
    TRUST_STORE: "`status.deployedRevision` is what verdicts rest on and what the targets get",
    CLUSTER_CERTIFICATE_SET: "`status.deployedRevision` is what all its namespaces hold",
    CLUSTER_TRUST_STORE: "`status.deployedRevision` is what verdicts rest on and what the targets get",
}
RECORD = "status.record"


def write_fields(kind: Kind) -> str:
    """Return the page of a kind."""
    version = yaml.safe_load(render_crd(kind))["spec"]["versions"][0]
    properties = version["schema"]["openAPIV3Schema"]["properties"]
    sections = [part for name in ("spec", "status") for part in _sections(name, properties[name])]
    scope = "namespaced" if kind.scope == "Namespaced" else "cluster-scoped"
    introduction = INTRODUCTION.format(kind=kind.name, short=kind.short_name, scope=scope, served=SERVED[kind])
    return page(kind.name, introduction, _columns(version["additionalPrinterColumns"]), *sections)


def _columns(columns: list[dict[str, Any]]) -> str:
    rows = [
        (column["name"], column["description"], "`-o wide`" if column.get("priority") else "always")
        for column in columns
    ]
    return "## Columns of `kubectl get`\n\n" + table(["column", "says", "shown"], rows)


def _sections(path: str, schema: dict[str, Any]) -> Iterator[str]:
    if "properties" not in schema:
        return
    required = set(schema.get("required", []))
    rows = [
        (code(name), _type(field, required=name in required), field.get("description", ""))
        for name, field in schema["properties"].items()
    ]
    yield f"## `{path}`"
    yield schema.get("description", "") if "." not in path else ""
    yield table(["field", "type", "meaning"], rows)
    yield _rules(schema)
    for name, field in schema["properties"].items():
        if f"{path}.{name}" != RECORD:
            inner = field.get("items", field)
            yield from _sections(f"{path}.{name}{'[]' if inner is not field else ''}", inner)


def _rules(schema: dict[str, Any]) -> str:
    rules = schema.get("x-kubernetes-validations", [])
    if not rules:
        return ""
    lines = [f"- `{rule.get('fieldPath', '.')[1:] or 'it'}` {rule['message']}" for rule in rules if "message" in rule]
    return "The API server refuses at once what breaks these rules:\n\n" + "\n".join(lines)


def _type(field: dict[str, Any], *, required: bool) -> str:
    parts = ["**required**"] if required else []
    parts.append(_kind(field))
    if "default" in field:
        parts.append(f"default {code(json.dumps(field['default']).strip(chr(34)))}")
    return ", ".join(parts)


def _kind(field: dict[str, Any]) -> str:
    if "enum" in field:
        return "one of " + ", ".join(code(value) for value in field["enum"])
    if field["type"] == "array":
        return f"list of {_kind(field['items'])}, at most {field['maxItems']}"
    if "additionalProperties" in field:
        return f"map of {_kind(field['additionalProperties'])}, at most {field['maxProperties']}"
    if field["type"] == "string" and "format" in field:
        return str(field["format"])
    return str(field["type"])
