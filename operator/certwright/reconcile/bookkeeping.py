"""What the statuses of all kinds have in common: findings as they are listed, instants, versions of inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from certwright.api.status_parts import FindingEntry, Input
from certwright.dialects.root_certificates import finding_code
from certwright.findings import MESSAGE_LIMIT, Detail, Finding, Reason, Severity, printable
from certwright.reconcile.objects import Kind, ObjectKey, Snapshot, Version

_KINDS = frozenset(each.value for each in Kind)
_REASONS = frozenset(each.value for each in Reason)
_DETAILS = frozenset(each.value for each in Detail)


def describe_finding(found: Finding) -> FindingEntry:
    """Write a finding as a status lists it."""
    return FindingEntry.model_validate(
        {
            "reason": found.reason.value,
            "detail": found.detail.value if found.detail is not None else None,
            "severity": found.severity.value,
            "code": 0 if found.severity is Severity.WARNING else finding_code(found.reason),
            "fingerprint": found.fingerprint,
            "message": printable(found.message, limit=MESSAGE_LIMIT),
        }
    )


def recall_finding(entry: FindingEntry) -> Finding | None:
    """Read a finding that a status lists; `None` when another version wrote it and we do not know its reason."""
    if entry.reason not in _REASONS:
        return None
    detail = Detail(entry.detail) if entry.detail in _DETAILS else None
    return Finding(Reason(entry.reason), entry.message, detail, Severity(entry.severity), entry.fingerprint)


def describe_inputs(keys: Iterable[ObjectKey], snapshot: Snapshot) -> tuple[Input, ...]:
    """Write down which version of each input was read."""
    inputs = []
    for key in keys:
        observed = snapshot.get(key)
        version = observed.version if observed is not None else None
        inputs.append(
            Input(
                kind=key.kind.value,
                name=key.name,
                uid=version.uid if version else None,
                resource_version=version.resource_version if version else None,
            )
        )
    return tuple(inputs)


def recall_inputs(inputs: Iterable[Input], namespace: str) -> Mapping[ObjectKey, Version | None]:
    """Give the recorded version of every input; `None` for one that was absent."""
    return {
        ObjectKey(Kind(each.kind), namespace, each.name): Version(each.uid, each.resource_version)
        if each.uid and each.resource_version
        else None
        for each in inputs
        if each.kind in _KINDS
    }


def read_instant(text: str | None) -> datetime | None:
    """Read an instant that somebody wrote into a spec or a status; what is none is as good as absent.

    The API server takes `9999-12-31T23:59:59-12:00` for an instant, and in UTC that is beyond the last year there is.
    """
    try:
        instant = datetime.fromisoformat(text) if text else None
        return instant.astimezone(UTC) if instant is not None and instant.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
