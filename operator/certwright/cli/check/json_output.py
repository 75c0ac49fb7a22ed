"""The verdicts as JSON, in a shape that programs can rely on; `docs/how-to/check-files.md` describes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from certwright.api.model import timestamp
from certwright.cli.check.verdicts import codes_of, response_code, summarize
from certwright.cli.offline import facts
from certwright.cli.offline.report import FILE, Bundle, CertificateSet, Decision, Located, Outcome, Report
from certwright.dialects.root_certificates import finding_code

SCHEMA_VERSION = 1
"""Raised when a field changes its meaning or goes; fields may be added without it."""


def write_json(outcome: Outcome, *, exit_code: int) -> str:
    """Write all of it."""
    document = {
        "schemaVersion": SCHEMA_VERSION,
        "at": timestamp(outcome.at),
        "exitCode": exit_code,
        "summary": {**asdict(summarize(outcome)), "total": summarize(outcome).total},
        "results": [_result(report) for report in outcome.reports],
        "problems": [
            {"file": each.file, "line": each.line or None, "message": each.message} for each in outcome.problems
        ],
        "remarks": list(outcome.remarks),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _result(report: Report) -> Mapping[str, Any]:
    validation, answer = codes_of(report)
    identity = report.identity
    is_file = identity.kind == FILE
    return {
        "file": report.spot.file,
        "line": report.spot.line,
        "kind": identity.kind,
        "namespace": None if is_file else identity.namespace or None,
        "name": identity.name,
        "reason": report.reason.value,
        "validation": validation,
        "certificateStoreStatus": answer.status.value if answer is not None else None,
        "responseCode": response_code(report, answer),
        "path": [facts.describe(each, _role(report, place)) for place, each in enumerate(report.path)],
        "findings": [_finding(each) for each in report.findings],
        "notes": list(report.notes),
        "nextChange": timestamp(report.next_change) if report.next_change else None,
        **({"decision": _decision(report.decision)} if report.decision is not None else {}),
        **({"bundle": _bundle(report.bundle)} if report.bundle is not None else {}),
        **({"set": _set(report.certificate_set)} if report.certificate_set is not None else {}),
        **({"made": True} if report.made else {}),
    }


def _decision(decision: Decision) -> Mapping[str, Any]:
    return {
        "trustState": decision.state or None,
        "trustStateDesired": decision.desired or None,
        "certUse": decision.use,
        "trustUntil": timestamp(decision.until) if decision.until is not None else None,
    }


def _bundle(bundle: Bundle) -> Mapping[str, Any]:
    return {
        "mode": bundle.mode,
        "revision": bundle.revision,
        "publicRoots": bundle.public_roots,
        "firstApproval": bundle.first_approval,
        "certificates": [
            {
                **facts.describe(each.certificate, each.role),
                "trustUntil": timestamp(each.trust_until) if each.trust_until is not None else None,
                "decisions": list(each.decisions),
                "public": each.public,
            }
            for each in bundle.entries
        ],
    }


def _set(found: CertificateSet) -> Mapping[str, Any]:
    return {
        "revision": found.revision,
        "namespaces": list(found.namespaces),
        "certificates": [
            {
                "name": each.name,
                "secretName": each.secret,
                "required": each.required,
                "responseCode": each.code,
                "reason": each.reason,
                "validation": each.validation,
                "path": [
                    facts.describe(certificate, "leaf" if place == 0 else "intermediate")
                    for place, certificate in enumerate(each.path)
                ],
            }
            for each in found.slots
        ],
    }


def _role(report: Report, place: int) -> str:
    certificate = report.path[place]
    if certificate == report.anchor:
        return "anchor"
    if place == 0:
        return "leaf"
    return "root" if certificate.is_self_issued else "intermediate"


def _finding(located: Located) -> Mapping[str, Any]:
    found = located.finding
    return {
        "reason": found.reason.value,
        "detail": found.detail.value if found.detail else None,
        "severity": found.severity.value,
        "code": finding_code(found.reason),
        "message": found.message,
        "fingerprint": found.fingerprint,
        "file": located.spot.file,
        "line": located.spot.line,
        **({"certificates": list(located.slots)} if located.slots else {}),
    }
