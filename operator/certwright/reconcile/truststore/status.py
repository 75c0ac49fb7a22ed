"""The status: what is staged, what is deployed, and where it has arrived, within the bounds of a status."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from certwright.api.conditions import Condition, ConditionStatus, ConditionType, Observation, merge_conditions
from certwright.api.fields import FINDINGS_LIMIT
from certwright.api.model import timestamp
from certwright.api.truststore_status import ROWS_LIMIT, DeployedRecord, HistoryEntry, StoreRecord, TrustStoreStatus
from certwright.findings import MESSAGE_LIMIT, Reason, printable
from certwright.reconcile.bookkeeping import describe_finding, describe_inputs, read_instant
from certwright.reconcile.horizon import write_horizon
from certwright.reconcile.objects import Failure, Snapshot
from certwright.reconcile.questions import PublicRoots, PublicRootsAnswer, members
from certwright.reconcile.trust.change import describe_pending
from certwright.reconcile.trust.deployed import decision_namespace_of, write_marks
from certwright.reconcile.trust.source import find_closed
from certwright.reconcile.trust.stance import APPROVED_BY_ANNOTATION, decisions_of
from certwright.reconcile.trust.stance import face_of as face_of_decision
from certwright.reconcile.truststore.conditions import Scene, observe_conditions
from certwright.reconcile.truststore.history import extend_history
from certwright.reconcile.truststore.judgement import Judgement, Staged
from certwright.reconcile.truststore.past import Past
from certwright.reconcile.truststore.rollout import describe_rollout, describe_targets
from certwright.reconcile.truststore.standing import Standing
from certwright.reconcile.truststore.targets import Survey
from certwright.reconcile.truststore.wish import find_aims, find_passwords, list_namespaces

STATUS_BYTES = 60 * 1024
"""Beyond it the long lists are cut, the least telling first."""

_LISTS = ("added", "removed", "changed")


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that a status is written from.

    Attributes:
        pointer: what names the record of what is deployed from now on.
        judged_by: identifies the rules that were applied.
        past: what the status says now.
    """

    judgement: Judgement
    standing: Standing
    survey: Survey
    pointer: DeployedRecord | None
    judged_by: str
    snapshot: Snapshot
    past: Past

    @property
    def is_new(self) -> bool:
        """Say whether the status that is written is the first that names the next deployment."""
        judgement = self.judgement
        return judgement.deployment is not None and self.pointer not in (self.past.deployed, judgement.pointer)

    @property
    def approver(self) -> str | None:
        """Who approved what is deployed next; `None` when nobody had to, or nobody vouches for it."""
        deployment = self.judgement.deployment
        approved = deployment is not None and deployment.approved
        return self.snapshot.subject.annotations.get(APPROVED_BY_ANNOTATION) if approved else None


def build_status(situation: Situation) -> TrustStoreStatus:
    """Build the full status."""
    judgement, past, pointer = situation.judgement, situation.past, situation.pointer
    rollout = describe_rollout(situation.survey, past, deployed=pointer is not None, lost=judgement.lost)
    rows = describe_targets(situation.survey, past) if not judgement.lost else past.status.targets
    findings = situation.standing.findings
    status = TrustStoreStatus.model_validate(
        {
            **_describe_deployed(judgement, pointer, past),
            **_describe_staged(judgement, situation.snapshot, past),
            "rollout": rollout,
            "targets": rows[:ROWS_LIMIT],
            "targets_count": rollout.targets or None,
            "history": _history(situation),
            "findings": tuple(describe_finding(each) for each in findings[:FINDINGS_LIMIT]),
            "findings_count": len(findings) or None,
            "observed_generation": situation.snapshot.subject.generation,
            "record": _record(situation),
        }
    )
    scene = Scene(
        subject=situation.snapshot.subject,
        judgement=judgement,
        standing=situation.standing,
        rollout=rollout,
        pending=status.pending,
        deployed=pointer is not None,
        certificates=status.certificates or 0,
    )
    conditions = _merge(observe_conditions(scene), situation.snapshot, past)
    return fit(status.model_copy(update={"conditions": conditions}))


def _describe_deployed(judgement: Judgement, pointer: DeployedRecord | None, past: Past) -> Mapping[str, Any]:
    record = judgement.record
    if pointer is None:
        return {}
    return {
        "deployed_revision": pointer.revision,
        "certificates": len(record.entries) if record is not None else past.status.certificates,
        "public_roots": record.public_roots if record is not None else past.status.public_roots,
    }


def _describe_staged(judgement: Judgement, snapshot: Snapshot, past: Past) -> Mapping[str, Any]:
    staged, status = judgement.staged, past.status
    if staged is None:
        return {
            "staged_revision": status.staged_revision,
            "pending": status.pending,
            "next_check_time": status.next_check_time,
        }
    return {
        "staged_revision": staged.revision,
        "pending": describe_pending(staged.pending) if staged.pending is not None else None,
        "next_check_time": timestamp(instant) if (instant := _next_check(staged, snapshot, past)) is not None else None,
    }


def _next_check(staged: Staged, snapshot: Snapshot, past: Past) -> datetime | None:
    """Give the first instant at which something differs; one that came while time was in doubt is still to be met."""
    unmet = read_instant(past.status.next_check_time) if snapshot.clock_doubted else None
    return min((each for each in (staged.next_change, unmet) if each is not None), default=None)


def _history(situation: Situation) -> tuple[HistoryEntry, ...]:
    deployment, before = situation.judgement.deployment, situation.past.status.history
    if deployment is None or not deployment.difference or not situation.is_new:
        return before
    return extend_history(before, deployment, now=situation.snapshot.now, approved_by=situation.approver)


def _record(situation: Situation) -> StoreRecord:
    judgement, snapshot, before = situation.judgement, situation.snapshot, situation.past.record
    staged, record, spec = judgement.staged, judgement.record, judgement.spec
    inputs = sorted(find_passwords(find_aims(spec, snapshot.subject.key.namespace))) if spec is not None else []
    leaving = write_marks(record, staged.leaving) if staged is not None and record is not None else before.leaving
    return StoreRecord(
        inputs=describe_inputs(inputs, snapshot),
        judged_by=situation.judged_by,
        others=digest_others(snapshot, situation.survey.digests),
        deployed=situation.pointer,
        previous=before.previous if situation.pointer == before.deployed else before.deployed,
        leaving=leaving,
        horizon=write_horizon(situation.survey.horizon) if record is not None else before.horizon,
        void=staged.void if staged is not None else before.void,
    )


def digest_others(snapshot: Snapshot, digests: tuple[str, ...]) -> str:
    """Digest what was seen of decisions, public roots and the namespace of the decisions.

    Args:
        snapshot: the answers.
        digests: what the targets of each name bear, as far as there are any: proven with the rest, it is what a
            restart compares a thousand of them with.
    """
    subject = snapshot.subject
    namespace, public = decision_namespace_of(subject), snapshot.answers.get(PublicRoots())
    decisions = members(snapshot, decisions_of(namespace)) if namespace is not None else ()
    seen = [
        [[each.key.name, face_of_decision(each)] for each in decisions],
        public.version if isinstance(public, PublicRootsAnswer) else None,
        find_closed(subject, list_namespaces(snapshot)) is None,
        digests,
    ]
    return "sha256:" + hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def fit(status: TrustStoreStatus) -> TrustStoreStatus:
    """Cut the long lists of a status that is too large, the least telling first; the counts stay."""
    while _size(status) > STATUS_BYTES:
        pending = status.pending
        if len(status.targets) > 1:
            status = status.model_copy(update={"targets": status.targets[: len(status.targets) // 2]})
        elif pending is not None and any(getattr(pending, name) for name in _LISTS):
            cut = {name: getattr(pending, name)[: len(getattr(pending, name)) // 2] for name in _LISTS}
            status = status.model_copy(update={"pending": pending.model_copy(update=cut)})
        elif status.findings:
            status = status.model_copy(update={"findings": status.findings[: len(status.findings) // 2]})
        else:
            break
    return status


def _size(status: TrustStoreStatus) -> int:
    return len(status.model_dump_json(by_alias=True, exclude_defaults=True).encode())


def build_minimal_status(full: TrustStoreStatus, failure: Failure, situation: Situation) -> TrustStoreStatus:
    """Build what is left when the API server refuses the full status: what is deployed, and that it refused."""
    return TrustStoreStatus(
        staged_revision=full.staged_revision,
        deployed_revision=full.deployed_revision,
        certificates=full.certificates,
        next_check_time=full.next_check_time,
        observed_generation=full.observed_generation,
        record=full.record,
        conditions=_merge(_observe_refusal(failure), situation.snapshot, situation.past),
    )


def _observe_refusal(failure: Failure) -> Iterator[Observation]:
    reason = Reason.INTERNAL_ERROR.value
    text = printable(f"The API server refused the full status: {failure.message}.", limit=MESSAGE_LIMIT)
    yield Observation(ConditionType.READY, ConditionStatus.FALSE, reason, text)
    for kind in (ConditionType.DEPLOYED, ConditionType.APPROVED):
        yield Observation(kind, ConditionStatus.UNKNOWN, reason)
    yield Observation(ConditionType.STALLED, ConditionStatus.TRUE, reason, text)


def _merge(observed: Iterator[Observation], snapshot: Snapshot, past: Past) -> tuple[Condition, ...]:
    generation = snapshot.subject.generation
    return merge_conditions(past.conditions.values(), observed, generation=generation, at=snapshot.now)
