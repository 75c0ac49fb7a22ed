"""The rows of `status.targets`: how each target stands, and what is remembered of it."""

from __future__ import annotations

from datetime import datetime

from certwright.api.fields import TARGETS_LIMIT
from certwright.api.importedcertificate_status import TargetStatus
from certwright.api.model import timestamp
from certwright.dialects.store_status import ANSWERS, OK, StoreAnswer
from certwright.findings import MESSAGE_LIMIT, Finding, printable
from certwright.reconcile.importedcertificate.conditions import Scene
from certwright.reconcile.importedcertificate.judgement import errors_of
from certwright.reconcile.importedcertificate.outcome import Outcome
from certwright.reconcile.importedcertificate.references import workload_keys
from certwright.reconcile.importedcertificate.verdict import worst_first


def describe_targets(scene: Scene) -> tuple[TargetStatus, ...]:
    """Describe the targets of the spec in its order, then those that left it and are not yet given up."""
    return tuple(_describe(outcome, scene) for outcome in scene.outcomes)[:TARGETS_LIMIT]


def _describe(outcome: Outcome, scene: Scene) -> TargetStatus:
    row, content = outcome.row, outcome.content
    worst = find_worst(outcome, scene)
    answer = ANSWERS[worst.reason] if worst is not None else OK
    fields = _stored_fields(outcome, scene) if outcome.stored else _kept_fields(outcome)
    return TargetStatus.model_validate(
        {
            "secret_name": outcome.key.name,
            "entity_type": content.target.entity_type if content is not None else row.entity_type if row else None,
            "entity_id": content.target.entity_id if content is not None else row.entity_id if row else None,
            **_answer_fields(answer, worst),
            **fields,
        }
    )


def find_worst(outcome: Outcome, scene: Scene) -> Finding | None:
    """Give the error that names a target's state: its own, that of the material, or a roll-out that is owed."""
    judged = errors_of(scene.judgement.findings) if not outcome.left else ()
    rollouts: tuple[Finding, ...] = ()
    if outcome.content is not None and outcome.key.name in scene.refresh.pending:
        keys = workload_keys(outcome.content.target, outcome.key.namespace)
        rollouts = tuple(each.problem for each in scene.refresh.states(keys) if each.problem is not None)
    return next(iter(errors_of(worst_first((*judged, *outcome.findings, *rollouts)))), None)


def _answer_fields(answer: StoreAnswer, worst: Finding | None) -> dict[str, str | int | None]:
    return {
        "certificate_store_status": answer.status.value,
        "response_code": answer.response_code,
        "detailed_error": printable(worst.message, limit=MESSAGE_LIMIT) if worst is not None else None,
    }


def _stored_fields(outcome: Outcome, scene: Scene) -> dict[str, str | None]:
    row, content, observed, now = outcome.row, outcome.content, outcome.observed, scene.snapshot.now
    assert content is not None  # noqa: S101 - a stored target is one of the spec
    assert observed is not None  # noqa: S101 - and was seen
    same = row is not None and row.digest == content.digest
    stored = row.stored_time if row is not None and same else None
    if stored is None:
        stored = timestamp(now if observed.written else min(observed.changed or now, now))
    return {
        "digest": content.digest,
        "uid": observed.version.uid,
        "resource_version": observed.version.resource_version,
        "stored_time": stored,
        "refreshed_time": _refreshed_time(outcome, scene, stored, same=same, now=now),
    }


def _refreshed_time(outcome: Outcome, scene: Scene, stored: str, *, same: bool, now: datetime) -> str | None:
    assert outcome.content is not None  # noqa: S101 - see above
    if not outcome.content.target.refresh or outcome.key.name in scene.refresh.pending:
        return None
    if outcome.row is not None and same and outcome.row.refreshed_time:
        return outcome.row.refreshed_time
    keys = workload_keys(outcome.content.target, outcome.key.namespace)
    # A Secret that was created, or whose workloads were only just named, is new to nobody who runs.
    return timestamp(now) if scene.refresh.states(keys) else stored


def _kept_fields(outcome: Outcome) -> dict[str, str | None]:
    row, observed = outcome.row, outcome.observed
    if row is not None and row.digest is not None:
        return {name: getattr(row, name) for name in _REMEMBERED}
    if observed is None:
        return {}
    # Not ours, and nothing of ours was there: its version tells a restart that nothing changed.
    return {"uid": observed.version.uid, "resource_version": observed.version.resource_version}


_REMEMBERED = ("digest", "uid", "resource_version", "stored_time", "refreshed_time")
