"""What a status says when not even planning works: that we failed, and nothing else than what it said before.

It is made without any reconciler, from the stored status alone. What is served, deployed or kept stays as it stands,
and conditions of other types with it, each with the generation that it was decided for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from certwright.api.conditions import (
    Condition,
    ConditionStatus,
    ConditionType,
    Observation,
    merge_conditions,
)
from certwright.api.model import WireModel, dump, parse_leniently
from certwright.findings import Finding
from certwright.reconcile.objects import Subject
from certwright.reconcile.plan import WriteStatus

_REWRITTEN = frozenset({ConditionType.READY.value, ConditionType.RECONCILING.value, ConditionType.STALLED.value})


class _Conditions(WireModel):
    """The conditions that are compared with; those of other types may be anybody's."""

    conditions: tuple[Condition, ...] = ()


def confess(subject: Subject, problem: Finding, *, now: datetime) -> WriteStatus | None:
    """Say in the status that the work on an object failed in certwright itself; `None` when it says so already.

    The write is never sent again after a conflict: it repeats fields that somebody may have changed.

    Args:
        subject: the object as it is stored now.
        problem: what to say; nothing of it may come from the material.
        now: judgement time.
    """
    stored = [each for each in subject.status.get("conditions") or () if isinstance(each, Mapping)]
    before = parse_leniently(
        _Conditions, {"conditions": [each for each in stored if each.get("type") in _REWRITTEN]}
    ).conditions
    ready, stalled = merge_conditions(before, _observe(problem), generation=subject.generation, at=now)
    others = [each for each in stored if each.get("type") not in _REWRITTEN]
    status: dict[str, Any] = {**subject.status, "conditions": [dump(ready), *others, dump(stalled)]}
    if isinstance(record := status.get("record"), Mapping):
        # Without it no pass takes the status for evidence that nothing is left to do, not even after a restart.
        status["record"] = {name: value for name, value in record.items() if name != "judgedBy"}
    return None if status == subject.status else WriteStatus(subject.key, subject.version, status)


def _observe(problem: Finding) -> Iterable[Observation]:
    reason = problem.reason.value
    yield Observation(ConditionType.READY, ConditionStatus.FALSE, reason, problem.message)
    yield Observation(ConditionType.STALLED, ConditionStatus.TRUE, reason, problem.message)
