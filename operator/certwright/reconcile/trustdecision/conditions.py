"""The conditions of a TrustDecision, each from what it is about."""

from __future__ import annotations

from collections.abc import Iterator

from certwright.api.conditions import ConditionStatus, ConditionType, Observation
from certwright.api.trustdecision_status import StoreEntry
from certwright.dialects.root_certificates import NOT_VALIDATED
from certwright.dialects.state_words import StateWord
from certwright.dialects.trust_state import TrustState
from certwright.findings import Finding, Reason
from certwright.pki.identity import ca_name
from certwright.reconcile.bookkeeping import read_instant
from certwright.reconcile.trustdecision.scene import Scene

TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN

_SHOWN_STORES = 3
_NAME_LIMIT = 64


def observe_conditions(scene: Scene) -> Iterator[Observation]:
    """Say what holds now, one observation a condition."""
    standing = scene.standing
    worst = standing.worst
    if worst is None:
        reason, message = _stands_as_wished(scene)
    else:
        reason, message = worst.reason.value, _describe_trouble(scene, worst)
    yield Observation(ConditionType.READY, TRUE if worst is None else FALSE, reason, message)
    yield _valid(scene)
    yield _trusted(scene)
    yield _deployed(scene)
    if worst is not None:
        if standing.waiting and not standing.overdue:
            yield Observation(ConditionType.RECONCILING, TRUE, reason, message)
        else:
            yield Observation(
                ConditionType.STALLED, TRUE, StateWord.WAITED_TOO_LONG if standing.overdue else reason, message
            )


def _stands_as_wished(scene: Scene) -> tuple[str, str]:
    name = _name(scene)
    if not scene.judgement.is_wished:
        return StateWord.UNTRUSTED, f"{name} is not trusted, as wished. {describe_stores(scene)}".rstrip()
    ended = next((each for each in scene.judgement.errors if each.reason is Reason.TRUST_ENDED), None)
    if ended is not None:
        return ended.reason.value, f"{ended.message} {describe_stores(scene)}".rstrip()
    return Reason.VALID.value, f"{name} is trusted{_until(scene)}. {describe_stores(scene)}".rstrip()


def _describe_trouble(scene: Scene, worst: Finding) -> str:
    text = ("Waiting: " if scene.standing.waiting else "Refused: ") + worst.message
    more = len(scene.judgement.errors) - 1
    if more > 0:
        text += f" {more} more in `status.findings`."
    held = [row for row in scene.deployment.rows if row.deploy_status != "DEPLOY_PENDING"]
    return f"{text} {f'What is deployed stays, in {_list(held)}.' if held else 'It is deployed in no store.'}"


def _valid(scene: Scene) -> Observation:
    errors = [each for each in scene.standing.findings if each in scene.judgement.errors]
    about = [each for each in errors if each.reason is not Reason.TRUST_ENDED]
    if about:
        status = UNKNOWN if scene.validation == NOT_VALIDATED else FALSE
        return Observation(ConditionType.VALID, status, about[0].reason.value, about[0].message)
    return Observation(ConditionType.VALID, TRUE, Reason.VALID.value, "All checks passed.")


def _trusted(scene: Scene) -> Observation:
    kind = ConditionType.TRUSTED
    if scene.state is TrustState.TRUSTED:
        return Observation(kind, TRUE, Reason.VALID.value, f"Trusted{_until(scene)}.")
    if not scene.judgement.is_wished:
        return Observation(kind, FALSE, StateWord.UNTRUSTED, "Not trusted, as wished.")
    worst = scene.standing.worst or scene.judgement.errors[0]
    status = UNKNOWN if worst.reason is Reason.NOT_CHECKED else FALSE
    return Observation(kind, status, worst.reason.value, worst.message)


def _deployed(scene: Scene) -> Observation:
    kind, deployment = ConditionType.DEPLOYED, scene.deployment
    if deployment.unread is not None:
        text = f"What a store has deployed could not be read: {deployment.unread.message}. It is tried again."
        return Observation(kind, UNKNOWN, Reason.NOT_CHECKED.value, text)
    text = describe_stores(scene)
    match deployment.status:
        case "DEPLOYED":
            return Observation(kind, TRUE, StateWord.DEPLOYED, text)
        case "DELETE_PENDING":
            return Observation(kind, TRUE, StateWord.DELETE_PENDING, text)
        case "DEPLOY_PENDING":
            return Observation(kind, FALSE, StateWord.DEPLOY_PENDING, text)
        case _:
            worst = scene.standing.worst
            return Observation(kind, FALSE, worst.reason.value if worst is not None else StateWord.UNTRUSTED, text)


def describe_stores(scene: Scene) -> str:
    """Say in one or two sentences where the CA is, where it is to be, and where it is due to go."""
    rows = scene.deployment.rows
    sentences = [
        f"{begin} {_list(chosen)}."
        for word, begin in (
            ("DELETE_PENDING", "Still deployed, and due to go, in"),
            ("DEPLOY_PENDING", "Waits to be deployed by"),
            ("DEPLOYED", "Deployed in"),
        )
        if (chosen := [row for row in rows if row.deploy_status == word])
    ]
    if sentences:
        return " ".join(sentences)
    return "No store selects it." if scene.state is TrustState.TRUSTED else "It is deployed in no store."


def _list(rows: list[StoreEntry]) -> str:
    names = ", ".join(f"{row.kind} `{row.name}`" for row in rows[:_SHOWN_STORES])
    return names + (f" and {len(rows) - _SHOWN_STORES} more" if len(rows) > _SHOWN_STORES else "")


def _name(scene: Scene) -> str:
    certificate = scene.judgement.certificate
    return f'"{ca_name(certificate.subject)[:_NAME_LIMIT]}"' if certificate is not None else "The CA"


def _until(scene: Scene) -> str:
    spec, certificate = scene.judgement.spec, scene.judgement.certificate
    until = read_instant(spec.trust_until) if spec is not None else None
    if certificate is not None and (until is None or until > certificate.not_after):
        until = certificate.not_after
    return f" until {until:%Y-%m-%d %H:%M:%S} UTC" if until is not None else ""
