"""The conditions of an ImportedCertificate, each from what it is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from certwright.api.conditions import ConditionStatus, ConditionType, Observation
from certwright.api.importedcertificate_status import Served
from certwright.dialects.root_certificates import NOT_VALIDATED
from certwright.dialects.state_words import StateWord
from certwright.findings import Finding, Reason, printable
from certwright.reconcile.expiry import served_instants
from certwright.reconcile.importedcertificate.judgement import Judgement, errors_of
from certwright.reconcile.importedcertificate.messages import describe_served_line, describe_standing, sentence
from certwright.reconcile.importedcertificate.outcome import Outcome
from certwright.reconcile.importedcertificate.past import Past
from certwright.reconcile.importedcertificate.refresh import Refresh
from certwright.reconcile.importedcertificate.verdict import Standing, worst_first
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.trust.reliance import name_store, store_key

TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN

_NAME_LIMIT = 100
_ABOUT_TRUST = frozenset(
    {
        Reason.ISSUER_NOT_FOUND,
        Reason.CHAIN_INVALID,
        Reason.INVALID_SELF_SIGNED,
        Reason.REVOKED,
        Reason.CRL_INVALID,
        Reason.CRL_ERROR,
        Reason.CRL_ISSUER_NOT_FOUND,
        Reason.CRL_ISSUER_NOT_AUTHORIZED,
        Reason.CRL_NOT_VALID,
        Reason.CRL_EXPIRED,
    }
)
"""What is said of the path, and of the revocation lists that are looked at on it."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that a status is written from."""

    judgement: Judgement
    outcomes: tuple[Outcome, ...]
    refresh: Refresh
    standing: Standing
    served: Served | None
    validation: int
    past: Past
    snapshot: Snapshot

    @property
    def stored(self) -> int:
        """How many targets hold what they should."""
        return sum(each.stored for each in self.outcomes)


def observe_conditions(scene: Scene) -> Iterator[Observation]:
    """Say what holds now, one observation a condition; one that nobody asked for is absent."""
    standing = scene.standing
    message = describe_standing(standing, scene.judgement, scene.served, stored=scene.stored)
    reason = standing.worst.reason.value if standing.worst else Reason.VALID.value
    yield Observation(ConditionType.READY, FALSE if standing.worst else TRUE, reason, message)
    yield _valid(scene)
    spec = scene.judgement.spec
    if store_key(spec, scene.snapshot.subject.key.namespace) is not None:
        yield _trusted(scene)
    if spec is not None and spec.targets:
        yield _stored(scene)
    if spec is not None and any(target.refresh for target in spec.targets):
        yield _refreshed(scene)
    yield _expiring(scene)
    if standing.worst is not None:
        if standing.waiting and not standing.overdue:
            yield Observation(ConditionType.RECONCILING, TRUE, reason, message)
        else:
            yield Observation(
                ConditionType.STALLED, TRUE, StateWord.WAITED_TOO_LONG if standing.overdue else reason, message
            )


def _valid(scene: Scene) -> Observation:
    errors = errors_of(worst_first(scene.judgement.findings))
    if not errors:
        return Observation(ConditionType.VALID, TRUE, Reason.VALID.value, "All checks passed.")
    status = UNKNOWN if scene.validation == NOT_VALIDATED else FALSE
    return Observation(ConditionType.VALID, status, errors[0].reason.value, sentence(errors[0].message))


def _trusted(scene: Scene) -> Observation:
    judgement = scene.judgement
    errors = errors_of(worst_first(judgement.findings))
    against = judgement.distrust or next((each for each in errors if each.reason in _ABOUT_TRUST), None)
    if against is not None:
        return Observation(ConditionType.TRUSTED, FALSE, against.reason.value, sentence(against.message))
    key = store_key(judgement.spec, scene.snapshot.subject.key.namespace)
    if judgement.anchor is not None and key is not None:
        label = printable(judgement.anchor.label, limit=_NAME_LIMIT)
        text = f'The path ends at "{label}", which {name_store(key)} trusts.'
        return Observation(ConditionType.TRUSTED, TRUE, Reason.VALID.value, text)
    reason, message = (errors[0].reason, errors[0].message) if errors else (Reason.NOT_CHECKED, "No path was judged.")
    return Observation(ConditionType.TRUSTED, UNKNOWN, reason.value, sentence(message))


def _stored(scene: Scene) -> Observation:
    problems = worst_first(each for outcome in scene.outcomes for each in outcome.findings)
    if problems:
        return Observation(ConditionType.STORED, FALSE, problems[0].reason.value, sentence(problems[0].message))
    if all(each.stored for each in scene.outcomes if not each.left):
        if scene.judgement.accepted:
            return Observation(ConditionType.STORED, TRUE, Reason.VALID.value, "Every target holds the certificate.")
        message = f"Every target holds the last good certificate. {describe_served_line(scene.served)}"
        return Observation(ConditionType.STORED, TRUE, _worst(scene).reason.value, message)
    worst = _worst(scene)
    status = UNKNOWN if worst.reason is Reason.NOT_CHECKED else FALSE
    return Observation(ConditionType.STORED, status, worst.reason.value, "Not every target holds a good certificate.")


def _worst(scene: Scene) -> Finding:
    worst = scene.standing.worst
    return worst if worst is not None else Finding(Reason.NOT_CHECKED, "")


def _refreshed(scene: Scene) -> Observation:
    problems = worst_first(state.problem for state in scene.refresh.workloads.values() if state.problem is not None)
    if problems:
        return Observation(ConditionType.REFRESHED, FALSE, problems[0].reason.value, sentence(problems[0].message))
    if is_refresh_owed(scene):
        text = "A target has to be stored before its workloads can take up the certificate."
        return Observation(ConditionType.REFRESHED, FALSE, Reason.NOT_REFRESHED.value, text)
    return Observation(ConditionType.REFRESHED, TRUE, Reason.VALID.value, "Every workload runs what is stored.")


def is_refresh_owed(scene: Scene) -> bool:
    """Say whether a roll-out that was pending can not be looked at, because its target is in trouble meanwhile."""
    return scene.past.holds(ConditionType.REFRESHED) is False and any(
        not each.stored and each.row is not None and each.row.digest is not None and each.row.refreshed_time is None
        for each in scene.outcomes
        if each.content is not None and each.content.target.refresh
    )


def _expiring(scene: Scene) -> Observation:
    before = scene.past.conditions.get(ConditionType.EXPIRING_SOON.value)
    if scene.snapshot.clock_doubted and before is not None:
        return Observation(ConditionType.EXPIRING_SOON, before.status, before.reason, before.message)
    spec = scene.judgement.spec
    percentage = spec.warn_before_percentage if spec is not None else 0
    warning, end = served_instants(scene.served, percentage)
    if scene.served is None or end is None:
        return Observation(ConditionType.EXPIRING_SOON, UNKNOWN, Reason.NOT_CHECKED.value, "Nothing is served yet.")
    day = scene.served.valid_thru[:10]
    if scene.snapshot.now >= end:
        text = f"What is served expired on {day}. Hand in its successor."
        return Observation(ConditionType.EXPIRING_SOON, TRUE, Reason.EXPIRED.value, text)
    if warning is not None and scene.snapshot.now >= warning:
        text = f"What is served expires on {day}. Hand in its successor."
        return Observation(ConditionType.EXPIRING_SOON, TRUE, Reason.EXPIRING_SOON.value, text)
    return Observation(ConditionType.EXPIRING_SOON, FALSE, Reason.VALID.value, f"What is served is valid until {day}.")
