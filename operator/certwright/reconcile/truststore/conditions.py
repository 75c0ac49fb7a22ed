"""The conditions of a store, each from what it is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from certwright.api.conditions import ConditionStatus, ConditionType, Observation
from certwright.api.truststore_status import PendingChange, Rollout
from certwright.dialects.state_words import StateWord
from certwright.findings import Finding, Reason
from certwright.reconcile.objects import Subject
from certwright.reconcile.trust.stance import (
    APPROVED_BY_ANNOTATION,
    CREATED_BY_ANNOTATION,
    MODIFIED_BY_ANNOTATION,
)
from certwright.reconcile.truststore.judgement import Judgement, errors_of
from certwright.reconcile.truststore.standing import Standing

TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN

_DIGITS = len("sha256:") + 12
_COMMAND = ": kubectl "


@dataclass(frozen=True, slots=True)
class Scene:
    """What conditions are told from.

    Attributes:
        pending: the change that waits, as the status that is being written has it.
        deployed: something is deployed, as that has it.
        certificates: how many certificates are.
    """

    subject: Subject
    judgement: Judgement
    standing: Standing
    rollout: Rollout
    pending: PendingChange | None
    deployed: bool
    certificates: int

    @property
    def awaited(self) -> PendingChange | None:
        """The change that a person may approve; one that is blocked waits for something else."""
        staged = self.judgement.staged
        return None if staged is not None and staged.is_blocked else self.pending


def observe_conditions(scene: Scene) -> Iterator[Observation]:
    """Say what holds now, one observation a condition."""
    standing = scene.standing
    worst, message = standing.worst, _describe_standing(scene)
    reason = _ready_reason(scene)
    yield Observation(ConditionType.READY, FALSE if worst is not None or standing.running else TRUE, reason, message)
    yield _deployed(scene)
    yield _approved(scene)
    if worst is None and not standing.running:
        return
    if standing.waiting and not standing.overdue:
        yield Observation(ConditionType.RECONCILING, TRUE, reason, message)
    else:
        yield Observation(
            ConditionType.STALLED, TRUE, StateWord.WAITED_TOO_LONG if standing.overdue else reason, message
        )


def _ready_reason(scene: Scene) -> str:
    if scene.standing.worst is not None:
        return scene.standing.worst.reason.value
    if scene.standing.running:
        return StateWord.ROLLING_OUT
    return Reason.APPROVAL_PENDING.value if scene.awaited is not None else Reason.VALID.value


def _deployed(scene: Scene) -> Observation:
    kind, rollout, worst = ConditionType.DEPLOYED, scene.rollout, scene.standing.worst
    if not scene.deployed:
        waits = Reason.APPROVAL_PENDING if scene.awaited is not None else Reason.NOT_CHECKED
        found = worst.reason if worst is not None else waits
        return Observation(kind, FALSE, found.value, "Nothing is deployed yet.")
    if scene.judgement.lost and worst is not None:
        return Observation(kind, UNKNOWN, worst.reason.value, worst.message)
    if rollout.state == "Complete":
        return Observation(kind, TRUE, Reason.VALID.value, _describe_deployed(scene))
    trouble = _trouble_of(scene)
    reason = trouble.reason.value if trouble is not None else StateWord.ROLLING_OUT
    return Observation(kind, FALSE, reason, f"{_count(scene)}. {rollout.message}".strip())


def _trouble_of(scene: Scene) -> Finding | None:
    about = frozenset(scene.judgement.findings)
    return next((each for each in errors_of(scene.standing.findings) if each not in about), None)


def _approved(scene: Scene) -> Observation:
    kind, spec, pending = ConditionType.APPROVED, scene.judgement.spec, scene.awaited
    if spec is None:
        return Observation(kind, UNKNOWN, Reason.NOT_CHECKED.value, "The wish cannot be read.")
    if spec.deployment.mode == "Automatic":
        return Observation(kind, TRUE, Reason.VALID.value, "Changes are deployed without approval.")
    if pending is not None:
        return Observation(kind, FALSE, Reason.APPROVAL_PENDING.value, _describe_pending(pending))
    if not _is_vouched_for(scene):
        text = (
            "No change waits for approval. Nobody vouches for who may approve, and who did: the components `audit` and "
            "`approval` are not installed."
        )
        return Observation(kind, UNKNOWN, StateWord.POLICY_NOT_INSTALLED, text)
    return Observation(kind, TRUE, Reason.VALID.value, "No change waits for approval.")


def _is_vouched_for(scene: Scene) -> bool:
    """Say whether the stamps show that the policies are there; what was approved bears that of the approver."""
    annotations, spec = scene.subject.annotations, scene.judgement.spec
    if spec is not None and spec.deployment.approved is not None:
        return APPROVED_BY_ANNOTATION in annotations
    return bool({MODIFIED_BY_ANNOTATION, CREATED_BY_ANNOTATION} & annotations.keys())


def _describe_standing(scene: Scene) -> str:
    worst, pending = scene.standing.worst, scene.awaited
    if worst is None:
        if scene.standing.running:
            return f"{_count(scene)}."
        if pending is not None:
            return _describe_pending(pending)
        if not scene.deployed:
            return "Nothing is deployed, and there is nothing to deploy."
        # Ready says that all is as wished: whoever reads no further must not take what is withdrawn for trusted.
        distrusted = [each.message for each in scene.standing.findings if each.reason is Reason.ANCHORS_DISTRUSTED]
        return " ".join((_describe_deployed(scene), *distrusted))
    errors = errors_of(scene.standing.findings)
    text = ("Waiting: " if scene.standing.waiting else "") + _sentence(worst.message)
    notes = [f"{len(errors) - 1} more in `status.findings`."] if len(errors) > 1 else []
    notes.append(f"Deployed: {_amount(scene.certificates)}." if scene.deployed else "Nothing is deployed yet.")
    # A command to copy stays at the end.
    return " ".join((*notes, text) if _COMMAND in text else (text, *notes))


def _describe_deployed(scene: Scene) -> str:
    text = f"{_amount(scene.certificates)} deployed"
    targets = scene.rollout.targets
    return f"{text} in {targets} target{'s' if targets > 1 else ''}." if targets else f"{text}; there are no targets."


def _describe_pending(pending: PendingChange) -> str:
    parts = [
        f"{count} {word}"
        for count, word in (
            (pending.added_count, "to add"),
            (pending.removed_count, "to remove"),
            (pending.changed_count, "to change"),
        )
        if count
    ]
    what = ", ".join(parts) or "a change"
    return (
        f"Certificates wait for approval: {what}. Look at `status.pending`, then approve it with `kubectl certwright "
        f"approve`, or set `spec.deployment.approved` to {pending.id}."
    )


def _count(scene: Scene) -> str:
    return f"{scene.rollout.updated_targets} of {scene.rollout.targets} targets hold the deployed revision"


def _amount(certificates: int) -> str:
    return f"{certificates} certificate{'s' if certificates != 1 else ''}"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "…")) or _COMMAND in text else text + "."
