"""What all wire models share: spelling, tolerance, and the ways in and out.

The API server has checked shape before we read, so reading is for objects of other versions and for files: unknown
fields are ignored, and what cannot be read becomes a finding, never a crash. Errors name the field and the rule and
never hold the value, for a value may be somebody's key in the wrong field.
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from certwright.findings import Detail, MaterialError, Reason, finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails


class WireModel(BaseModel):
    """A part of an object as it stands in the API: camelCase outside, snake_case inside, immutable.

    The string under a field is its description in the schema, which is what `kubectl explain` prints: it starts with
    the field's name on the wire.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


M = TypeVar("M", bound=WireModel)


def parse(model: type[M], data: Mapping[str, Any], *, path: str = "spec") -> M:
    """Read what a person wrote.

    Args:
        model: what to read it as.
        data: the mapping, as JSON or YAML gave it.
        path: where it stands in the object; begins the field names of the message.

    Raises:
        MaterialError: a field does not fit; an `InvalidRequest` that names the field and the rule, not the value.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = "; ".join(_describe(path, each) for each in error.errors(include_url=False, include_input=False))
        # "from None": the chained error would carry the mapping into tracebacks.
        raise MaterialError(
            finding(
                Reason.INVALID_REQUEST, f"The request does not fit its schema: {problems}.", detail=Detail.WRONG_TYPE
            )
        ) from None


def parse_leniently(model: type[M], data: Mapping[str, Any]) -> M:
    """Read a status that another version may have written, leaving out only the fields that do not fit.

    A status holds what is served; it must survive an upgrade and a downgrade of the operator. Every field of a
    status model has a default, so that in the worst case an empty one is left.
    """
    remaining = data
    while True:
        try:
            return model.model_validate(remaining)
        except ValidationError as error:
            last = error.errors(include_url=False, include_input=False)[-1]
        if remaining is data:
            remaining = copy.deepcopy(dict(data))
        # An item without a field that it must have goes as a whole.
        _remove(remaining, last["loc"][:-1] if last["type"] == "missing" else last["loc"])


def dump(model: WireModel) -> dict[str, Any]:
    """Return the model as the API server reads it, without the fields that have nothing to say."""
    return model.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def timestamp(at: datetime) -> str:
    """Write an instant as RFC 3339 in UTC with whole seconds: `2026-12-02T08:00:00Z`.

    Raises:
        ValueError: the instant has no time zone.
    """
    if at.tzinfo is None:
        raise ValueError("an instant must have a time zone")
    return at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def _describe(path: str, error: ErrorDetails) -> str:
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error["loc"])
    return f"`{path}{steps}`: {error['msg'].removeprefix('Value error, ')}"


def _remove(holder: Any, location: tuple[int | str, ...]) -> None:
    *parents, last = location
    for step in parents:
        holder = holder[step]
    del holder[last]
