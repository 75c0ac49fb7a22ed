from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from certwright.api.fields import atomic_list, map_list, set_list
from certwright.api.model import WireModel
from certwright.api.schema import structural_schema


class Inner(WireModel):
    """An inner thing."""

    name: str
    """name is a name."""


class Sample(WireModel):
    """A sample
    of all.
    """

    inner: Inner | None = None
    """inner is
    a thing.
    """

    required_inner: Inner
    """requiredInner is a thing."""

    kind: Literal["One"] = "One"
    """kind is one."""

    words: Annotated[tuple[str, ...], set_list(3)] = ("a",)
    """words are words."""

    things: Annotated[tuple[Inner, ...], map_list(4, "name")] = ()
    """things are things."""

    numbers: Annotated[tuple[int, ...], atomic_list(5)] = ()
    """numbers are numbers."""


@pytest.fixture(scope="module")
def sample() -> dict[str, Any]:
    return structural_schema(Sample)


def test_structural_schema_puts_definitions_in_place_when_models_nest(sample: dict[str, Any]) -> None:
    assert sample["properties"]["requiredInner"] == {
        "type": "object",
        "description": "requiredInner is a thing.",
        "properties": {"name": {"type": "string", "description": "name is a name."}},
        "required": ["name"],
    }
    assert sample["properties"]["things"]["items"]["description"] == "An inner thing."
    assert sample["required"] == ["requiredInner"]


def test_structural_schema_is_optional_and_never_nullable_when_a_field_may_be_absent(sample: dict[str, Any]) -> None:
    inner = sample["properties"]["inner"]

    assert inner["description"] == "inner is a thing."
    assert not {"anyOf", "nullable", "default", "title", "$ref"} & inner.keys()


def test_structural_schema_has_a_one_value_enum_when_a_field_is_constant(sample: dict[str, Any]) -> None:
    kind = sample["properties"]["kind"]

    assert (kind["enum"], kind["type"], kind["default"]) == (["One"], "string", "One")


def test_structural_schema_names_the_list_type_and_the_maximum_when_a_field_is_a_list(sample: dict[str, Any]) -> None:
    words, things, numbers = (sample["properties"][name] for name in ("words", "things", "numbers"))

    assert (words["x-kubernetes-list-type"], words["maxItems"], words["default"]) == ("set", 3, ["a"])
    assert (things["x-kubernetes-list-type"], things["x-kubernetes-list-map-keys"]) == ("map", ["name"])
    assert (numbers["x-kubernetes-list-type"], numbers["maxItems"]) == ("atomic", 5)
    assert "default" not in things


def test_structural_schema_refuses_alternatives_when_they_are_not_with_null() -> None:
    class Either(WireModel):
        value: int | str

    with pytest.raises(ValueError, match=r"Either\.value: a structural schema must not use alternatives"):
        structural_schema(Either)


def test_structural_schema_refuses_a_keyword_when_the_api_server_would() -> None:
    class Strict(WireModel):
        numbers: tuple[Annotated[int, Field(gt=0)], ...]

    with pytest.raises(ValueError, match=r"Strict\.numbers\[\]: a structural schema must not use `exclusiveMinimum`"):
        structural_schema(Strict)
