"""Keeping the record of the next deployment: written before the status names it, and before the first target."""

from __future__ import annotations

from dataclasses import dataclass, replace

from certwright.api.truststore_status import DeployedRecord
from certwright.findings import FailureCause, Finding, Reason, finding, printable
from certwright.reconcile.objects import Failure, ObjectKey, Snapshot
from certwright.reconcile.plan import KeepRecord
from certwright.reconcile.trust.record import DATA_KEY, TrustRecord, pack_record, record_keys
from certwright.reconcile.truststore.judgement import Judgement

PART_BYTES = 900 * 1024
"""What one ConfigMap holds of a record; the API server allows 1 MiB of data, and encodes this in base64."""

_ADVICE = {
    FailureCause.FORBIDDEN: "Allow the operator to create ConfigMaps there.",
    FailureCause.QUOTA_EXCEEDED: "Raise the quota there.",
}
_NAMED, _NAME_LIMIT = 2, 64


@dataclass(frozen=True, slots=True)
class Keeping:
    """How the record of what is deployed is kept.

    Attributes:
        missing: parts that are still to be written.
        pointer: what the status is to name; `None` when nothing is deployed.
        problem: why the next record cannot be kept: what was deployed before stays.
        retry: time may mend that.
    """

    missing: tuple[KeepRecord, ...] = ()
    pointer: DeployedRecord | None = None
    problem: Finding | None = None
    retry: bool = False


def decide_keeping(judgement: Judgement, snapshot: Snapshot, operator_namespace: str) -> Keeping:
    """Decide what is to be written, and what names it.

    A name that is taken by another content is left to it: of a deployment that was never finished, some parts may be
    there. The next number is free.
    """
    if judgement.deployment is None:
        return Keeping(pointer=judgement.pointer)
    record = judgement.deployment.record
    while True:
        keeping = _keep(record, judgement, snapshot, operator_namespace)
        if keeping is not None:
            return keeping
        record = replace(record, number=record.number + 1)


def _keep(record: TrustRecord, judgement: Judgement, snapshot: Snapshot, operator_namespace: str) -> Keeping | None:
    subject = snapshot.subject
    parts, digest = pack_record(record, PART_BYTES)
    pointer = DeployedRecord(revision=record.revision, number=record.number, parts=len(parts), digest=digest)
    missing = []
    for key, part in zip(record_keys(subject.version.uid, pointer, operator_namespace), parts, strict=True):
        failure, observed, data = snapshot.failures.get(key), snapshot.get(key), {DATA_KEY: part}
        if failure is not None:
            return Keeping(pointer=judgement.pointer, problem=_describe_failure(key, failure, judgement), retry=True)
        if observed is None:
            missing.append(KeepRecord(key, data, subject.key))
        elif dict(observed.data) != data:
            return None
    return Keeping(tuple(missing), pointer)


def _describe_failure(key: ObjectKey, failure: Failure, judgement: Judgement) -> Finding:
    withdrawals = judgement.staged.withdrawals if judgement.staged is not None else ()
    names = ", ".join(
        f'"{printable(each.entry.certificate.label, limit=_NAME_LIMIT)}"' for each in withdrawals[:_NAMED]
    )
    more = f" and {len(withdrawals) - _NAMED} more" if len(withdrawals) > _NAMED else ""
    # What is not taken out although somebody withdrew it is the worst of it, and comes before all details.
    stays = f"Still trusted, though withdrawn: {names}{more}." if withdrawals else "What was deployed before stays."
    advice = _ADVICE.get(failure.cause, "It is tried again.")
    text = f"{stays} {key}, which is to hold what is deployed next, could not be written: {failure.message}. {advice}"
    return finding(Reason.STORE_FAILED, text)
