"""Whether anything happened since the last verdict, told from the status and held metadata alone.

What a thousand targets must bear stands nowhere in the status: the first of each name says it, and the digest of what
was seen, which the status has, proves it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from certwright.findings import Finding, Reason
from certwright.reconcile.evidence import is_as_recorded, is_conclusive, next_look
from certwright.reconcile.horizon import is_believed, read_horizon
from certwright.reconcile.marks import is_owned
from certwright.reconcile.objects import Metadata, ObjectKey, Snapshot, Version
from certwright.reconcile.plan import DIGEST_ANNOTATION
from certwright.reconcile.reconciler import Held
from certwright.reconcile.trust.deployed import kept_trust
from certwright.reconcile.truststore.departures import find_surplus
from certwright.reconcile.truststore.past import Past, read_past, row_version
from certwright.reconcile.truststore.status import digest_others
from certwright.reconcile.truststore.targets import list_owned
from certwright.reconcile.truststore.wish import Group, find_aims, find_groups, find_passwords, read_wish
from certwright.settings import Settings

UNFINISHED = frozenset(
    {
        Reason.NOT_CHECKED,
        Reason.STORE_FAILED,
        Reason.TARGET_MISSING,
        Reason.BUNDLE_NOT_SERVED,
        Reason.LAST_GOOD_LOST,
    }
)
"""Reasons that time may mend: no evidence can call them settled."""


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What is known without reading anything."""

    past: Past
    snapshot: Snapshot
    held: Held
    verified: Mapping[ObjectKey, Version]


def find_due(
    snapshot: Snapshot,
    held: Held,
    verified: Mapping[ObjectKey, Version],
    *,
    judged_by: str,
    settings: Settings,
) -> datetime | Literal[False] | None:
    """Say `False` when a pass is due, else when to look again; see `Reconciler.settled`."""
    subject = snapshot.subject
    if subject.deleting:
        return None
    past = read_past(subject)
    known = past.record.judged_by == judged_by and is_conclusive(past, snapshot, unfinished=UNFINISHED)
    if not (known and _is_unchanged(_Evidence(past, snapshot, held, verified), settings)):
        return False
    return next_look(past.status.next_check_time, snapshot)


def _is_unchanged(evidence: _Evidence, settings: Settings) -> bool:
    past, snapshot, held = evidence.past, evidence.snapshot, evidence.held
    subject, spec = snapshot.subject, read_wish(snapshot.subject)
    if isinstance(spec, Finding):
        return True
    namespace, kept = subject.key.namespace, kept_trust(subject, settings.namespace)
    inputs = past.inputs(namespace)
    if not all(is_as_recorded(key, inputs.get(key), held) for key in find_passwords(find_aims(spec, namespace))):
        return False
    if kept is not None and any(held.peek(key) is None for key in kept.parts):
        return False
    groups, owned = find_groups(spec, snapshot, settings), _list_present(snapshot)
    rollout = past.status.rollout
    return (
        rollout is not None
        and rollout.targets == sum(len(group.keys) for group in groups)
        and _are_targets_unchanged(groups, owned, evidence, deployed=kept is not None)
        and not find_surplus(groups, owned, snapshot)
    )


def _are_targets_unchanged(
    groups: tuple[Group, ...], owned: Mapping[ObjectKey, Metadata], evidence: _Evidence, *, deployed: bool
) -> bool:
    refused = {key for key, row in evidence.past.rows.items() if not row.updated}
    digests = tuple(_find_digest(group, owned, refused) if deployed else "" for group in groups)
    if evidence.past.record.others != digest_others(evidence.snapshot, digests):
        return False
    stand = (_stand(group, digest, owned, evidence) for group, digest in zip(groups, digests, strict=True))
    return not deployed or all(stand)


def _list_present(snapshot: Snapshot) -> Mapping[ObjectKey, Metadata]:
    """Give what bears our marks: as the watch held it, and as this pass has left it."""
    owned = list_owned(snapshot)
    if not snapshot.objects:
        return owned
    present = dict(owned)
    for key, observed in snapshot.objects.items():
        if observed is not None and is_owned(observed, snapshot.subject):
            present[key] = Metadata(
                observed.version,
                observed.annotations,
                managed=True,
                intact=observed.intact or observed.written,
                seen=True,
            )
        else:
            present.pop(key, None)
    return present


def _find_digest(group: Group, owned: Mapping[ObjectKey, Metadata], refused: set[ObjectKey]) -> str:
    first = next((owned[key] for key in group.keys if key in owned and key not in refused), None)
    return first.annotations.get(DIGEST_ANNOTATION, "") if first is not None else ""


def _stand(group: Group, digest: str, owned: Mapping[ObjectKey, Metadata], evidence: _Evidence) -> bool:
    """Say whether the targets of a group are as the last pass left them."""
    horizon = read_horizon(evidence.past.record.horizon)
    for key in group.keys:
        metadata = owned.get(key)
        if metadata is not None and metadata.annotations.get(DIGEST_ANNOTATION) == digest:
            if is_believed(key, metadata, horizon) or evidence.verified.get(key) == metadata.version:
                continue
        elif _is_refused_still(key, evidence):
            continue
        return False
    return True


def _is_refused_still(key: ObjectKey, evidence: _Evidence) -> bool:
    """Say whether what kept a target from being written is as it was."""
    row = evidence.past.rows.get(key)
    if row is None or row.updated:
        return False
    return is_as_recorded(key, row_version(row), evidence.held, evidence.verified.get(key))
