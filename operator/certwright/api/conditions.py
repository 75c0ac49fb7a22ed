"""Conditions: what `kubectl wait`, Flux and Argo CD read.

`Ready=True` says that nothing is wrong and the operator owes nothing. `Reconciling` and `Stalled` exist only while
they are true: the first says "wait", the second "you must act".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from certwright.api.fields import Generation, Timestamp
from certwright.api.model import WireModel, timestamp
from certwright.findings import printable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

CONDITION_MESSAGE_LIMIT = 2000
"""The longest message that we write, in characters. The schema allows what Kubernetes allows."""

CONDITIONS_LIMIT = 16
"""Most conditions of one object: ours, and room for somebody else's."""


class ConditionType(StrEnum):
    """What a condition is about, in the order in which a status lists them."""

    READY = "Ready"
    VALID = "Valid"
    FRESH = "Fresh"
    TRUSTED = "Trusted"
    STORED = "Stored"
    REFRESHED = "Refreshed"
    DEPLOYED = "Deployed"
    APPROVED = "Approved"
    EXPIRING_SOON = "ExpiringSoon"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"


class ConditionStatus(StrEnum):
    """Whether it holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(WireModel):
    """One fact about the object, as `metav1.Condition` has it."""

    type: Annotated[
        str,
        Field(
            max_length=316,
            pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
            r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
        ),
    ]
    """type is what the condition is about; the list says which there are."""

    status: ConditionStatus
    """status says whether it holds: `True`, `False`, or `Unknown` until it is decided."""

    observed_generation: Generation | None = None
    """observedGeneration is the `metadata.generation` that the condition was decided for; behind it, the condition
    is about an older spec.
    """

    last_transition_time: Timestamp
    """lastTransitionTime is when `status` last changed; a change of reason or message does not move it."""

    reason: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")]
    """reason is one word for why; `certwright explain REASON` describes each."""

    message: Annotated[str, Field(max_length=32768)]
    """message says for a person what was found, what to do, and what is still served."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a condition is to say now, before it is known since when.

    Attributes:
        type: what it is about.
        status: whether it holds.
        reason: one CamelCase word, of `certwright.findings.Reason` where it comes from a finding.
        message: sentences for a person; foreign text in it is made printable, and it is cut when it is too long.
    """

    type: ConditionType
    status: ConditionStatus
    reason: str
    message: str = ""


_ORDER = {each: place for place, each in enumerate(ConditionType)}


def merge_conditions(
    before: Iterable[Condition], now: Iterable[Observation], *, generation: int, at: datetime
) -> tuple[Condition, ...]:
    """Make the conditions of a status out of what holds now and what its status said before.

    A condition that is not observed now is left out: `now` is the full intent. `lastTransitionTime` moves only when
    `status` flips, so that equal facts are an equal status and cost no write.

    Args:
        before: the conditions of the status as it stands.
        now: what holds now; at most one of each type.
        generation: the `metadata.generation` that this was decided for.
        at: the instant of the decision, with a time zone.

    Returns:
        The conditions in the order of `ConditionType`, whatever the order of `now`.
    """
    known = {each.type: each for each in before}
    return tuple(
        _condition(each, known.get(each.type), generation=generation, at=at)
        for each in sorted(now, key=lambda each: _ORDER[each.type])
    )


def _condition(now: Observation, before: Condition | None, *, generation: int, at: datetime) -> Condition:
    unmoved = before is not None and before.status == now.status
    return Condition(
        type=now.type.value,
        status=now.status,
        observed_generation=generation,
        last_transition_time=before.last_transition_time if before is not None and unmoved else timestamp(at),
        reason=now.reason,
        message=printable(now.message, limit=CONDITION_MESSAGE_LIMIT),
    )


def find_condition(conditions: Iterable[Condition], wanted: ConditionType) -> Condition | None:
    """Return the condition of one type, if there is one."""
    return next((each for each in conditions if each.type == wanted), None)
