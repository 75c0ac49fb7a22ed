"""The status of a set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from certwright.api.certificateset import ClusterCertificateSetStatus
from certwright.api.certificateset_status import NODE_ROWS_LIMIT
from certwright.api.conditions import ConditionStatus, ConditionType, Observation, merge_conditions
from certwright.api.fields import DETAIL_LIMIT, FINDINGS_LIMIT, TEXT_LIMIT
from certwright.api.model import timestamp
from certwright.dialects.cluster_certificates import OK, ORDER, code_of
from certwright.dialects.root_certificates import NOT_VALIDATED, validation_code
from certwright.dialects.state_words import StateWord
from certwright.findings import MESSAGE_LIMIT, Reason, printable
from certwright.reconcile.bookkeeping import describe_finding
from certwright.reconcile.certificateset.known import is_unread, list_targets
from certwright.reconcile.certificateset.material import SlotVerdict
from certwright.reconcile.certificateset.past import Past
from certwright.reconcile.certificateset.record import describe_record
from certwright.reconcile.certificateset.scene import Scene, Step
from certwright.reconcile.certificateset.standing import Standing
from certwright.reconcile.objects import Failure, Kind, ObjectKey
from certwright.reconcile.set_actions import REVISION_ANNOTATION

TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN
STATUS_BYTES = 60 * 1024
"""Beyond it namespaces, findings and certificates are left out of their lists; the counts stay."""

_SHOWN = 19  # characters of `sha256:0123456789ab`


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that a status is written from."""

    scene: Scene
    step: Step
    standing: Standing
    past: Past
    judged_by: str


def build_status(situation: Situation) -> ClusterCertificateSetStatus:
    """Build the full status."""
    scene, standing, step = situation.scene, situation.standing, situation.step
    judgement, journal, snapshot = scene.judgement, scene.journal, scene.snapshot
    rows = tuple(_rows(scene, step))
    updated = sum(each["updated"] for each in rows)
    # What cannot be read has not changed by that.
    before = situation.past.status if is_unread(snapshot, scene.settings.namespace) else None
    failed = journal.failed.revision if journal.failed is not None else None
    worst = standing.worst
    status = ClusterCertificateSetStatus.model_validate(
        {
            "response_code": standing.code,
            "detailed_error": printable(worst.message, limit=DETAIL_LIMIT) if worst is not None else None,
            "revision": judgement.revision,
            "deployed_revision": before.deployed_revision if before is not None else journal.deployed,
            "failed_revision": before.failed_revision if before is not None else failed,
            "certificates": tuple(_describe_slot(each, situation) for each in judgement.slots),
            "certificates_count": len(judgement.slots) or None,
            "namespaces": tuple(sorted(rows, key=lambda each: (each["updated"], each["name"]))[:NODE_ROWS_LIMIT]),
            "namespaces_count": len(rows),
            "updated_namespaces": f"{updated}/{len(rows)}",
            "findings": tuple(describe_finding(each) for each in standing.findings[:FINDINGS_LIMIT]),
            "findings_count": len(standing.findings) or None,
            "next_check_time": timestamp(judgement.next_change) if judgement.next_change is not None else None,
            "observed_generation": snapshot.subject.generation,
            "record": describe_record(scene, step, situation.past, judged_by=situation.judged_by),
            "conditions": _conditions(situation),
        }
    )
    return _fit(status)


def _fit(status: ClusterCertificateSetStatus) -> ClusterCertificateSetStatus:
    """Cut the lists of a status that is too large, first what is in order: namespaces, findings, then certificates."""
    for name in ("namespaces", "findings", "certificates"):
        if name == "certificates" and _size(status) > STATUS_BYTES:
            worst_first = sorted(
                status.certificates, key=lambda each: (each.response_code == OK, each.valid_thru or "")
            )
            status = status.model_copy(update={name: tuple(worst_first)})
        while _size(status) > STATUS_BYTES and len(getattr(status, name)) > 1:
            listed = getattr(status, name)
            status = status.model_copy(update={name: listed[: len(listed) // 2]})
    return status


def _size(status: ClusterCertificateSetStatus) -> int:
    return len(status.model_dump_json(by_alias=True, exclude_defaults=True).encode())


def _conditions(situation: Situation) -> Any:
    scene = situation.scene
    return merge_conditions(
        situation.past.conditions.values(),
        _observe(situation),
        generation=scene.snapshot.subject.generation,
        at=scene.snapshot.now,
    )


def _describe_slot(verdict: SlotVerdict, situation: Situation) -> dict[str, Any]:
    errors, secret = verdict.errors, _find_secret(verdict, situation.scene)
    troubles = (each.finding for each in situation.step.troubles if secret and each.secret == secret)
    reasons = [each.reason for each in (*errors, *troubles)] or [Reason.VALID]
    codes = {each: code for each in reasons if (code := code_of(each, deleting=verdict.deleting)) is not None}
    worst = min(codes, key=lambda each: ORDER.index(codes[each]), default=reasons[0])
    leaf = verdict.leaf
    judged = leaf is not None or any(each.reason in {Reason.UNPARSABLE, Reason.UNDECODABLE} for each in errors)
    return {
        "name": verdict.name,
        "required": verdict.required,
        "response_code": codes.get(worst),
        "reason": worst.value,
        "validation": validation_code(each.reason for each in errors) if judged else NOT_VALIDATED,
        "common_name": printable(leaf.subject.common_name, limit=TEXT_LIMIT)
        if leaf is not None and leaf.subject.common_name
        else None,
        "fingerprint": leaf.fingerprint if leaf is not None else None,
        "valid_thru": timestamp(leaf.not_after) if leaf is not None else None,
    }


def _find_secret(verdict: SlotVerdict, scene: Scene) -> str | None:
    """Give the Secret that a certificate goes to, or that it is to be removed from."""
    if verdict.part is not None:
        return verdict.part.secret
    journal = scene.journal
    return journal.contents_of(journal.origin or journal.deployed).get(verdict.name)


def _rows(scene: Scene, step: Step) -> Iterator[dict[str, Any]]:
    journal, nodes = scene.journal, scene.judgement.nodes
    wanted = scene.judgement.revision or journal.deployed
    parts = scene.judgement.parts
    secrets = (
        {each.secret for each in parts.values()} if parts is not None else set(journal.contents_of(wanted).values())
    )
    messages = {each.namespace: each.finding.message for each in reversed(step.troubles)}
    held = {key: each.annotations.get(REVISION_ANNOTATION) for key, each in list_targets(scene.snapshot).items()}
    if wanted is None and scene.judgement.lost:
        secrets = {key.name for key in held}  # what there was is all that is known
    for key, observed in scene.snapshot.objects.items():
        if key.kind is Kind.SECRET:
            ours = observed is not None and scene.is_ours(observed)
            held[key] = observed.annotations.get(REVISION_ANNOTATION) if observed is not None and ours else None
    for name in sorted({*nodes.chosen, *nodes.missing}):
        there = {held.get(ObjectKey(Kind.SECRET, name, secret)) for secret in secrets}
        revision = next(iter(there)) if len(there) == 1 else None
        trouble = printable(messages.get(name, ""), limit=MESSAGE_LIMIT)
        agrees = (revision is not None and revision == wanted) if secrets else parts is not None
        updated = name in nodes.chosen and not trouble and agrees
        message = trouble if trouble or updated else _say_what_is_held(there, wanted)
        yield {"name": name, "revision": revision, "updated": updated, "message": message}


def _say_what_is_held(revisions: set[str | None], wanted: str | None) -> str:
    held = {each for each in revisions if each is not None}
    if not held:
        return "It holds nothing of this set yet."
    if len(held) > 1:
        return "It holds parts of several revisions."
    if held == {wanted}:
        return "It does not hold all of the revision wished for yet."
    unlike = ", not the revision wished for" if wanted is not None else ""
    return f"It holds {next(iter(held))[:_SHOWN]}{unlike}."


def _observe(situation: Situation) -> Iterator[Observation]:
    standing, scene, step = situation.standing, situation.scene, situation.step
    worst, message = standing.worst, describe_standing(situation)
    reason = worst.reason.value if worst is not None else Reason.VALID.value
    yield Observation(ConditionType.READY, FALSE if worst is not None else TRUE, reason, message)
    errors = scene.judgement.errors
    if step.settling or (errors and all(each.reason is Reason.NOT_CHECKED for each in errors)):
        yield Observation(ConditionType.VALID, UNKNOWN, Reason.NOT_CHECKED.value, "There is no verdict yet.")
    elif errors:
        first = next(each for each in standing.findings if each in errors)
        yield Observation(ConditionType.VALID, FALSE, first.reason.value, first.message)
    else:
        yield Observation(ConditionType.VALID, TRUE, Reason.VALID.value, "Every certificate passed all checks.")
    yield _observe_deployment(situation)
    if worst is None:
        return
    if standing.waiting and not standing.overdue:
        yield Observation(ConditionType.RECONCILING, TRUE, reason, message)
    else:
        yield Observation(
            ConditionType.STALLED, TRUE, StateWord.WAITED_TOO_LONG if standing.overdue else reason, message
        )


def _observe_deployment(situation: Situation) -> Observation:
    journal, step = situation.scene.journal, situation.step
    if step.troubles:
        first = step.troubles[0].finding
        return Observation(ConditionType.DEPLOYED, FALSE, first.reason.value, first.message)
    if journal.deployed is None and situation.standing.worst is None:
        text = "No slot is filled: there is nothing to deploy."
        return Observation(ConditionType.DEPLOYED, TRUE, Reason.VALID.value, text)
    if journal.deployed is None:
        return Observation(ConditionType.DEPLOYED, FALSE, Reason.NOT_CHECKED.value, "Nothing is deployed yet.")
    text = f"Every namespace holds {journal.deployed[:_SHOWN]}."
    return Observation(ConditionType.DEPLOYED, TRUE, Reason.VALID.value, text)


def describe_standing(situation: Situation) -> str:
    """Say how the set stands: what was refused and why, and what is deployed."""
    standing, journal = situation.standing, situation.scene.journal
    deployed = f"Deployed: {journal.deployed[:_SHOWN]}." if journal.deployed is not None else "Nothing is deployed."
    worst = standing.worst
    if worst is None:
        if journal.deployed is None:
            return "No slot is filled: there is nothing to deploy."
        nodes = len(situation.scene.judgement.nodes.chosen)
        return f"All certificates are valid and in {nodes} namespace{'s' if nodes != 1 else ''}. {deployed}"
    refused = worst in situation.scene.judgement.errors and not standing.waiting
    text = ("Refused: " if refused else "Waiting: " if standing.waiting else "") + worst.message
    # A command to copy stays at the end.
    return f"{deployed} {text}" if ": kubectl " in text else f"{text} {deployed}"


def build_minimal_status(
    full: ClusterCertificateSetStatus, failure: Failure, situation: Situation, *, code: int
) -> ClusterCertificateSetStatus:
    """Build what is left when the API server refuses the full status: a verdict that nobody can read is none."""
    scene = situation.scene
    text = printable(f"The API server refused the full status: {failure.message}.", limit=MESSAGE_LIMIT)
    reason = Reason.INTERNAL_ERROR.value
    observations = (
        Observation(ConditionType.READY, FALSE, reason, text),
        Observation(ConditionType.VALID, UNKNOWN, reason),
        Observation(ConditionType.DEPLOYED, UNKNOWN, reason),
        Observation(ConditionType.STALLED, TRUE, reason, text),
    )
    return ClusterCertificateSetStatus(
        response_code=code,
        revision=full.revision,
        deployed_revision=full.deployed_revision,
        failed_revision=full.failed_revision,
        observed_generation=full.observed_generation,
        conditions=merge_conditions(
            situation.past.conditions.values(),
            observations,
            generation=scene.snapshot.subject.generation,
            at=scene.snapshot.now,
        ),
    )


def earliest(*instants: datetime | None) -> datetime | None:
    """Give the earliest of the instants."""
    return min((each for each in instants if each is not None), default=None)
