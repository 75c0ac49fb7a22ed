"""What must be read for a verdict, and what an object depends on."""

from __future__ import annotations

from certwright.api.importedcertificate import ImportedCertificateSpec
from certwright.api.model import parse
from certwright.findings import MaterialError
from certwright.reconcile.importedcertificate.cycles import follow_sources
from certwright.reconcile.importedcertificate.past import Past, read_past, row_version
from certwright.reconcile.importedcertificate.private_key import digest_private_key, find_key_secret
from certwright.reconcile.importedcertificate.references import (
    all_inputs,
    find_references,
    secret_key,
    target_passwords,
    workload_keys,
)
from certwright.reconcile.objects import ObjectKey, Snapshot, Subject
from certwright.reconcile.questions import Need
from certwright.reconcile.remembering import remember
from certwright.reconcile.trust.lists import digest_lists, find_lists
from certwright.reconcile.trust.reliance import digest_store, find_record


@remember
def read_spec(subject: Subject) -> ImportedCertificateSpec | None:
    """Read the wish; `None` when it does not fit the schema (an object of another version, or of a file)."""
    try:
        return parse(ImportedCertificateSpec, subject.spec)
    except MaterialError:
        return None


def find_dependencies(subject: Subject) -> frozenset[ObjectKey]:
    """Give every Secret and ConfigMap whose change makes the verdict or a target due."""
    namespace = subject.key.namespace
    spec = read_spec(subject)
    inputs = all_inputs(spec, namespace) if spec else frozenset()
    return inputs | _target_keys(spec, read_past(subject), namespace)


def find_needs(snapshot: Snapshot, operator_namespace: str) -> frozenset[Need]:
    """Say what must be read, in two rounds: the material first, then what only matters when that is known.

    Passwords wait for the files they open, so that a password of an absent file is not read at all. Workloads are
    read only while a roll-out is due or under way.
    """
    subject, namespace = snapshot.subject, snapshot.subject.key.namespace
    if subject.deleting:
        return frozenset()
    spec, past = read_spec(subject), read_past(subject)
    if spec is None:
        return frozenset()
    references = find_references(spec, namespace)
    material = references.material() | find_key_secret(spec, snapshot)
    if not all(snapshot.knows(key) for key in material):
        return material
    needs = material | _target_keys(spec, past, namespace) | target_passwords(spec, namespace)
    places = (
        (references.certificate, references.certificate_password),
        (references.private_key, references.private_key_password),
    )
    needs |= {password.object for place, password in places if place and password and snapshot.get(place.object)}
    needs |= follow_sources(spec, snapshot).unknown if spec.targets else frozenset()
    needs |= _workloads(spec, past, snapshot)
    return needs | find_record(spec, snapshot, operator_namespace) | find_lists(spec, snapshot, operator_namespace)


def _target_keys(spec: ImportedCertificateSpec | None, past: Past, namespace: str) -> frozenset[ObjectKey]:
    # Targets that left the spec are remembered by the status until they are deleted or released.
    wished = {target.secret_name for target in spec.targets} if spec else set()
    return frozenset(secret_key(namespace, name) for name in wished | past.targets.keys())


def _workloads(spec: ImportedCertificateSpec, past: Past, snapshot: Snapshot) -> frozenset[ObjectKey]:
    namespace = snapshot.subject.key.namespace
    changed = has_changed(past, snapshot)
    keys: set[ObjectKey] = set()
    for target in spec.targets:
        row, stored = past.targets.get(target.secret_name), snapshot.get(secret_key(namespace, target.secret_name))
        # A Secret that we create rolls nothing out; one that somebody else made and we adopt may be in use.
        adopted = row is None and stored is not None and not stored.written
        # One that is not as the status says may hold other content from this pass on, as one that was handed back.
        moved = stored is not None and stored.version != row_version(row)
        due = adopted or (row is not None and (changed or moved or row.refreshed_time is None))
        keys.update(workload_keys(target, namespace) if due else ())
    return frozenset(keys)


def has_changed(past: Past, snapshot: Snapshot) -> bool:
    """Say whether anything that the content of a target depends on differs from what the status records."""
    subject, status = snapshot.subject, past.status
    if status.observed_generation != subject.generation:
        return True
    if status.record is None or status.record.judged_by != snapshot.judged_by:
        return True
    # Few wishes speak of trust: the others are not read for it.
    spec = read_spec(subject) if subject.spec.get("trust") else None
    if (status.record.lists, status.record.trust) != (digest_lists(spec, snapshot), digest_store(spec, snapshot)):
        return True
    if status.record.private_key != digest_private_key(read_spec(subject), snapshot):
        return True
    for key, version in past.inputs(subject.key.namespace).items():
        observed = snapshot.get(key)
        if (observed.version if observed else None) != version:
            return True
    return False
