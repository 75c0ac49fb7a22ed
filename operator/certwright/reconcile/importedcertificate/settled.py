"""Whether anything happened since the last verdict, told from the status and held metadata alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from certwright.api.conditions import ConditionType
from certwright.api.importedcertificate import ImportedCertificateSpec
from certwright.findings import Reason
from certwright.reconcile.bookkeeping import read_instant
from certwright.reconcile.importedcertificate.needs import read_spec
from certwright.reconcile.importedcertificate.past import Past, read_past, row_version
from certwright.reconcile.importedcertificate.private_key import digest_private_key
from certwright.reconcile.importedcertificate.references import all_inputs, secret_key
from certwright.reconcile.objects import Kind, ObjectKey, Snapshot, Version
from certwright.reconcile.reconciler import Held
from certwright.reconcile.trust.lists import digest_lists
from certwright.reconcile.trust.reliance import digest_store

UNFINISHED = frozenset(
    {
        Reason.NOT_CHECKED,
        Reason.STORE_FAILED,
        Reason.TARGET_MISSING,
        Reason.NOT_REFRESHED,
        Reason.LAST_GOOD_LOST,
    }
)
"""Reasons that time may mend, or that hang on objects which nobody watches: no evidence can call them settled."""

DOUBT = timedelta(seconds=60)
"""How long to wait before asking again whether the clock is right."""


def find_due(snapshot: Snapshot, held: Held, verified: Mapping[ObjectKey, Version]) -> datetime | Literal[False] | None:
    """Say `False` when a pass is due, else when to look again; see `Reconciler.settled`.

    Conservative: whatever is not known to be unchanged is due, for a pass that finds nothing costs a few reads, and a
    change that is missed costs an outage.
    """
    subject = snapshot.subject
    if subject.deleting:
        return None
    spec, past = read_spec(subject), read_past(subject)
    if not _is_conclusive(past, snapshot) or not _knows_surroundings(spec, past, snapshot):
        return False
    if spec is not None and not _is_unchanged(spec, past, snapshot, held, verified):
        return False
    check = read_instant(past.status.next_check_time)
    if check is None or check > snapshot.now:
        return check
    # No verdict changes by time alone while time is in doubt; it is looked at again when it may not be.
    return snapshot.now + DOUBT if snapshot.clock_doubted else False


def _is_conclusive(past: Past, snapshot: Snapshot) -> bool:
    status, record = past.status, past.status.record
    return (
        status.observed_generation == snapshot.subject.generation
        and record is not None
        and record.judged_by == snapshot.judged_by
        and past.holds(ConditionType.READY) is not None
        and ConditionType.RECONCILING.value not in past.conditions
        and (status.findings_count or 0) <= len(status.findings)
        and not any(each.reason in UNFINISHED for each in status.findings)
    )


def _knows_surroundings(spec: ImportedCertificateSpec | None, past: Past, snapshot: Snapshot) -> bool:
    record = past.status.record
    seen = (digest_lists(spec, snapshot), digest_store(spec, snapshot), digest_private_key(spec, snapshot))
    return record is not None and (record.lists, record.trust, record.private_key) == seen


def _is_unchanged(
    spec: ImportedCertificateSpec,
    past: Past,
    snapshot: Snapshot,
    held: Held,
    verified: Mapping[ObjectKey, Version],
) -> bool:
    namespace = snapshot.subject.key.namespace
    inputs = past.inputs(namespace)
    if inputs.keys() != all_inputs(spec, namespace):
        return False
    if past.targets.keys() != {target.secret_name for target in spec.targets}:
        return False
    recorded = {**inputs, **{secret_key(namespace, name): row_version(row) for name, row in past.targets.items()}}
    return all(_is_as_recorded(key, version, held, verified.get(key)) for key, version in recorded.items())


def _is_as_recorded(key: ObjectKey, recorded: Version | None, held: Held, verified: Version | None) -> bool:
    if key.kind not in {Kind.SECRET, Kind.CONFIG_MAP}:
        return False  # nobody watches it
    metadata = held.peek(key)
    if metadata is None:
        return recorded is None and held.is_absent(key)
    return metadata.version in (recorded, verified)
