"""Targets that left the spec: deleted or released by the policy, and remembered by the status until that is done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from certwright.api.importedcertificate import ImportedCertificateSpec
from certwright.reconcile.importedcertificate.outcome import Outcome, fail
from certwright.reconcile.importedcertificate.past import Past
from certwright.reconcile.importedcertificate.private_key import list_read_objects
from certwright.reconcile.importedcertificate.references import secret_key
from certwright.reconcile.marks import is_labelled, is_owned, was_created_by_us
from certwright.reconcile.objects import Observed, Snapshot, Subject
from certwright.reconcile.plan import Delete, Release


def decide_departures(spec: ImportedCertificateSpec, snapshot: Snapshot, past: Past) -> Iterator[Outcome]:
    """Decide for every Secret that was a target and is no longer; those that are done with are left out."""
    namespace = snapshot.subject.key.namespace
    wished = {target.secret_name for target in spec.targets}
    for name, row in past.targets.items():
        if name in wished or row.digest is None:
            continue  # still wished for, or nothing of ours ever stood there
        key = secret_key(namespace, name)
        observed, failure = snapshot.get(key), snapshot.failures.get(key)
        bare = Outcome(key, None, observed, row, left=True)
        if failure is not None:
            yield fail(bare, failure, snapshot)
        elif observed is not None and _is_still_held(observed, snapshot.subject, uid=row.uid):
            # What has become an input is given up, never deleted.
            wanted = spec.deletion_policy == "Delete" and key not in list_read_objects(spec, snapshot)
            deletes = wanted and was_created_by_us(observed, snapshot.subject)
            action = Delete(key, observed.version) if deletes else Release(key, observed.version)
            yield replace(bare, action=action)


def _is_still_held(observed: Observed, subject: Subject, *, uid: str | None) -> bool:
    """Say whether a Secret is the one we stored, and still bears our marks; what was released bears none."""
    marked = is_labelled(observed) or is_owned(observed, subject, recorded_uid=None)
    ours = observed.version.uid == uid and is_owned(observed, subject, recorded_uid=uid)
    return marked and ours and not observed.deleting
