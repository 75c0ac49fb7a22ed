"""The status: which key this is, where it is, and what hangs under it, within the bounds of a status."""

from __future__ import annotations

import json
from collections.abc import Iterator

from certwright.api.conditions import Condition, ConditionStatus, ConditionType, Observation, merge_conditions
from certwright.api.fields import FINDINGS_LIMIT
from certwright.api.model import dump
from certwright.api.privatekey import PrivateKeyStatus
from certwright.api.privatekey_status import KeyRecord
from certwright.dialects.state_words import StateWord
from certwright.findings import MESSAGE_LIMIT, Reason, printable
from certwright.reconcile.bookkeeping import describe_finding, describe_inputs
from certwright.reconcile.objects import Failure, ObjectKey, Snapshot
from certwright.reconcile.private_keys import find_secret
from certwright.reconcile.privatekey.certificates import (
    describe_certificates,
    digest_certificates,
    find_certificates,
)
from certwright.reconcile.privatekey.holding import Holding
from certwright.reconcile.privatekey.past import Past
from certwright.reconcile.privatekey.standing import Standing

STATUS_BYTES = 60 * 1024
"""Beyond it certificates are left out of the list; the count stays."""

TRUE, FALSE = ConditionStatus.TRUE, ConditionStatus.FALSE


def build_status(
    holding: Holding, standing: Standing, *, judged_by: str, snapshot: Snapshot, past: Past
) -> PrivateKeyStatus:
    """Build the full status; which key it is stays said when the key cannot be seen, or is lost."""
    public, certificates = holding.public, find_certificates(snapshot)
    secret = find_secret(snapshot.subject)
    fingerprint = public.fingerprint if public is not None else past.status.fingerprint
    status = PrivateKeyStatus(
        fingerprint=fingerprint,
        algorithm=public.algorithm if public is not None else past.status.algorithm,
        size=public.size if public is not None else past.status.size,
        secret_name=secret.name if secret is not None else None,
        certificates=describe_certificates(certificates, fingerprint),
        certificates_count=len(certificates) or None,
        findings=tuple(describe_finding(each) for each in standing.findings[:FINDINGS_LIMIT]),
        findings_count=len(standing.findings) or None,
        observed_generation=snapshot.subject.generation,
        record=KeyRecord(
            inputs=describe_inputs(list_inputs(snapshot), snapshot),
            secret_uid=_find_holder(holding, snapshot) or past.record.secret_uid,
            judged_by=judged_by,
            certificates=digest_certificates(certificates),
        ),
    )
    observed = _observe(holding, standing)
    return _fit(status.model_copy(update={"conditions": _merge(observed, snapshot, past)}))


def _find_holder(holding: Holding, snapshot: Snapshot) -> str | None:
    secret = find_secret(snapshot.subject)
    observed = snapshot.get(secret) if secret is not None and holding.public is not None else None
    return observed.version.uid if observed is not None else None


def list_inputs(snapshot: Snapshot) -> tuple[ObjectKey, ...]:
    """Give what a verdict rests on: the Secret."""
    secret = find_secret(snapshot.subject)
    return (secret,) if secret is not None else ()


def build_minimal_status(
    full: PrivateKeyStatus, failure: Failure, *, snapshot: Snapshot, past: Past
) -> PrivateKeyStatus:
    """Build what is left when the API server refuses the full status: which key it is, and that it refused."""
    text = printable(f"The API server refused the full status: {failure.message}.", limit=MESSAGE_LIMIT)
    reason = Reason.INTERNAL_ERROR.value
    observed = (Observation(each, status, reason, text) for each, status in _REFUSED)
    return PrivateKeyStatus(
        fingerprint=full.fingerprint,
        algorithm=full.algorithm,
        size=full.size,
        secret_name=full.secret_name,
        observed_generation=full.observed_generation,
        record=full.record,
        conditions=_merge(observed, snapshot, past),
    )


_REFUSED = ((ConditionType.READY, FALSE), (ConditionType.STALLED, TRUE))


def _observe(holding: Holding, standing: Standing) -> Iterator[Observation]:
    worst = standing.worst
    if worst is None:
        text = f"The key, {holding.public.description}, is in place." if holding.public is not None else ""
        yield Observation(ConditionType.READY, TRUE, Reason.VALID.value, text)
        return
    message = f"{'Waiting: ' if standing.waiting else ''}{worst.message}"
    yield Observation(ConditionType.READY, FALSE, worst.reason.value, message)
    if standing.waiting and not standing.overdue:
        yield Observation(ConditionType.RECONCILING, TRUE, worst.reason.value, message)
    else:
        reason = StateWord.WAITED_TOO_LONG if standing.overdue else worst.reason.value
        yield Observation(ConditionType.STALLED, TRUE, reason, message)


def _merge(observed: Iterator[Observation], snapshot: Snapshot, past: Past) -> tuple[Condition, ...]:
    generation = snapshot.subject.generation
    return merge_conditions(past.conditions.values(), observed, generation=generation, at=snapshot.now)


def _fit(status: PrivateKeyStatus) -> PrivateKeyStatus:
    while status.certificates and len(json.dumps(dump(status), ensure_ascii=False).encode()) > STATUS_BYTES:
        status = status.model_copy(update={"certificates": status.certificates[: len(status.certificates) // 2]})
    return status
