"""CEL rules that the API server checks before an object is stored.

They check shape: what excludes what, what must never stand in a field. Certificates are judged in status. A rule
that guards a value stands on the parent and names the field by `fieldPath`, and its reason is a "Forbidden": a rule on
the field itself would have the API server repeat the value in its answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pydantic.config import JsonDict

FieldErrorReason = Literal["FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired", "FieldValueDuplicate"]

PRIVATE_KEY_ARMOUR = "PRIVATE KEY|UFJJVkFURSBLRV|BSSVZBVEUgS0VZ|QUklWQVRFIEtFW"
"""The words of every private key's PEM header, then the same in base64 at each of its three alignments."""


_KEY_REMEDY = "put the key into a Secret and name that in `privateKeyRef`; treat a key that was sent here as disclosed"


@dataclass(frozen=True, slots=True)
class Rule:
    """One CEL rule.

    Attributes:
        rule: the expression; `self` is the object that the rule stands on. `has()` comes before optional fields.
        message: what must hold, for a person: "must …", with the way out.
        field_path: the field to blame, relative to the object the rule stands on: `.certificate`.
        reason: how the API server words the refusal; "Forbidden" never shows a value.
    """

    rule: str
    message: str
    field_path: str
    reason: FieldErrorReason = "FieldValueForbidden"

    def to_schema(self) -> JsonDict:
        """Return the entry of `x-kubernetes-validations`."""
        return {"rule": self.rule, "message": self.message, "fieldPath": self.field_path, "reason": self.reason}


def validated_by(*rules: Rule) -> JsonDict:
    """Return the `json_schema_extra` of a model whose objects must pass `rules`."""
    return {"x-kubernetes-validations": [rule.to_schema() for rule in rules]}


def at_most_one_of(first: str, second: str) -> Rule:
    """Allow one of two fields, or neither."""
    return Rule(
        rule=f"!(has(self.{first}) && has(self.{second}))",
        message=f"must not be set together with `{first}`: remove one of the two",
        field_path=f".{second}",
    )


def never_changes(field: str) -> Rule:
    """Keep a field as it was when the object was created: unset stays unset."""
    return Rule(
        rule=f"has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})",
        message="must not change: make a new object for another one",
        field_path=f".{field}",
    )


def refuses_private_keys(field: str, *, remedy: str = _KEY_REMEDY, in_lines: bool = False) -> Rule:
    """Keep private keys, in PEM or in base64 of PEM, out of a public field.

    Everybody who may read the object could read the key, and so could every backup and audit log; it counts as
    disclosed once it was stored.

    Args:
        field: the field of the object that the rule stands on.
        remedy: what to do about it.
        in_lines: the field is base64, which may be broken into lines anywhere.
    """
    text = f"self.{field}" + (".replace('\\n', '').replace('\\r', '').replace(' ', '')" if in_lines else "")
    armour = PRIVATE_KEY_ARMOUR.replace(" ", " ?", 1) if in_lines else PRIVATE_KEY_ARMOUR
    return Rule(
        rule=f"!has(self.{field}) || !{text}.matches('{armour}')",
        message=f"must hold certificates only, and it holds a private key: {remedy}",
        field_path=f".{field}",
    )
