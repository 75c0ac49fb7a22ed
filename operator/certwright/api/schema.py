"""From a pydantic model to a structural schema, the subset of OpenAPI that the API server takes.

A structural schema names the type of everything, has no references and no alternatives. A keyword that has no place
in it is an error here, with its path, instead of a refusal by the API server that names nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from certwright.api.model import WireModel

_DROPPED = frozenset({"title", "$defs"})

_KEPT = frozenset(
    {
        "default",
        "description",
        "enum",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "pattern",
        "properties",
        "required",
        "type",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-map-type",
        "x-kubernetes-validations",
    }
)


def structural_schema(model: type[WireModel]) -> dict[str, Any]:
    """Return the structural schema of a model.

    Raises:
        ValueError: the model uses something that a structural schema cannot say; the message names where.
    """
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _structural(schema, schema.get("$defs", {}), path=model.__name__)


def _structural(node: Mapping[str, Any], definitions: Mapping[str, Any], *, path: str) -> dict[str, Any]:
    node = _resolve(node, definitions, path=path)
    result: dict[str, Any] = {}
    for keyword, value in node.items():
        match keyword:
            case "properties":
                result[keyword] = {
                    name: _structural(each, definitions, path=f"{path}.{name}") for name, each in value.items()
                }
            case "items":
                result[keyword] = _structural(value, definitions, path=f"{path}[]")
            case "additionalProperties" if isinstance(value, dict):
                result[keyword] = _structural(value, definitions, path=f"{path}{{}}")
            case "const":
                result["enum"] = [value]
            case "description":
                result[keyword] = " ".join(value.split())  # where lines break in the source is nothing to the reader
            case "default" if value in (None, [], ""):
                pass  # absence says the same
            case _ if keyword in _KEPT:
                result[keyword] = value
            case _ if keyword not in _DROPPED:
                raise ValueError(f"{path}: a structural schema must not use `{keyword}`")
    return result


def _resolve(node: Mapping[str, Any], definitions: Mapping[str, Any], *, path: str) -> dict[str, Any]:
    """Put what a node refers to in its place; what the node says itself, its description above all, wins."""
    resolved = dict(node)
    if "anyOf" in resolved:
        alternatives = [each for each in resolved.pop("anyOf") if each != {"type": "null"}]
        if len(alternatives) != 1:
            raise ValueError(f"{path}: a structural schema must not use alternatives, except with null")
        resolved = {**alternatives[0], **resolved}
    if "$ref" in resolved:
        definition = definitions[resolved.pop("$ref").rpartition("/")[2]]
        resolved = {**definition, **resolved}
    return resolved
