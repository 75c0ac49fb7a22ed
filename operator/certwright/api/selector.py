"""Label selectors, as Kubernetes has them (`metav1.LabelSelector`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from certwright.api.fields import atomic_list
from certwright.api.model import WireModel
from certwright.api.rules import Rule, validated_by

SELECTOR_LIMIT = 32
"""Most requirements of a selector."""

LabelKey = Annotated[str, Field(min_length=1, max_length=317)]
LabelValue = Annotated[str, Field(max_length=63)]


class LabelRequirement(WireModel):
    """One requirement on one label."""

    model_config = ConfigDict(
        json_schema_extra=validated_by(
            Rule(
                rule="self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 "
                ": !has(self.values) || size(self.values) == 0",
                message="must be given for `In` and `NotIn`, and must be left out for `Exists` and `DoesNotExist`",
                field_path=".values",
            )
        )
    )

    key: LabelKey
    """key is the key of the label."""

    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """operator is `In`, `NotIn`, `Exists` or `DoesNotExist`."""

    values: Annotated[tuple[LabelValue, ...], atomic_list(SELECTOR_LIMIT)] = ()
    """values are what the label is compared with, for `In` and `NotIn`."""


class LabelSelector(WireModel):
    """It selects objects by their labels; an empty one selects all."""

    # As a whole: of two who apply a selector, none may narrow or widen that of the other by halves. And an apply that
    # empties a selector would else come to `null`, which is refused.
    model_config = ConfigDict(json_schema_extra={"x-kubernetes-map-type": "atomic"})

    match_labels: Annotated[dict[str, LabelValue], Field(max_length=SELECTOR_LIMIT, default_factory=dict)]
    """matchLabels are labels that an object must have, all of them."""

    match_expressions: Annotated[tuple[LabelRequirement, ...], atomic_list(SELECTOR_LIMIT)] = ()
    """matchExpressions are further requirements, all of which must hold."""

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether an object with these labels is selected."""
        return all(labels.get(key) == value for key, value in self.match_labels.items()) and all(
            _holds(each, labels) for each in self.match_expressions
        )


def _holds(requirement: LabelRequirement, labels: Mapping[str, str]) -> bool:
    match requirement.operator:
        case "In":
            return labels.get(requirement.key) in requirement.values
        case "NotIn":
            return labels.get(requirement.key) not in requirement.values
        case "Exists":
            return requirement.key in labels
        case "DoesNotExist":
            return requirement.key not in labels
