"""The status: which list is in use, what was found, within the bounds of a status."""

from __future__ import annotations

import json
from collections.abc import Iterator

from certwright.api.conditions import Condition, ConditionStatus, ConditionType, Observation, merge_conditions
from certwright.api.fields import DN_LIMIT, FINDINGS_LIMIT
from certwright.api.model import dump, timestamp
from certwright.api.revocationsource import RevocationSourceStatus
from certwright.api.revocationsource_status import SourceRecord
from certwright.dialects.root_certificates import list_code
from certwright.findings import MESSAGE_LIMIT, Reason, printable
from certwright.pki.crl import RevocationList
from certwright.reconcile.bookkeeping import describe_finding, describe_inputs
from certwright.reconcile.objects import Failure, Snapshot
from certwright.reconcile.revocationsource.conditions import Scene, observe_conditions
from certwright.reconcile.revocationsource.issuers import digest_decisions
from certwright.reconcile.revocationsource.judgement import Judgement, errors_of
from certwright.reconcile.revocationsource.past import Past
from certwright.reconcile.revocationsource.references import find_inputs
from certwright.reconcile.revocationsource.standing import Standing

STATUS_BYTES = 60 * 1024
"""Beyond it findings are left out, the least first."""

_FACTS = ("issuer", "this_update", "next_update", "crl_number", "entries", "delta_base")
_DIGITS = 128


def build_status(
    judgement: Judgement, standing: Standing, *, parts: int | None, judged_by: str, snapshot: Snapshot, past: Past
) -> RevocationSourceStatus:
    """Build the full status; `parts` is how many objects hold the list in use."""
    in_use = judgement.in_use
    status = RevocationSourceStatus(
        **_facts(judgement, past),
        fetched_time=timestamp(in_use.fetched_at) if in_use is not None and in_use.fetched_at is not None else None,
        validation=judge_validation(judgement, standing),
        findings=tuple(describe_finding(each) for each in standing.findings[:FINDINGS_LIMIT]),
        findings_count=len(standing.findings) or None,
        next_check_time=timestamp(judgement.next_change) if judgement.next_change is not None else None,
        observed_generation=snapshot.subject.generation,
        record=_record(judgement, parts, judged_by, snapshot),
    )
    observed = observe_conditions(Scene(standing, status, snapshot.now))
    return _fit(status.model_copy(update={"conditions": _merge(observed, snapshot, past)}))


def judge_validation(judgement: Judgement, standing: Standing) -> int:
    """Give the `validation` code: of the list that is offered, else of the one in use; -1 when none was judged."""
    reasons = [each.reason for each in errors_of(standing.findings)]
    if not judgement.is_judged:
        reasons.append(Reason.NOT_CHECKED)
    return list_code(reasons)


def _facts(judgement: Judgement, past: Past) -> dict[str, object]:
    in_use = judgement.in_use
    if in_use is None:
        return {}
    if in_use.crl is None:
        return {name: getattr(past.status, name) for name in _FACTS}
    return _describe_list(in_use.crl)


def _describe_list(crl: RevocationList) -> dict[str, object]:
    return {
        "issuer": printable(crl.issuer.rfc4514, limit=DN_LIMIT),
        "this_update": timestamp(crl.this_update),
        "next_update": timestamp(crl.next_update) if crl.next_update is not None else None,
        "crl_number": str(crl.number)[:_DIGITS] if crl.number is not None else None,
        "entries": crl.entries.count,
        "delta_base": str(crl.delta_base)[:_DIGITS] if crl.delta_base is not None else None,
    }


def _record(judgement: Judgement, parts: int | None, judged_by: str, snapshot: Snapshot) -> SourceRecord:
    in_use = judgement.in_use
    return SourceRecord(
        inputs=describe_inputs(sorted(find_inputs(judgement.spec, snapshot.subject.key.namespace)), snapshot),
        judged_by=judged_by,
        decisions=digest_decisions(judgement.spec, snapshot),
        kept=in_use.kept.model_copy(update={"parts": parts}) if in_use is not None else None,
        refused=tuple(map(describe_finding, judgement.refused)),
        etag=in_use.etag if in_use is not None else None,
        last_modified=in_use.last_modified if in_use is not None else None,
    )


def _fit(status: RevocationSourceStatus) -> RevocationSourceStatus:
    while status.findings and len(json.dumps(dump(status), ensure_ascii=False).encode()) > STATUS_BYTES:
        status = status.model_copy(update={"findings": status.findings[: len(status.findings) // 2]})
    return status


def build_minimal_status(
    full: RevocationSourceStatus, failure: Failure, *, snapshot: Snapshot, past: Past
) -> RevocationSourceStatus:
    """Build what is left when the API server refuses the full status: which list is in use, and that it refused."""
    return RevocationSourceStatus(
        this_update=full.this_update,
        next_update=full.next_update,
        next_check_time=full.next_check_time,
        observed_generation=full.observed_generation,
        record=full.record.model_copy(update={"refused": ()}) if full.record is not None else None,
        conditions=_merge(_observe_refusal(failure), snapshot, past),
    )


def _observe_refusal(failure: Failure) -> Iterator[Observation]:
    reason = Reason.INTERNAL_ERROR.value
    text = printable(f"The API server refused the full status: {failure.message}.", limit=MESSAGE_LIMIT)
    yield Observation(ConditionType.READY, ConditionStatus.FALSE, reason, text)
    for kind in (ConditionType.VALID, ConditionType.FRESH):
        yield Observation(kind, ConditionStatus.UNKNOWN, reason)
    yield Observation(ConditionType.STALLED, ConditionStatus.TRUE, reason, text)


def _merge(observed: Iterator[Observation], snapshot: Snapshot, past: Past) -> tuple[Condition, ...]:
    generation = snapshot.subject.generation
    return merge_conditions(past.conditions.values(), observed, generation=generation, at=snapshot.now)
