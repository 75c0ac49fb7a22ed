"""From findings and troubles to the state of the whole: ready, waiting, or stalled, and its code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from certwright.dialects.cluster_certificates import ORDER, code_of, worst_code
from certwright.findings import Detail, Finding, Reason, Severity, finding
from certwright.reconcile.certificateset.journal import Phase
from certwright.reconcile.certificateset.past import Past
from certwright.reconcile.certificateset.scene import Scene, Step
from certwright.reconcile.patience import is_overdue, patience_end

_COMES_BY_ITSELF = frozenset({Reason.REFERENCE_NOT_FOUND, Reason.NOT_CHECKED})


@dataclass(frozen=True, slots=True)
class Standing:
    """How a set stands.

    Attributes:
        findings: all of them, the worst first.
        code: of the whole; `None` while there is no verdict.
        worst: the error that names the state.
        waiting: nothing is to be done by a person yet.
        overdue: waiting, and for too long.
        requeue_at: when waiting ends.
    """

    findings: tuple[Finding, ...]
    code: int | None
    worst: Finding | None
    waiting: bool = False
    overdue: bool = False
    requeue_at: datetime | None = None


def find_standing(scene: Scene, step: Step, past: Past) -> Standing:
    """Put everything that was found together."""
    coded = sorted(_code_everything(scene, step), key=lambda pair: _place(*pair))
    findings = tuple(dict.fromkeys(found for found, _ in coded))
    worst = next((each for each in findings if each.severity is Severity.ERROR), None)
    codes = [code for found, code in coded if code is not None and found.severity is Severity.ERROR]
    code = None if step.settling or (worst is not None and not codes) else worst_code(codes)
    if worst is None:
        return Standing(findings, code, None)
    snapshot, settings = scene.snapshot, scene.settings
    grace_ends = _grace_end(scene)
    in_grace = grace_ends is not None and snapshot.now < grace_ends
    waiting = _is_waiting(scene, step, in_grace=in_grace)
    patience = patience_end(past, snapshot, settings)
    overdue = waiting and not step.settling and is_overdue(worst, past, snapshot, settings)
    # While inputs settle nobody is late; then an instant that has passed would have it looked at without a pause.
    ends = waiting and not overdue and patience > snapshot.now
    instants = [patience] if ends else []
    if in_grace and grace_ends is not None:
        instants.append(grace_ends)
    return Standing(findings, code, worst, waiting, overdue, min(instants, default=None))


def _grace_end(scene: Scene) -> datetime | None:
    """Give the instant up to which the other half of a pair that does not match may be on its way."""
    changed = scene.judgement.changed
    if changed is None or not any(each.reason is Reason.KEY_MISMATCH for each in scene.judgement.errors):
        return None
    return changed + timedelta(seconds=scene.settings.pair_grace_seconds)


def _code_everything(scene: Scene, step: Step) -> Iterator[tuple[Finding, int | None]]:
    judgement = scene.judgement
    if step.settling:
        yield _settling(scene.settings.set_settling_seconds), None
    for found in judgement.findings:
        yield found, code_of(found.reason)
    for each in judgement.slots:
        for found in each.findings:
            yield found, code_of(found.reason, deleting=each.deleting)
    deleting = scene.journal.phase is Phase.DELETING
    for trouble in step.troubles:
        yield trouble.finding, code_of(trouble.finding.reason, deleting=deleting)


def _place(found: Finding, code: int | None) -> tuple[int, int]:
    """Give the place of a finding: what has no code is no verdict, and does not speak before one that names the code.

    While inputs settle there is none, and that comes first.
    """
    if found.severity is Severity.WARNING:
        return (3, 0)
    if code is not None:
        return (1, ORDER.index(code))
    return (0, 0) if found.detail is Detail.SETTLING else (2, 0)


def _is_waiting(scene: Scene, step: Step, *, in_grace: bool) -> bool:
    if step.settling:
        return True
    errors: Iterable[Finding] = scene.judgement.errors
    awaited = _COMES_BY_ITSELF | {Reason.KEY_MISMATCH} if in_grace else _COMES_BY_ITSELF
    return all(each.reason in awaited for each in errors) and all(each.waiting for each in step.troubles)


def _settling(rest: float) -> Finding:
    return finding(
        Reason.NOT_CHECKED,
        "inputs changed a moment ago; what changes together goes out together. It begins when nothing has changed for "
        f"{rest:g} seconds, and after 60 at the latest.",
        detail=Detail.SETTLING,
    )
