"""The status: what was found, what is served and where it is stored, within the bounds of a status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from certwright.api.conditions import ConditionStatus, ConditionType, Observation, merge_conditions
from certwright.api.fields import FINDINGS_LIMIT, INPUTS_LIMIT, STATUS_PEM_LIMIT
from certwright.api.importedcertificate import ImportedCertificateStatus
from certwright.api.importedcertificate_status import Record, Revocation, Served
from certwright.api.model import timestamp
from certwright.dialects.root_certificates import validation_code
from certwright.dialects.store_status import NO_STATUS, worst_answer
from certwright.findings import MESSAGE_LIMIT, Reason, printable
from certwright.pki.intake import encode_certificates
from certwright.reconcile.bookkeeping import describe_finding, describe_inputs
from certwright.reconcile.expiry import first_after, served_instants
from certwright.reconcile.importedcertificate.conditions import Scene, observe_conditions
from certwright.reconcile.importedcertificate.facts import MATERIAL_FIELDS, describe_material, describe_served
from certwright.reconcile.importedcertificate.judgement import Judgement, errors_of
from certwright.reconcile.importedcertificate.outcome import Outcome
from certwright.reconcile.importedcertificate.past import Past
from certwright.reconcile.importedcertificate.private_key import digest_private_key
from certwright.reconcile.importedcertificate.references import all_inputs
from certwright.reconcile.importedcertificate.rows import describe_targets
from certwright.reconcile.objects import Failure
from certwright.reconcile.trust.lists import (
    describe_decision_namespace,
    describe_revocations,
    digest_lists,
)
from certwright.reconcile.trust.reliance import digest_store

STATUS_BYTES = 60 * 1024
"""Beyond it the long lists are cut, `dnsNames` first, then `chain`, then `findings`."""


def judge_validation(judgement: Judgement) -> int:
    """Give the `validation` code of source 3: that of the certificate, whatever became of key and targets."""
    return validation_code(each.reason for each in errors_of(judgement.findings))


def find_served(judgement: Judgement, outcomes: tuple[Outcome, ...], past: Past, *, now: datetime) -> Served | None:
    """Say what consumers have: what a target holds, or, without targets, the certificate that is watched.

    A watched certificate that is expired is still the one that consumers have; one that is refused for another reason
    is not taken over, for it is compared with the one before.
    """
    before, leaf = past.status.served, judgement.leaf
    if leaf is None or judgement.spec is None:
        return before
    if judgement.spec.targets:
        taken = judgement.accepted and any(each.stored for each in outcomes)
    else:
        taken = {each.reason for each in errors_of(judgement.findings)} <= {Reason.EXPIRED}
    return describe_served(leaf, judgement.chain, judgement.anchor, before=before, now=now) if taken else before


def build_status(scene: Scene) -> ImportedCertificateStatus:
    """Build the full status."""
    judgement, standing, snapshot = scene.judgement, scene.standing, scene.snapshot
    worst = standing.worst
    answer = worst_answer(each.reason for each in errors_of(standing.findings))
    findings = tuple(describe_finding(each) for each in standing.findings[:FINDINGS_LIMIT])
    status = ImportedCertificateStatus.model_validate(
        {
            "certificate_store_status": answer.status.value,
            "response_code": answer.response_code,
            "detailed_error": printable(worst.message, limit=MESSAGE_LIMIT) if worst is not None else None,
            "validation": scene.validation,
            "findings": findings,
            "findings_count": len(standing.findings) or None,
            **_material(scene),
            **_papers(scene),
            "served": scene.served,
            "targets": describe_targets(scene) if judgement.spec is not None else scene.past.status.targets,
            "next_check_time": _next_check(scene),
            "observed_generation": snapshot.subject.generation,
            "record": _record(scene),
            "conditions": merge_conditions(
                scene.past.conditions.values(),
                observe_conditions(scene),
                generation=snapshot.subject.generation,
                at=snapshot.now,
            ),
        }
    )
    return fit(status)


def _material(scene: Scene) -> Mapping[str, Any]:
    if scene.judgement.leaf is not None:
        return describe_material(scene.judgement.leaf, scene.judgement.path)
    if any(each.reason is Reason.NOT_CHECKED for each in scene.judgement.findings):
        # Not seen this time is not gone: what was known of the material stays until it can be read again.
        return {name: getattr(scene.past.status, name) for name in MATERIAL_FIELDS}
    return {}


def _papers(scene: Scene) -> Mapping[str, str | None]:
    """Give what was made of the key: the certificate as long as it is the one that is used, and the request."""
    papers, past = scene.judgement.papers, scene.past.status
    if papers is None:
        return {name: getattr(past, name) for name in ("ssl_certificate", "certificate_signing_request")}
    if papers.made is not None:
        certificate = _fit_pem(encode_certificates((papers.made,)))
    else:
        certificate = past.ssl_certificate if _find_made(scene) is not None else None
    request = _fit_pem(papers.request) if papers.request is not None else None
    return {"ssl_certificate": certificate, "certificate_signing_request": request}


def _find_made(scene: Scene) -> str | None:
    """Give the fingerprint of the self-signed certificate that was made last, while it is wished for or served."""
    papers, before = scene.judgement.papers, scene.past.status.record
    if papers is not None and papers.made is not None:
        return papers.made.fingerprint
    recorded = before.self_signed if before is not None else None
    served = scene.served.fingerprint if scene.served is not None else None
    return recorded if papers is None or recorded == served else None


def _fit_pem(pem: bytes) -> str | None:
    text = pem.decode()
    return text if len(text) <= STATUS_PEM_LIMIT else None


def _next_check(scene: Scene) -> str | None:
    """Give the first instant at which the verdict, or the warning about what is served, differs."""
    spec, now = scene.judgement.spec, scene.snapshot.now
    percentage = spec.warn_before_percentage if spec is not None else 0
    instant = first_after(now, (scene.judgement.next_change, *served_instants(scene.served, percentage)))
    return timestamp(instant) if instant is not None else None


def _record(scene: Scene) -> Record:
    snapshot, spec = scene.snapshot, scene.judgement.spec
    keys = sorted(all_inputs(spec, snapshot.subject.key.namespace)) if spec is not None else []
    before = scene.past.status.record
    started = any(state.started for state in scene.refresh.workloads.values())
    return Record(
        inputs=describe_inputs(keys[:INPUTS_LIMIT], snapshot),
        judged_by=snapshot.judged_by,
        lists=digest_lists(spec, snapshot),
        trust=digest_store(spec, snapshot),
        self_signed=_find_made(scene),
        private_key=digest_private_key(spec, snapshot),
        decision_namespace=describe_decision_namespace(spec, snapshot),
        revocations=_revocations(scene),
        rollout_time=timestamp(snapshot.now) if started else before.rollout_time if before is not None else None,
    )


def _revocations(scene: Scene) -> tuple[Revocation, ...]:
    told, before = scene.judgement.revocations, scene.past.status.record
    if told is not None:
        return describe_revocations(told)
    return before.revocations if before is not None else ()


def fit(status: ImportedCertificateStatus) -> ImportedCertificateStatus:
    """Cut the long lists of a status that is too large, least telling first; the counts stay."""
    fields = iter(("dns_names", "chain", "findings"))
    field = next(fields)
    while _size(status) > STATUS_BYTES:
        items = getattr(status, field)
        if items:
            status = status.model_copy(update={field: items[: len(items) // 2]})
        elif (field := next(fields, "")) == "":
            break
    return status


def _size(status: ImportedCertificateStatus) -> int:
    return len(status.model_dump_json(by_alias=True, exclude_defaults=True).encode())


def build_minimal_status(scene: Scene, full: ImportedCertificateStatus, failure: Failure) -> ImportedCertificateStatus:
    """Build what is left when the API server refuses the full status: what is served, and that the rest failed.

    It is source 1's 500, "internal error": a verdict that nobody can read is none.
    """
    served = full.served
    if served is not None:
        links = tuple(each.model_copy(update={"common_name": None}) for each in served.chain)
        anchor = served.anchor.model_copy(update={"common_name": None}) if served.anchor is not None else None
        served = served.model_copy(update={"common_name": None, "chain": links, "anchor": anchor})
    return ImportedCertificateStatus.model_validate(
        {
            "certificate_store_status": NO_STATUS.status.value,
            "response_code": NO_STATUS.response_code,
            "served": served,
            "targets": tuple(each.model_copy(update={"detailed_error": None}) for each in full.targets),
            "next_check_time": full.next_check_time,
            "observed_generation": full.observed_generation,
            "record": full.record,
            "conditions": merge_conditions(
                scene.past.conditions.values(),
                _observe_refusal(scene, failure),
                generation=scene.snapshot.subject.generation,
                at=scene.snapshot.now,
            ),
        }
    )


def _observe_refusal(scene: Scene, failure: Failure) -> Iterator[Observation]:
    reason = Reason.INTERNAL_ERROR.value
    text = printable(f"The API server refused the full status: {failure.message}.", limit=MESSAGE_LIMIT)
    yield Observation(ConditionType.READY, ConditionStatus.FALSE, reason, text)
    yield Observation(ConditionType.STALLED, ConditionStatus.TRUE, reason, text)
    for each in observe_conditions(scene):
        if each.type not in {ConditionType.READY, ConditionType.STALLED, ConditionType.RECONCILING}:
            yield Observation(each.type, each.status, each.reason)
