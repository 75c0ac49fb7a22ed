"""Whether anything happened since the last verdict, told from the status and held metadata alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from certwright.api.importedcertificate import ImportedCertificateSpec
from certwright.findings import Reason
from certwright.reconcile.evidence import is_as_recorded, is_conclusive, next_look
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


def find_due(snapshot: Snapshot, held: Held, verified: Mapping[ObjectKey, Version]) -> datetime | Literal[False] | None:
    """Say `False` when a pass is due, else when to look again; see `Reconciler.settled`.

    Conservative: whatever is not known to be unchanged is due, for a pass that finds nothing costs a few reads, and a
    change that is missed costs an outage.
    """
    subject = snapshot.subject
    if subject.deleting:
        return None
    spec, past = read_spec(subject), read_past(subject)
    if not is_conclusive(past, snapshot, unfinished=UNFINISHED) or not _knows_surroundings(spec, past, snapshot):
        return False
    if spec is not None and not _is_unchanged(spec, past, snapshot, held, verified):
        return False
    return next_look(past.status.next_check_time, snapshot)


def _knows_surroundings(spec: ImportedCertificateSpec | None, past: Past, snapshot: Snapshot) -> bool:
    record = past.status.record
    if record is None or record.judged_by != snapshot.judged_by:
        return False
    seen = (digest_lists(spec, snapshot), digest_store(spec, snapshot), digest_private_key(spec, snapshot))
    return (record.lists, record.trust, record.private_key) == seen


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
    watched = key.kind in {Kind.SECRET, Kind.CONFIG_MAP}
    return watched and is_as_recorded(key, recorded, held, verified)
