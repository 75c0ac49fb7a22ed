"""The conditions of a RevocationSource, each from what it is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from certwright.api.conditions import ConditionStatus, ConditionType, Observation
from certwright.api.revocationsource_status import RevocationSourceStatus
from certwright.dialects.root_certificates import NOT_VALIDATED
from certwright.dialects.state_words import StateWord
from certwright.findings import Finding, Reason
from certwright.reconcile.bookkeeping import read_instant
from certwright.reconcile.revocationsource.standing import Standing

TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN

_ABOUT_FETCHING = frozenset({Reason.FETCH_FAILED, Reason.HOST_NOT_ALLOWED})
_SECONDS = 19  # characters of an RFC 3339 instant before its zone


@dataclass(frozen=True, slots=True)
class Scene:
    """What conditions are told from: how the object stands, and the facts of the list in use as the status has them."""

    standing: Standing
    facts: RevocationSourceStatus
    now: datetime

    @property
    def has_list(self) -> bool:
        """Say whether a list is in use."""
        return self.facts.this_update is not None


def observe_conditions(scene: Scene) -> Iterator[Observation]:
    """Say what holds now, one observation a condition."""
    standing = scene.standing
    worst = standing.worst
    reason = worst.reason.value if worst is not None else Reason.VALID.value
    message = _describe_standing(scene)
    yield Observation(ConditionType.READY, TRUE if worst is None else FALSE, reason, message)
    yield _valid(scene)
    yield _fresh(scene)
    if worst is not None:
        if standing.waiting and not standing.overdue:
            yield Observation(ConditionType.RECONCILING, TRUE, reason, message)
        else:
            yield Observation(
                ConditionType.STALLED, TRUE, StateWord.WAITED_TOO_LONG if standing.overdue else reason, message
            )


def _errors(scene: Scene) -> list[Finding]:
    return [each for each in scene.standing.findings if each.severity == "Error"]


def _valid(scene: Scene) -> Observation:
    errors = [each for each in _errors(scene) if each.reason not in _ABOUT_FETCHING]
    if errors:
        status = UNKNOWN if scene.facts.validation == NOT_VALIDATED else FALSE
        return Observation(ConditionType.VALID, status, errors[0].reason.value, errors[0].message)
    if not scene.has_list:
        return Observation(ConditionType.VALID, UNKNOWN, Reason.NOT_CHECKED.value, "There is no list yet.")
    return Observation(ConditionType.VALID, TRUE, Reason.VALID.value, "All checks passed.")


def _fresh(scene: Scene) -> Observation:
    if not scene.has_list:
        return Observation(ConditionType.FRESH, UNKNOWN, Reason.NOT_CHECKED.value, "There is no list yet.")
    end = read_instant(scene.facts.next_update)
    if end is not None and scene.now > end:
        text = f"The list in use ended on {_shown(scene.facts.next_update)}."
        return Observation(ConditionType.FRESH, FALSE, Reason.CRL_EXPIRED.value, text)
    failed = next((each for each in _errors(scene) if each.reason in _ABOUT_FETCHING), None)
    if failed is not None:
        return Observation(ConditionType.FRESH, FALSE, failed.reason.value, failed.message)
    until = f"holds until {_shown(scene.facts.next_update)}" if end is not None else "does not say until when it holds"
    return Observation(ConditionType.FRESH, TRUE, Reason.VALID.value, f"The list in use {until}.")


def _describe_standing(scene: Scene) -> str:
    worst, facts = scene.standing.worst, scene.facts
    if worst is None:
        return f"In use: {_describe_list(facts)}." if scene.has_list else ""
    refused = worst.reason.value.startswith("CRL") and worst.reason is not Reason.CRL_EXPIRED
    text = "Refused: " if refused else "Waiting: " if scene.standing.waiting else ""
    text += worst.message
    errors = _errors(scene)
    if len(errors) > 1:
        text += f" {len(errors) - 1} more in `status.findings`."
    return f"{text} {f'In use: {_describe_list(facts)}.' if scene.has_list else 'No list is in use.'}"


def _describe_list(facts: RevocationSourceStatus) -> str:
    number = f" number {facts.crl_number[:40]}" if facts.crl_number is not None else ""
    until = f", until {_shown(facts.next_update)}" if facts.next_update is not None else ""
    return f"list{number} of {_shown(facts.this_update)} with {facts.entries or 0} entries{until}"


def _shown(stamp: str | None) -> str:
    return stamp[:_SECONDS].replace("T", " ") + " UTC" if stamp is not None else "an unknown instant"
