"""Whether anything happened since the last verdict, told from the status and held metadata alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from certwright.api.conditions import ConditionType
from certwright.findings import Finding
from certwright.reconcile.certificateset.kept import journal_key
from certwright.reconcile.certificateset.known import list_kept, list_present
from certwright.reconcile.certificateset.past import Past, read_past
from certwright.reconcile.certificateset.record import digest_nodes, digest_versions
from certwright.reconcile.certificateset.repair import find_belief
from certwright.reconcile.certificateset.wish import find_inputs, find_nodes, read_wish
from certwright.reconcile.evidence import next_look
from certwright.reconcile.objects import ObjectKey, Snapshot, Version
from certwright.reconcile.reconciler import Held
from certwright.reconcile.set_actions import REVISION_ANNOTATION, UNFINISHED_FINALIZER
from certwright.reconcile.trust.lists import digest_lists
from certwright.reconcile.trust.reliance import digest_store
from certwright.settings import Settings


def find_due(
    snapshot: Snapshot, held: Held, verified: Mapping[ObjectKey, Version], *, judged_by: str, settings: Settings
) -> datetime | Literal[False] | None:
    """Say `False` when a pass is due, else when to look again; only a set that is ready can be settled."""
    subject = snapshot.subject
    past = read_past(subject)
    if subject.deleting or UNFINISHED_FINALIZER in subject.finalizers:
        return False
    if not (_is_conclusive(past, snapshot, judged_by) and _is_unchanged(past, snapshot, held, verified, settings)):
        return False
    return next_look(past.status.next_check_time, snapshot)


def _is_conclusive(past: Past, snapshot: Snapshot, judged_by: str) -> bool:
    return (
        past.status.observed_generation == snapshot.subject.generation
        and past.record.judged_by == judged_by
        and past.holds(ConditionType.READY) is True
    )


def _is_unchanged(
    past: Past, snapshot: Snapshot, held: Held, verified: Mapping[ObjectKey, Version], settings: Settings
) -> bool:
    spec = read_wish(snapshot.subject)
    if isinstance(spec, Finding):
        return False
    if (past.record.trust, past.record.lists) != (digest_store(spec, snapshot), digest_lists(spec, snapshot)):
        return False
    kept, nodes = list_kept(snapshot), find_nodes(spec, snapshot, settings)
    if past.record.sources != _digest_held(find_inputs(spec), held) or past.record.targets != digest_nodes(nodes):
        return False
    if past.record.kept != digest_versions({key: each.version for key, each in kept.items()}):
        return False
    deployed, targets = past.status.deployed_revision, list_present(snapshot)
    names = {key.name for key in targets}
    filled = {slot.secret_name for slot in spec.slots if slot.name in {each.name for each in spec.certificates}}
    expected = {(namespace, name) for namespace in nodes.chosen for name in names | filled}
    # What is kept and not listed any more is named nowhere when all of it is missing, but each has its payload.
    payloads = len(kept.keys() - {journal_key(settings.namespace, snapshot.subject.version.uid)})
    complete = len(targets) == len(nodes.chosen) * payloads
    if not complete or {(key.namespace, key.name) for key in targets} != expected:
        return False
    belief = find_belief(snapshot.subject, deployed)
    return all(
        belief.is_as_deployed(key, each)
        or (each.annotations.get(REVISION_ANNOTATION) == deployed and verified.get(key) == each.version)
        for key, each in targets.items()
    )


def _digest_held(keys: frozenset[ObjectKey], held: Held) -> str | None:
    """Digest the versions that the watch holds; `None` when of one it is not known whether it is there."""
    metadata = {key: held.peek(key) for key in keys}
    if not all(each is not None or held.is_absent(key) for key, each in metadata.items()):
        return None
    return digest_versions({key: each.version if each is not None else None for key, each in metadata.items()})
